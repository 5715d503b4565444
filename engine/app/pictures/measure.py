"""How wide text is, and how it is broken into lines, without the font it will be set in.

The widths are those of DejaVu Sans, wider than what browsers usually take for `sans-serif`, so that a text that fits by
them fits in nearly every font.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

REGULAR = (
    32, 41, 46, 84, 64, 96, 78, 28, 40, 40, 50, 84, 32, 37, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 34, 34,
    84, 84, 84, 54, 100, 69, 69, 70, 78, 64, 58, 78, 76, 30, 30, 66, 56, 87, 75, 79, 61, 79, 70, 64, 62, 74, 69, 99,
    69, 62, 69, 40, 34, 40, 84, 50, 50, 62, 64, 55, 64, 62, 36, 64, 64, 28, 28, 58, 28, 98, 64, 62, 64, 64, 42, 53,
    40, 64, 60, 82, 60, 60, 53, 64, 34, 64, 84,
)  # fmt: skip
BOLD = (
    35, 46, 53, 84, 70, 101, 88, 31, 46, 46, 53, 84, 38, 42, 38, 37, 70, 70, 70, 70, 70, 70, 70, 70, 70, 70, 40, 40,
    84, 84, 84, 59, 100, 78, 77, 74, 84, 69, 69, 83, 84, 38, 38, 78, 64, 100, 84, 86, 74, 86, 78, 73, 69, 82, 78, 111,
    78, 73, 73, 46, 37, 46, 84, 50, 50, 68, 72, 60, 72, 68, 44, 72, 72, 35, 35, 67, 35, 105, 72, 69, 72, 72, 50, 60,
    48, 72, 66, 93, 65, 66, 59, 72, 37, 72, 84,
)  # fmt: skip
"""Widths of the characters from the space to the tilde, in hundredths of the size."""

EMOJI, IDEOGRAPH, CAPITAL, SMALL, OTHER = 1.35, 1.05, 1.1, 0.85, 1.0
"""Of characters that are not in the tables, in sizes."""

JOINER = "\u200d"
ELLIPSIS = "…"
UNFIT = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML does not allow, not even escaped."""


def clean(text: str) -> str:
    """Give a text as one line that XML can hold."""
    return " ".join(UNFIT.sub("\ufffd", text).split())


def width(text: str, size: float, *, is_bold: bool = False) -> float:
    """Give how much room a text of one line needs."""
    return sum(_width(letter, is_bold) for letter in text) * size


def wrap(text: str, room: float, size: float, *, most: int, is_bold: bool = False) -> tuple[str, ...]:
    """Break a text into at most so many lines that fit; an ellipsis ends what had to be shortened."""
    lines: list[str] = []
    rest = list(_pieces(clean(text), room, size, is_bold))
    while rest and len(lines) < most:
        line = rest.pop(0)
        while rest and width((line + rest[0]).rstrip(), size, is_bold=is_bold) <= room:
            line += rest.pop(0)
        lines.append(line.rstrip())
    if rest:
        lines[-1] = _shortened(lines[-1] + (" " if rest[0][:1].isspace() else ""), room, size, is_bold)
    return tuple(lines)


def _pieces(text: str, room: float, size: float, is_bold: bool) -> Iterator[str]:
    """Give what may stand on a line of its own: words with the blank or underscore behind them, cut where they are too long."""
    for word in re.findall(r"[^\s_]*(?:_+|\s+|$)", text):
        piece = ""
        for cluster in _clusters(word):
            if piece and width((piece + cluster).rstrip(), size, is_bold=is_bold) > room:
                yield piece
                piece = ""
            piece += cluster
        if piece:
            yield piece


def _clusters(text: str) -> Iterator[str]:
    """Give the letters with the marks that belong to them, which a break must not tear off."""
    cluster = ""
    for letter in text:
        if cluster and (_width(letter, False) == 0 or cluster.endswith(JOINER)):
            cluster += letter
            continue
        if cluster:
            yield cluster
        cluster = letter
    if cluster:
        yield cluster


def _shortened(text: str, room: float, size: float, is_bold: bool) -> str:
    clusters = list(_clusters(text))
    while clusters and width("".join(clusters).rstrip(" _") + ELLIPSIS, size, is_bold=is_bold) > room:
        clusters.pop()
    return "".join(clusters).rstrip(" _") + ELLIPSIS


@cache
def _width(letter: str, is_bold: bool) -> float:
    """Give the width of a character in sizes."""
    table = BOLD if is_bold else REGULAR
    if " " <= letter <= "~":
        return table[ord(letter) - 32] / 100
    category = unicodedata.category(letter)
    if category in ("Mn", "Me", "Cf"):
        return 0.0
    plain = unicodedata.normalize("NFD", letter)[0]
    if " " <= plain <= "~":
        return table[ord(plain) - 32] / 100
    if category == "So":
        return EMOJI
    if unicodedata.east_asian_width(letter) in "WF":
        return IDEOGRAPH
    other = {"Lu": CAPITAL, "Lt": CAPITAL, "Ll": SMALL}.get(category, OTHER)
    return other * (1.2 if is_bold else 1.0)

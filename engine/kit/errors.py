"""Errors as data: where, what is wrong, and what to type instead."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Categories of Unicode that show nothing: controls, formats, halves of pairs, separators of lines."""
_JOINERS = "\u200c\u200d"
LONGEST_MESSAGE = 2_000


def shown(text: str) -> str:
    """Give a text as it may stand in a message: what moves a cursor, hides letters or turns them round as an escape. Line ends stay."""
    if text.isprintable():
        return text
    return "".join(letter if _is_seen(letter) else letter.encode("unicode_escape").decode() for letter in text)


def _is_seen(letter: str) -> bool:
    return letter == "\n" or letter in _JOINERS or unicodedata.category(letter) not in _UNSEEN


def shown_in_line(text: str) -> str:
    """Give a text as `shown`, on one line, and cut where nobody reads on."""
    line = shown(text[:LONGEST_MESSAGE]).replace("\n", "\\n")
    return f"{line}…" if len(text) > LONGEST_MESSAGE else line


@dataclass(frozen=True, order=True, slots=True)
class Span:
    """A place in a file; lines and columns count from 1.

    The place of a text that goes on over several lines knows its `folds`: which character of the text begins which line, and where.
    """

    file: str
    line: int
    column: int
    folds: tuple[tuple[int, int, int], ...] = field(default=(), compare=False, repr=False)

    def shifted(self, characters: int) -> Span:
        """Give the place so many characters further into the text that begins here."""
        begun = (fold for fold in self.folds if fold[0] <= characters)
        start, line, column = max(begun, default=(0, self.line, self.column))
        return Span(self.file, line, column + characters - start)

    def __str__(self) -> str:
        return f"{shown_in_line(self.file)}:{self.line}:{self.column}"


@dataclass(frozen=True, order=True, slots=True)
class Diagnostic:
    """One problem in a file: a stable code, what is wrong, and the fix to type.

    Without a span the problem belongs to no file (a value from Python); it sorts first.
    """

    span: Span = field(default=Span("", 0, 0))
    code: str = ""
    message: str = ""
    fix: str = ""
    severity: Literal["error", "warning"] = "error"

    def __post_init__(self) -> None:
        for name in ("message", "fix"):
            object.__setattr__(self, name, shown_in_line(getattr(self, name)))

    def __str__(self) -> str:
        place = f"{self.span}: " if self.span.line else ""
        fix = f"\n  fix: {self.fix}" if self.fix else ""
        return f"{place}{self.code} {self.message}{fix}"


class AudienceflowError(Exception):
    """Whatever the engine reports to a person; `fix` says what to do next."""

    def __init__(self, message: str, fix: str = "") -> None:
        self.message = shown(message)
        self.fix = shown(fix)
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message}\n  fix: {self.fix}" if self.fix else self.message


class AuthorError(AudienceflowError):
    """A file must change. Carries every problem found, sorted by place."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        self.diagnostics = tuple(sorted(diagnostics))
        super().__init__("\n".join(map(str, self.diagnostics)))

    @classmethod
    def at(cls, span: Span | None, code: str, message: str, fix: str = "") -> AuthorError:
        """Build the error of one problem."""
        return cls(Diagnostic(span or Span("", 0, 0), code, message, fix))


class DataError(AudienceflowError):
    """The data, not the file, forbids going on; the activity's `on_error` decides what follows."""


class RetryLater(AudienceflowError):
    """The outside is not ready; the same call may succeed after a pause (`retry`)."""


class NotYet(AudienceflowError):
    """What is waited for is not there; the same call is made again after `pause`, however often, whatever `retry` says."""

    def __init__(self, message: str, pause: timedelta) -> None:
        super().__init__(message)
        self.pause = pause


class Refused(AudienceflowError):
    """The outside said no, for good; the same call would be refused again."""


class EngineBug(AudienceflowError):
    """We broke our own contract."""


LONGEST_NEAR_MISS = 100
MOST_NEAR_MISSES = 2_000


MOST_LISTED = 20


def suggestion(name: str, known: Iterable[str], what: str = "", before: str = "") -> str:
    """Say what to type for an unknown name: the near miss if there is one, else what exists; of many the nearest.

    `before` stands before each name, as a path does, and makes none of them nearer.
    """
    names = sorted(set(known))
    may_be_near = len(name) <= LONGEST_NEAR_MISS and len(names) <= MOST_NEAR_MISSES
    close = get_close_matches(name, names, n=1, cutoff=0.6) if may_be_near else []
    if may_be_near and len(names) > MOST_LISTED:
        listed = f"{', '.join(before + each for each in sorted(get_close_matches(name, names, MOST_LISTED, 0.0)))}, …"
    else:
        listed = ", ".join(before + each for each in names[:MOST_LISTED]) + (", …" if len(names) > MOST_LISTED else "")
    there_is = f"{what or 'known'}: {listed}" if names else f"there are no {what or 'names'} to choose from"
    return f"write '{before}{close[0]}' ({there_is})" if close else there_is


def suggested_file(missing: Path) -> str:
    """Say what to type for a file that is not there: one of its kind called alike, else that it has to be put there."""
    kind = "".join(missing.suffixes)
    beside = missing.parent.glob(f"*{kind}") if missing.parent.is_dir() else ()
    names = {file.name.removesuffix(kind): file.name for file in sorted(beside) if file.is_file()}
    close = get_close_matches(missing.name.removesuffix(kind), names, n=1, cutoff=0.6)
    listed = ", ".join(list(names.values())[:MOST_LISTED]) + (", …" if len(names) > MOST_LISTED else "")
    there_are = f"{kind or 'files'} there: {listed}" if names else f"no {kind or 'file'} is there"
    return f"write '{names[close[0]]}' ({there_are})" if close else f"put it there ({there_are})"

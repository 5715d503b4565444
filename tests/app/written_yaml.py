"""YAML as people write it: generated texts with every style, odd indentation, comments and empty lines."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

WORDS = (
    "age",
    "spend > 1000",
    "-spend",
    "a: b",
    "it's",
    "x #1",
    "[a",
    "null",
    "",
    "1",
    "no",
    "é",
    "lower(email), name",
    "two  words",
)
KEYS = ("type", "from", "where", "a_b", '"CRM ID"', "'k'", "exclude")
COMMENTS = ("# why", "#", "# noqa: W101", "# a: b", "# 'quoted'", "# - dash")
BLOCK_TEXTS = ("one\ntwo", "  one\n    two", "\none", "one\n\n\ntwo\n", "# no comment\n- no item", "one\n\n")

values = st.recursive(
    st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Give the text of a mapping that the reader can read."""
    value = draw(st.dictionaries(st.sampled_from(KEYS), values, min_size=1, max_size=4))
    lines = _Pen(draw).block(value, 0)
    head = draw(st.sampled_from(["", "\n", "# head\n\n", "---\n", "# first\n---\n"]))
    return head + "\n".join(lines) + draw(st.sampled_from(["\n", "", "\n\n", "\n# last\n"]))


class _Pen:
    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw

    def maybe(self, *choices: str) -> str:
        return self.draw(st.sampled_from(("", "", "", *choices)))

    def block(self, value: Any, indent: int) -> list[str]:
        lines: list[str] = []
        for key, item in value.items() if isinstance(value, dict) else ((None, item) for item in value):
            if comment := self.maybe(*COMMENTS):
                lines.append(" " * (indent + self.draw(st.sampled_from([0, 0, 2]))) + comment)
            if self.maybe("blank"):
                lines += [""] * self.draw(st.integers(1, 2))
            lines += self.member(" " * indent + (f"{key}:" if key is not None else "-"), key is None, item, indent)
        if comment := self.maybe(*COMMENTS):
            lines.append(" " * indent + comment)
        return lines

    def member(self, head: str, is_item: bool, item: Any, indent: int) -> list[str]:
        if isinstance(item, str):
            return self.scalar(head, item, indent)
        if not item or self.draw(st.booleans()):
            return self.flow(head, item, indent)
        beside = self.maybe(*(f"  {comment}" for comment in COMMENTS))
        least = 0 if isinstance(item, list) and not is_item else 1
        inner = self.block(item, indent + self.draw(st.integers(least, 4)))
        first = inner[0]
        if is_item and not beside and first.strip() and not first.lstrip().startswith("#"):
            depth = len(first) - len(first.lstrip())
            return (
                [head + " " * (depth - len(head)) + first.lstrip(), *inner[1:]] if depth > len(head) else [head, *inner]
            )
        return [head + beside, *inner]

    def scalar(self, head: str, text: str, indent: int) -> list[str]:
        style = self.draw(st.sampled_from(["plain", "single", "double", "block", "lines"]))
        beside = self.maybe(*(f" {blanks}{comment}" for comment in COMMENTS[:3] for blanks in ("", "      ")))
        if style == "block":
            text = self.draw(st.sampled_from(BLOCK_TEXTS))
            depth = self.draw(st.integers(1, 5))
            mark = self.draw(st.sampled_from("|>")) + (str(depth) if text[0] in " \n" else "") + self.maybe("-", "+")
            return [
                f"{head} {mark}{beside}",
                *(" " * (indent + depth) + line if line else "" for line in text.split("\n")),
            ]
        if style == "lines":
            return [f"{head} some words", " " * (indent + 3) + "and others", "", f"{' ' * (indent + 5)}more{beside}"]
        return [f"{head} {self.quoted(text, style)}".rstrip() + beside]

    def quoted(self, text: str, style: str) -> str:
        if style == "double":
            return '"' + text.replace('"', '\\"') + '"'
        if style == "single" or text in ("a: b", "x #1", "[a", "-spend"):
            return "'" + text.replace("'", "''") + "'"
        return text

    def flow(self, head: str, value: Any, indent: int) -> list[str]:
        text = self.inline(value, indent + 2)
        return f"{head} {text}{self.maybe('  # behind')}".split("\n")

    def inline(self, value: Any, indent: int) -> str:
        if isinstance(value, str):
            return f'"{value}"' if not value or any(mark in value for mark in ",[]{}:#'-") else value
        comma = f", {self.maybe('# inside')}" + "\n" + " " * indent if self.maybe("lines") else ", "
        if isinstance(value, list):
            return f"[{comma.join(self.inline(item, indent) for item in value)}]"
        return "{" + comma.join(f"{key}: {self.inline(item, indent)}" for key, item in value.items()) + "}"

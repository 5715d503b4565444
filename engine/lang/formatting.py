"""The layout of YAML: one option a line, each level two blanks deeper; braces and brackets for words and numbers alone.

Values are copied as they were written, their quotes and the lines of long ones included; keys keep their order, comments their
places.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from itertools import takewhile

from engine.kit.errors import AuthorError, Span
from engine.lang import source
from engine.lang.parts import BYTE_ORDER_MARK, Comment, Part, comments, parts

WIDTH = 100
"""What reaches further in braces or brackets is written out, one value a line; but for a row, a mapping of values in a list."""
STEP = 2

_EXPRESSION = re.compile(r"[<>=()*|\n]|\s[-+/%]\s")
"""What shows that a value is more than words and numbers."""
_BLOCK_HEADER = re.compile(r"(?P<before>(?:&\S+\s+)?[|>])(?P<marks>[-+0-9]*)(?P<comment>[^\n]*)")


def formatted(text: str, file: str) -> str:
    """Give a YAML text in the one layout. It means the same, and laid out again it stays the same.

    Raises AuthorError where the text cannot be read, or cannot be laid out without changing what it says.
    """
    text = text.removeprefix(BYTE_ORDER_MARK)
    value = source.read(text, file)
    root = parts(text)
    if root is None:
        return text
    result = _Writer(text).document(root)
    try:
        is_same = source.read(result, file) == value and _comments(result) == _comments(text)
    except AuthorError:
        is_same = False
    if not is_same:
        fix = "write its unusual parts more simply: one key a line, its value behind it"
        raise AuthorError.at(Span(file, 1, 1), "Y012", "this cannot be laid out without changing its values", fix)
    return result


def _comments(text: str) -> Counter[str]:
    return Counter(comment.text for comment in comments(text))


class _Writer:
    """Writes parts in their order; a comment is written when what it precedes, or stands beside, is."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.waiting = deque(comments(text))
        self.lines: list[str] = []
        self.at = 0
        """So far the text is written."""
        self.outer = [-1]
        """How far the blocks around are indented in the text."""

    def document(self, root: Part) -> str:
        if mark := re.search(r"^---(?=\s)", self.text[: root.start], re.MULTILINE):
            self.comments_before(mark.start(), 0)
            self.write("", "---")
        if root.items:
            if root.anchor:
                self.write("", f"&{root.anchor}")
            self.members(root, 0, len(self.text))
        else:
            self.comments_before(root.start, 0)
            self.value("", root, 0, len(self.text))
        self.comments_before(len(self.text), 0)
        return "\n".join(self.lines) + "\n"

    def members(self, part: Part, indent: int, until: int) -> None:
        """Write the items of a list or the pairs of a mapping; what follows them in the text begins at `until`."""
        column = self.outer[-1] if part.style == "flow" else self.column(part)
        self.outer.append(column)
        step = 1 if part.kind == "list" else 2
        starts = [self.start(part, item, column) for item in part.items[::step]]
        for number, (start, following) in enumerate(zip(starts, [*starts[1:], until], strict=True)):
            first = part.items[number * step]
            self.comments_before(start, indent)
            self.blank_line_before(start)
            if part.kind == "list":
                self.at = max(self.at, start + (start < first.start))
                self.item(first, indent, following)
            else:
                self.at = first.end
                key = self.text[first.start : first.end] + (" :" if first.kind == "alias" else ":")
                self.value(" " * indent + key, part.items[number * step + 1], indent + STEP, following)
        self.outer.pop()
        if part.style == "flow":
            self.comments_before(part.end, indent)
        else:
            self.comments_of_block(max(column, self.outer[-1] + 1), indent, until)

    def item(self, part: Part, indent: int, until: int) -> None:
        """Write an item behind its dash; of a collection the first line."""
        dash = " " * indent + "-"
        if not part.items or part.anchor or self.in_one_line(part, dash):
            self.value(dash, part, indent + STEP, until)
            return
        self.header(dash, part, until)
        below = len(self.lines)
        self.members(part, indent + STEP, until)
        if not self.lines[below]:
            del self.lines[below]
        if self.lines[below - 1] == dash and not self.lines[below].lstrip().startswith("#"):
            self.lines[below - 1 : below + 1] = [dash + self.lines[below][len(dash) :]]

    def value(self, head: str, part: Part, indent: int, until: int) -> None:
        """Write a value behind its key or dash; the lines below are indented so far."""
        line = self.in_one_line(part, head)
        if part.items and line is None:
            self.header(head + (f" &{part.anchor}" if part.anchor else ""), part, until)
            self.members(part, indent, until)
            return
        self.comments_inside(part, indent - STEP)
        self.at = part.end
        self.write(head, *([line] if line is not None else self.scalar(part, indent)))
        if part.style not in ("|", ">"):
            self.comment_beside(until)
        if part.start == part.end:
            self.comments_of_block(self.outer[-1] + 1, indent, until)

    def header(self, head: str, part: Part, until: int) -> None:
        """Write a key or dash with the comment beside it; one behind the bracket of a whole line comes here too."""
        self.write(head)
        self.comment_beside(self.start(part, part.items[0], self.column(part)))
        if self.lines[-1] != head or part.style != "flow" or "\n" in self.text[part.start : part.end]:
            return
        behind = next((comment for comment in self.waiting if comment.start >= part.end), None)
        if behind and behind.start < until and "\n" not in self.text[part.end : behind.start]:
            self.waiting.remove(behind)
            self.append(behind, part.end)

    def in_one_line(self, part: Part, head: str) -> str | None:
        """Give a collection that may stay in its braces or brackets: words alone, no comment, and short, or a row of a list."""
        if part.kind in ("scalar", "alias") or part.style != "flow":
            return None
        line = self.words(part)
        is_commented = any(part.start < comment.start for comment in self.waiting_before(part.end))
        is_row = head.endswith("-") and part.kind == "mapping" and not any(item.items for item in part.items)
        is_short = line is not None and len(f"{head} {line}") <= WIDTH
        return line if not part.items or (not is_commented and (is_short or is_row)) else None

    def words(self, part: Part) -> str | None:
        """Give a value as it stands between braces; None where it is more than words and numbers."""
        written = self.text[part.start : part.end]
        if part.kind == "scalar":
            return written if written and not _EXPRESSION.search(written) else None
        if part.kind == "alias":
            return written
        items = [self.words(item) for item in part.items]
        known = [item for item in items if item is not None]
        if len(known) < len(items):
            return None
        anchor = f"&{part.anchor} " if part.anchor else ""
        if part.kind == "list":
            return f"{anchor}[{', '.join(known)}]"
        colons = (" : " if key.kind == "alias" else ": " for key in part.items[::2])
        return f"{anchor}{{{', '.join(map(''.join, zip(known[::2], colons, known[1::2], strict=True)))}}}"

    def scalar(self, part: Part, indent: int) -> list[str]:
        """Give the lines of a value; those after the first are indented so far, some of them further as they were."""
        written = self.text[part.start : part.end]
        if part.style in ("|", ">"):
            return self.block_scalar(part, written, indent)
        first, *rest = written.split("\n")
        depth = min((len(line) - len(line.lstrip()) for line in rest if line.strip()), default=0)
        return [first, *(" " * indent + line[depth:] if line.strip() else "" for line in rest)]

    def block_scalar(self, part: Part, written: str, indent: int) -> list[str]:
        """Give the lines of a text behind `|` or `>`, and count as written what is no part of it."""
        header, *body = written.removesuffix("\n").split("\n")
        found = _BLOCK_HEADER.match(header)
        assert found is not None  # noqa: S101 - the reader took it for one
        while self.waiting_before(part.end):
            self.waiting.popleft()
        marks = re.sub("[0-9]", str(STEP), found["marks"])
        is_without_line_end = part.value and not part.value.endswith("\n")  # as the file is that ends with it
        if is_without_line_end and "-" not in marks:
            marks = marks.replace("+", "") + "-"
        if "+" not in marks:
            self.at = part.start + len(written.rstrip())
            while body and not body[-1].strip(" "):
                body.pop()
        depth = _depth(body, part.value)
        lines = (" " * indent + line[depth:] if line[depth:] else "" for line in body)
        return [f"{found['before']}{marks}{found['comment'].rstrip()}", *lines]

    def write(self, head: str, first: str = "", *rest: str) -> None:
        self.lines += [" ".join(filter(None, (head, first))), *rest]

    # comments and empty lines

    def waiting_before(self, limit: int) -> list[Comment]:
        return list(takewhile(lambda comment: comment.start < limit, self.waiting))

    def comments_before(self, limit: int, indent: int) -> None:
        """Write the comments that stand before a place, each on a line of its own."""
        while self.waiting and self.waiting[0].start < limit:
            comment = self.waiting.popleft()
            self.blank_line_before(comment.start)
            self.write(" " * indent + comment.text)
            self.at = comment.end

    def comments_inside(self, part: Part, indent: int) -> None:
        """Write the comments between a key and its value before the key; one alone on the key's line comes beside the value."""
        between = self.waiting_before(part.start)
        is_beside = len(between) == 1 and "\n" not in self.text[self.at : between[0].start]
        if not is_beside or part.style in ("|", ">"):
            self.comments_before(part.start, indent)

    def comments_of_block(self, column: int, indent: int, until: int) -> None:
        """Write the comments at the end of a block that are indented as it is, or deeper."""
        while self.waiting and self.waiting[0].start < until and self.waiting[0].column > column:
            self.comments_before(self.waiting[0].end, indent)

    def comment_beside(self, until: int) -> None:
        """Write the comment beside what was written last, if there is one before `until`."""
        comment = self.waiting[0] if self.waiting else None
        if comment and comment.start < until and "\n" not in self.text[self.at : comment.start]:
            self.waiting.popleft()
            self.append(comment, self.at)
            self.at = max(self.at, comment.end)

    def append(self, comment: Comment, end: int) -> None:
        """Put a comment beside the last line: after two blanks, or in its column where the author set it further off."""
        before = self.text[end : comment.start]
        is_set_off = len(before) - len(before.rstrip(" ")) > STEP
        line = self.lines[-1]
        self.lines[-1] += " " * max(2, comment.column - 1 - len(line) if is_set_off else 0) + comment.text

    def blank_line_before(self, start: int) -> None:
        """Keep one of the empty lines between what was written last and a place."""
        if self.lines and self.lines[-1] and re.search(r"\n[ \t]*\n", self.text[self.at : start]):
            self.write("")

    def column(self, part: Part) -> int:
        """Give how far a block is indented in the text."""
        start = part.items[0].start
        if part.kind == "list":
            start = self.text.find("-", part.start + len(part.anchor))
        return start - self.text.rfind("\n", 0, start) - 1

    def start(self, part: Part, item: Part, column: int) -> int:
        """Give where a key stands, or the dash of an item of a block that is indented so far."""
        if part.kind == "mapping" or part.style == "flow":
            return item.start
        line = self.text.rfind(f"\n{' ' * column}-", part.start, item.start)
        return line + 1 + column if line >= 0 else self.text.find("-", part.start + len(part.anchor))


def _depth(body: list[str], value: str) -> int:
    """Give how far the lines of a text behind `|` or `>` are indented: by what the first has more blanks than its value."""
    written, known = (next((line for line in lines if line.strip(" ")), "") for lines in (body, value.split("\n")))
    return len(written) - len(written.lstrip(" ")) - (len(known) - len(known.lstrip(" ")))

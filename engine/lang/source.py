"""YAML text to plain values that know their place. YAML types nothing here: every scalar is text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn, TypeAlias

import yaml

from engine.kit.errors import AuthorError, Diagnostic, Span
from engine.kit.option import Scalar
from engine.lang import syntax
from engine.lang.limits import MOST_CHARACTERS

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Event: TypeAlias = Any
"""An event of yaml's; its marks may be missing for the type checker, and never are."""

MOST_VALUES = 150_000
MOST_DEPTH = 40
MOST_ALIASED_VALUES = 10_000
MOST_PROBLEMS = 200
MOST_FOLDED_CHARACTERS = 20_000
"""In a text whose single lines are known by their places; no expression is longer."""
LONGEST_QUOTE = 200

_FOLD = re.compile(rf"[ \t]*(?:{syntax.LINE_END.pattern})[ \t]*")

_DIRECTIVE = re.compile("(?:^|[\r\n\x85\u2028\u2029])(%TAG)")
"""libyaml holds every tag directive against all before it: a file of nothing else would take it minutes."""


class Misread(AuthorError):
    """A text stops being YAML; what was found before is told too."""

    def __init__(self, slip: syntax.Slip, others: Iterable[Diagnostic]) -> None:
        super().__init__(*others, slip.problem)
        self.slip = slip


Moved = Mapping[int, Sequence[int]]
"""By the line of a text that was repaired, the column in the author's line for each of its own, all from 0."""


class Block(dict[Any, Any]):
    """A mapping with its place; its keys are `Scalar`s."""

    span: Span


class Items(list[Any]):
    """A list with its place."""

    span: Span


def read(text: str, file: str) -> Any:
    """Give the values of a YAML text: `Block`, `Items`, `Scalar`, or None for an empty value.

    Raises AuthorError with all problems found: a syntax error, a tag, a merge key, a duplicate key, nesting or aliases without end,
    a file too big.
    """
    value, problems = read_on(text, file)
    if problems:
        raise AuthorError(*problems)
    return value


def read_on(text: str, file: str, moved: Moved | None = None) -> tuple[Any, list[Diagnostic]]:
    """Give the values of a YAML text as far as they can be told beside its problems, and the problems.

    Raises AuthorError where nothing can be told: aliases without end, a file that is too long; Misread for a syntax error. What is
    read is bounded while it is read: libyaml gives one event after the other, and nothing here recurses.
    """
    if len(text) > MOST_CHARACTERS:
        message = f"the file has more than {MOST_CHARACTERS:,} characters"
        raise AuthorError.at(Span(file, 1, 1), "Y006", message, "split it")
    text = text.removeprefix("\ufeff")
    if directive := _DIRECTIVE.search(text):
        line = len(syntax.LINE_END.findall(text, 0, directive.start(1))) + 1
        raise AuthorError.at(
            Span(file, line, 1), "Y001", "directives of YAML are not allowed", "remove the line that begins with %"
        )
    reader = _Reader(text, file, moved or {})
    try:
        value = reader.document(yaml.parse(text, Loader=Loader))
    except yaml.MarkedYAMLError as problem:
        slip = _syntax_error(problem, text, file, reader.quote)
        elsewhere = (item for item in reader.problems if item.span.line != slip.problem.span.line)  # which is misread
        raise Misread(slip, elsewhere) from None
    except (yaml.reader.ReaderError, UnicodeEncodeError) as problem:
        raise Misread(_character_error(problem, text, file), reader.problems) from None
    return value, reader.problems


def span_of(value: Any, path: tuple[Any, ...], fallback: Span) -> Span:
    """Give the place of what `path` leads to in a value of `read`: the deepest part of it that exists."""
    place = getattr(value, "span", fallback)
    for step in path:
        if isinstance(value, Block) and isinstance(
            step, str
        ):  # a number is a place in a list, for which one of it may stand
            key = next((key for key in value if key == step), None)
            if key is None:
                return place
            place = getattr(value[key], "span", None) or key.span
            value = value[key]
        elif isinstance(value, Items) and isinstance(step, int) and step < len(value):
            value = value[step]
            place = getattr(value, "span", place)
    return place


@dataclass
class _Open:
    """A mapping or list whose end has not come yet."""

    start: Event
    value: Any
    values_before: int
    height: int = 1
    key: tuple[Any, Event] | None = None
    """What stands before a colon, until what stands behind it is there."""
    whole: tuple[str, int] = ("", 0)
    """The key of the pair that was read last and has a value, and where its value begins."""
    piece: tuple[Scalar, int] | None = None
    """The first of the keys without a value that follow it inside braces, and where the last one ends."""


@dataclass(frozen=True)
class _Anchored:
    """A value that aliases may repeat: how many values it counts for, how deep they nest. Before its end it has no value."""

    span: Span
    value: Any = None
    values: int = 0
    height: int = 0


class _Reader:
    def __init__(self, text: str, file: str, moved: Moved) -> None:
        self.text = text
        self.file = file
        self.moved = moved
        self.problems: list[Diagnostic] = []
        self.result: Any = None
        self.open: list[_Open] = []
        self.anchors: dict[str, _Anchored] = {}
        self.values = 0
        self.aliased = 0
        self.quote: tuple[syntax.Place, int] = (0, 0), 0
        """Where the last quoted text over several lines begins, and the line where it ends."""

    def span(self, event: Event) -> Span:
        return self.at(event.start_mark.line + 1, event.start_mark.column + 1)

    def at(self, line: int, column: int) -> Span:
        """Give a place of the text, or of the author's line where that was repaired."""
        meant = self.moved.get(line, ())
        return Span(self.file, line, meant[column - 1] + 1 if column <= len(meant) else column)

    def problem(self, span: Span, code: str, message: str, fix: str) -> None:
        self.problems.append(Diagnostic(span, code, message, fix))
        if len(self.problems) >= MOST_PROBLEMS:
            raise AuthorError(*self.problems)

    def end(self, span: Span, code: str, message: str, fix: str) -> NoReturn:
        """Report what makes reading on pointless, or dangerous."""
        raise AuthorError(*self.problems, Diagnostic(span, code, message, fix))

    def document(self, events: Iterable[Event]) -> Any:
        documents = 0
        for event in events:
            match event:
                case yaml.ScalarEvent():
                    self._count(event)
                    self._refuse_properties(event)
                    value = self._scalar(event)
                    if event.anchor is not None:
                        self.anchors[event.anchor] = _Anchored(self.span(event), value, 1)
                    self._put(value, event, event)
                case yaml.CollectionStartEvent():
                    self._begin(event)
                case yaml.CollectionEndEvent():
                    self._finish(event)
                case yaml.AliasEvent():
                    self._alias(event)
                case yaml.DocumentStartEvent():
                    documents += 1
                    if documents > 1:
                        fix = "take '---' out, or write what follows into a file of its own"
                        what = "YAML cannot be read here: a second document begins here"
                        self.problem(self.span(event), syntax.CODE, what, fix)
                        break
        return self.result

    def _count(self, event: Event, values: int = 1) -> None:
        self.values += values
        if self.values > MOST_VALUES:
            self.end(self.span(event), "Y006", f"the file holds more than {MOST_VALUES:,} values", "split it")

    def _refuse_properties(self, event: Event) -> None:
        if event.tag is not None:
            tag = _short(event.tag.replace("tag:yaml.org,2002:", "!!"))
            fix = "remove the tag, or quote the value" if _is_word(event) else "remove the tag"
            self.problem(self.span(event), "Y002", f"the tag '{tag}' is not allowed", fix)
        if event.anchor in self.anchors:
            fix = f"rename one; the first is in line {self.anchors[event.anchor].span.line}"
            self.problem(self.span(event), "Y001", f"the anchor '&{_short(event.anchor)}' stands here twice", fix)

    def _alias(self, event: Event) -> None:
        anchored = self.anchors.get(event.anchor)
        if anchored is None:
            what = f"no anchor '&{_short(event.anchor)}' stands before this alias"
            self.problem(self.span(event), "Y001", what, "write the value out")
        elif not anchored.values:
            self.problem(
                self.span(event), "Y005", f"'&{_short(event.anchor)}' would hold itself", "write the value out"
            )
        if anchored is None or not anchored.values:
            self._put(None, event, event)
            return
        if len(self.open) + anchored.height > MOST_DEPTH:
            self.end(anchored.span, "Y005", "the nesting has no end", "remove the inner levels")
        self.aliased += anchored.values
        if self.aliased > MOST_ALIASED_VALUES:
            self.end(self.span(event), "Y007", "the aliases repeat too much", "write the values out")
        self._count(event, anchored.values)
        if self.open:
            self.open[-1].height = max(self.open[-1].height, anchored.height + 1)
        self._put(anchored.value, event, event)

    def _begin(self, event: Event) -> None:
        if len(self.open) > MOST_DEPTH:
            self.end(self.span(event), "Y005", "the nesting has no end", "remove the inner levels")
        self._count(event)
        self._refuse_properties(event)
        value = Items() if isinstance(event, yaml.SequenceStartEvent) else Block()
        value.span = self.span(event)
        if event.anchor is not None:
            self.anchors[event.anchor] = _Anchored(value.span)
        self.open.append(_Open(event, value, self.values - 1))

    def _finish(self, event: Event) -> None:
        done = self.open.pop()
        self._report_pieces(done)
        size = self.values - done.values_before
        if done.start.anchor is not None:
            self.anchors[done.start.anchor] = _Anchored(done.value.span, done.value, size, done.height)
        if self.open:
            self.open[-1].height = max(self.open[-1].height, done.height + 1)
        self._put(done.value, done.start, event)

    def _scalar(self, event: Event) -> Scalar | None:
        if _is_word(event):
            return Scalar.at(self.text[event.start_mark.index : event.end_mark.index], self.span(event))
        if event.style in ("'", '"') and event.start_mark.line < event.end_mark.line:
            self.quote = (event.start_mark.line + 1, event.start_mark.column + 1), event.end_mark.line + 1
        if self._awaits_key:
            return Scalar.at(event.value, self.span(event))
        if not event.style and event.value in ("", "~", "null"):
            return None
        return Scalar.at(event.value, self._place(event), is_quoted=event.style in ("'", '"'))

    def _place(self, event: Event) -> Span:
        """Give the place of a scalar's first character, and of the first of each further line."""
        is_block, is_quoted = event.style in ("|", ">"), event.style in ("'", '"')
        is_one_line = not is_block and event.start_mark.line == event.end_mark.line
        properties = (
            len(self.text[event.start_mark.index : event.end_mark.index]) - len(event.value) if _is_named(event) else 0
        )
        further = properties if is_one_line and not is_quoted else int(is_quoted)
        span = self.at(event.start_mark.line + 1, event.start_mark.column + 1 + further)
        if is_one_line or len(event.value) > MOST_FOLDED_CHARACTERS:
            return Span(self.file, span.line + 1, 1) if is_block else span
        written = self.text[event.start_mark.index + is_quoted : event.end_mark.index - is_quoted]
        folds: list[tuple[int, int, int]] = []
        at = 0
        for number, line in enumerate(syntax.LINE_END.split(written)):
            words = line.strip().replace("''", "'") if event.style == "'" else line.strip()
            if not words or (is_block and number == 0):
                continue
            found = event.value.find(words, at)
            if found < 0:  # an escape: what follows is told as if it stood on this line
                break
            folds.append((found, span.line + number, line.index(line.strip()) + (1 if number else span.column)))
            at = found + len(words)
        _, first, column = folds[0] if folds else (0, span.line, span.column)
        return Span(self.file, first, column, tuple(folds))

    @property
    def _awaits_key(self) -> bool:
        return bool(self.open) and isinstance(self.open[-1].value, Block) and self.open[-1].key is None

    def _put(self, value: Any, start: Event, end: Event) -> None:
        """Put a value where it belongs: into the list or mapping that is open, or at the top."""
        if not self.open:
            self.result = value
            return
        inside = self.open[-1]
        if isinstance(inside.value, Items):
            inside.value.append(value)
        elif inside.key is None:
            inside.key = value, start
        else:
            name, place = inside.key
            inside.key = None
            self._pair(inside, name, place, value, start, end)

    def _pair(self, inside: _Open, name: Any, place: Event, value: Any, start: Event, end: Event) -> None:
        is_nothing = isinstance(start, yaml.ScalarEvent) and start.value == "" and not start.style
        if is_nothing and inside.start.flow_style and inside.whole[0] and isinstance(name, Scalar):
            first, _ = inside.piece or (name, 0)
            inside.piece = first, end.end_mark.index
            return
        self._report_pieces(inside)
        if name == "<<" and isinstance(value, Block):
            for merged, item in value.items():
                inside.value.setdefault(merged, item)
        key = self._key(name, place, inside.value)
        inside.whole = str(name) if isinstance(name, Scalar) else "", start.start_mark.index
        if key is not None:
            inside.value[key] = value

    def _key(self, key: Any, event: Event, block: Block) -> Scalar | None:
        if not isinstance(key, Scalar):
            self.problem(self.span(event), "Y008", "a key must be a name", "write one word before the colon")
            return None
        if key == "<<":
            self.problem(self.span(event), "Y003", "merge keys are not allowed", "write the keys out here")
            return None
        if key in block:
            first = next(known for known in block if known == key)
            fix = f"remove one; the first is in line {first.span.line}"
            self.problem(self.span(event), "Y004", f"the key '{_short(key)}' stands here twice", fix)
            return None
        return key

    def _report_pieces(self, inside: _Open) -> None:
        """Report keys without a value inside braces: pieces of the value before them, which commas ended. It is read whole."""
        if inside.piece is None:
            return
        piece, end = inside.piece
        key, start = inside.whole
        inside.piece = None
        written = _FOLD.sub(" ", self.text[start:end])
        message = (
            f"the comma before '{_short(piece)}' ended the value of '{_short(key)}', since it stands inside braces"
        )
        self.problem(piece.span, "Y010", message, f"on a line of its own, write {_short(key)}: {_short(written)}")
        cut = inside.value.get(key)
        if isinstance(cut, Scalar) and self.text.startswith(cut, start):
            inside.value[key] = Scalar.at(self.text[start:end], _folded(cut.span, self.text[start:end]))


def _folded(span: Span, text: str) -> Span:
    """Give the place of a text whose further lines begin at the left."""
    ends = [found.end() for found in syntax.LINE_END.finditer(text)]
    return replace(span, folds=tuple((end, span.line + number, 1) for number, end in enumerate(ends, 1)))


def _is_word(event: Event) -> bool:
    """Say that a scalar's tag is a word of its value, such as a `!` that was meant for 'not'."""
    return isinstance(event, yaml.ScalarEvent) and not event.style and not (event.tag or "tag:").startswith("tag:")


def _is_named(event: Event) -> bool:
    return event.tag is not None or event.anchor is not None


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_QUOTE else f"{text[: LONGEST_QUOTE - 1]}…"


def _character_error(problem: Any, text: str, file: str) -> syntax.Slip:
    """Report a character that no YAML file holds, at its place."""
    match problem:
        case UnicodeEncodeError():
            before = text[: problem.start]
        case _:
            before = text.encode()[: problem.position].decode(errors="ignore")
    character = ord(text[len(before)]) if len(before) < len(text) else 0
    span = Span(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
    what = f"the character U+{character:04X} cannot stand in YAML"
    problem = Diagnostic(span, syntax.CODE, what, "take it out, or save the file as UTF-8")
    line = len(syntax.LINE_END.findall(before)) + 1
    return syntax.Slip(problem, line, syntax.LINE_END.split(text)[line - 1].replace(chr(character), " "))


def _syntax_error(problem: yaml.MarkedYAMLError, text: str, file: str, quote: tuple[syntax.Place, int]) -> syntax.Slip:
    at = _mark(problem.problem_mark) or _mark(problem.context_mark) or (1, 1)
    if quote[1] == at[0]:  # another's quote ended it
        return syntax.never_closed(quote[0], text, file)
    return syntax.explained(problem.problem or "it ends too early", at, _mark(problem.context_mark), text, file)


def _mark(mark: yaml.Mark | None) -> syntax.Place | None:
    return (mark.line + 1, mark.column + 1) if mark else None

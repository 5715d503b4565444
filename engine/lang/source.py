"""YAML text to plain values that know their place. YAML types nothing here: every scalar is text."""

from __future__ import annotations

from typing import Any

import yaml

from engine.kit.errors import AuthorError, Diagnostic, Span
from engine.kit.option import Scalar
from engine.lang import syntax

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MOST_CHARACTERS = 12_000_000
MOST_DEPTH = 40
MOST_ALIASED_NODES = 10_000
MOST_FOLDED_CHARACTERS = 20_000
"""In a text whose single lines are known by their places; no expression is longer."""


class Block(dict[Any, Any]):
    """A mapping with its place; its keys are `Scalar`s."""

    span: Span


class Items(list[Any]):
    """A list with its place."""

    span: Span


def read(text: str, file: str) -> Any:
    """Give the values of a YAML text: `Block`, `Items`, `Scalar`, or None for an empty value.

    Raises AuthorError with all problems found: a syntax error, a tag, a merge key, a duplicate key, nesting or aliases without end.
    """
    value, problems = read_on(text, file)
    if problems:
        raise AuthorError(*problems)
    return value


def read_on(text: str, file: str) -> tuple[Any, list[Diagnostic]]:
    """Give the values of a YAML text as far as they can be told beside its problems, and the problems.

    Raises AuthorError where nothing can be told: a syntax error, aliases without end, a file that is too long.
    """
    if len(text) > MOST_CHARACTERS:
        raise AuthorError.at(
            Span(file, 1, 1),
            "Y006",
            f"the file has {len(text):,} characters, more than {MOST_CHARACTERS:,}",
            "split it",
        )
    reader = _Reader(text, file)
    try:
        node = yaml.compose(text, Loader=Loader)
        value = reader.value(node, 0) if node is not None else None
    except yaml.MarkedYAMLError as problem:
        raise AuthorError(*reader.problems, _syntax_error(problem, text, file)) from None
    except yaml.reader.ReaderError as problem:
        raise AuthorError(_unprintable(problem, text, file)) from None
    except RecursionError:
        raise AuthorError.at(Span(file, 1, 1), "Y005", "the nesting has no end", "remove the inner levels") from None
    return value, reader.problems


def span_of(value: Any, path: tuple[Any, ...], fallback: Span) -> Span:
    """Give the place of what `path` leads to in a value of `read`: the deepest part of it that exists."""
    place = getattr(value, "span", fallback)
    for step in path:
        if isinstance(value, Block):
            key = next((key for key in value if key == step), None)
            if key is None:
                return place
            place = getattr(value[key], "span", None) or key.span
            value = value[key]
        elif isinstance(value, Items) and isinstance(step, int) and step < len(value):
            value = value[step]
            place = getattr(value, "span", place)
    return place


class _Reader:
    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.problems: list[Diagnostic] = []
        self.aliased = 0
        self.seen: set[int] = set()
        self.open: set[int] = set()

    def span(self, node: yaml.Node) -> Span:
        return Span(self.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def problem(self, node: yaml.Node, code: str, message: str, fix: str) -> None:
        self.problems.append(Diagnostic(self.span(node), code, message, fix))

    def value(self, node: yaml.Node, depth: int) -> Any:
        if self._is_endless(node, depth):
            return None
        self.open.add(id(node))
        try:
            match node:
                case yaml.ScalarNode():
                    return self._scalar(node)
                case yaml.SequenceNode():
                    items = Items(self.value(item, depth + 1) for item in node.value)
                    items.span = self.span(node)
                    return items
                case yaml.CollectionNode():
                    return self._mapping(node, depth)
                case _:
                    return None
        finally:
            self.open.discard(id(node))

    def _is_endless(self, node: yaml.Node, depth: int) -> bool:
        if id(node) in self.seen:
            self.aliased += 1
        self.seen.add(id(node))
        if id(node) in self.open or depth > MOST_DEPTH:
            self.problem(node, "Y005", "the nesting has no end", "remove the inner levels")
            return True
        if self.aliased > MOST_ALIASED_NODES:
            raise AuthorError(
                *self.problems,
                Diagnostic(self.span(node), "Y007", "the aliases repeat too much", "write the values out"),
            )
        if (node.tag and not node.tag.startswith("tag:yaml.org,2002:")) or _is_explicit(node, self.text):
            self.problem(
                node,
                "Y002",
                f"the tag '{node.tag.replace('tag:yaml.org,2002:', '!!')}' is not allowed",
                "remove the tag",
            )
        return False

    def _scalar(self, node: yaml.ScalarNode) -> Scalar | None:
        if not node.style and node.value in ("", "~", "null"):
            return None
        return Scalar.at(node.value, self._place(node))

    def _place(self, node: yaml.ScalarNode) -> Span:
        """Give the place of a scalar's first character, and of the first of each further line."""
        is_block, is_quoted = node.style in ("|", ">"), node.style in ("'", '"')
        span = self.span(node).shifted(1 if is_quoted else 0)
        is_one_line = not is_block and node.start_mark.line == node.end_mark.line
        if is_one_line or len(node.value) > MOST_FOLDED_CHARACTERS:
            return Span(self.file, span.line + 1, 1) if is_block else span
        written = self.text[node.start_mark.index + is_quoted : node.end_mark.index - is_quoted]
        folds: list[tuple[int, int, int]] = []
        at = 0
        for number, line in enumerate(syntax.LINE_END.split(written)):
            words = line.strip().replace("''", "'") if node.style == "'" else line.strip()
            if not words or (is_block and number == 0):
                continue
            found = node.value.find(words, at)
            if found < 0:  # an escape: what follows is told as if it stood on this line
                break
            folds.append((found, span.line + number, line.index(line.strip()) + (1 if number else span.column)))
            at = found + len(words)
        _, first, column = folds[0] if folds else (0, span.line, span.column)
        return Span(self.file, first, column, tuple(folds))

    def _mapping(self, node: yaml.CollectionNode, depth: int) -> Block:
        block = Block()
        block.span = self.span(node)
        cut: list[tuple[yaml.Node, yaml.Node]] = []
        for number, (key_node, value_node) in enumerate(node.value):
            if node.flow_style and number and value_node.value == "" and not value_node.style:
                cut = [*(cut or node.value[number - 1 : number]), (key_node, value_node)]
                continue
            self._cut_in_braces(cut)
            cut = []
            key = self._key(key_node, block)
            if key is not None:
                block[key] = self.value(value_node, depth + 1)
        self._cut_in_braces(cut)
        return block

    def _key(self, node: yaml.Node, block: Block) -> Scalar | None:
        if not isinstance(node, yaml.ScalarNode):
            self.problem(node, "Y008", "a key must be a name", "write one word before the colon")
            return None
        key = Scalar.at(node.value, self.span(node))
        if key == "<<":
            self.problem(node, "Y003", "merge keys are not allowed", "write the keys out")
            return None
        if key in block:
            first = next(known for known in block if known == key)
            fix = f"remove one; the first is in line {first.span.line}"
            self.problem(node, "Y004", f"the key '{key}' stands here twice", fix)
            return None
        return key

    def _cut_in_braces(self, parts: list[tuple[yaml.Node, yaml.Node]]) -> None:
        """Report keys without a value inside braces: pieces of the value before them, which commas ended."""
        if not parts:
            return
        (key, value), (piece, _), *_ = parts
        last, _ = parts[-1]
        written = syntax.LINE_END.sub(" ", self.text[value.start_mark.index : last.end_mark.index])
        message = f"the comma before '{piece.value}' ended the value of '{key.value}', since it stands inside braces"
        self.problem(piece, "Y010", message, f"on a line of its own, write {key.value}: {written}")


def _is_explicit(node: yaml.Node, text: str) -> bool:
    """Say whether the author wrote a tag himself; composing resolves one for every node."""
    position = node.start_mark.index
    return text[position : position + 1] == "!"


def _syntax_error(problem: yaml.MarkedYAMLError, text: str, file: str) -> Diagnostic:
    at = _place(problem.problem_mark) or _place(problem.context_mark) or (1, 1)
    return syntax.explained(problem.problem or "it ends too early", at, _place(problem.context_mark), text, file)


def _place(mark: yaml.Mark | None) -> tuple[int, int] | None:
    return (mark.line + 1, mark.column + 1) if mark else None


def _unprintable(problem: yaml.reader.ReaderError, text: str, file: str) -> Diagnostic:
    character = problem.character if isinstance(problem.character, str) else chr(problem.character)
    before = text[: max(text.find(character), 0)]
    place = Span(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
    return Diagnostic(
        place,
        "Y001",
        f"the character U+{ord(character):04X} cannot stand in YAML",
        "take it out, or save the file as UTF-8",
    )

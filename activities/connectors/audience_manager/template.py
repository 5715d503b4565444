"""Templates of outbound files: macros between literal text, as a destination is configured, read backwards.

Adobe, Audience Manager documentation, "Outbound Template Macros", "Outbound Macro Examples".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

CHARACTERS = {
    "TAB": "\t", "ASCII_SOH": "\x01", "NEW_LINE": "\n", "COMMA": ",", "OPEN_CURLY_BRACKET": "{", "CLOSE_CURLY_BRACKET": "}",
}  # fmt: skip
NAME_MACROS = {
    "SYNC_TYPE": "S3|s3|ftp|http", "ORDER_ID": "[0-9]+", "DPID": "[0-9]+", "MASTER_DPID": "[0-9]+", "PID_ALIAS": "[^/]+?",
    "SYNC_MODE": "full|iter",
}  # fmt: skip
CONTENT_MACROS = {
    "UUID": "[0-9]{38}", "MCID": "[0-9]{38}", "DPID": "[0-9]+", "ORDER_ID": "[0-9]+", "PID": "[0-9]+",
    "SET_ATTRIBUTES": "1", "OUTPUT_ATTRIBUTE_VALUE": "1", "OPT_OUT": "[01]",
    "DPUUIDS": r'\[(?:\["[0-9]+","[^"]*"\](?:,\["[0-9]+","[^"]*"\])*)?\]',
}  # fmt: skip
TEXT_MACROS = ("DP_UUID", "PID_ALIAS")
"""Macros of free text, which ends where the literal text behind them begins."""
LISTS = ("SEGMENT_LIST", "REMOVED_SEGMENT_LIST", "TRAIT_LIST", "DP_UUID_LIST")
ALIASES = {"PIDALIAS": "PID_ALIAS"}
"""The pages call one macro by two names."""
_JAVA = {"YYYY": "%Y", "yyyy": "%Y", "MM": "%m", "DD": "%d", "dd": "%d", "hh": "%H", "HH": "%H", "mm": "%M", "ss": "%S"}
_ITEM_ID = ("sid", "segmentId", "csegid", "alias", "traitId", "Id", "id")
_BEGINS = re.compile(r"<\s*([A-Z_]+)\s*")
_OPTION = re.compile(r';\s*(separator|format)\s*=\s*(?:"([^"]*)"|(TAB))\s*')
_BODY = re.compile(r":\s*\{\s*(\w+)\s*\|")
_IF = re.compile(r"<\s*if\s*\(([^)]*)\)\s*>")
_ENDIF = re.compile(r"<\s*endif\s*>")
_OF_ITEM = re.compile(r"<\s*\w+\.(\w+)\s*>")


class WrongTemplate(ValueError):
    """A template that cannot be read, or could not be read backwards."""


@dataclass(frozen=True, kw_only=True)
class Macro:
    """A macro: its name, its option, and for a list what stands for each item."""

    name: str
    separator: str | None = None
    format: str | None = None
    body: tuple[Node, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What is written only where each of these lists has something."""

    lists: tuple[str, ...]
    nodes: tuple[Node, ...]


Node: TypeAlias = str | Macro | Condition


@dataclass(frozen=True, kw_only=True)
class Template:
    """A template made a pattern: what it finds, by macro, is a text, or the ids of a list.

    `lists` has, by macro, the pattern of one item of a list. `columns` are the macros, where they are separated by tabs and nothing
    else; `time_format` is how strptime reads its time.
    """

    text: str
    pattern: re.Pattern[str]
    lists: Mapping[str, re.Pattern[str]]
    conditions: Mapping[str, tuple[str, ...]]
    columns: tuple[str, ...] = field(default=())
    time_format: str | None = None

    def read(self, text: str) -> Mapping[str, str | tuple[str, ...]] | None:
        """Give what the macros stand for; None when the text is not of the template."""
        match = self.pattern.fullmatch(text)
        if match is None:
            return None
        found: dict[str, str | tuple[str, ...]] = {}
        for name in self.pattern.groupindex:
            if name in self.lists:
                found[name] = tuple(item[1] for item in self.lists[name].finditer(match[name] or ""))
            elif name not in self.conditions and match[name] is not None:
                found[name] = match[name]
        for group, needed in self.conditions.items():
            if bool(match[group]) != all(found.get(name) for name in needed):
                return None
        return found


def is_of_content(text: str) -> bool:
    """Say whether a template is of lines: one of names tells of nobody."""
    return any(re.search(rf"<\s*{name}\b", text) for name in ("UUID", "MCID", "DP_UUID", "DPUUIDS", *LISTS))


def name_template(text: str, stamp_digits: int) -> Template:
    """Make a template of file names a pattern. Raises WrongTemplate."""
    stamp = f"[0-9]{{{stamp_digits}}}"
    nodes = _Reader(text).read()
    for node in nodes:
        if not isinstance(node, str) and (isinstance(node, Condition) or node.name not in (*NAME_MACROS, "TIMESTAMP")):
            what = "a condition" if isinstance(node, Condition) else node.name
            raise WrongTemplate(f"{what} has no place in a file name")
    formats = [node.format for node in nodes if isinstance(node, Macro) and node.name == "TIMESTAMP" and node.format]
    made = _compiled(text, nodes, {**NAME_MACROS, "TIMESTAMP": stamp})
    return replace(made, time_format=_time_format(formats[0]) if formats else None)


def content_template(text: str) -> Template:
    """Make a template of lines a pattern. Raises WrongTemplate."""
    nodes = _Reader(text).read()
    return replace(_compiled(text, nodes, CONTENT_MACROS), columns=tuple(_columns(nodes)))


class _Reader:
    """Reads a template from its beginning to its end."""

    def __init__(self, text: str) -> None:
        self._text, self._place = text, 0

    def read(self) -> tuple[Node, ...]:
        nodes = self._nodes(None)
        if self._place < len(self._text):
            raise WrongTemplate(f"'endif' at character {self._place + 1} ends nothing")
        return nodes

    def _nodes(self, end: re.Pattern[str] | None) -> tuple[Node, ...]:
        nodes: list[Node] = []
        while self._place < len(self._text):
            if (end or _ENDIF).match(self._text, self._place):
                break
            found = self._condition() or self._macro() if self._text[self._place] == "<" else self._literal(end)
            if isinstance(found, str) and nodes and isinstance(nodes[-1], str):
                nodes[-1] += found
            else:
                nodes.append(found)
        return tuple(nodes)

    def _literal(self, end: re.Pattern[str] | None) -> str:
        start = self._place
        while self._place < len(self._text) and self._text[self._place] != "<":
            if end is not None and end.match(self._text, self._place):
                break
            self._place += 1
        return self._text[start : self._place]

    def _condition(self) -> Condition | None:
        begin = _IF.match(self._text, self._place)
        if begin is None:
            return None
        self._place = begin.end()
        names = tuple(name.strip() for name in begin[1].split("&&"))
        if wrong := next((name for name in names if name not in LISTS), None):
            raise WrongTemplate(f"'if' asks for '{wrong}'; it may ask for {', '.join(LISTS)}, joined by &&")
        nodes = self._nodes(_ENDIF)
        closing = _ENDIF.match(self._text, self._place)
        if closing is None:
            raise WrongTemplate("an 'if' has no <endif>")
        self._place = closing.end()
        return Condition(lists=names, nodes=nodes)

    def _macro(self) -> Node:
        of_item = _OF_ITEM.match(self._text, self._place)
        if of_item is not None:
            self._place = of_item.end()
            return Macro(name=f".{of_item[1]}")
        begin = _BEGINS.match(self._text, self._place)
        if begin is None:
            raise WrongTemplate(f"the '<' at character {self._place + 1} begins no macro")
        name = ALIASES.get(begin[1], begin[1])
        if name not in {*CHARACTERS, *NAME_MACROS, *CONTENT_MACROS, *TEXT_MACROS, *LISTS, "TIMESTAMP"}:
            raise WrongTemplate(f"there is no macro '{begin[1]}'")
        self._place = begin.end()
        body: tuple[Node, ...] = ()
        if opening := _BODY.match(self._text, self._place):
            self._place = opening.end()
            body = self._nodes(re.compile(r"\}"))
            self._place += 1
        options: dict[str, str] = {}
        while option := _OPTION.match(self._text, self._place):
            options[option[1]] = "\t" if option[3] else option[2]
            self._place = option.end()
        if not self._text.startswith(">", self._place):
            raise WrongTemplate(f"the macro {begin[1]} is not closed by '>' at character {self._place + 1}")
        self._place += 1
        if name in CHARACTERS:
            return CHARACTERS[name]
        return Macro(name=name, separator=options.get("separator"), format=options.get("format"), body=body)


def _compiled(text: str, nodes: Sequence[Node], macros: Mapping[str, str]) -> Template:
    lists: dict[str, re.Pattern[str]] = {}
    conditions: dict[str, tuple[str, ...]] = {}
    pattern = "".join(_patterns(nodes, macros, lists, conditions, set()))
    return Template(text=text, pattern=re.compile(pattern), lists=lists, conditions=conditions)


def _patterns(
    nodes: Sequence[Node],
    macros: Mapping[str, str],
    lists: dict[str, re.Pattern[str]],
    conditions: dict[str, tuple[str, ...]],
    seen: set[str],
) -> Iterator[str]:
    for place, node in enumerate(nodes):
        match node:
            case str():
                head, split, tail = node.partition("SPLITNUM")
                yield re.escape(head) + (r"(?P<SPLITNUM>[0-9]{3,}|-[0-9]+)?" if split else "") + re.escape(tail)
            case Condition():
                group = f"if_{len(conditions)}"
                conditions[group] = node.lists
                yield f"(?P<{group}>{''.join(_patterns(node.nodes, macros, lists, conditions, seen))})?"
            case Macro() if node.name in seen:
                yield f"(?P={node.name})"
            case Macro() if node.name in LISTS:
                seen.add(node.name)
                whole, item = _list_pattern(node)
                lists[node.name] = re.compile(item)
                yield f"(?P<{node.name}>{whole})"
            case Macro() if node.name in macros or node.name in TEXT_MACROS:
                seen.add(node.name)
                behind = nodes[place + 1] if place + 1 < len(nodes) else ""
                ends = behind[:1] if isinstance(behind, str) else ""
                free = f"[^{re.escape(ends)}]+" if ends else ".+?"
                yield f"(?P<{node.name}>{_formatted(node.format) if node.name == 'TIMESTAMP' and node.format else macros.get(node.name, free)})"
            case Macro():
                raise WrongTemplate(f"{node.name.strip('.')} has no place there")


def _list_pattern(node: Macro) -> tuple[str, str]:
    """Give the pattern of a list, and of one item, whose first group is the id."""
    body, separator = list(node.body), node.separator
    if separator is None and body and isinstance(body[-1], str):
        separator = str(body.pop())  # an ending of each item, which Adobe's example leaves out of the last
    if not separator:
        raise WrongTemplate(f'{node.name} needs a separator, else its items run together: <{node.name}; separator=",">')
    if not body:
        group = rf"[^{re.escape(separator[0])}\t]+" if node.name == "DP_UUID_LIST" else "[0-9]+"
        id_ = rf" *{group} *" if node.name != "DP_UUID_LIST" and " " not in separator else group
        return rf"(?:{id_}(?:{re.escape(separator)}{id_})*)?", rf"({group})"
    found = False
    plain = grouped = ""
    for part in body:
        if isinstance(part, str):
            piece = own = re.escape(part)
        elif isinstance(part, Macro) and part.name.startswith("."):
            is_id = part.name[1:] in _ITEM_ID and not found
            found |= is_id
            value = "[0-9A-Za-z_-]+"
            piece, own = value, f"({value})" if is_id else value
        elif isinstance(part, Macro) and part.name in ("OUTPUT_ATTRIBUTE_VALUE", "SET_ATTRIBUTES"):
            piece = own = "1"
        else:
            raise WrongTemplate(f"an item of {node.name} may hold text, and <x.sid> or another of its fields")
        plain, grouped = plain + piece, grouped + own
    if not found:
        raise WrongTemplate(f"an item of {node.name} does not say its id: write <seg.sid>, or <trait.traitId>")
    return rf"(?:{plain}(?:{re.escape(separator)}{plain})*)?", rf"{grouped}(?={re.escape(separator)}|$)"


def _formatted(format: str) -> str:
    """Give the pattern of a time in Java's letters."""
    return "".join("[0-9]" if letter.isalpha() else re.escape(letter) for letter in format)


def _time_format(format: str) -> str:
    """Give Java's letters as strptime has them. Raises WrongTemplate for those it has not."""
    made = re.sub("|".join(_JAVA), lambda match: _JAVA[match[0]], format)
    if wrong := re.search("[A-Za-z]", re.sub("%[A-Za-z]", "", made)):
        raise WrongTemplate(f"the time format '{format}' has '{wrong[0]}': it may have {', '.join(_JAVA)}")
    return made


def _columns(nodes: Sequence[Node]) -> Iterator[str]:
    """Give the macros between tabs; none when the template is not so simple."""
    is_simple = len(nodes) % 2 == 1 and all(
        (node == "\t") if place % 2 else isinstance(node, Macro) and not node.body and node.separator in (None, ",")
        for place, node in enumerate(nodes)
    )
    if is_simple:
        yield from (node.name for node in nodes if isinstance(node, Macro))

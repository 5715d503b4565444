"""Option cards: what may be written, of which type, within which bounds, and what it means."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from engine.app.reference.markdown import code, prose, table
from engine.app.testing.contract.options import extra, models
from engine.kit.expression import Expr, SortKey
from engine.kit.matching import JoinPairs
from engine.kit.option import Duration, Flag, Integer, Name, Number, Pairs, Percentage, Secret, as_written
from engine.kit.template import Template

_WORDS: tuple[tuple[Any, str], ...] = (
    (Integer, "whole number"), (Number, "number"), (Flag, "true or false"), (Duration, "duration"), (Percentage, "percentage"),
    (Name, "name"), (Pairs, "pairs of names: `ours: theirs`"), (JoinPairs, "pairs of expressions: `ours: theirs`"),
    (Secret, "secret"), (Expr, "expression"), (SortKey, "sort key"), (Template, "text"), (str, "text"),
)  # fmt: skip


def cards(model: type[BaseModel]) -> str:
    """Give the options of a model, then under a heading each those of the models that stand inside them."""
    own, *inner = models(model)
    parts = [card(own) or "It has no options of its own."]
    parts += [f"### {title(each)}\n\n{prose(each.__doc__)}\n\n{card(each)}" for each in inner]
    return "\n\n".join(parts)


def card(model: type[BaseModel]) -> str:
    """Give the options of a model as a table."""
    types = get_type_hints(model, include_extras=True)
    rows = [
        (code(name), words(types[name]) + _bounds(field), _default(field), field.description or "", _example(field))
        for name, field in model.model_fields.items()
    ]
    return table(("option", "type", "default", "what it says", "example"), rows)


def title(model: type[BaseModel]) -> str:
    """Give the name of a model that stands inside an option, as words: `Subset`, `Column mapping`."""
    name = model.__name__.removesuffix("Settings")
    spaced = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
    return spaced[:1].upper() + spaced[1:]


def words(annotation: Any) -> str:
    """Say what may be written where this type is declared."""
    for known, word in _WORDS:
        if annotation == known:
            return word
    arguments = get_args(annotation)
    match get_origin(annotation):
        case origin if origin is Annotated:
            return words(arguments[0])
        case origin if origin in (Union, UnionType):
            return " or ".join(words(each) for each in arguments if each is not NoneType)
        case origin if origin is Literal:
            return ", ".join(code(str(value)) for value in arguments)
        case origin if origin is tuple:
            return f"{words(arguments[0])}, or a list"
        case origin if isinstance(origin, type) and issubclass(origin, Mapping):
            return f"by name: {words(arguments[1])}"
        case _ if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return f"[{title(annotation)}](#{title(annotation).lower().replace(' ', '-')})"
        case _:
            return str(getattr(annotation, "__name__", annotation)).lower()


def flow(value: Any) -> str:
    """Give a value as YAML in one line."""
    match value:
        case Mapping():
            return "{" + ", ".join(f"{name}: {flow(item)}" for name, item in value.items()) + "}"
        case list() | tuple():
            return f"[{', '.join(map(flow, value))}]"
        case str() if (
            value in ("", "null") or value != value.strip() or any(mark in value for mark in "{}[],#:&*!|>'\"%@`")
        ):
            return json.dumps(value, ensure_ascii=False)
        case _:
            return str(as_written(value))


def block_style(value: Mapping[str, Any], indent: int = 0) -> str:
    """Give a mapping as an author writes it: one option a line, short lists and mappings in flow."""
    return "\n".join(_lines(value, " " * indent))


def _lines(value: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, item in value.items():
        if isinstance(item, Mapping) and not all(map(_is_word, item.values())):
            yield f"{indent}{name}:"
            yield from _lines(item, f"{indent}  ")
        else:
            yield f"{indent}{name}: {item if isinstance(item, str) and item else flow(item)}"


def _is_word(value: Any) -> bool:
    return not isinstance(value, Mapping | list | tuple) and flow(value) == value and " " not in value


def _bounds(field: FieldInfo) -> str:
    least = extra(field).get("minimum")
    return "" if least is None else f", at least {least}"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ((), [], {}, "") or isinstance(value, BaseModel):  # whose defaults stand on its own
        return "–"
    return code(flow(value))


def _example(field: FieldInfo) -> str:
    written = extra(field).get("example")
    return code(written if isinstance(written, str) else flow(written)) if written is not None else ""

"""Mappings read as pydantic models: every problem of a mapping in an author's words, at its place and with what to type."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from engine.kit.errors import LONGEST_NEAR_MISS, AuthorError, Diagnostic, Span, suggestion
from engine.kit.expression.reading import Allowance
from engine.kit.option import BOOLEAN, Scalar
from engine.lang import source
from engine.lang.source import Block

M = TypeVar("M", bound=BaseModel)

MOST_ATTEMPTS = 20
"""To read a mapping without its wrong parts: what is wrong may show only when other parts are gone."""


def read_model(
    model: type[M],
    value: Block,
    problems: list[Diagnostic],
    known: tuple[str, ...] = (),
    allowance: Allowance | None = None,
) -> M | None:
    """Read a mapping as a pydantic model; its problems are added to `problems`, each with its place.

    `known` are further keys that exist beside the model's own, for the near misses of an unknown one. Raises AuthorError with all
    problems so far where the file's `allowance` ends.
    """
    try:
        return model.model_validate(value, context=allowance)
    except AuthorError as end:
        raise AuthorError(*problems, *end.diagnostics) from None
    except ValidationError as failed:
        errors = failed.errors(include_url=False)[: source.MOST_PROBLEMS]
        for error in errors:
            if not _is_misspelt(error["loc"], error["type"], errors):
                problems.extend(_diagnostics(dict(error), model, value, known))
        return None


def instead_of(name: str, known: Collection[str], written: Collection[str], what: str) -> str:
    """Say what to type for an unknown key of a mapping, which may be nearest to one that is written already."""
    near = get_close_matches(name, known, n=1) if len(name) <= LONGEST_NEAR_MISS else []
    return (
        f"take it out: '{near[0]}' is written already" if near and near[0] in written else suggestion(name, known, what)
    )


def _is_misspelt(path: tuple[Any, ...], kind: str, errors: Iterable[Any]) -> bool:
    """Say that an option is missing only because a key beside it is a near miss of it."""
    beside = (error["loc"] for error in errors if error["type"] == "extra_forbidden")
    names = [str(other[-1]) for other in beside if other[:-1] == path[:-1] and len(str(other[-1])) <= LONGEST_NEAR_MISS]
    return kind == "missing" and bool(get_close_matches(str(path[-1]), names, n=1))


def as_far_as_right(model: type[M], value: Block) -> M | None:
    """Give the model without the parts that are wrong, where it can do without them."""
    for _ in range(MOST_ATTEMPTS):
        try:
            return model.model_validate(value)
        except ValidationError as failed:
            errors = failed.errors(include_url=False)
        wrong = {tuple(error["loc"])[: -1 if error["type"] == "missing" else None] for error in errors}
        if () in wrong:
            return None
        value = _without(value, wrong)
    return None


def _without(value: Block, paths: Iterable[tuple[Any, ...]]) -> Block:
    """Give a block without what the paths lead to; of a list or a text, nothing remains."""
    rest = Block()
    rest.span = value.span
    below: dict[Any, list[tuple[Any, ...]]] = {}
    for path in paths:
        below.setdefault(path[0], []).append(path[1:])
    for key, item in value.items():
        inner = below.get(key)
        if not inner:
            rest[key] = item
        elif isinstance(item, Block) and all(path and isinstance(path[0], str) for path in inner):
            rest[key] = _without(item, inner)
    return rest


def _diagnostics(
    error: Mapping[str, Any], model: type[BaseModel], value: Block, known: tuple[str, ...]
) -> list[Diagnostic]:
    path = tuple(error["loc"])
    context = error.get("ctx", {})
    span = _place(value, path, context.get("at", ()))
    name = str(path[-1]) if path else ""
    match error["type"]:
        case "author":
            return [item if item.span.line else replace(item, span=span) for item in context["diagnostics"]]
        case "extra_forbidden":
            fields = [*_fields_at(model, path[:-1]), *(known if len(path) == 1 else ())]
            key = next((key for key in _at(value, path[:-1]) if key == name), None)
            fix = instead_of(name, fields, _at(value, path[:-1]), "options")
            return [Diagnostic(getattr(key, "span", span), "E102", f"unknown option '{name}'", fix)]
        case "missing":
            return [Diagnostic(span, "E103", f"the option '{name}' is missing", _told("add", model, path))]
        case "literal_error":
            written = str(error["input"])
            choices = re.findall(r"'([^']*)'", context["expected"])
            fix = suggestion(written, choices, "choices")
            return [Diagnostic(span, "E104", f"'{name}' cannot be '{written}'", fix)]
        case type_:
            option = ".".join(str(step) for step in path if not isinstance(step, int))
            message = MISTAKEN.get(type_) or error["msg"].removeprefix("Value error, ")
            what = f"'{option}': {message[:1].lower()}{message[1:]}" if option else message
            meant = context.get("wanted") == BOOLEAN and AS_BOOLEAN.get(context.get("value", "").lower(), "true")
            return [Diagnostic(span, "E105", what, context.get("fix") or _told("write", model, path, meant or "…"))]


MISTAKEN = {
    "model_type": "a mapping is wanted here",
    "dict_type": "a mapping is wanted here",
    "tuple_type": "a list is wanted here",
    "string_type": "a text is wanted here",
}
"""By pydantic's type of error, what an author reads."""


AS_BOOLEAN = {"no": "false", "off": "false", "n": "false", "f": "false", "0": "false", "false": "false"}
"""What others write for false; for true everything else."""


def _place(value: Block, path: tuple[Any, ...], inside: tuple[str, ...]) -> Span:
    """Give the place of an option, or of the first written one that a validator names inside it: a text's own, a block's key."""
    key = next((key for name in inside for key in _at(value, path) if key == name), None)
    if key is None:
        return source.span_of(value, path, value.span)
    written = _at(value, path)[key]
    return written.span if isinstance(written, Scalar) else key.span


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    """Give what a path leads to; where one stands for a list of one, its place in the list is passed over."""
    for step in path:
        value = value[step] if isinstance(step, str) or isinstance(value, list) else value
    return value


def _fields_at(model: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    """Give the options a nested model has."""
    return list(_model_at(model, path).model_fields)


def _model_at(model: type[BaseModel], path: tuple[Any, ...]) -> type[BaseModel]:
    """Give a nested model, found by following the annotations."""
    for step in path:
        field = model.model_fields.get(step) if isinstance(step, str) else None
        inner = _models_in(field.annotation) if field else _models_in(model)
        model = inner[0] if inner else model
    return model


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models_in(part)]


def _told(verb: str, model: type[BaseModel], path: tuple[Any, ...], meant: str = "…") -> str:
    """Say what to type for an option: its example, or what was `meant`, and what it says; for a mapping inside a list, its options."""
    steps = [step for step in path if isinstance(step, str)]
    holder = _model_at(model, tuple(steps[:-1]))
    field = holder.model_fields.get(steps[-1]) if steps else None
    if field is None:
        return f"{verb} its options: {', '.join(holder.model_fields)}"
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    example = _written(extra["example"]) if extra.get("example") is not None and meant == "…" else meant
    doc = (field.description or "").removesuffix(".")
    return f"{verb} '{steps[-1]}: {example}' ({doc[:1].lower()}{doc[1:]})"


def _written(example: Any) -> str:
    match example:
        case dict():
            return "{" + ", ".join(f"{key}: {_written(item)}" for key, item in example.items()) + "}"
        case list():
            return f"[{', '.join(map(_written, example))}]"
        case _:
            return str(example)

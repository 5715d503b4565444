"""What all schemas are put together from: options of models, and the few shapes that no model has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from inspect import cleandoc
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema
from pydantic_core import core_schema

from engine.kit.component import ComponentKind
from engine.kit.errors import DataError
from engine.kit.expression import Expr
from engine.kit.expression.reading import ANY_TEXT
from engine.kit.option import as_written
from engine.registry import Registry

Schema = dict[str, Any]

NOTHING: Schema = {"not": {"type": ["string", "number", "boolean", "array", "object"]}}
"""A null, said so that no editor proposes to write one."""

ID: Schema = {
    "type": "string",
    "pattern": "^[a-z][a-z0-9_]*$",
    "patternErrorMessage": "a name is snake_case: letters, digits and _",
}
REFERENCE: Schema = {
    "type": "string",
    "pattern": r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$",
    "patternErrorMessage": "an activity is wanted here, or one of its ports: activity, or activity.port",
}

SHARED: Mapping[str, Schema] = {"text": ANY_TEXT, "reference": REFERENCE}
"""Definitions of every schema."""


def described(schema: Mapping[str, Any], doc: str) -> Schema:
    return {"description": doc, **schema}


def or_nothing(schema: Schema) -> Schema:
    return {"anyOf": [schema, NOTHING]}


def or_list_of(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "array", "items": schema}]}


def text(doc: str, example: str = "") -> Schema:
    """Give the schema of a text of the file that may be left empty."""
    return described({**or_nothing(ANY_TEXT), **({"examples": [example]} if example else {})}, doc)


def mapping(values: Schema, doc: str = "", **more: Any) -> Schema:
    """Give the schema of a mapping from any names to values."""
    return {**({"description": doc} if doc else {}), "type": "object", "additionalProperties": values, **more}


def fixed(properties: Mapping[str, Any], **more: Any) -> Schema:
    """Give the schema of a mapping that has these keys and no others."""
    return {"type": "object", "properties": dict(properties), "additionalProperties": False, **more}


def markdown(doc: str, plain: str) -> Schema:
    """Give a description with marks in it, for editors that know them, where it says more than the plain one."""
    return {"markdownDescription": doc} if doc != plain or "`" in doc else {}


def first_sentence(value: object) -> str:
    return cleandoc(value.__doc__ or "").partition("\n")[0]


def components(registry: Registry, kind: ComponentKind) -> dict[str, Any]:
    """Import all components of a kind. Raises DataError for one that cannot be imported."""
    table = registry.of(kind)
    found = {}
    for name in table:
        try:
            found[name] = table[name]
        except Exception as problem:
            path = table.component(name).path
            raise DataError(
                f"the {kind} '{name}' ({path}) cannot be loaded: {problem!r}",
                "reinstall or remove the package it comes from",
            ) from problem
    return found


def models(wanted: Iterable[type[BaseModel]]) -> tuple[dict[type[BaseModel], str], dict[str, Schema]]:
    """Give the names of models among definitions, and the definitions: theirs, and of the models inside their options."""
    inputs: list[tuple[type[BaseModel], JsonSchemaMode]] = [(model, "validation") for model in dict.fromkeys(wanted)]
    places, generated = models_json_schema(inputs, ref_template=reference("{model}"), schema_generator=_Generator)
    definitions = generated.get("$defs", {})
    for definition in definitions.values():
        if "properties" in definition:
            definition["properties"] = {name: _option(body) for name, body in definition["properties"].items()}
    return {model: places[model, mode]["$ref"].rpartition("/")[2] for model, mode in inputs}, definitions


def reference(*path: str) -> str:
    return "/".join(("#/$defs", *path))


def without_null(schema: Schema) -> Schema:
    """Give an option as it is where it may not stand empty."""
    match schema.get("anyOf"):
        case [inner, nothing] if nothing == NOTHING:
            return {**inner, **{name: value for name, value in schema.items() if name != "anyOf"}}
        case _:
            return schema


def shared(schema: Any) -> Any:
    """Give a schema in which what stands everywhere is defined once."""
    match schema:
        case Mapping():
            for name, known in SHARED.items():
                if known.items() <= schema.items():
                    return {"$ref": reference(name), **{key: schema[key] for key in schema if key not in known}}
            return {name: shared(value) for name, value in schema.items()}
        case list():
            return [shared(item) for item in schema]
        case _:
            return schema


class _Generator(GenerateJsonSchema):
    """Pydantic's schema, with null and choices as YAML and editors take them, and without titles made from names."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> Schema:
        return or_nothing(self.generate_inner(schema["schema"]))

    def literal_schema(self, schema: core_schema.LiteralSchema) -> Schema:
        written = [value for value in schema["expected"] if isinstance(value, str)]
        typed = [_typed(value) for value in written]
        quoted = [value for value, as_yaml in zip(written, typed, strict=True) if as_yaml != value]
        choices: Schema = {"enum": typed}
        return {"anyOf": [choices, _one_of(quoted)]} if quoted else choices

    def encode_default(self, dft: Any) -> Any:
        match dft:
            case timedelta() | Decimal():
                return as_written(dft)
            case (Expr() as only,):  # one or many: one stands for a list of one
                return str(only)
        return super().encode_default(dft)

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> Schema:  # noqa: ARG002
        return {}  # a type of a plugin that says no schema takes anything

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  (the name is pydantic's)
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> Schema:
        return {name: value for name, value in super().model_schema(schema).items() if name != "title"}


def _one_of(texts: Iterable[str]) -> Schema:
    """Take these texts without proposing them."""
    return {"type": "string", "pattern": f"^({'|'.join(map(re.escape, texts))})$"}


def _option(body: Schema) -> Schema:
    """Give an option with its default and its example as an editor shows them, and as YAML types them."""
    unset: tuple[Any, ...] = (None, [], {}, "")
    default, example = _typed(body.get("default")), _typed(body.get("example"))
    doc = body.get("description", "")
    shown = {name: value for name, value in body.items() if name not in ("default", "example", "secret")}
    if default not in unset:
        written = default if isinstance(default, str) else json.dumps(default)
        shown |= {**markdown(f"{doc}\n\nDefault: `{written}`", doc), "default": default}
    elif doc:
        shown |= markdown(doc, doc)
    return shown | ({"examples": [example]} if example not in unset else {})


def _typed(value: Any) -> Any:
    """Give a value as YAML 1.2 would type its text."""
    match value:
        case list():
            return [_typed(item) for item in value]
        case dict():
            return {name: _typed(item) for name, item in value.items()}
        case "true" | "false":
            return value == "true"
        case str() if re.fullmatch(r"-?(0|[1-9][0-9]*)", value):
            return int(value)
        case str() if re.fullmatch(r"-?(0|[1-9][0-9]*)\.[0-9]+", value):
            return float(value)
        case _:
            return value

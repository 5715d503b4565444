"""The JSON Schema of a project file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.app.project import CORE
from engine.app.schema.parts import (
    Schema,
    components,
    described,
    first_sentence,
    fixed,
    mapping,
    models,
    or_nothing,
    reference,
)
from engine.kit.section import Section
from engine.registry import Registry

PARTLY = "Partly"
"""Begins the name of a definition whose options may be missing, since they stand elsewhere."""

ENVIRONMENT_VARIABLE = r"\$\{"


def schema(registry: Registry) -> Schema:
    """Give the schema of a project file with the sections of the registry.

    An environment is laid over the file: what stands there may be a part, and what it overlays may be one.
    """
    sections: dict[str, Section] = {**CORE, **components(registry, "section")}
    names, definitions = models(section.model for section in sections.values())
    whole = {name: _section(section, names[section.model]) for name, section in sections.items()}
    parts = {name: _partly(body) for name, body in whole.items()}
    environments = described(or_nothing(mapping({"$ref": reference("environment")})), _ENVIRONMENTS)
    shapes = {name: described(or_nothing({"type": "object"}), body["description"]) for name, body in whole.items()}
    branches = [
        {
            "if": _is_in_no_environment(name),
            "then": {"properties": {name: whole[name]}},
            "else": {"properties": {name: parts[name]}},
        }
        for name in sections
    ]
    filled = {name: _with_variables(body) for name, body in definitions.items()}
    return {
        "description": "A project of audienceflow.",
        **fixed({**shapes, "environments": environments}, allOf=branches),
        "if": {"not": {"required": ["environments"]}},
        "then": {"required": ["databases"]},
        "$defs": {
            "environment": or_nothing(fixed(parts)),
            **filled,
            **{PARTLY + name: _partly(body) for name, body in filled.items()},
        },
    }


_ENVIRONMENTS = "By name, what is laid over the file when the environment is chosen with --env."


def _section(section: Section, name: str) -> Schema:
    one = {"$ref": reference(name)}
    doc = first_sentence(section.model)
    return described(or_nothing(mapping(one, doc) if section.many else one), doc)


def _is_in_no_environment(section: str) -> Schema:
    return {"properties": {"environments": {"additionalProperties": {"properties": {section: False}}}}}


def _partly(schema: Any) -> Any:
    """Give a schema in which nothing is required, down to the definitions it refers to."""
    match schema:
        case Mapping():
            return {
                name: f"{reference(PARTLY)}{value.rpartition('/')[2]}" if name == "$ref" else _partly(value)
                for name, value in schema.items()
                if not (name == "required" and isinstance(value, list))
            }
        case list():
            return [_partly(item) for item in schema]
        case _:
            return schema


def _with_variables(schema: Any) -> Any:
    """Give a schema whose patterns and choices let `${NAME}` pass, which is filled in before anything is read."""
    match schema:
        case {"enum": [*_]}:
            rest = {name: value for name, value in schema.items() if name != "enum"}
            return {**rest, "anyOf": [{"enum": schema["enum"]}, {"type": "string", "pattern": ENVIRONMENT_VARIABLE}]}
        case {"pattern": str(pattern)}:
            return {**schema, "pattern": f"{pattern}|{ENVIRONMENT_VARIABLE}"}
        case Mapping():
            return {name: _with_variables(value) for name, value in schema.items()}
        case list():
            return [_with_variables(item) for item in schema]
        case _:
            return schema

"""The JSON Schema of a workflow."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import cleandoc
from typing import Any, get_args

from engine.app.schema.parts import (
    ID,
    REFERENCE,
    Schema,
    components,
    described,
    first_sentence,
    fixed,
    mapping,
    markdown,
    models,
    or_list_of,
    or_nothing,
    reference,
    text,
    without_null,
)
from engine.kit.activity import Activity, Port
from engine.kit.types import Kind
from engine.lang.spec import Common, OnError
from engine.registry import Registry

FILLED = ("dimension", "seed")
"""Options that the loader fills from the workflow, so that they are never missing."""


def schema(registry: Registry) -> Schema:
    """Give the schema of a workflow with the activities of the registry."""
    activities: dict[str, type[Activity]] = components(registry, "activity")
    names, definitions = models((Common, *activities.values()))
    common = definitions[names[Common]]
    common["properties"] = {name: without_null(body) for name, body in common["properties"].items()}
    shared = {name: {"$ref": reference(names[Common], "properties", name)} for name in common["properties"]}
    for activity in activities.values():
        definitions[names[activity]] = _activity(activity, definitions[names[activity]], shared)
    return {
        "description": "A workflow of audienceflow.",
        **fixed(_top(), required=["workflow", "activities"]),
        "$defs": {"activity": _by_type(activities, names), "variable": _variable(), **definitions},
    }


def _top() -> dict[str, Schema]:
    return {
        "workflow": described({**ID, "examples": ["share_loyal_households"]}, "The workflow's name, in snake_case; unique in the project."),
        "label": text("What people call the workflow."),
        "description": text("What the workflow is for."),
        "dimension": text("The targeting dimension of activities that name no other.", "household"),
        "timezone": text("The time zone of dates and times; UTC when not written.", "Europe/Paris"),
        "on_error": described(or_nothing({"enum": list(get_args(OnError))}), "What an error does to the run: suspend, when not written."),
        "variables": described(or_nothing(mapping({"$ref": reference("variable")})), "Values a run may be given: --var name=value."),
        "activities": mapping({"$ref": reference("activity")}, "The boxes, by their names.", propertyNames=ID, minProperties=1),
        "canvas": _canvas(),
    }  # fmt: skip


def _variable() -> Schema:
    common = [kind.value for kind in (Kind.INTEGER, Kind.DECIMAL, Kind.TEXT, Kind.BOOLEAN, Kind.DATE, Kind.TIMESTAMP)]
    rare = {"type": "string", "pattern": rf"^({'|'.join(Kind)})(\([0-9]+\))?$"}
    return fixed(
        {
            "type": described(
                or_nothing({"anyOf": [{"enum": common}, rare]}), "Its type; text when not written. decimal(4) has four digits after the point."
            ),
            "default": text("Its value in a run that is given none; without a default, a run must be given one."),
            "description": text("What it means."),
        }
    )  # fmt: skip


def _canvas() -> Schema:
    lane = fixed({"label": text("What stands over the lane."), "activities": _references("The activities in it.")})
    note = fixed({"at": described(ID, "The activity it hangs on."), "text": text("What it says.")})
    body = fixed(
        {
            "direction": described({"enum": ["right", "down"]}, "Where the arrows go."),
            "lanes": mapping(lane, "Activities that are drawn together, by name."),
            "notes": described({"type": "array", "items": note}, "Words beside activities."),
        }
    )
    return described(or_nothing(body), "What the picture shows; it changes no result.")


def _references(doc: str) -> Schema:
    return described({"type": "array", "items": REFERENCE}, doc)


def _by_type(activities: Mapping[str, type[Activity]], names: Mapping[Any, str]) -> Schema:
    """Give the schema of a box: its type, and then what the type has."""
    branches = [
        {
            "if": {"type": "object", "properties": {"type": {"const": kind}}, "required": ["type"]},
            "then": {"$ref": reference(names[activity])},
        }
        for kind, activity in activities.items()
    ]
    docs = [first_sentence(activity) for activity in activities.values()]
    choices = {"enum": list(activities), "enumDescriptions": docs, "markdownEnumDescriptions": docs}
    return {"type": "object", "properties": {"type": choices}, "required": ["type"], "allOf": branches}


def _activity(activity: type[Activity], own: Schema, common: Mapping[str, Schema]) -> Schema:
    """Give the schema of a box of one type: its ports, its options, and those of every box."""
    doc = first_sentence(activity)
    docs = {"description": doc, **markdown(cleandoc(activity.__doc__ or ""), doc)}
    takes_list = any(port.many for port in activity.inputs)
    needed = [port.name for port in activity.inputs if not port.optional]
    needed += [name for name in own.get("required", ()) if name not in FILLED]
    properties = {
        "type": {"const": activity.type, **docs},
        **{port.name: _input(port) for port in activity.inputs},
        **{name: without_null(body) for name, body in own.get("properties", {}).items()},
        "after": _after(),
        **{name: body for name, body in common.items() if name != "when_missing" or takes_list},
    }
    return {**docs, **fixed(properties, required=needed)}


def _input(port: Port) -> Schema:
    doc = port.doc or "A population."
    if port.many:
        return described(or_list_of(REFERENCE), f"{doc} One reference, or a list.")
    return described(REFERENCE, doc)


def _after() -> Schema:
    several = or_list_of(REFERENCE)
    any_of = fixed({"any": described(several, "Once all are settled, and at least one fired.")}, required=["any"])
    return described({"anyOf": [*several["anyOf"], any_of]}, "Activities to wait for, without a population.")

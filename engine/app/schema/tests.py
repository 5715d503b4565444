"""The JSON Schema of the tests beside a workflow."""

from __future__ import annotations

from typing import get_args

from engine.app.schema.parts import Schema, components, described, fixed, mapping, or_nothing, reference, text
from engine.kit.expression.reading import ANY_TEXT
from engine.registry import Registry
from engine.state.facts import Status


def schema(registry: Registry) -> Schema:
    """Give the schema of a test file with the fixtures of the registry."""
    fixtures = components(registry, "fixture")
    observed = {fixture.expectation: _ref("texts", _OBSERVED) for fixture in fixtures.values()}
    return {
        "description": "Tests of a workflow of audienceflow.",
        **fixed({"tests": {"type": "array", "items": {"$ref": reference("test")}}}, required=["tests"]),
        "$defs": {
            "test": _test({name: _ref("outside", _OUTSIDE) for name in fixtures}),
            "expect": _expect(observed),
            "expectation": _expectation(observed),
            "rows": {
                "if": {"type": "object"},
                "then": _file(),
                "else": {"type": "array", "items": {"$ref": reference("row")}},
            },
            "row": mapping(or_nothing(ANY_TEXT), "A row: column and value."),
            "texts": {"type": "array", "items": ANY_TEXT},
            "outside": mapping({"$ref": reference("texts")}, _OUTSIDE),
        },
    }


_OBSERVED = "What the stand-in of the outside service received, in any order."
_OUTSIDE = "What the stand-in of the outside service holds before, by name."


def _file() -> Schema:
    named = text("A CSV file; a relative path starts at this folder. The header names the columns.", "people.csv")
    return fixed({"csv": named}, required=["csv"])


def _ref(name: str, doc: str) -> Schema:
    return described({"$ref": reference(name)}, doc)


def _test(outside: dict[str, Schema]) -> Schema:
    rows = {"$ref": reference("rows")}
    keys = {
        "name": described(ANY_TEXT, "A sentence about behaviour; unique in the file."),
        "activity": text("The activity to test alone; without it the whole workflow runs."),
        "given": mapping(or_nothing(rows), "What arrives at the activity: rows by the reference its input names; null where it does not fire."),
        "tables": mapping(rows, "Rows of tables of the database; the other tables are empty."),
        "lists": mapping(rows, "Rows of lists that an earlier run kept."),
        "vars": mapping(ANY_TEXT, "Values of the workflow's variables."),
        "at": described(or_nothing({"type": ["string", "integer"], "pattern": "^[0-9]{4}",
                                    "patternErrorMessage": "a time is written as 2026-11-23T08:30:00Z"}),
                        "The moment the run is for; UTC without a zone.") | {"examples": ["2026-11-23T08:30:00Z"]},
        "env": text("The environment of the project."),
        **outside,
        "expect": {"$ref": reference("expect")},
    }  # fmt: skip
    given = {"required": ["given"], "properties": {"given": {"minProperties": 1}}}
    return fixed(keys, required=["name", "expect"], **{"if": given, "then": {"required": ["activity"]}})


def _expect(observed: dict[str, Schema]) -> Schema:
    expectation = {"$ref": reference("expectation")}
    error = fixed({"activity": text("Which activity fails."), "contains": text("A part of the message.")})
    keys = {
        "status": described(or_nothing({"enum": list(get_args(Status))}), "How the run ends; succeeded, when not written."),
        "error": described(error, "The error that is to come."),
        "lists": mapping(expectation, "What lists hold afterwards."),
        **observed,
    }  # fmt: skip
    return mapping(expectation, "What is to come: by the port of the activity, or by activity.port.", properties=keys)


def _expectation(observed: dict[str, Schema]) -> Schema:
    """Give the schema of what an output is to hold: rows, more about them, or nothing at all."""
    rows = {"$ref": reference("rows")}
    count = {
        "type": ["integer", "string"], "minimum": 0, "pattern": "^[0-9]+$", "patternErrorMessage": "a number of rows is wanted here",
    }  # fmt: skip
    exact = {"anyOf": [{"type": "boolean"}, {"type": "string", "pattern": "^(true|false)$"}]}
    about = fixed(
        {
            "rows": described(rows, "The columns named, over all rows, in any order."),
            "count": described(or_nothing(count), "How many rows."),
            "exact": described(or_nothing(exact), "Compare every column, not only those named."),
            **observed,
        },
        anyOf=[{"required": [name]} for name in ("rows", "count", *observed)],
    )
    of_file = {"type": "object", "required": ["csv"]}
    return {"if": {"type": "object", "not": of_file}, "then": about, "else": or_nothing(rows)}

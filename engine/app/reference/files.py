"""The page of what stands in workflow files and test files, from the schemas that editors use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.app import schema as schemas
from engine.app.reference.markdown import code, document, prose, table
from engine.registry import Registry

_HEAD = """\
What can be written in a workflow, and in the tests beside it. `NAME` is a name of yours, `[]` an item of a list. What an activity takes
is on [its own page](activities/index.md), and in the [options of every activity](activities/common.md); what a project file holds is on
[the project's](project.md)."""
_ARROWS = """\
An input of an activity takes a reference: `buyers` is the `result` of the activity `buyers`, `groups.vip` its port `vip`. Only inputs
that take several take a list. `after` makes an activity wait without taking a population: `after: x` and `after: [x, y]` for all of
them, `after: {any: [x, y]}` until all are settled and one of them fired. Every activity has the port `done` for that."""
_LEFT_OUT = ("activities",)


def page(registry: Registry) -> str:
    """Give the page: the keys of a workflow, arrows, and the keys of a test."""
    workflow, tests = (schemas.schema(kind, registry) for kind in ("workflow", "test"))
    test = {**tests, "properties": {"tests": {"items": tests["properties"]["tests"]["items"]}}}
    return document(
        "Workflow and test files", prose(_HEAD), "## A workflow", _keys(workflow), "## Arrows", prose(_ARROWS),
        "## Tests", "In `<workflow>_test.yaml`, beside the workflow.", _keys(test),
    )  # fmt: skip


def _keys(schema: Mapping[str, Any]) -> str:
    rows = ((code(path), _told(body, schema), _example(body)) for path, body in _inside(schema, schema, ""))
    return table(("key", "what it says", "example"), rows)


def _inside(body: Mapping[str, Any], root: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give every key below a part of a schema, the outer before the inner; one that holds its own kind again is not followed."""
    for shape in _shapes(body, root):
        for name, inner in shape.get("properties", {}).items():
            below = f"{path}.{name}" if path else name
            if inner.get("description"):
                yield below, inner
            if name not in _LEFT_OUT:
                yield from _inside(inner, root, below)
        if isinstance(named := shape.get("additionalProperties"), dict):
            yield from _inside(named, root, f"{path}.NAME")
        if isinstance(items := shape.get("items"), dict):
            yield from _inside(items, root, f"{path}[]")


def _shapes(body: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Give the shapes a part may have: itself, and those it refers to or chooses from."""
    yield body
    for choice in (*body.get("anyOf", ()), *(body[word] for word in ("then", "else") if word in body)):
        yield from _shapes(choice, root)
    if place := body.get("$ref"):
        yield from _shapes(root["$defs"][place.rpartition("/")[2]], root)


def _told(body: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    choices = next((shape["enum"] for shape in _shapes(body, root) if "enum" in shape), ())
    listed = f" One of {', '.join(code(str(choice)) for choice in choices)}." if choices else ""
    return f"{body['description']}{listed}"


def _example(body: Mapping[str, Any]) -> str:
    return code(str(body["examples"][0])) if body.get("examples") else ""

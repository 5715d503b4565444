"""JSON Schemas of the files an author writes, for editors: made from the registry, so that plugins are in them.

Draft 7, which yaml-language-server knows best. A schema sees what YAML 1.2 makes of a file, while we read text: so it takes a scalar
of any type where we take a text, and `012` or `True` pass, which `check` refuses. It knows no names: activities, columns, lists.
Otherwise it takes what we take, and `canvas`, which the loader does not read, as it is documented.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Literal

from engine.app.schema import project, tests, workflow
from engine.app.schema.parts import SHARED, shared
from engine.registry import Registry

DRAFT = "http://json-schema.org/draft-07/schema#"

Kind = Literal["workflow", "project", "test"]

_SCHEMAS: Mapping[Kind, Callable[[Registry], dict[str, Any]]] = {
    "workflow": workflow.schema,
    "project": project.schema,
    "test": tests.schema,
}


def schema(kind: Kind, registry: Registry) -> dict[str, Any]:
    """Give the schema of a kind of file. Raises DataError for a component that cannot be imported."""
    made = shared(_SCHEMAS[kind](registry))
    made["$defs"].update(SHARED)
    return {"$schema": DRAFT, **made}


def text(kind: Kind, registry: Registry) -> str:
    """Give the schema as a file holds it: the same text for the same components."""
    return json.dumps(schema(kind, registry), indent=1, ensure_ascii=False) + "\n"

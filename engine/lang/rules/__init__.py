"""Lint rules: one file each, whose docstring is the rule's page. A rule takes a specification and its graph, and gives warnings."""

from __future__ import annotations

from collections.abc import Mapping

from engine.kit.component import Component

COMPONENTS = (
    Component("rule", "W101", "engine.lang.rules.unread_result:check"),
    Component("rule", "W102", "engine.lang.rules.unused_variable:check"),
    Component("rule", "W103", "engine.lang.rules.disabled_activity:check"),
)

STAND_IN: Mapping[str, str] = {
    "integer": "1", "decimal": "1", "float": "1", "text": "text", "boolean": "true", "date": "2000-01-01",
    "timestamp": "2000-01-01T00:00:00+00:00", "interval": "1 day", "null": "", "other": "",
}  # fmt: skip
"""A harmless value of every kind (`engine.kit.types.Kind`, which is a text), for checking a workflow whose variables have no default."""

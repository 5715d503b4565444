"""Lint rules: one file each, whose docstring is the rule's page: what, why, instead.

A `rule` takes a specification and its graph, a `column_rule` also what is known of the database's columns
(`engine.lang.rules.columns.Known`); both give warnings.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.kit.component import Component

COMPONENTS = (
    Component("rule", "W101", "engine.lang.rules.unread_result:check"),
    Component("rule", "W102", "engine.lang.rules.unused_variable:check"),
    Component("rule", "W103", "engine.lang.rules.disabled_activity:check"),
    Component("rule", "W104", "engine.lang.rules.unreachable_activity:check"),
    Component("rule", "W105", "engine.lang.rules.dropped_complement:check"),
    Component("rule", "W106", "engine.lang.rules.share_of_everybody:check"),
    Component("rule", "W107", "engine.lang.rules.audience_shared_twice:check"),
    Component("rule", "W108", "engine.lang.rules.list_written_twice:check"),
    Component("rule", "W109", "engine.lang.rules.list_read_while_written:check"),
    Component("rule", "W110", "engine.lang.rules.idle_guard:check"),
    Component("rule", "W111", "engine.lang.rules.unsteady_sample:check"),
    Component("rule", "W112", "engine.lang.rules.population_twice:check"),
    Component("rule", "W113", "engine.lang.rules.disjoint_populations:check"),
    Component("rule", "W114", "engine.lang.rules.single_input:check"),
    Component("rule", "W115", "engine.lang.rules.shadowed_subset:check"),
    Component("rule", "W116", "engine.lang.rules.idle_size:check"),
    Component("rule", "W117", "engine.lang.rules.exclusion_of_nobody:check"),
    Component("rule", "W118", "engine.lang.rules.compared_with_null:check"),
    Component("rule", "W119", "engine.lang.rules.compared_with_itself:check"),
    Component("rule", "W120", "engine.lang.rules.and_or_confused:check"),
    Component("rule", "W121", "engine.lang.rules.empty_range:check"),
    Component("rule", "W122", "engine.lang.rules.like_without_wildcard:check"),
    Component("rule", "W123", "engine.lang.rules.secret_in_clear:check"),
    Component("rule", "W126", "engine.lang.rules.dropped_lines:check"),
    Component("rule", "W127", "engine.lang.rules.replaced_by_newcomers:check"),
    Component("rule", "W128", "engine.lang.rules.withdrawn_members_kept:check"),
    Component("column_rule", "W131", "engine.lang.rules.float_threshold:check"),
    Component("column_rule", "W132", "engine.lang.rules.ambiguous_name:check"),
    Component("column_rule", "W133", "engine.lang.rules.suppression_not_awaited:check"),
    Component("column_rule", "W134", "engine.lang.rules.deduplication_by_key:check"),
    Component("column_rule", "W135", "engine.lang.rules.nobody_may_object:check"),
)

STAND_IN: Mapping[str, str] = {
    "integer": "1", "decimal": "1", "float": "1", "text": "text", "boolean": "true", "date": "2000-01-01",
    "timestamp": "2000-01-01T00:00:00+00:00", "interval": "1 day", "null": "", "other": "",
}  # fmt: skip
"""A harmless value of every kind (`engine.kit.types.Kind`, which is a text), for checking a workflow whose variables have no default."""

"""What the rules must know of activities by which people leave."""

from __future__ import annotations

from collections.abc import Iterator

from engine.lang.spec import ActivitySpec, WorkflowSpec

SHARES = ("update_shared_audience",)
LISTS = ("list_update", "list_import")


def shares(spec: WorkflowSpec) -> Iterator[ActivitySpec]:
    """Give the activities that share people with somebody outside."""
    return (activity for activity in spec.activities.values() if activity.activity.type in SHARES)


def replaces(activity: ActivitySpec) -> bool:
    """Say that an activity puts its rows in the place of what was there."""
    return getattr(activity.activity, "mode", None) == "replace"

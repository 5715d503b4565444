"""What no test reaches: activities that none executes, and ports that give no row in any."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from engine.kit.errors import Span
from engine.lang.spec import ActivitySpec, WorkflowSpec


@dataclass(frozen=True, kw_only=True)
class Unreached:
    """An activity with its ports, or a port of one that was executed, and the place of the activity."""

    name: str
    span: Span
    ports: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """How many activities and ports there are, how many of them some test reaches, and the others.

    A port that stays empty whatever comes is left out. An activity that no test executes counts, and each of its ports.
    """

    reached: int
    total: int
    unreached: tuple[Unreached, ...]

    @property
    def percent(self) -> int:
        """The share that is reached, rounded down: 100 is all."""
        return 100 * self.reached // self.total if self.total else 100

    def to_json(self) -> dict[str, Any]:
        missing = [
            {"file": item.span.file, "line": item.span.line, "column": item.span.column, "name": item.name}
            for item in self.unreached
        ]
        return {"reached": self.reached, "total": self.total, "percent": self.percent, "unreached": missing}


def coverage(workflows: Iterable[tuple[WorkflowSpec, frozenset[str]]]) -> Coverage:
    """Sum up workflows, each with the names of what its tests reached: `activity`, and `activity.port`."""
    pairs = list(workflows)
    names = [(f"{activity.id}.{port}" if port else activity.id, reached) for spec, reached in pairs
             for activity in spec.activities.values() for port in ("", *_ports(activity))]  # fmt: skip
    return Coverage(
        reached=sum(name in reached for name, reached in names),
        total=len(names),
        unreached=tuple(item for spec, reached in pairs for item in _unreached(spec, reached)),
    )


def text(found: Coverage) -> str:
    """Say for a person what is not reached."""
    lines = [
        f"  {item.span}  {item.name}" + (f", and its {', '.join(item.ports)}" if item.ports else "")
        for item in found.unreached
    ]
    head = ["reached by no test:"] if lines else []
    return "\n".join((*head, *lines, f"coverage: {found.reached} of {found.total} activities and ports ({found.percent}%)"))  # fmt: skip


def _ports(activity: ActivitySpec) -> Iterator[str]:
    return (name for name, port in activity.output_ports.items() if not port.stays_empty)


def _unreached(spec: WorkflowSpec, reached: frozenset[str]) -> Iterator[Unreached]:
    for activity in spec.activities.values():
        if activity.id not in reached:
            yield Unreached(name=activity.id, span=activity.span, ports=tuple(_ports(activity)))
            continue
        names = (f"{activity.id}.{port}" for port in _ports(activity))
        yield from (Unreached(name=name, span=activity.span) for name in names if name not in reached)

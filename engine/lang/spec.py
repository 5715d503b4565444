"""The specification of a workflow: what an author wrote, read and checked; every part knows its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel

from engine.kit.activity import Activity, Port
from engine.kit.errors import Span
from engine.kit.expression import Expr, SortKey, tree
from engine.kit.option import Deferred, Duration, Integer, Name, Number, Options, Percentage, option
from engine.kit.template import Template
from engine.kit.types import Type

OnError = Literal["suspend", "ignore", "abort"]
Enabled = Literal["true", "false", "hold"]


class Retry(Options):
    """When and how often a task is tried again after an error that may pass."""

    attempts: Integer = option("How often the task is tried in all.", default=3, ge=1, example="3")
    delay: Duration = option("The pause before the second attempt.", default=timedelta(seconds=30), example="30s")
    backoff: Number = option("By how much each further pause is longer.", default=Decimal(2), example="2")
    max_delay: Duration = option("The longest pause.", default=timedelta(hours=1), example="1h")


class Guard(Options):
    """Bounds on what an effect is about to write, or on what an activity gives."""

    min: Integer | None = option("The fewest rows.", default=None, example="1000")
    max: Integer | None = option("The most rows.", default=None, example="2000000")
    max_drop: Percentage | None = option(
        "By how much the count may fall below the last succeeded run's.", default=None, example="20%"
    )
    max_rise: Percentage | None = option(
        "By how much the count may exceed the last succeeded run's.", default=None, example="50%"
    )
    on_empty: Literal["fail", "skip", "allow"] | None = option("What 0 rows mean.", default=None, example="fail")
    where: Expr | None = option("A condition on `inputs.<port>.count`.", default=None, example="inputs.from.count > 0")


class Output(Options):
    """Words on an arrow."""

    label: Template | None = option("What the arrow says.", default=None, example="Bought lately")


class Common(Options):
    """The options every activity has."""

    label: Template | None = option("What the box says.", default=None, example="Who bought lately")
    description: Template | None = option("Why the activity is here.", default=None, example="Chosen by the press")
    icon: Name | None = option("The picture of the box.", default=None, example="query")
    outputs: dict[str, Output] = option(
        "Words on the arrows, by output port.", default={}, example={"result": {"label": "Bought lately"}}
    )
    on_error: OnError | None = option(
        "What an error does to the run; the workflow's when not written.", default=None, example="suspend"
    )
    retry: Retry | None = option(
        "When an attempt that may pass later is tried again.", default=None, example={"attempts": "3", "delay": "30s"}
    )
    enabled: Enabled = option(
        "false: it and what needs it are skipped; hold: the branch stops here until released.",
        default="true",
        example="hold",
    )
    guard: Guard | None = option(
        "Bounds that stop the run before anything is written.", default=None, example={"min": "1000"}
    )
    when_missing: Literal["skip", "empty", "fail"] | None = option(
        "What a set port does when an input cannot arrive.", default=None, example="empty"
    )


@dataclass(frozen=True, kw_only=True)
class Reference:
    """An arrow's beginning: an activity and one of its output ports."""

    activity: str
    port: str
    span: Span

    def __str__(self) -> str:
        return f"{self.activity}.{self.port}"

    @property
    def short(self) -> str:
        """Give it as an author writes it: `buyers`, `groups.vip`."""
        return self.activity if self.port == "result" else str(self)


@dataclass(frozen=True, kw_only=True)
class After:
    """Activities to wait for, without a population. `any`: once all are settled and at least one fired."""

    activities: tuple[Reference, ...] = ()
    any: bool = False


@dataclass(frozen=True, kw_only=True)
class ActivitySpec:
    """A box as written: its id, its value, its arrows."""

    id: str
    span: Span
    activity: Activity
    common: Common
    inputs: Mapping[str, tuple[Reference, ...]] = field(default_factory=dict)
    after: After = field(default_factory=After)
    places: Mapping[str, Span] = field(default_factory=dict, compare=False, repr=False)
    """Where each option was written, by its dotted name: its value's place, or its key's where the value is a block or a list."""

    def place(self, *option: str) -> Span:
        """Give the place of an option, or of the part of it that was written; else the activity's own."""
        names = (".".join(option[:length]) for length in range(len(option), 0, -1))
        return next((self.places[name] for name in names if name in self.places), self.span)

    @cached_property
    def values(self) -> tuple[tuple[tuple[str, ...], Any], ...]:
        """Every option's value, and all inside it, the whole before its parts, with the names that lead there."""
        return tuple(pair for part in (self.activity, self.common) for pair in _inside((), part))

    @cached_property
    def expressions(self) -> tuple[Expr | SortKey, ...]:
        """Every expression, those of sort keys and deferred options too."""
        found = (value.expression if isinstance(value, Deferred) else value for _, value in self.values)
        return tuple(value for value in found if isinstance(value, Expr | SortKey))

    @cached_property
    def nodes(self) -> tuple[tuple[Expr | SortKey, tree.Node], ...]:
        """Every part of every expression, with the expression it stands in."""
        return tuple((each, node) for each in self.expressions for node in each.nodes)

    @property
    def references(self) -> Iterator[Reference]:
        """Every arrow that brings a population, in the order of the ports."""
        return (reference for references in self.inputs.values() for reference in references)

    @cached_property
    def output_ports(self) -> Mapping[str, Port]:
        return {port.name: port for port in self.activity.outputs()}


def _inside(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, value
    match value:
        case BaseModel():
            for name in type(value).model_fields:
                if (item := getattr(value, name)) is not None:
                    yield from _inside((*path, name), item)
        case tuple() | list():
            for item in value:
                yield from _inside(path, item)
        case dict():
            for name, item in value.items():
                yield from _inside((*path, str(name)), item)


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A variable of a workflow: its type, and the text of its default where it has one."""

    type: Type
    default: str | None
    description: str
    span: Span


@dataclass(frozen=True, kw_only=True)
class WorkflowSpec:
    """One workflow file."""

    name: str
    span: Span
    label: str
    dimension: str | None
    timezone: str
    on_error: OnError
    variables: Mapping[str, Variable]
    activities: Mapping[str, ActivitySpec]
    canvas: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    unreadable: frozenset[str] = frozenset()
    """Activities and variables (`vars.days`) that were written and are wrong. In what `load` gives there are none."""

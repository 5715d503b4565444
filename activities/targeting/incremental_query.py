"""Incremental query: whom earlier runs of the activity did not return."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, Literal

import sqlalchemy as sa
from pydantic import field_validator, model_validator

from engine.kit.activity import FROM, Memory, Port
from engine.kit.catalog import Catalog, History
from engine.kit.errors import EngineBug
from engine.kit.expression import Expr
from engine.kit.expression.rows import semi_joined
from engine.kit.expression.value import Value, compared
from engine.kit.frame import Frame
from engine.kit.limit import settled
from engine.kit.option import Deferred, Integer, option, wrong
from engine.kit.population import Inputs, Population, key_text
from engine.kit.selection import Selection
from engine.kit.types import DATE, TIMESTAMP

MOST_DAYS = 36_500


class IncrementalQuery(Selection):
    """Select the rows of a dimension that earlier runs of this activity did not return.

    It selects as a query does, and leaves out whom the activity returned before, by key: for ever, or with `history_days` until
    that many days after; somebody returned at 20 March 06:00 can be returned again by a run whose `run.time` is 20 March 06:00
    plus the days, or later. With `date_field` nobody is remembered: rows are taken whose value lies in the time since the last
    run, from its `run.time` (included) to this one's (excluded), so nobody is taken twice. Of a field that is a date and no time,
    whole days are taken, from the last `run.date` to yesterday. The first run takes all there are before it. A row that is written
    later than the run its value is before is never taken: where that can be, let the activity remember. A row whose value is null is
    not taken; a row whose key has a null is never remembered. Rows of no dimension are known by the key they have, which in a file
    is the number of the line.

    What counts is committed with success: of the whole run, or with `commit: activity` of the activity alone. A run that fails
    leaves no trace; one that is done again may return whom it returned itself. One run of the workflow is executed at a time on a
    machine, another is refused until it has ended or stopped; a run that goes on after another succeeded selects again, without
    whom that one returned. The history belongs to the workflow and the activity by their names; `audienceflow history` shows and
    forgets it. 0 rows do not fire, and what needs them is skipped. (Campaign: Incremental query; its schedule is a scheduler's,
    here.)
    """

    type: ClassVar[str] = "incremental_query"
    example: ClassVar[Mapping[str, object]] = {"dimension": "household", "where": "spend > 40", "history_days": "270"}

    history_days: Integer | None = option(
        "How many days after being returned somebody can be again; never, when not written.",
        default=None,
        ge=1,
        example="270",
    )
    date_field: Expr | None = option(
        "Take rows with a date or time since the last run, instead of remembering whom runs returned.",
        default=None,
        example="created_at",
    )
    commit: Literal["run", "activity"] = option("With whose success the history counts.", default="run")

    @field_validator("history_days")
    @classmethod
    def _is_on_the_calendar(cls, days: int | Deferred | None) -> int | Deferred | None:
        if isinstance(days, int) and days > MOST_DAYS:
            what = f"{days} is more than {MOST_DAYS}, a hundred years"
            raise wrong(what, "take it out: nobody is returned again")
        return days

    @model_validator(mode="after")
    def _is_one_way(self) -> IncrementalQuery:
        if self.history_days is not None and self.date_field is not None:
            fix = "take 'history_days' out: with a date nobody is remembered"
            raise wrong("'history_days' and 'date_field' do not go together", fix, "history_days")
        return self

    @property
    def memory(self) -> Memory:
        days = None if self.history_days is None else int(settled(self.history_days))
        return Memory(commit=self.commit, has_keys=self.date_field is None, days=days)

    def outputs(self) -> tuple[Port, ...]:
        return (Port(name="result", doc="The rows that are new; 0 rows do not fire.", silent=True),)

    def conditions(self, frame: Frame) -> list[sa.ColumnElement[bool]]:
        history = frame.catalog.history
        if history is None:
            raise EngineBug("an incremental query was asked without its history")
        is_new = (
            self._is_fresh(frame, history) if self.date_field is None else _is_since(frame, self.date_field, history)
        )
        return [is_new]

    def select(self, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        base = self.base(inputs, catalog)
        return {"result": self.selected(base, catalog, is_whole=FROM.name not in inputs)}

    def _is_fresh(self, frame: Frame, history: History) -> sa.ColumnElement[bool]:
        """Say that no run that counts returned the key."""
        keys = history.keys
        days = self.memory.days
        counts = [] if days is None else [keys.c.time > history.time - timedelta(days=days)]
        key = key_text(frame.catalog.dialect, frame.population)
        return ~semi_joined(frame.catalog, [key], [keys.c.key], keys, counts, [keys])


def _is_since(frame: Frame, field: Expr, history: History) -> sa.ColumnElement[bool]:
    """Say that the value lies between the last run and this one."""
    (value,) = frame.identities((field,))
    if value.type not in (DATE, TIMESTAMP):
        raise field.error(
            field.tree.at,
            "E305",
            f"a date or timestamp is wanted here, and this is {value.type}",
            "write a column of time",
        )
    is_date = value.type == DATE
    column, now = (history.runs.c.date, history.date) if is_date else (history.runs.c.time, history.time)
    earliest: Any = date.min if is_date else datetime.min  # noqa: DTZ901 - times are naive UTC here
    last = sa.func.coalesce(sa.select(sa.func.max(column)).scalar_subquery(), sa.literal(earliest, column.type))
    bounds = {">=": Value(last, value.type), "<": Value(sa.literal(now, column.type), value.type)}
    return sa.and_(*(compared(frame.catalog.dialect, sign, value, bound) for sign, bound in bounds.items()))

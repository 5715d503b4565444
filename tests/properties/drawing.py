"""A random workflow on its way: the tables it is over, the activities drawn so far, and what their ports hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from hypothesis import strategies as st

from tests.properties.formulas import (
    DECIMALS,
    INTEGERS,
    TEXTS,
    scope_of,
    value,
)
from tests.properties.rows import (
    DIMENSIONS,
    WORKFLOW,
    Formula,
    Key,
    Row,
    Rows,
    Tables,
)

MOST_ACTIVITIES = 8
Options = dict[str, Any]
Made = tuple[Options, Mapping[str, Rows]]


@dataclass(repr=False)
class Drawing:
    """A workflow, as far as it is drawn: its tables, the activities as written, and what their ports hold."""

    draw: st.DrawFn
    tables: Tables
    activities: dict[str, Options] = field(default_factory=dict)
    ports: dict[str, Rows] = field(default_factory=dict)
    refused: str | None = None
    """The activity at which the run has to stop."""

    def __repr__(self) -> str:
        """Give what a person needs to run it again."""
        return f"{json.dumps(self.tables, ensure_ascii=False, default=str)}\n{self.text}"

    def one_of(self, choices: Any) -> Any:
        return self.draw(st.sampled_from(list(choices)))

    def is_so(self) -> bool:
        return self.draw(st.booleans())

    def port(self, dimension: str | None = None) -> str:
        return str(self.one_of(self.alike(dimension)))

    def alike(self, dimension: str | None = None) -> list[str]:
        return [name for name, rows in self.ports.items() if dimension in (None, rows.dimension)]

    def several(self, *, mixed: bool = False) -> tuple[list[str], list[Rows]]:
        """Draw populations, in some order: of one dimension, or `mixed` ones that have a column in common."""
        first = self.port()
        rows = self.ports[first]
        names = self.alike(rows.dimension) if rows.dimension else [first]
        beside = [name for name in rows.types if name not in rows.key]
        if beside and (mixed or not rows.dimension):
            shared = self.one_of(beside)
            names = [name for name, each in self.ports.items() if shared in each.types and shared not in each.key]
        drawn = self.draw(st.lists(st.sampled_from(names), min_size=min(2, len(names)), max_size=3, unique=True))
        return drawn, [self.ports[name] for name in drawn]

    def formulas(self, rows: Rows, least: int = 1) -> list[Formula]:
        return [value(self.draw, scope_of(rows), depth=1) for _ in range(self.draw(st.integers(least, 2)))]

    @property
    def text(self) -> str:
        """Give the workflow; ports that nothing reads are read by queries of their own, so that they are made."""
        read = {
            name
            for options in self.activities.values()
            for port in ("from", "exclude", "with")
            for name in _listed(options.get(port))
        }
        unread = [name for name in self.ports if name not in read]
        leaves = {name for name in self.activities if not any(each.partition(".")[0] == name for each in read)}
        readers = {
            f"read_{name.replace('.', '_')}": {"type": "query", "from": name} for name in unread
            if name not in leaves or any(each.startswith(f"{name}.") for each in unread)
        }  # fmt: skip
        written = {"workflow": WORKFLOW, "activities": {**self.activities, **readers}}
        return json.dumps(written, ensure_ascii=False, indent=1)


def _listed(written: Any) -> list[str]:
    return written if isinstance(written, list) else [written] if written else []


text = st.sampled_from((*TEXTS, None))
integer = st.sampled_from((*INTEGERS, None))
decimal = st.sampled_from((*DECIMALS, None))
VALUES = {"integer": integer, "text": text, "decimal": decimal}


@st.composite
def tables(draw: st.DrawFn) -> Tables:
    """Draw the rows of all tables; keys are whole, and no two rows have the same."""
    found = {}
    for name, dimension in DIMENSIONS.items():
        strategies = {
            column: VALUES[type_].filter(lambda each: each is not None) if column in dimension.key else VALUES[type_]
            for column, type_ in dimension.types.items()
        }
        found[name] = draw(
            st.lists(
                st.fixed_dictionaries(strategies),
                min_size=draw(st.sampled_from((0, 4, 6))),
                max_size=8,
                unique_by=partial(_key, dimension.key),
            )
        )
    return found


def _key(names: tuple[str, ...], row: Row) -> Key:
    return tuple(row[name] for name in names)

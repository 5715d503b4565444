"""A population: the rows on a transition, as an immutable relation."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Any

import sqlalchemy as sa

from engine.kit.dialect import Dialect
from engine.kit.errors import AuthorError, EngineBug
from engine.kit.expression.stored import meant
from engine.kit.types import TEXT, Type, to_sqlalchemy


@dataclass(frozen=True, kw_only=True, eq=False)
class Population:
    """Rows with a key. Nothing here touches a database.

    `columns` gives the portable type of every column, the key's first. `unique` claims that no two rows
    share a key (by a constraint, by construction, or because it was checked); where it is false the engine checks when the
    work table is made. `count` is the number of rows where it is known. `dimension` is absent while rows are not reconciled.
    """

    relation: sa.FromClause
    key: tuple[str, ...]
    columns: Mapping[str, Type]
    dimension: str | None = None
    unique: bool = False
    count: int | None = None
    mend: str = "correct the dimension's key in project.yaml, or deduplicate first"
    """What to do when two rows share a key."""
    more: str = ""
    """What to type for a column that is not there and may be all the same, where rows come from outside; `{name}` stands for it."""

    def __post_init__(self) -> None:
        twins = _twins(self.columns)
        if twins and not isinstance(self.relation, sa.Table):
            raise AuthorError.at(
                None,
                "E404",
                f"the columns {twins[0]} and {twins[1]} differ only in case, which databases do not mind",
                "rename one of them",
            )
        missing = [name for name in self.key if name not in self.columns]
        if missing or not self.key:
            raise EngineBug(f"a population without its key: {missing or 'no key'}")

    def column(self, name: str) -> sa.ColumnElement[object]:
        """Give the column as an SQL expression."""
        column: sa.ColumnElement[object] = meant(self.relation.c[name])
        return column

    @property
    def key_columns(self) -> tuple[sa.ColumnElement[object], ...]:
        return tuple(self.column(name) for name in self.key)

    def select(self, names: Iterable[str] | None = None) -> sa.Select[tuple[object, ...]]:
        """Select the named columns (all of them when not told), keeping every row."""
        columns: list[Any] = [self.column(name) for name in (self.columns if names is None else names)]
        return sa.select(*columns)

    def of(self, statement: sa.Select[tuple[object, ...]], added: Mapping[str, Type] | None = None) -> Population:
        """Give the population that `statement` selects from this one: its columns, some of ours and those `added`.

        The statement must not multiply rows: the claim `unique` is kept.
        """
        types = {**self.columns, **(added or {})}
        columns = {name: types[name] for name in statement.selected_columns.keys()}  # noqa: SIM118  (no mapping)
        return replace(self, relation=statement.subquery(), columns=columns, count=None)

    def unused(self, name: str) -> str:
        """Give a name that no column has: this one, or with underscores behind it."""
        return unused(name, self.columns)

    def target(self) -> Population:
        """Give the same rows as expressions must see them where law or identity hangs on them: the key and the dimension.

        Columns found on the way could bear the name of a column of the dimension and hide it.
        """
        return replace(self, columns={name: self.columns[name] for name in self.key})

    def where(self, condition: sa.ColumnElement[bool]) -> Population:
        """Keep the rows for which the condition is true (not those for which it is null)."""
        return replace(self, relation=self.select().where(condition).subquery(), count=None)

    def with_column(self, name: str, value: sa.ColumnElement[object], type_: Type) -> Population:
        """Add a column, or replace the one of that name."""
        others = [column for column in self.columns if column != name]
        return self.of(self.select(others).add_columns(value.label(name)), {name: type_})

    def emptied(self) -> Population:
        """Give the same columns without a row, of no table."""
        types = {name: to_sqlalchemy(type_) for name, type_ in self.columns.items()}
        nulls = (
            (sa.null() if isinstance(type_, sa.types.NullType) else sa.cast(sa.null(), type_)).label(name)
            for name, type_ in types.items()
        )
        return replace(self, relation=sa.select(*nulls).where(sa.false()).subquery(), unique=True, count=0)

    def only(self, names: Sequence[str]) -> Population:
        """Keep the key and the named columns."""
        kept = dict.fromkeys((*self.key, *names))
        return self.of(self.select(kept))

    def matches(self, other: Population) -> sa.ColumnElement[bool]:
        """Say of a row of ours that `other` holds its key. A null in a key matches nothing."""
        theirs = other.relation.alias()
        pairs = (self.column(ours) == meant(theirs.c[their]) for ours, their in zip(self.key, other.key, strict=True))
        return sa.exists().where(*pairs)

    def without(self, *others: Population) -> Population:
        """Leave out the rows whose key one of the others holds."""
        return self.where(sa.and_(sa.true(), *(~self.matches(other) for other in others)))


def unused(name: str, columns: Iterable[str]) -> str:
    """Give a name that none of the columns has: this one, or with underscores behind it."""
    taken = {column.lower() for column in columns}
    while name.lower() in taken:
        name += "_"
    return name


def key_text(dialect: Dialect, population: Population, *, null: str | None = None) -> sa.ColumnElement[Any]:
    """Give the key as one text, by which it is known between runs and databases.

    Parts are written canonically and joined by colons; in a text that is one of several parts, `%` is `%25` and `:` is `%3A`.
    A part that is null is written as `null`; where that is not told, the whole is null.
    """
    parts: list[Any] = []
    for name in population.key:
        type_ = population.columns[name]
        part = dialect.text(population.column(name), type_)
        if type_ == TEXT and len(population.key) > 1:
            for letter, written in (("%", "%25"), (":", "%3A")):
                part = sa.func.replace(part, sa.literal(letter), sa.literal(written), type_=sa.String())
        if null is not None:
            part = sa.func.coalesce(part, sa.literal(null, sa.String()), type_=sa.String())
        parts += [sa.literal(":", sa.String()), part] if parts else [part]
    return reduce(add, parts)


def _twins(names: Collection[str]) -> tuple[str, str] | None:
    if len({name.lower() for name in names}) == len(names):
        return None
    known: dict[str, str] = {}
    for name in names:
        first = known.setdefault(name.lower(), name)
        if first != name:
            return first, name
    return None


class Outputs(Mapping[str, Population]):
    """The populations of output ports, each made when it is first asked for: most ports are read by nobody.

    What is wrong with a port is an error of whoever reads it.
    """

    def __init__(self, ports: Mapping[str, Callable[[], Population]]) -> None:
        self._ports = ports
        self._made: dict[str, Population] = {}

    def __getitem__(self, port: str) -> Population:
        if port not in self._made:
            self._made[port] = self._ports[port]()
        return self._made[port]

    def __iter__(self) -> Iterator[str]:
        return iter(self._ports)

    def __len__(self) -> int:
        return len(self._ports)


class Inputs(Mapping[str, Population]):
    """The populations that arrived, by input port. `many` gives those of a set port, in the author's order.

    `names` are what the author called them there: `buyers`, `groups.vip`.
    """

    def __init__(
        self, ports: Mapping[str, Sequence[Population]], names: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self._ports = {name: tuple(populations) for name, populations in ports.items()}
        self._names = names or {}

    def __getitem__(self, port: str) -> Population:
        (population,) = self._ports[port]
        return population

    def many(self, port: str) -> tuple[Population, ...]:
        return self._ports.get(port, ())

    def named(self, port: str) -> tuple[tuple[str, Population], ...]:
        """Give those of a set port with their names, which are empty where nobody said them."""
        populations = self.many(port)
        return tuple(zip(self._names.get(port, [""] * len(populations)), populations, strict=True))

    def __iter__(self) -> Iterator[str]:
        return iter(self._ports)

    def __len__(self) -> int:
        return len(self._ports)

"""What is known of columns when a workflow is held against a database: for rules that judge types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from engine.kit.adding import Lines
from engine.kit.catalog import Catalog, Dimension
from engine.kit.expression import Expr, SortKey, tree
from engine.kit.matching import Pair
from engine.kit.population import Population
from engine.kit.types import Kind, Type
from engine.lang.spec import ActivitySpec, WorkflowSpec

ROW, TARGET = "row", "target"


@dataclass(frozen=True, kw_only=True)
class Known:
    """The catalogue, and the population of every output port as far as it was planned: by activity, then by port."""

    catalog: Catalog
    populations: Mapping[str, Mapping[str, Population]] = field(default_factory=dict)

    def has_floats(self, spec: WorkflowSpec) -> bool:
        """Say that a column is a float anywhere: in a table, or on an arrow."""
        tables = (each.columns for each in (*self.catalog.dimensions.values(), *self.catalog.tables.values()))
        arrows = (population.columns for each in spec.activities.values() for population in self.arriving(each))
        return any(type_.kind == Kind.FLOAT for columns in (*tables, *arrows) for type_ in columns.values())

    def arriving(self, activity: ActivitySpec) -> Iterator[Population]:
        """Give the populations that reach an activity, where they are known."""
        for references in activity.inputs.values():
            for reference in references:
                population = self.populations.get(reference.activity, {}).get(reference.port)
                if population is not None:
                    yield population

    def dimension(self, activity: ActivitySpec) -> Dimension | None:
        """Give the dimension an activity's expressions are written on: of what arrives, else the one it names."""
        names = [population.dimension for population in self.arriving(activity)]
        name = names[0] if names else getattr(activity.activity, "dimension", None)
        return self.catalog.dimensions.get(name or "")

    def texts(self, activity: ActivitySpec) -> Iterator[tuple[Expr | SortKey, Row | None]]:
        """Give every expression with what its names mean: those of lines mean the link's columns; of another population's, nothing."""
        row = self.row(activity)
        theirs = {id(value.theirs) for _, value in activity.values if isinstance(value, Pair)}
        theirs |= {id(value) for path, value in activity.values if path == ("order",) and "with" in activity.inputs}
        lines = [value for _, value in activity.values if isinstance(value, Lines)]
        inside = {id(text): each.of.tree for each in lines for text in each.texts if text is not each.of}
        for text in activity.expressions:
            link = inside.get(id(text))
            if id(text) in theirs:
                yield text, None
                continue
            yield text, row.inside(link) if row and isinstance(link, tree.Name) else row

    def row(self, activity: ActivitySpec) -> Row | None:
        """Give what names mean in an activity's expressions."""
        dimension = self.dimension(activity)
        arriving = next(self.arriving(activity), None)
        if dimension is None:
            return None
        own = arriving.columns if arriving else {}
        return Row(catalog=self.catalog, own=own, dimension=dimension, target=dimension)


@dataclass(frozen=True, kw_only=True)
class Row:
    """The columns names are looked up in: the population's own, then the dimension's; inside a collection the link's alone."""

    catalog: Catalog
    own: Mapping[str, Type]
    dimension: Dimension
    target: Dimension
    outside: Mapping[str, Dimension] = field(default_factory=dict)
    """The collections around, by their link's name."""

    def type_of(self, name: tree.Name) -> Type | None:
        """Give the type of a column, or nothing where the name is none."""
        parts = name.parts
        if len(parts) == 1 and parts[0] in self.own:
            return self.own[parts[0]]
        if parts[0] == ROW and len(parts) == 2:
            return self.own.get(parts[1])
        dimension: Dimension | None = self.dimension
        if len(parts) > 1 and parts[0] not in self.dimension.links:
            roots = {TARGET: self.target, **self.outside}
            dimension, parts = roots.get(parts[0]), parts[1:]
        for part in parts[:-1]:
            link = dimension.links.get(part) if dimension else None
            dimension = self.catalog.behind(link) if link else None
        return dimension.columns.get(parts[-1]) if dimension else None

    def inside(self, link: tree.Name) -> Row | None:
        """Give what names mean inside a collection over a link."""
        dimension: Dimension | None = self.dimension
        for part in link.parts:
            found = dimension.links.get(part) if dimension else None
            dimension = self.catalog.behind(found) if found else None
        if dimension is None:
            return None
        outside = {**self.outside, link.parts[-1]: dimension}
        return Row(catalog=self.catalog, own={}, dimension=dimension, target=self.target, outside=outside)


def is_float(node: tree.Node, row: Row) -> bool:
    """Say that a value is computed as a float."""
    match node:
        case tree.Name():
            type_ = row.type_of(node)
            return type_ is not None and type_.kind == Kind.FLOAT
        case tree.Collection(function=function, arguments=arguments, link=link):
            inner = row.inside(link)
            return function in AMOUNTS and inner is not None and any(is_float(each, inner) for each in arguments)
        case tree.Call(function=name, arguments=arguments):
            known = row.catalog.functions.get(name)
            is_exact = name in EXACT or (known is not None and isinstance(known.result, Type))
            return not is_exact and any(is_float(argument, row) for argument in arguments)
        case tree.Window(call=call):
            return call.function in (*AMOUNTS, "lag", "lead") and any(is_float(each, row) for each in call.arguments)
        case tree.Negative() | tree.Binary(operator="+" | "-" | "*" | "/" | "%") | tree.Case():
            return any(is_float(part, row) for part in tree.children(node))
        case tree.When(value=value):
            return is_float(value, row)
        case _:
            return False


AMOUNTS = ("sum", "avg", "min", "max")
EXACT = ("round", "count", "count_distinct", "to_string", "string_agg")
"""Functions that give no float of a float."""

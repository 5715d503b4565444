"""W132: a name that means two columns.

What: an expression names a column that both the population and its dimension have, and the population's was computed on the way, so
the two may differ.

Why: the population's column is taken. Who looks at the table expects the other one.

Instead: write `row.name` for the population's column, `target.name` for the dimension's; or give the added column a name of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.kit.errors import Diagnostic
from engine.kit.expression import tree
from engine.kit.population import Population
from engine.lang.graph import Graph
from engine.lang.rules.columns import TARGET, Known
from engine.lang.rules.comparisons import warning
from engine.lang.spec import ActivitySpec, WorkflowSpec


def check(spec: WorkflowSpec, graph: Graph, known: Known) -> Iterator[Diagnostic]:  # noqa: ARG001  (all rules are called alike)
    for activity in spec.activities.values():
        dimension = known.dimension(activity)
        arriving = next(known.arriving(activity), None)
        if dimension is None or arriving is None:
            continue
        twice = {
            name
            for name in set(_own(arriving)) & set(dimension.columns)
            if not _is_the_same(spec, activity, name, known)
        }
        for expression, row in known.texts(activity):
            for name in _outer_names(expression.tree) if row and row.own else ():
                if name.parts[0] in twice and len(name.parts) == 1:
                    what = f"both the population and {dimension.name} have a column '{name}'; the population's is taken"
                    yield warning(expression, name, "W132", what, f"write row.{name}, or target.{name}")


def _own(population: Population) -> list[str]:
    return [name for name in population.columns if name not in population.key]


def _is_the_same(spec: WorkflowSpec, activity: ActivitySpec, name: str, known: Known) -> bool:
    """Say that wherever the column was added on the way here, it is the dimension's own of that name."""
    for references in activity.inputs.values():
        for reference in references:
            source = spec.activities[reference.activity]
            added = getattr(source.activity, "add", {}).get(name)
            if added is not None:
                if not isinstance(added.tree, tree.Name) or added.tree.parts not in ((name,), (TARGET, name)):
                    return False
                if added.tree.parts == (name,) and not _is_the_same(spec, source, name, known):
                    return False
                continue
            population = known.populations.get(reference.activity, {}).get(reference.port)
            has_it = population is not None and name in population.columns
            if has_it and (not source.inputs or not _is_the_same(spec, source, name, known)):
                return False
    return True


def _outer_names(node: tree.Node) -> Iterator[tree.Name]:
    """Give the names outside of collections, inside of which bare names are the link's."""
    match node:
        case tree.Collection():
            return
        case tree.Name():
            yield node
        case _:
            for part in tree.children(node):
                yield from _outer_names(part)

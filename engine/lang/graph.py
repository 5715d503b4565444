"""The graph of a workflow: activities as nodes, transitions as edges, and what is wrong with their shape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from typing import TypeAlias

import networkx as nx

from engine.kit.errors import Diagnostic, suggestion
from engine.lang import mentions
from engine.lang.source import MOST_PROBLEMS
from engine.lang.spec import ActivitySpec, After, Reference, WorkflowSpec

Graph: TypeAlias = "nx.MultiDiGraph[str]"

CONTROL = "after"
"""The input port of arrows that carry no population."""


def build(spec: WorkflowSpec) -> Graph:
    """Give the graph; an edge knows its output port (`source`), its input port (`target`) and the reference."""
    graph: Graph = nx.MultiDiGraph()
    graph.add_nodes_from(spec.activities)
    for activity in spec.activities.values():
        for port, reference in arrows(activity):
            if reference.activity in spec.activities:
                graph.add_edge(reference.activity, activity.id, source=reference.port, target=port, reference=reference)
    return graph


def arrows(activity: ActivitySpec) -> Iterator[tuple[str, Reference]]:
    """Give every arrow that ends at the activity, with its input port."""
    for port, references in activity.inputs.items():
        for reference in references:
            yield port, reference
    for reference in activity.after.activities:
        yield CONTROL, reference


def problems(spec: WorkflowSpec, graph: Graph) -> list[Diagnostic]:
    """Give what is wrong: references to nothing, ports that do not exist, cycles, variables that nobody declares."""
    wrong = (
        problem
        for activity in spec.activities.values()
        for port, reference in arrows(activity)
        if (problem := _reference_problem(spec, port, reference))
    )
    return [*islice(wrong, MOST_PROBLEMS), *_cycles(spec, graph), *_undeclared(spec)]


@lru_cache(maxsize=1)
def order(graph: Graph) -> tuple[str, ...]:
    """Give the activities so that each comes after those it needs, otherwise as written. The graph is not changed any more."""
    position = {activity: index for index, activity in enumerate(graph)}
    return tuple(nx.lexicographical_topological_sort(graph, key=position.__getitem__))


def upstream(graph: Graph, activity: str) -> set[str]:
    """Give all activities from which arrows lead to this one."""
    return set(nx.ancestors(graph, activity))


def read_by(graph: Graph, reader: str, ports: Iterable[tuple[str, str]]) -> Graph:
    """Give the graph with arrows from these ports (activity, port) to a reader that is no activity: so their tables are made."""
    wider = graph.copy()
    for activity, port in ports:
        wider.add_edge(activity, reader, source=port, target="from")
    return wider


def used_ports(graph: Graph, activity: str) -> set[str]:
    """Give the output ports that somebody reads or waits for, and `result` of a leaf: one work table each."""
    read = {data["source"] for _, _, data in graph.out_edges(activity, data=True)} - {"done"}
    return read or {"result"}


def readers(graph: Graph, activity: str, port: str) -> list[Reference]:
    """Give the arrows that begin at an output port, as they were written."""
    return [data["reference"] for _, _, data in graph.out_edges(activity, data=True) if data["source"] == port]


def comes_before(graph: Graph, first: str, second: str) -> bool:
    """Say that an activity is settled before the other begins, by populations or by control."""
    return bool(nx.has_path(graph, first, second))


def fed_by(graph: Graph, activity: str) -> set[str]:
    """Give the activities that some of an activity's rows may reach."""
    return set(nx.descendants(_populations(graph), activity))


def feeding(graph: Graph, activity: str) -> set[str]:
    """Give the activities some of whose rows may reach an activity."""
    return set(nx.ancestors(_populations(graph), activity))


def _populations(graph: Graph) -> Graph:
    """Give the graph without control."""
    kept: Graph = nx.subgraph_view(graph, filter_edge=lambda a, b, key: graph.edges[a, b, key]["target"] != CONTROL)
    return kept


def sound(spec: WorkflowSpec) -> WorkflowSpec:
    """Give the activities whose own options can be judged: all that stands before them is right, so their columns are known.

    Control is left out, so there is no cycle; an activity that is wrong itself stays, as far as it could be read.
    """
    waits: dict[str, set[str]] = {
        name: {reference.activity for reference in activity.references}
        for name, activity in spec.activities.items()
        if _can_be_judged(spec, activity)
    }
    readers: dict[str, list[str]] = {}
    for name, sources in waits.items():
        for source in sources:
            readers.setdefault(source, []).append(name)
    ready = [name for name, sources in waits.items() if not sources]
    for name in ready:
        for reader in readers.get(name, ()):
            waits[reader].discard(name)
            if not waits[reader]:
                ready.append(reader)
    kept = set(ready)
    activities = {name: replace(spec.activities[name], after=After()) for name in spec.activities if name in kept}
    return replace(spec, activities=activities)


def _can_be_judged(spec: WorkflowSpec, activity: ActivitySpec) -> bool:
    """Say that an activity's arrows lead somewhere that is right itself, and that the variables it mentions are known."""
    is_fed = all(
        reference.activity not in spec.unreadable and _reference_problem(spec, port, reference) is None
        for port, references in activity.inputs.items()
        for reference in references
    )
    needed = {port.name for port in activity.activity.inputs if not port.optional}
    is_settled = all(
        name in spec.variables and f"vars.{name}" not in spec.unreadable for name in mentions.variables(activity)
    )
    return is_fed and is_settled and needed <= set(activity.inputs)


def _reference_problem(spec: WorkflowSpec, port: str, reference: Reference) -> Diagnostic | None:
    source = spec.activities.get(reference.activity)
    is_unsure = reference.activity in spec.unreadable and (source is None or _may_have(source, reference.port))
    if not reference.activity or is_unsure:
        return None
    if source is None:
        known = [*spec.activities, *(name for name in spec.unreadable if "." not in name)]
        return Diagnostic(
            reference.span,
            "E113",
            f"there is no activity '{reference.activity}'",
            suggestion(reference.activity, known, "activities"),
        )
    ports = [*source.output_ports, *(["done"] if port == CONTROL else [])]
    if reference.port == "done" and port != CONTROL:
        outputs = suggestion("", ports, "outputs", f"{source.id}.")
        fix = f"write 'after: {source.id}' to wait for it, or name an output ({outputs})"
        return Diagnostic(reference.span, "E114", f"'{source.id}.done' carries no population", fix)
    if reference.port not in ports:
        return Diagnostic(
            reference.span,
            "E114",
            f"'{reference.activity}' has no output '{reference.port}'",
            suggestion(reference.port, ports, "outputs", f"{source.id}."),
        )
    return None


def _may_have(wrong: ActivitySpec, port: str) -> bool:
    """Say that an activity with wrong options may have an output when they are mended: it is a usual one, or written in them."""
    return port in ("result", "complement") or any(port in name.split(".") for name in wrong.places)


def _cycles(spec: WorkflowSpec, graph: Graph) -> Iterator[Diagnostic]:
    for members in nx.strongly_connected_components(graph):
        if len(members) > 1 or any(graph.has_edge(member, member) for member in members):
            first, *others = sorted(members, key=list(graph).index)
            port, reference = next(
                (port, reference) for port, reference in arrows(spec.activities[first]) if reference.activity in members
            )
            what = f"these activities wait for each other: {', '.join((first, *others))}"
            fix = f"name another activity in '{port}' of '{first}', or cut one of the other arrows"
            yield Diagnostic(reference.span, "E115", what if others else f"'{first}' waits for itself", fix)


def _undeclared(spec: WorkflowSpec) -> Iterator[Diagnostic]:
    for activity in spec.activities.values():
        for name, span, code in mentions.places(activity):
            if name not in spec.variables and f"vars.{name}" not in spec.unreadable:
                declared = f"declare it: 'variables: {{{name}: {{type: integer, default: 30}}}}'"
                fix = suggestion(name, spec.variables, "variables") if spec.variables else declared
                yield Diagnostic(span or activity.span, code, f"there is no variable '{name}'", fix)

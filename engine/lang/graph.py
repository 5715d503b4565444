"""The graph of a workflow: activities as nodes, transitions as edges, and what is wrong with their shape."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TypeAlias

import networkx as nx

from engine.kit.errors import Diagnostic, suggestion
from engine.lang.source import MOST_PROBLEMS
from engine.lang.spec import ActivitySpec, Reference, WorkflowSpec

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
    """Give what is wrong: references to nothing, ports that do not exist, cycles."""
    wrong = (
        problem
        for activity in spec.activities.values()
        for _, reference in arrows(activity)
        if (problem := _reference_problem(spec, reference))
    )
    return [*islice(wrong, MOST_PROBLEMS), *_cycles(spec, graph)]


def order(graph: Graph) -> list[str]:
    """Give the activities so that each comes after those it needs, otherwise as written."""
    position = {activity: index for index, activity in enumerate(graph)}
    return list(nx.lexicographical_topological_sort(graph, key=position.__getitem__))


def used_ports(graph: Graph, activity: str) -> set[str]:
    """Give the output ports that somebody reads or waits for, and `result` of a leaf: one work table each."""
    read = {data["source"] for _, _, data in graph.out_edges(activity, data=True)} - {"done"}
    return read or {"result"}


def _reference_problem(spec: WorkflowSpec, reference: Reference) -> Diagnostic | None:
    if not reference.activity:
        return None
    source = spec.activities.get(reference.activity)
    if source is None:
        return Diagnostic(
            reference.span,
            "E113",
            f"there is no activity '{reference.activity}'",
            suggestion(reference.activity, spec.activities, "activities"),
        )
    ports = [*source.output_ports, "done"]
    if reference.port not in ports:
        return Diagnostic(
            reference.span,
            "E114",
            f"'{reference.activity}' has no output '{reference.port}'",
            suggestion(f"{reference.activity}.{reference.port}", [f"{source.id}.{port}" for port in ports], "outputs"),
        )
    return None


def _cycles(spec: WorkflowSpec, graph: Graph) -> Iterator[Diagnostic]:
    for members in nx.strongly_connected_components(graph):
        if len(members) > 1 or any(graph.has_edge(member, member) for member in members):
            first, *_ = sorted(members, key=list(graph).index)
            listed = ", ".join(sorted(members, key=list(graph).index))
            yield Diagnostic(
                spec.activities[first].span,
                "E115",
                f"these activities wait for each other: {listed}",
                "cut one arrow; a loop is written with 'type: jump'",
            )

"""W109: a list is read while the same workflow fills it.

What: one activity reads a list and another one writes it, and no arrow says which of the two comes first.

Why: depending on the order in which the branches run, the reader gets the list of the last run or that of this one.

Instead: write `after:` at the one that comes second. Who needs the fresh list takes the `result` of the activity that fills it.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.kit.errors import Diagnostic
from engine.lang import graph as graphs
from engine.lang.graph import Graph
from engine.lang.rules.shares import LISTS
from engine.lang.spec import WorkflowSpec


def check(spec: WorkflowSpec, graph: Graph) -> Iterator[Diagnostic]:
    readers = [activity for activity in spec.activities.values() if activity.activity.type == "read_list"]
    writers = [activity for activity in spec.activities.values() if activity.activity.type in LISTS]
    for reader in readers:
        name = str(getattr(reader.activity, "list", ""))
        for writer in writers:
            is_ordered = graphs.comes_before(graph, reader.id, writer.id) or graphs.comes_before(
                graph, writer.id, reader.id
            )
            if str(getattr(writer.activity, "list", "")) == name and not is_ordered:
                yield Diagnostic(
                    reader.place("list"),
                    "W109",
                    f"'{writer.id}' in line {writer.span.line} fills the list '{name}', before or after it is read here",
                    f"write 'after: {writer.id}' here to read it afterwards, or 'after: {reader.id}' there",
                    "warning",
                )

"""S101: the workflow has no label. It stands above its picture; without one there is only a name."""

from collections.abc import Iterator

from engine.kit.errors import Diagnostic
from engine.lang.graph import Graph
from engine.lang.spec import WorkflowSpec


def check(spec: WorkflowSpec, graph: Graph) -> Iterator[Diagnostic]:  # noqa: ARG001
    if spec.label == spec.name:
        message, fix = f"the workflow '{spec.name}' has no label", "write 'label: …' below 'workflow:'"
        yield Diagnostic(spec.span, "S101", message, fix, "warning")

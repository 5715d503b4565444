"""What the rules about conditions have in common."""

from __future__ import annotations

from engine.kit.errors import Diagnostic, Span
from engine.kit.expression import Expr, SortKey, tree

COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")


def warning(expression: Expr | SortKey, node: tree.Node, code: str, message: str, fix: str) -> Diagnostic:
    """Give the warning of a part of an expression, at its place."""
    span = expression.span.shifted(node.at) if expression.span else Span("", 0, 0)
    return Diagnostic(span, code, message, fix, "warning")


def is_literal(node: tree.Node) -> bool:
    """Say that a part is a value written out, and not null."""
    return isinstance(node, tree.Literal) and node.value is not None

"""The expression language: one grammar for conditions, computed columns and sort keys."""

from engine.kit.expression.expr import Bound, Expr, Mention, SortKey, Values

__all__ = ["Bound", "Expr", "Mention", "SortKey", "Values"]

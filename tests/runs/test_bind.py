"""Binding: options that were expressions are held to what written ones are held to, and the others stay as they were."""

from __future__ import annotations

from activities.connectors.files.format import FileFormat
from engine.kit.expression import Bound, Expr
from engine.kit.types import INTEGER
from engine.runs.bind import bind

VALUES = {"vars.n": Bound(2, INTEGER)}


def evaluate(expression: Expr) -> str:
    return str(expression.values[expression.text].value)


def test_what_was_not_written_stays_so_when_another_option_is_computed() -> None:
    """Some options say of others that they must not be written."""
    written = FileFormat.model_validate({"type": "fixed_width", "skip_lines": "vars.n"})
    bound = bind(written, VALUES, evaluate)
    assert bound == FileFormat.model_validate({"type": "fixed_width", "skip_lines": "2"})
    assert bound.model_fields_set == {"type", "skip_lines"}

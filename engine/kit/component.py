"""How a package offers components: one row each, imported when needed."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

ComponentKind = Literal[
    "activity", "function", "connector", "rule", "column_rule", "section", "command", "fixture", "pytest_fixture", "examination"
]  # fmt: skip


@dataclass(frozen=True)
class Component:
    """A component: what it is, the name people write, and `module:attribute` where it is.

    `summary` is for commands and fixtures of pytest: the help text shown without importing the module. A command of two words,
    `doctor data-source`, stands below another.
    """

    kind: ComponentKind
    name: str
    path: str
    summary: str = ""

    def load(self) -> Any:
        """Import the module and give the attribute."""
        module, _, attribute = self.path.partition(":")
        return getattr(import_module(module), attribute)

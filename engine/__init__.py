"""The workflow engine. `run` executes a workflow file, `check` finds what is wrong with files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # importing the package must cost nothing
    from engine.app.api import RunResult, check, run

__all__ = ["RunResult", "check", "run"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from engine.app import api

        return getattr(api, name)
    raise AttributeError(f"module 'engine' has no attribute '{name}'")

"""What is wrong in a file, and whether Adobe would take it all the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """A problem of a line, or of the whole file where there is none. No identifier and no value is in it.

    An error breaks the contract: Adobe refuses it, drops it, or would read something else. What it reads as it was meant is a warning.
    """

    line: int | None = None
    code: str
    message: str
    severity: Severity = "error"


@dataclass(frozen=True, kw_only=True, slots=True)
class Parsed:
    """A line that was read: its record, none where Adobe would drop the line, and all that is wrong with it.

    Whoever reads strictly minds the problems; whoever reads as Adobe does takes the records.
    """

    line: int
    record: Any = None
    problems: tuple[Problem, ...] = ()


def dropped(line: int, code: str, message: str) -> Parsed:
    """Give a line that Adobe drops."""
    return Parsed(line=line, problems=(Problem(line=line, code=code, message=message),))

"""What `doctor` finds, and what a component adds to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

from engine.kit.connector import Surroundings

Status = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: how it is, what it is, and the fix to do where it is not well. No secret is in it."""

    status: Status
    what: str
    fix: str = ""


class Examination(Protocol):
    """A component of the kind `examination`; its name heads what it found."""

    def findings(self, surroundings: Surroundings) -> Iterable[Finding]:
        """Look at what the project declares; nothing is changed, and a real service is asked only where the environment is named."""

    def checklist(self, surroundings: Surroundings) -> Iterable[str]:
        """Give what others must have set up, and only they can see: a sentence each, with every id."""

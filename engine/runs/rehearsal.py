"""A rehearsal: a workflow executed in one transaction that is rolled back. Populations are real, nothing outside is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, NoReturn

import sqlalchemy as sa

from engine.kit.context import Json
from engine.kit.errors import NotYet
from engine.runs.effects import EffectContext

NEVER = timedelta(days=365)
"""How long a rehearsal would have to wait for what is known when the workflow runs, and not before; no rehearsal does."""


class RehearsedEffect(EffectContext):
    """Keeps ports, loads files and writes lists and ledgers as the effect would; its steps outside are not done."""

    def reserve(self, names: Iterable[str]) -> str:
        return next(iter(names))

    def connect(self, connector: str) -> NoReturn:
        raise NotYet(f"what '{connector}' gives is not known before the run", NEVER)

    def step(self, name: str, do: Callable[[], Json]) -> Json:  # noqa: ARG002  (not done)
        return super().step(name, dict)

    def announce_members(
        self, audience: str, joining: sa.Select[Any], sent_as: str, do: Callable[[], Json]  # noqa: ARG002  (not done)
    ) -> Json:  # fmt: skip
        return super().announce_members(audience, joining, sent_as, dict)

    def confirm_members(self, audience: str, leaving: sa.Select[Any], do: Callable[[], Json]) -> Json:  # noqa: ARG002  (not done)
        return super().confirm_members(audience, leaving, dict)

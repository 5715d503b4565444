"""Pauses between attempts, and attempts after a resume."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from engine.lang.spec import Retry
from engine.runs.task import pause
from engine.state import facts as f
from engine.state.fold import fold

NOW = datetime(2026, 11, 23, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("retry", "attempt", "seconds"),
    [
        (Retry(), 1, 30),
        (Retry(), 3, 120),
        (Retry(), 8, 3600),
        (Retry(backoff=Decimal(1)), 1000, 30),
        (Retry(backoff=Decimal(1_000_000)), 100_000, 3600),
        (Retry(backoff=Decimal("0.5")), 3, 7.5),
        (Retry(delay=timedelta()), 5, 0),
    ],
)
def test_each_pause_is_longer_up_to_the_longest(retry: Retry, attempt: int, seconds: float) -> None:
    assert pause(retry, attempt) == timedelta(seconds=seconds)


def test_a_resume_gives_all_attempts_again() -> None:
    task = {"activity": "a", "arrival": "1"}
    started = f.RunStarted(
        at=NOW, workflow="w", path="w.yaml", workflow_text="", project_text="", environment=None, variables={}, time=NOW
    )
    failed = f.TaskFailed(at=NOW, **task, error="held", fix="", policy="suspend", place="")
    facts = [started, f.TaskStarted(at=NOW, **task), f.TaskStarted(at=NOW, **task), failed]
    assert fold(facts).tasks["a", "1"].attempts == 2
    assert fold([*facts, f.RunControlled(at=NOW, action="resume")]).tasks["a", "1"].attempts == 0

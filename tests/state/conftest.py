from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.state import facts as f

NOON = datetime(2026, 11, 23, 12, 0, 0, 250_000, tzinfo=UTC)


@pytest.fixture
def one_of_each() -> tuple[f.Fact, ...]:
    """One fact of every kind, with every field given something that is not its default."""
    task: dict[str, Any] = {"at": NOON, "activity": "buyers", "arrival": "2.1"}
    return (
        f.RunStarted(
            at=NOON,
            workflow="winback",
            path="workflows/winback.yaml",
            workflow_text="name: winback\n# é 漢 😀\n",
            project_text="database: duckdb\n",
            environment="production",
            variables={"days": 90, "tags": ["a", None]},
            time=NOON - timedelta(days=1),
            key="2026-11-22",
        ),
        f.TaskStarted(**task),
        f.TransitionFired(
            **task,
            port="result",
            table="af_winback_7_buyers_result",
            columns={"id": "integer", "email": "text"},
            key=("id", "line"),
            dimension="recipient",
            count=2_630_000_000,
        ),
        f.TaskWaiting(**task, until=NOON + timedelta(hours=3), reason="the schedule"),
        f.EffectPrepared(**task, outcome={"file": "ftp_dpm_1_2_1795435200.sync", "rows": 17}),
        f.EffectDelivered(**task, step="uploaded", outcome={"receipt": {"etag": "9e1", "parts": [1, 2]}}),
        f.GuardTripped(**task, message="41 % of the audience leaves; the guard allows 20 %"),
        f.TaskSkipped(**task, reason="'buyers' failed"),
        f.TaskFinished(**task, seconds=0.125, details={"file": "out.csv"}),
        f.TaskFailed(**task, error="no such table", fix="create it", policy="abort", place="winback.yaml:4:3"),
        f.RunControlled(at=NOON, action="upgrade", workflow_text="name: b\n", project_text="database: c\n"),
        f.TablesLost(at=NOON, activities=("buyers", "split")),
        f.RunFinished(at=NOON, status="suspended"),
    )

"""A run while it goes on, on standard error: a live table on a terminal, else one line per finished activity."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from engine.app.cli import output

if TYPE_CHECKING:
    from rich.console import RenderableType

    from engine.lang.spec import WorkflowSpec
    from engine.state.facts import Fact
    from engine.state.fold import RunState, TaskState

PER_SECOND = 8


class Watch:
    """Follows one run: `begun` tells which, `listen` takes its facts as they are appended."""

    def __init__(self, after_fact: Callable[[Watch, Fact], None] = lambda _watch, _fact: None) -> None:
        self.run = ""
        self.spec: WorkflowSpec | None = None
        self.state: RunState | None = None
        self.since: dict[str, datetime] = {}
        """When the task of an activity that is running began."""
        self._after_fact = after_fact

    def begun(self, run: str, spec: WorkflowSpec) -> None:
        self.run, self.spec = run, spec

    def listen(self, fact: Fact, state: RunState) -> None:
        from engine.state import facts as f

        if isinstance(fact, f.TaskStarted):
            self.since[fact.activity] = fact.at
        self.state = state
        self._after_fact(self, fact)

    def task(self, activity: str) -> TaskState | None:
        return self.state.task(activity) if self.state else None


@contextmanager
def watched(clock: Callable[[], datetime]) -> Iterator[Watch]:
    """Show the run that the given watch follows until it is left."""
    console = output.console(is_error=True)
    if not console.is_terminal:
        yield Watch(_print_line)
        return
    from rich.live import Live

    watch = Watch()
    with Live(get_renderable=lambda: picture(watch, clock()), console=console, refresh_per_second=PER_SECOND):
        yield watch


def picture(watch: Watch, now: datetime) -> RenderableType:
    """Give the table of a run: activity, type, status, rows per output port, seconds; and how far it is."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    if watch.spec is None:
        return ""
    rows, settled = [], 0
    for activity in watch.spec.activities.values():
        task = watch.task(activity.id)
        status = task.status if task else "pending"
        settled += task is not None and task.is_settled
        rows.append(
            (activity.id, activity.activity.type, output.status(status), _counts(task), _seconds(task, watch, now))
        )
    total = len(watch.spec.activities)
    bar = Table.grid(padding=(0, 2, 0, 0))
    bar.add_row(
        ProgressBar(total=max(total, 1), completed=settled, width=40), f"{settled} of {total}", f"run {watch.run}"
    )
    headers = ("activity", "type", "status", "rows", "seconds")
    return Group(output.table(headers, rows, numbers=("seconds",), unfolded=("activity", "type", "status")), bar)


def _print_line(watch: Watch, fact: Fact) -> None:
    """Print the activity that a fact settles, or stops."""
    from engine.state import facts as f

    if (
        not isinstance(fact, f.TaskFinished | f.TaskSkipped | f.TaskFailed | f.GuardTripped | f.TaskWaiting)
        or watch.spec is None
    ):
        return
    task = watch.task(fact.activity)
    if task is None:
        return
    parts = [
        fact.activity,
        watch.spec.activities[fact.activity].activity.type,
        task.status,
        f"{task.seconds:.2f} s",
        _counts(task),
    ]
    message = f": {task.message.splitlines()[0]}" if task.message else ""
    typer.echo("  ".join(part for part in parts if part) + message, err=True)


def _counts(task: Any) -> str:
    fired = task.fired if task else {}
    return ", ".join(f"{port} {output.number(fact.count)}" for port, fact in fired.items())


def _seconds(task: TaskState | None, watch: Watch, now: datetime) -> str:
    if task is None or task.status == "pending":
        return ""
    if task.status == "running" and task.activity in watch.since:
        return f"{max(0.0, (now - watch.since[task.activity]).total_seconds()):.1f}"
    return f"{task.seconds:.2f}"

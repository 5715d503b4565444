"""The loop: decide, do, append; until the run ends or waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta

from engine.lang.graph import CONTROL, fed_by
from engine.lang.spec import ActivitySpec
from engine.runs.decide import FIRST, Command, Execute, Fail, Finish, Skip, WakeAt, commands, ready
from engine.runs.execution import Execution, remembering
from engine.runs.task import execute
from engine.runs.tidy import tidy
from engine.state import facts as f
from engine.state.fold import RunState, fold, then
from engine.state.store import RunHeld, Store

Listen = Callable[[f.Fact, RunState], None]

PATIENCE = timedelta(minutes=15)
"""The longest pause the loop sleeps through; for a longer one the run is left waiting."""


class Stopped(Exception):
    """Another process stopped the run; nothing more may be begun."""


class Runner:
    """Drives one run through its facts. `sleep` pauses so many seconds."""

    def __init__(
        self,
        execution: Execution,
        store: Store,
        *,
        sleep: Callable[[float], None],
        listen: Listen = lambda _fact, _state: None,
    ) -> None:
        self.execution = execution
        self.store = store
        known = store.facts(execution.run)
        self.state = fold(known)
        self._known = len(known)
        self._sleep = sleep
        self._listen = listen
        self._behind: tuple[ActivitySpec, ...] = ()

    def append(self, *facts: f.Fact) -> None:
        """Make facts durable, then fold them. Raises Stopped where another process stopped the run and these begin something new."""
        try:
            self.store.append(self.execution.run, *facts)
        except RunHeld:  # we alone execute the run, but anybody may stop it
            self._fold(*self.store.facts(self.execution.run)[self._known :])
            if self.state.status == "stopped" and not all(self._is_under_way(fact) for fact in facts):
                raise Stopped from None
            self.append(*facts)
        else:
            self._fold(*facts)

    def _fold(self, *facts: f.Fact) -> None:
        for fact in facts:
            self._known += 1
            self.state = then(self.state, fact)
            self._listen(fact, self.state)

    def _is_under_way(self, fact: f.Fact) -> bool:
        """Say whether a fact is of a task that has begun: what it did has happened, and is written down."""
        task = self.state.tasks.get((fact.activity, fact.arrival)) if isinstance(fact, f.TaskFact) else None
        return task is not None and task.status == "running"

    def resume(self) -> None:
        """Let a run that stopped go on: what failed is tried again, and work tables that are lost or overtaken are made again."""
        with suppress(Stopped):
            self.append(f.RunControlled(at=self.execution.clock(), action="resume"))
            again = {*_lost(self.execution, self.state), *_overtaken(self.execution, self.state, self.store)}
            if again:
                names = tuple(name for name in self.execution.spec.activities if name in again)
                self.append(f.TablesLost(at=self.execution.clock(), activities=names))

    def drive(self) -> RunState:
        """Do what can be done, and give the state the run is left in. A stop from outside is honoured before the next task."""
        with suppress(Stopped):
            while self.state.status != "stopped" and not self._do_round():
                pass
        return self.state

    def _do_round(self) -> bool:
        """Do all that can be done now; True when the run is over for now.

        What the last round made possible stands behind its activities; the whole workflow is looked at when nothing does.
        """
        now, behind = self.execution.clock(), self._behind
        self._behind = ()
        done: list[str] = []
        for command in ready(behind, self.state, now) or commands(self.execution.spec, self.state, now):
            if self._do(command) or self.state.status == "stopped":
                return True
            if self._is_stopped(command):
                return False
            if isinstance(command, Execute):
                done.append(command.activity)
        graph, activities = self.execution.graph, self.execution.spec.activities
        names = dict.fromkeys(target for activity in done for target in graph.successors(activity))
        self._behind = tuple(
            activities[name] for name in names if name in activities
        )  # a test reads ports, and is no activity
        return False

    def _do(self, command: Command) -> bool:
        """Do one command; True when the run is over for now."""
        now = self.execution.clock()
        match command:
            case Execute():
                execute(self.execution, command, self.state, self.append)
            case Skip():
                self.append(
                    f.TaskSkipped(at=now, activity=command.activity, arrival=command.arrival, reason=command.reason)
                )
            case Fail():
                spec = self.execution.spec.activities[command.activity]
                self.append(
                    f.TaskFailed(
                        at=now,
                        activity=command.activity,
                        arrival=command.arrival,
                        error=command.reason,
                        fix=command.fix,
                        policy=spec.common.on_error or self.execution.spec.on_error,
                        place=str(spec.span),
                    )
                )
            case WakeAt(moment=moment) if moment - now <= PATIENCE:
                self._sleep(max(0.0, (moment - now).total_seconds()))
            case WakeAt():
                self.append(f.RunFinished(at=now, status="waiting"))
                return True
            case Finish(status=status):
                if status == "succeeded":
                    self.execution.commit_history()
                self.append(f.RunFinished(at=now, status=status))
                if status == "succeeded" and self.state.started is not None and not self.execution.is_rehearsed:
                    tidy(self.execution, self.store, self.state.started)
                return True
        return False

    def _is_stopped(self, command: Command) -> bool:
        """Say whether the other commands of this round may no longer be done."""
        task = self.state.task(command.activity) if isinstance(command, Execute | Fail) else None
        return task is not None and task.status != "succeeded"


def _lost(execution: Execution, state: RunState) -> Iterator[str]:
    """Give the activities whose work tables somebody still needs but which do not hold what their facts say."""
    spec = execution.spec
    needed = [activity for activity in spec.activities if not (task := state.task(activity)) or not task.is_settled]
    seen = set(needed)
    while needed:
        for source, _, data in execution.graph.in_edges(needed.pop(), data=True):
            task = state.task(source)
            if data["target"] == CONTROL or task is None or source in seen or data["source"] not in task.fired:
                continue
            fact = task.fired[data["source"]]
            if execution.db.rows_of(execution.work_table(source, FIRST, fact.port)) != fact.count:
                seen.add(source)
                needed.append(source)
                yield source


def _overtaken(execution: Execution, state: RunState, store: Store) -> Iterator[str]:
    """Give the activities that returned people, who may have been returned by another run since, and what hangs on them.

    Another run of the workflow has succeeded after ours began; no two are executed at once. What effects have done stays done.
    """
    names = [
        name
        for name, memory in remembering(execution.spec).items()
        if memory.commit == "run" and (task := state.task(name)) and task.status == "succeeded"
    ]
    if names and _has_succeeded_since(execution.run, state.started, store):
        for name in names:
            yield name
            yield from fed_by(execution.graph, name)


def _has_succeeded_since(run: str, started: f.RunStarted | None, store: Store) -> bool:
    """Say that another run has. Our own facts are not read again: the store would take what another process appended for known."""
    if started is None:
        return False
    others = (fold(store.facts(other)) for other in store.runs(started.workflow) if other != run)
    return any(
        other.started is not None
        and other.started.environment == started.environment
        and other.status == "succeeded"
        and other.finished_at is not None
        and other.finished_at > started.at
        for other in others
    )

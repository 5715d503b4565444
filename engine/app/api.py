"""What `audienceflow` does, for Python: check, plan, run and resume workflows."""

from __future__ import annotations

import time as clocks
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from engine.app import checking
from engine.app.evaluation import Evaluation
from engine.app.evaluation import evaluate as evaluate_with
from engine.app.executions import execution
from engine.app.options import Options, find, read_text
from engine.app.planning import Plan as Plan
from engine.app.planning import Planning, Preview, aware, targeted
from engine.app.result import RunResult as RunResult
from engine.app.result import result
from engine.app.session import Session, open_store, read_project, read_workflow
from engine.kit.errors import AuthorError, DataError, Diagnostic, EngineBug
from engine.kit.expression import Values
from engine.lang.graph import Graph
from engine.lang.spec import WorkflowSpec
from engine.registry import load as load_registry
from engine.runs import bind
from engine.runs.execution import remembering
from engine.runs.plan import plan as plan_run
from engine.runs.runner import Listen, Runner
from engine.state import facts as f
from engine.state.fold import RunState, fold
from engine.state.store import RunHeld

ENDED = ("succeeded", "failed", "stopped")

Begun = Callable[[str, WorkflowSpec], None]
"""Is told the id of a run, and its workflow, before anything of it is done."""


def run(
    path: str | Path, *, vars: Mapping[str, str] | None = None, env: str | None = None, at: datetime | None = None, key: str | None = None,
    project: str | Path | None = None, listen: Listen = lambda _fact, _state: None, begun: Begun = lambda _run, _spec: None,
    options: Options | None = None,
) -> RunResult:  # fmt: skip
    """Execute a workflow file and say what came of it.

    `vars` are texts, as on the command line; `at` is the moment the run is for (a time without a zone is UTC). With `key`, the
    run of that key is resumed when it is unfinished and reported when it is finished; nothing is done twice.
    Raises AuthorError when a file is wrong; whatever happens later is in the result.
    """
    registry = load_registry()
    options = options or Options(
        project=Path(project) if project else None, environment=env, surroundings=_environment()
    )
    workflow = Path(path)
    text = read_text(workflow)
    with Session.start(workflow, registry, options) as session:
        spec, graph = read_workflow(workflow, text, registry)
        name = session.new_run(key, spec.name)
        known = session.store.facts(name)
        state = fold(known) if known else None
        if state is not None:
            _refuse_other_run(spec, name, state, key, options, vars, at)
            if state.status in ENDED:
                return result(name, spec, graph, state)
    if state is not None:  # it goes on with the texts and the environment it began with
        with session_of_run(name, workflow, options) as session:
            return _resumed(session, name, state, listen, begun)
    with Session.start(workflow, registry, options) as session:
        started_at = session.clock()
        time = aware(at) if at else started_at
        values = bind.values(spec, vars or {}, run=name, time=time, started_at=started_at)
        _refuse_problems(session, spec, graph, values)
        session.verify_keys(targeted(spec))
        with _alone(session, spec), session.store.hold(name):
            if session.store.facts(name):
                raise RunHeld(f"another process began run {name} meanwhile", f"see 'audienceflow show {name}'")
            started = f.RunStarted(
                at=started_at, workflow=spec.name, path=str(workflow.resolve()), workflow_text=text, project_text=session.project.text,
                environment=options.environment, is_environment_named=options.is_environment_named, variables=dict(vars or {}), time=time,
                key=key,
            )  # fmt: skip
            begun(name, spec)
            runner = _runner(session, name, spec, graph, values, started, listen)
            runner.append(started)
            return result(name, spec, graph, runner.drive())


def _refuse_other_run(
    spec: WorkflowSpec, run: str, state: RunState, key: str | None, options: Options, vars: Mapping[str, str] | None, at: datetime | None,
) -> None:  # fmt: skip
    """Refuse to take a run for another one: of another workflow, or begun with other words than those given now."""
    started = state.started
    if started is None or key is None or started.workflow != spec.name:
        raise EngineBug(f"the run '{run}' is there already")
    given = {
        "--env": (options.environment if options.is_environment_named else None, started.environment),
        "--var": (dict(vars) if vars else None, dict(started.variables)),
        "--at": (aware(at) if at else None, started.time),
    }
    for word, (now, then) in given.items():
        if now is not None and now != then:
            raise AuthorError.at(
                None,
                "V005",
                f"the run of key '{key}' began {_said(word, then)}, not {_said(word, now)}",
                f"leave {word} out, or choose another key",
            )


def _said(option: str, value: object) -> str:
    """Give an option as it is written on the command line."""
    match value:
        case dict() if value:
            return f"with {' '.join(f'{option} {name}={text}' for name, text in value.items())}"
        case datetime():
            return f"with {option} {value.isoformat()}"
        case str():
            return f"with {option} {value}"
        case _:
            return f"without {option}"


def resume(
    run: str, session: Session, *, listen: Listen = lambda _fact, _state: None, begun: Begun = lambda _run, _spec: None
) -> RunResult:
    """Let a run that stopped go on, with the texts it started with; a finished run is reported."""
    known = session.store.facts(run)
    if not known:
        raise DataError(f"there is no run '{run}'", "see 'audienceflow runs'")
    return _resumed(session, run, fold(known), listen, begun)


def show(run: str, session: Session) -> tuple[RunResult, WorkflowSpec, Graph]:
    """Sum up a run from its facts."""
    known = session.store.facts(run)
    if not known:
        raise DataError(f"there is no run '{run}'", "see 'audienceflow runs'")
    state = fold(known)
    spec, graph, _ = _recorded(session, state)
    return result(run, spec, graph, state), spec, graph


def check(paths: Iterable[str | Path], *, options: Options | None = None, offline: bool = False) -> list[Diagnostic]:
    """Find what is wrong with workflow files: all problems of all files, sorted by place; one bad file hides no other.

    Names and types are held against the project and its database: as it was last seen where it cannot be opened, and where it
    is a file that has not changed since. With `offline` it is never connected to. Warnings that a
    `# noqa: CODE` silences are left out.
    """
    options = options or Options(surroundings=_environment())
    return checking.check([Path(path) for path in paths], options, offline=offline)


def evaluate(
    expression: str, *, near: Path | None = None, database: str | None = None, at: datetime | None = None, options: Options | None = None
) -> Evaluation:  # fmt: skip
    """Evaluate an expression without columns, in a database of the project at `near`, else of this folder's."""
    options = options or Options(surroundings=_environment())
    moment = aware(at) if at else None
    return evaluate_with(expression, load_registry(), options, near=near or Path.cwd(), database=database, at=moment)


def plan(
    path: Path, session: Session, variables: Mapping[str, str], at: datetime | None, *, counts: bool = False
) -> Plan:
    """Plan a workflow. Raises AuthorError with all problems found.

    With `counts` it is rehearsed: executed in one transaction, which is rolled back, with nothing done outside the database.
    """
    planning = Planning.of(path, session, variables, at)
    return planning.counted() if counts else planning.plan()


def preview(
    path: Path, session: Session, target: str, variables: Mapping[str, str], at: datetime | None, *, limit: int, where: str | None,
) -> Preview:  # fmt: skip
    """Give rows that a port, `activity` or `activity.port`, would have: the first by key, of those for which `where` is true.

    What comes before it is rehearsed. Raises AuthorError for problems of the workflow, DataError where it cannot be known before.
    """
    return Planning.of(path, session, variables, at).preview(target, limit, where)


def _refuse_problems(session: Session, spec: WorkflowSpec, graph: Graph, values: Values) -> None:
    _, problems = plan_run(spec, graph, session.catalog(), values, session.evaluate, session.work_schema)
    if problems:
        raise AuthorError(*problems)


def _resumed(session: Session, run: str, state: RunState, listen: Listen, begun: Begun) -> RunResult:
    spec, graph, started = _recorded(session, state)
    if state.status in ENDED:
        return result(run, spec, graph, state)
    values = bind.values(spec, started.variables, run=run, time=started.time, started_at=started.at)
    session.verify_keys(targeted(spec))
    with _alone(session, spec), session.store.hold(run):
        state = fold(session.store.facts(run))  # whoever held the run until now may have ended it
        if state.status in ENDED:
            return result(run, spec, graph, state)
        begun(run, spec)
        runner = _runner(session, run, spec, graph, values, started, listen)
        runner.resume()
        return result(run, spec, graph, runner.drive())


def forget(session: Session, workflow: str, activities: Iterable[str]) -> None:
    """Forget whom runs of these activities returned. Raises RunHeld while a run of the workflow is executed."""
    with _no_run(session, workflow), session.db.transaction() as connection:
        for activity in activities:
            session.ledger.history.forget_activity(connection, workflow, activity)


def _alone(session: Session, spec: WorkflowSpec) -> AbstractContextManager[None]:
    """Execute no other run of a workflow inside, where one of its activities is to return nobody whom another run returned."""
    return _no_run(session, spec.name) if remembering(spec) else nullcontext()


@contextmanager
def _no_run(session: Session, workflow: str) -> Iterator[None]:
    with ExitStack() as held:
        try:
            held.enter_context(session.store.hold(f"history of {workflow}"))
        except RunHeld:
            what = f"another run of '{workflow}' is being executed, and whom it returns is not known yet"
            raise RunHeld(what, "wait until it has ended") from None
        yield


def _recorded(session: Session, state: RunState) -> tuple[WorkflowSpec, Graph, f.RunStarted]:
    """Read the workflow as the run has it."""
    started = state.started
    if started is None:
        raise DataError("this run has no beginning", "remove it; its facts were damaged")
    spec, graph = read_workflow(Path(started.path), state.workflow_text, session.registry)
    return spec, graph, started


def session_of_run(run: str, near: Path, options: Options) -> Session:
    """Open the project as the run has it: with the project's text and the environment it started with."""
    registry = load_registry()
    path = options.project or find(near if near.is_dir() else near.parent)
    with open_store(path) as store:
        state = fold(store.facts(run))
    if state.started is None:
        raise DataError(f"there is no run '{run}'", "see 'audienceflow runs'")
    started_with = replace(
        options,
        project=path,
        environment=state.started.environment,
        is_environment_named=state.started.is_environment_named,
    )
    return Session(read_project(path, state.project_text, registry, started_with), registry, started_with)


def _runner(
    session: Session,
    run: str,
    spec: WorkflowSpec,
    graph: Graph,
    values: Values,
    started: f.RunStarted,
    listen: Listen,
) -> Runner:
    session.ledger.ensure()
    running = execution(session, run, spec, graph, values, started)
    return Runner(running, session.store, sleep=clocks.sleep, listen=listen)


def _environment() -> Mapping[str, str]:
    import os

    return os.environ

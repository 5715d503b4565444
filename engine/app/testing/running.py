"""Running one test: the whole workflow or one activity of it, as the engine does it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from engine.app.testing.comparing import Failure, Found, compare, compare_texts
from engine.app.testing.inputs import fired, laid_out, like_a_dimension
from engine.app.testing.suite import Suite, reference, upstream
from engine.app.testing.world import RUN, World, world
from engine.app.testing.written import Expected, Rows, WrittenTest
from engine.kit.errors import AuthorError, Diagnostic
from engine.kit.option import Scalar
from engine.kit.population import Population
from engine.lang import graph as graphs
from engine.lang.spec import After, Reference, WorkflowSpec
from engine.runs.decide import FIRST
from engine.runs.execution import Execution, fired_population
from engine.runs.plan import plan
from engine.runs.runner import Runner
from engine.sql.database import Database
from engine.state import facts as f
from engine.state.fold import RunState

READER = "the test"
TROUBLE = ("failed", "suspended", "guarded", "ignored")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a test: it passed, or failures, or problems of the files.

    `reached` names the activities it executed, and the ports of theirs that gave rows; without `is_covered`, of those looked at. `way`
    says, of a whole workflow that failed, how many rows came how far.
    """

    test: WrittenTest
    seconds: float
    failures: tuple[Failure, ...] = ()
    problems: tuple[Diagnostic, ...] = ()
    reached: frozenset[str] = frozenset()
    way: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_passed(self) -> bool:
        return not self.failures and not self.problems


def run(suite: Suite, test: WrittenTest, *, is_covered: bool = False) -> Outcome:
    """Run a test in a world of its own, and hold what came against what it expects. `is_covered`: every port is looked at."""
    if test.name in suite.wrong:
        return Outcome(test=test, seconds=0, problems=suite.wrong[test.name])
    begun = time.perf_counter()
    failures: tuple[Failure, ...] = ()
    problems: tuple[Diagnostic, ...] = ()
    reached: frozenset[str] = frozenset()
    way: dict[str, int] = {}
    wanted = every_port(suite.spec) if is_covered else _wanted(suite, test)
    try:
        with world(suite, test) as opened:
            prepared = whole if test.activity is None else _single
            runner = prepared(opened, suite, test, wanted)
            reached = frozenset(_reached(test, runner.drive()))
            failures = tuple(_failures(opened, suite, test, runner))
            if failures and test.activity is None:
                way = dict(_way(runner))
    except AuthorError as problem:
        problems = tuple(item if item.span.line else replace(item, span=test.span) for item in problem.diagnostics)
        problems = (*problems, *_guessed_tables(suite, test, problems))
    return Outcome(
        test=test, seconds=time.perf_counter() - begun, failures=failures, problems=problems, reached=reached, way=way
    )


def _way(runner: Runner) -> Iterator[tuple[str, int]]:
    """Say how many rows came how far, by `activity` or `activity.port`, in the order of the activities."""
    for name in graphs.order(graphs.build(runner.execution.spec)):
        task = runner.state.task(name)
        for port, fact in task.fired.items() if task else ():
            yield name if port == "result" else f"{name}.{port}", fact.count


def every_port(spec: WorkflowSpec) -> Iterator[tuple[str, str]]:
    """Give all output ports, with their activities."""
    return ((activity.id, port) for activity in spec.activities.values() for port in activity.output_ports)


def observe(suite: Suite, test: WrittenTest) -> tuple[Outcome, Mapping[str, Found]]:
    """Run a test of one activity, and give the rows of all its ports that fired too."""
    ports = suite.spec.activities[str(test.activity)].output_ports
    begun = time.perf_counter()
    with world(suite, test) as opened:
        runner = _single(opened, suite, test, every_port(suite.spec))
        runner.drive()
        failures = tuple(_failures(opened, suite, test, runner))
        task = runner.state.task(str(test.activity))
        facts = {name: task.fired[name] for name in ports if name in task.fired} if task else {}
        execution = runner.execution
        tables = {name: execution.work_table(str(test.activity), FIRST, name) for name in facts}
        came = {name: found(fired_population(fact, tables[name]), execution.db) for name, fact in facts.items()}
    return Outcome(test=test, seconds=time.perf_counter() - begun, failures=failures), came


def _guessed_tables(suite: Suite, test: WrittenTest, problems: tuple[Diagnostic, ...]) -> Iterator[Diagnostic]:
    """Say, beside problems of the workflow, that tables may have more columns than could be known."""
    guessed = sorted(name for name, shape in suite.shapes.items() if not shape.is_known)
    if guessed and any(item.span.file == suite.spec.span.file for item in problems):
        said = f"the project's database does not show the columns of {', '.join(guessed)}; those of keys, links and the tests' rows are taken"
        yield Diagnostic(
            test.span, "U021", said, "name the missing column in a row of a test, with a value, or make the database"
        )


def whole(opened: World, suite: Suite, test: WrittenTest, wanted: Iterable[tuple[str, str]], run: str = RUN) -> Runner:
    """Prepare a run of the whole workflow that keeps the rows of the ports wanted, too."""
    variables = {str(name): str(text) for name, text in test.vars.items()}
    runner = opened.runner(suite.spec, graphs.read_by(suite.graph, READER, wanted), variables, run)
    _, problems = _planned(suite, runner.execution, {})
    if problems:
        raise AuthorError(*problems)
    return runner


def _single(opened: World, suite: Suite, test: WrittenTest, wanted: Iterable[tuple[str, str]]) -> Runner:
    """Prepare the run of one activity: what it reads has fired already, with the rows given."""
    activity = replace(suite.spec.activities[str(test.activity)], after=After())
    sources = {read.activity: suite.spec.activities[read.activity] for read in upstream(activity).values()}
    spec = replace(suite.spec, activities={**sources, activity.id: activity})
    runner = opened.runner(
        spec,
        graphs.read_by(graphs.build(spec), READER, [port for port in wanted if port[0] == activity.id]),
        {str(name): str(text) for name, text in test.vars.items()},
    )
    outputs, _ = _planned(suite, runner.execution, suite.known.lists)
    for source in sources:
        given = [
            (name, rows) for name, rows in test.given.items() if name.partition(".")[0] == source and rows is not None
        ]
        at = opened.clock()
        if given:
            facts = [_fired(runner.execution, name, rows, outputs) for name, rows in given]
            started = f.TaskStarted(at=at, activity=source, arrival=FIRST)
            runner.append(started, *facts, f.TaskFinished(at=at, activity=source, arrival=FIRST, seconds=0))
        else:
            reason = "the test says that it does not fire"
            runner.append(f.TaskSkipped(at=at, activity=source, arrival=FIRST, reason=reason))
    return runner


def _reached(test: WrittenTest, state: RunState) -> Iterator[str]:
    for task in state.tasks.values():
        if test.activity in (None, task.activity) and task.status not in ("pending", "skipped"):
            yield task.activity
            yield from (f"{task.activity}.{port}" for port, fact in task.fired.items() if fact.count)


def _fired(execution: Execution, name: Scalar, rows: Rows, outputs: Mapping[str, Population]) -> f.TransitionFired:
    activity, _, port = name.partition(".")
    read = Reference(activity=activity, port=port or "result", span=name.span)
    planned = outputs.get(str(read))
    like = planned or like_a_dimension(name, rows, execution.catalog(), execution.spec.dimension)
    table = execution.work_table(read.activity, FIRST, read.port)
    return fired(execution, read, laid_out(execution.db, table, name, rows, like, is_whole=planned is not None))


def _planned(
    suite: Suite, execution: Execution, lists: Mapping[str, Population]
) -> tuple[Mapping[str, Population], tuple[Diagnostic, ...]]:
    """Give what the outputs of the whole workflow would be, as far as it can be said, and the problems on the way.

    `lists` are taken to exist, beside those of the test.
    """
    catalog = execution.catalog()
    catalog = replace(catalog, lists={**lists, **catalog.lists})
    planned, problems = plan(
        suite.spec, suite.graph, catalog, execution.values, execution.evaluate, execution.db.schema
    )
    return {f"{activity.id}.{port}": rows for activity in planned for port, rows in activity.outputs.items()}, problems


def _wanted(suite: Suite, test: WrittenTest) -> Iterator[tuple[str, str]]:
    for expected in test.ports:
        if expected.is_about_rows:
            wanted = reference(expected.name, test, suite.spec)
            yield wanted.activity, wanted.port


def _failures(opened: World, suite: Suite, test: WrittenTest, runner: Runner) -> Iterator[Failure]:
    ended = list(_ending(test, runner.state))
    yield from ended
    if ended:
        return  # what a run that went wrong left undone says nothing more
    for expected in test.ports:
        wanted = reference(expected.name, test, suite.spec)
        if expected.is_about_rows:
            yield from _port_failures(expected, wanted, runner)
        for word, texts in expected.observed.items():
            yield from _observed_failures(opened, suite, word, texts, wanted.activity)
    lists = opened.session.ledger.read_lists()
    for expected in test.lists_after:
        yield from _list_failures(expected, lists.get(expected.name), opened.session.db)


def _ending(test: WrittenTest, state: RunState) -> Iterator[Failure]:
    """Hold the way the run ended against what is expected: success, unless the test says otherwise."""
    troubled = [task for task in state.tasks.values() if task.status in TROUBLE]
    error = test.error
    if error is not None:
        named = [task for task in troubled if error.activity in (None, task.activity)]
        if not any((error.contains or "") in f"{task.message}\n{task.fix}" for task in named):
            came = (
                "; ".join(f"'{task.activity}' {task.status}: {task.message}" for task in troubled)
                or "there was no error"
            )
            whose = f" of '{error.activity}'" if error.activity else ""
            yield Failure(
                span=error.span, about="error", message=f"no error{whose} contains '{error.contains or ''}': {came}"
            )
    expected = test.status or (None if error else "succeeded")
    if expected is not None and state.status != expected:
        span = test.status.span if test.status else test.span
        yield Failure(span=span, about="status", message=f"{expected} was expected, the run is {state.status}")
    if expected is not None and not error and (state.status != expected or expected == "succeeded"):
        for task in troubled:
            fix = f"\n  fix: {task.fix}" if task.fix else ""
            yield Failure(span=test.span, about=task.activity, message=f"{task.status}: {task.message}{fix}")


def _port_failures(expected: Expected, wanted: Reference, runner: Runner) -> Iterator[Failure]:
    execution = runner.execution
    task = runner.state.task(wanted.activity)
    fact = task.fired.get(wanted.port) if task else None
    if fact is None and expected.fires:
        why = (
            f"{task.status}: {task.message}" if task and task.message else task.status if task else "it was not reached"
        )
        yield Failure(span=expected.name.span, about=str(wanted), message=f"it did not fire ({why})")
    elif fact is not None and not expected.fires:
        yield Failure(
            span=expected.name.span, about=str(wanted), message=f"it was not to fire, and fired {fact.count} rows"
        )
    elif fact is not None:
        population = fired_population(fact, execution.work_table(wanted.activity, FIRST, wanted.port))
        yield from compare(expected, str(wanted), found(population, execution.db))


def _list_failures(expected: Expected, population: Population | None, db: Database) -> Iterator[Failure]:
    about = f"the list '{expected.name}'"
    if population is None and expected.fires:
        yield Failure(span=expected.name.span, about=about, message="it does not exist")
    elif population is not None and not expected.fires:
        yield Failure(
            span=expected.name.span, about=about, message=f"it was not to exist, and has {population.count} rows"
        )
    elif population is not None:
        yield from compare(expected, about, found(population, db))


def _observed_failures(
    opened: World, suite: Suite, word: Scalar, texts: tuple[Scalar, ...], activity: str
) -> Iterator[Failure]:
    fixture = next(fixture for fixture in suite.fixtures.values() if fixture.expectation == word)
    bound = suite.spec.activities[activity].activity
    came = fixture.observed(bound, opened.session.surroundings)
    if came is None:
        raise AuthorError.at(
            word.span,
            "U020",
            f"'{word}' says nothing about '{activity}': a {bound.type} does not do that",
            f"remove '{word}'",
        )
    yield from compare_texts(word.span, f"{activity} {word}", word, texts, came)


def found(population: Population, db: Database) -> Found:
    """Read the rows of a population, all of them: a test has few."""
    with db.transaction() as connection:
        rows = [dict(row) for row in connection.execute(population.select()).mappings()]
    return Found(columns=population.columns, key=population.key, rows=rows)

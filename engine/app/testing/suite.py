"""A test file made ready: its workflow, its project and the shapes of its tables, read once for all its tests."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from engine.app.options import Options, find, label_of, read_text
from engine.app.project import Project
from engine.app.session import read_project, read_workflow
from engine.app.testing import reading, tables
from engine.app.testing.tables import Shape
from engine.app.testing.written import Expected, WrittenFile, WrittenTest
from engine.kit.catalog import Catalog, Definition
from engine.kit.errors import AuthorError, Diagnostic, suggestion
from engine.kit.fixture import Fixture
from engine.kit.option import Scalar
from engine.lang.graph import Graph
from engine.lang.spec import ActivitySpec, Reference, WorkflowSpec
from engine.registry import Registry
from engine.registry import load as load_registry
from engine.runs import bind
from engine.sql import catalog as catalogs
from engine.sql.database import Database


@dataclass(frozen=True, kw_only=True)
class Suite:
    """The tests of one file, and what they share; `projects` and `catalogs` by the environment a test names."""

    file: WrittenFile
    spec: WorkflowSpec
    graph: Graph
    registry: Registry
    options: Options
    projects: Mapping[str | None, Project]
    catalogs: Mapping[str | None, Catalog]
    """Without lists and sections. Reading them from a database costs more than a test does, so it is done once."""
    shapes: Mapping[str, Shape]
    known: tables.Known
    fixtures: Mapping[str, Fixture]
    wrong: Mapping[str, tuple[Diagnostic, ...]]
    """By the name of a test, what does not fit; such a test is not run, and hinders no other."""


def open_suite(path: Path, options: Options) -> Suite:
    """Read a test file with all it needs, and hold every name against the workflow and the project.

    Raises AuthorError for what concerns the whole file; what is wrong with one test is in `wrong`. The project's database is asked for
    the types of columns, and not touched otherwise.
    """
    registry = load_registry()
    return _suite(_read(path, registry), registry, options)


def suite_of(file: WrittenFile, registry: Registry, options: Options, db: Database | None = None) -> Suite:
    """Give tests with all they need; see `open_suite`. Raises AuthorError with all problems found.

    `db` is the project's database where it is open already: not every database is opened twice by one process.
    """
    suite = _suite(file, registry, options, db)
    if suite.wrong:
        raise AuthorError(*(problem for problems in suite.wrong.values() for problem in problems))
    return suite


def problems(
    path: Path, spec: WorkflowSpec, registry: Registry, columns: Mapping[str, Collection[str]]
) -> list[Diagnostic]:
    """Hold a test file against its workflow, and against the columns of the tables that are known, without a database."""
    try:
        tests = _read(path, registry).tests
    except AuthorError as problem:
        return list(problem.diagnostics)
    found = [problem for test in tests for problem in _problems(test, spec)]
    for test in tests:
        for name, rows in test.tables.items():
            if name in columns:
                found += tables.unknown_columns(rows, columns[name], f"the table '{name}'")
    return found


def _read(path: Path, registry: Registry) -> WrittenFile:
    file = reading.read(read_text(path), path, label_of(path), registry.of("fixture"))
    if not file.workflow.is_file():
        beside = sorted(item.name for item in path.parent.glob("*.yaml") if item != path)
        raise AuthorError.at(
            file.span,
            "U001",
            f"there is no workflow {file.workflow.name} beside this file",
            suggestion(file.workflow.name, beside, "files"),
        )
    return file


def _suite(file: WrittenFile, registry: Registry, options: Options, db: Database | None = None) -> Suite:
    spec, graph = read_workflow(file.workflow, read_text(file.workflow), registry)
    found = _projects(file, registry, options)
    first = found[min(found, key=str)]
    wanted = catalogs.tables_named(_definitions(first)) | {str(name) for test in file.tests for name in test.tables}
    known = tables.known(first, sorted(wanted), db)
    wrong = {test.name: told for test in file.tests if (told := tuple(_wrong(test, spec, _definitions(first), known)))}
    shapes = tables.shapes(_definitions(first), known, [test for test in file.tests if test.name not in wrong])
    return Suite(
        file=file, spec=spec, graph=graph, registry=registry, options=options, fixtures=dict(registry.of("fixture")), projects=found,
        known=known, shapes=shapes, wrong=wrong, catalogs={environment: _catalog(project, shapes) for environment, project in found.items()},
    )  # fmt: skip


def reference(name: Scalar, test: WrittenTest, spec: WorkflowSpec) -> Reference:
    """Give the output a name in `expect` means: in a test of one activity, first a port of it; else as in a workflow."""
    if test.activity is not None and (name == "" or name in spec.activities[test.activity].output_ports):
        return Reference(activity=str(test.activity), port=str(name), span=name.span)
    activity, _, port = name.partition(".")
    return Reference(activity=activity, port=port or "result", span=name.span)


def upstream(activity: ActivitySpec) -> dict[str, Reference]:
    """Give the outputs an activity reads, by the names a test may give them: `buyers` is `buyers.result`."""
    return {str(reference).removesuffix(".result"): reference for reference in activity.references}


def _definitions(project: Project) -> dict[str, Definition]:
    return {name: dimension.definition() for name, dimension in project.dimensions.items()}


def _catalog(project: Project, shapes: Mapping[str, Shape]) -> Catalog:
    with Database(tables.url_of_tests(project)) as db:
        tables.fill(db, shapes, {})
        return catalogs.build(db, db.dialect, _definitions(project), {})


def _projects(file: WrittenFile, registry: Registry, options: Options) -> dict[str | None, Project]:
    path = options.project or find(file.workflow.parent)
    text = read_text(path)
    found: dict[str | None, Project] = {}
    places = {test.environment: test.env.span if test.env else None for test in file.tests}
    for environment, place in places.items() or [(None, None)]:
        named = Options(project=path, environment=environment, surroundings=options.surroundings, clock=options.clock)
        try:
            found[environment] = _unmasked(read_project(path, text, registry, named))
        except AuthorError as problem:
            raise AuthorError(*(replace(item, span=place) if place and item.code == "P005" else item
                                for item in problem.diagnostics)) from None  # fmt: skip
    return found


def _unmasked(project: Project) -> Project:
    """Give a project without personal columns: a test shows its own rows, and need not have them all."""
    dimensions = {name: each.model_copy(update={"personal": ()}) for name, each in project.dimensions.items()}
    return replace(project, dimensions=dimensions)


def _wrong(
    test: WrittenTest, spec: WorkflowSpec, definitions: Mapping[str, Definition], known: tables.Known
) -> Iterator[Diagnostic]:
    """Give what of a test does not fit its workflow, and the tables there are."""
    yield from _problems(test, spec)
    try:
        tables.shapes(definitions, known, [test])
    except AuthorError as problem:
        yield from problem.diagnostics


def _problems(test: WrittenTest, spec: WorkflowSpec) -> Iterator[Diagnostic]:
    if test.activity is not None and test.activity not in spec.activities:
        yield Diagnostic(
            test.activity.span,
            "U010",
            f"there is no activity '{test.activity}'",
            suggestion(test.activity, spec.activities, "activities"),
        )
        return
    if test.activity is not None:
        yield from _given_problems(test, spec.activities[test.activity])
    for expected in test.ports:
        yield from _expected_problems(expected, test, spec)
    if test.error is not None and test.error.activity is not None and test.error.activity not in spec.activities:
        yield Diagnostic(
            test.error.activity.span,
            "U010",
            f"there is no activity '{test.error.activity}'",
            suggestion(test.error.activity, spec.activities, "activities"),
        )
    yield from _variable_problems(test, spec)


def _given_problems(test: WrittenTest, activity: ActivitySpec) -> Iterator[Diagnostic]:
    read = upstream(activity)
    names = {
        Reference(activity=name.partition(".")[0], port=name.partition(".")[2] or "result", span=name.span): name
        for name in test.given
    }
    outputs = {str(reference) for reference in names}
    for reference, name in names.items():
        if str(reference) not in map(str, read.values()):
            yield Diagnostic(
                name.span, "U012", f"'{activity.id}' reads nothing from '{name}'", suggestion(name, read, "inputs")
            )
    for name_, wanted in read.items():
        if str(wanted) not in outputs:
            yield Diagnostic(test.activity.span if test.activity else test.span, "U012", f"the test gives no rows for '{name_}'",
                             f"add '{name_}: []' below 'given:', or '{name_}: null' if it does not fire")  # fmt: skip


def _expected_problems(expected: Expected, test: WrittenTest, spec: WorkflowSpec) -> Iterator[Diagnostic]:
    wanted = reference(expected.name, test, spec)
    if wanted.activity not in spec.activities or (test.activity is not None and wanted.activity != test.activity):
        if test.activity is None:
            yield Diagnostic(
                wanted.span,
                "U010",
                f"there is no activity '{wanted.activity}'",
                suggestion(wanted.activity, spec.activities, "activities"),
            )
        else:
            yield Diagnostic(wanted.span, "U011", f"'{test.activity}' has no output '{expected.name}'",
                             suggestion(expected.name, spec.activities[test.activity].output_ports, "outputs"))  # fmt: skip
        return
    ports = spec.activities[wanted.activity].output_ports
    if expected.is_about_rows and wanted.port not in ports:
        names = ports if test.activity else [f"{wanted.activity}.{port}" for port in ports]
        yield Diagnostic(wanted.span, "U011", f"'{wanted.activity}' has no output '{wanted.port}'",
                         suggestion(wanted.port if test.activity else str(wanted), names, "outputs"))  # fmt: skip


def _variable_problems(test: WrittenTest, spec: WorkflowSpec) -> Iterator[Diagnostic]:
    for name, text in test.vars.items():
        if name not in spec.variables:
            yield Diagnostic(
                name.span,
                "U018",
                f"the workflow has no variable '{name}'",
                suggestion(name, spec.variables, "variables"),
            )
            continue
        try:
            bind.typed(text, spec.variables[name].type)
        except (ValueError, ArithmeticError):
            kind = spec.variables[name].type.kind
            yield Diagnostic(text.span, "U018", f"'{text}' is no {kind}", f"write '{name}' as {kind}")
    for name_, variable in spec.variables.items():
        if variable.default is None and name_ not in test.vars:
            yield Diagnostic(
                test.span, "U018", f"the test gives no value for the variable '{name_}'", f"add 'vars: {{{name_}: …}}'"
            )

"""What is wrong with workflow files, held against their project and what is known of its database."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

from engine.app import unfilled
from engine.app.options import Options, find, label_of, read_text
from engine.app.remembered import stamp
from engine.app.session import Session
from engine.app.testing import SUFFIX, holds_tests
from engine.app.unfilled import Filler
from engine.kit.catalog import Catalog
from engine.kit.component import ComponentKind
from engine.kit.errors import AudienceflowError, AuthorError, DataError, Diagnostic, Span, suggested_file
from engine.kit.population import Population
from engine.lang import graph as graphs
from engine.lang import loader
from engine.lang.graph import Graph
from engine.lang.rules import STAND_IN, secret_in_clear
from engine.lang.rules.columns import Known
from engine.lang.rules.shares import shares
from engine.lang.spec import ActivitySpec, WorkflowSpec
from engine.registry import REINSTALL, Registry
from engine.registry import load as load_registry
from engine.runs import bind
from engine.runs.plan import PLANNED_RUN, PlannedActivity, plan
from engine.sql import catalog as catalogs
from engine.sql import snapshot
from engine.sql.snapshot import file_of

NO_DIMENSION = "E201"
UNCHECKED = "so not all that follows was checked"


@dataclass(frozen=True)
class Findings:
    """What is wrong with a file; and the database's file it was held against, with its stamp, where that is what decides."""

    path: Path
    problems: list[Diagnostic]
    is_settled: bool
    """Nothing but the texts and this file of the database can change it."""
    database: str = ""
    stamp: str = ""


def findings(paths: Iterable[Path], options: Options, *, offline: bool) -> Iterator[Findings]:
    """Look for what is wrong with each file; a project is opened once for all its files. With `offline`, nothing is connected to."""
    registry = load_registry()
    with ExitStack() as stack:
        projects: dict[Path, _Project] = {}

        def project_of(path: Path) -> _Project:
            file = options.project or find(path.parent)
            if file not in projects:
                session = Session.start(path.parent, registry, replace(options, project=file), read_only=True)
                projects[file] = _Project(stack.enter_context(session), offline)
            return projects[file]

        for path in paths:
            yield _findings(path, registry, project_of)


class _Project:
    """A project that files are held against, with what is known of its database."""

    def __init__(self, session: Session, offline: bool) -> None:
        self.session = session
        self.offline = offline
        self.is_current = False
        """The catalogue is that of the database's file as it is now."""
        self.is_alone = True
        """No file of the project was looked into but those that are checked."""
        self.database = file_of(session.project.database_url())
        self.stamp = stamp(self.database)

    def fillers(self, spec: WorkflowSpec, graph: Graph | None, lists: Collection[str]) -> tuple[Filler, ...]:
        """Give who fills the lists: activities of the workflow itself where they do, else those of the others too."""
        own = tuple(unfilled.fillers(spec, graph)) if lists else ()
        return own if all(any(filler.fills(name) for filler in own) for name in lists) else (*own, *self._fillers)

    @cached_property
    def _fillers(self) -> tuple[Filler, ...]:
        self.is_alone = False
        return tuple(unfilled.project_fillers(self.session.project.folder, self.session.registry))

    @cached_property
    def suppressed(self) -> list[Diagnostic]:
        """Say which of the lists that dimensions suppress nobody fills."""
        lists = self.catalog.lists if isinstance(self.catalog, Catalog) else {}
        dimensions = self.session.project.dimensions.values()
        names = {str(name): name for dimension in dimensions for name in dimension.suppress if name not in lists}
        places = {
            name: getattr(written, "span", Span(label_of(self.session.project.path), 1, 1))
            for name, written in names.items()
        }
        return list(unfilled.warnings(places, lists, self._fillers, "so nobody may be shared")) if names else []

    @cached_property
    def lint(self) -> list[Diagnostic]:
        """Give what the lint rules say of the project file."""
        project = self.session.project
        return list(secret_in_clear.check_project(project.text, label_of(project.path)))

    @cached_property
    def catalog(self) -> Catalog | AudienceflowError:
        """Give the catalogue, or why there is none."""
        try:
            return self._known()
        except AudienceflowError as problem:
            return problem

    def _known(self) -> Catalog:
        """Ask the database, unless it has not changed since it was last seen, may not be asked, or cannot be opened now."""
        session, file = self.session, self._kept_in
        kept = snapshot.read(file)
        if kept is not None and not catalogs.tables_named(session.definitions) <= kept.tables.keys():
            kept = None
        self.is_current = kept is not None and bool(self.stamp) and kept.stamp == self.stamp
        if kept is not None and (self.offline or self.is_current):
            return session.catalog_of(kept)
        if self.offline:
            raise DataError("not all of the database was seen yet", "check once without --offline")
        try:
            catalog = session.catalog()
            snapshot.write(file, snapshot.taken(self.stamp, session.db.reflected, session.ledger.list_rows()))
            self.is_current = bool(self.stamp)
            return catalog
        except DataError:
            if kept is None:
                raise
            return session.catalog_of(kept)

    @property
    def _kept_in(self) -> Path:
        url = self.session.project.database_url()
        digest = hashlib.md5(url.encode(), usedforsecurity=False).hexdigest()[:8]
        return self.session.state_folder / "seen" / f"{digest}.json"


def _findings(path: Path, registry: Registry, project_of: Callable[[Path], _Project]) -> Findings:
    """Look into one file. What cannot be read hides nothing of the rest; lint waits until all else is right."""
    try:
        reading = loader.read(read_text(path), label_of(path), registry.activities)
    except AuthorError as problem:
        return Findings(path, list(problem.diagnostics), is_settled=True)
    found = list(reading.problems)
    graph = None if found else reading.graph
    if reading.spec is not None and graph is not None:
        found += _linted(registry, "rule", reading.spec, graph)
    try:
        project = project_of(path)
        found += project.lint
        if reading.spec is None:
            return Findings(path, found, is_settled=True)
        found += missing_files(path.parent, reading.spec)
        found += reading.beside(_held_against(project, reading.spec, graph))
        reads_files = any(activity.activity.files for activity in reading.spec.activities.values())
        if graph is not None:
            found += _of_tests(project, path, reading.spec)
        is_settled = project.is_current and project.is_alone and not reads_files  # files come and go
        return Findings(path, found, is_settled, project.database, project.stamp)
    except AuthorError as problem:
        return Findings(path, [*found, *problem.diagnostics], is_settled=False)


def _of_tests(project: _Project, workflow: Path, spec: WorkflowSpec) -> list[Diagnostic]:
    """Say what is wrong with the test file beside a workflow that is right, where there is one."""
    path = workflow.with_name(f"{workflow.stem}{SUFFIX}")
    if not holds_tests(path):
        return []
    from engine.app.testing import suite  # what runs tests is not needed to read a workflow

    known = project.catalog.tables.values() if isinstance(project.catalog, Catalog) else ()
    dimensions = project.catalog.dimensions.values() if isinstance(project.catalog, Catalog) else ()
    columns = {each.table.fullname: each.columns for each in (*known, *dimensions)}
    return suite.problems(path, spec, project.session.registry, columns)


def missing_files(folder: Path, spec: WorkflowSpec) -> Iterator[Diagnostic]:
    """Say which files are not there that the workflow reads; a computed name is known when it runs."""
    for activity in spec.activities.values():
        for file in activity.activity.files if activity.common.enabled != "false" else ():
            path = folder / file.source
            if file.is_literal and not path.is_file():
                what = f"there is no file '{file.source}' yet, and '{activity.id}' reads it"
                yield Diagnostic(file.span or activity.span, "W903", what, suggested_file(path), "warning")


def _held_against(project: _Project, spec: WorkflowSpec, graph: Graph | None) -> list[Diagnostic]:
    """Plan what can be judged of a workflow; where nothing is wrong, hold it against the rules about columns.

    Without the `graph` something is wrong already.
    """
    session = project.session
    match project.catalog:
        case Catalog() as catalog:
            sound = graphs.sound(spec) if graph is None else spec
            arrows = graphs.build(sound) if graph is None else graph
            lists = unfilled.missing(spec, tuple(catalog.lists))
            fillers = project.fillers(spec, graph, lists)
            filled = unfilled.expected(lists, fillers, lambda spec, graph: _outputs(session, spec, graph, catalog))
            known = catalogs.with_lists(catalog, {**catalog.lists, **filled}) if filled else catalog
            planned, problems = _planned(session, sound, arrows, known)
            if any(problem.code == NO_DIMENSION for problem in problems):
                problems = _further(problems, _planned(session, _of_known_dimensions(sound, known), arrows, known)[1])
            if unknown := lists.keys() - filled.keys():
                declared = unfilled.declared(sorted(unknown), known)
                assumed = unfilled.assumed(
                    unknown - declared.keys(), spec, catalogs.with_lists(known, {**known.lists, **declared})
                )
                further = _planned(session, sound, arrows, assumed)[1]
                problems = (*problems, *unfilled.sure(further, is_declared=unknown == declared.keys()))
            found = [*problems, *unfilled.warnings(lists, catalog.lists, fillers, UNCHECKED)]
            if graph is None or problems:
                return found
            if any(shares(spec)):
                found += project.suppressed
            columns = Known(catalog=known, populations={activity.id: activity.outputs for activity in planned})
            return [*found, *_linted(session.registry, "column_rule", spec, graph, columns)]
        case AuthorError() as problem:
            return list(problem.diagnostics)
        case problem:
            message = f"columns were not checked: {problem.message}"
            return [Diagnostic(spec.span, "W901", message, problem.fix, "warning")]


def _of_known_dimensions(spec: WorkflowSpec, catalog: Catalog) -> WorkflowSpec:
    """Give a workflow with the dimension that was meant, where one is called like the unknown one, or is the only one."""

    def meant(activity: ActivitySpec) -> ActivitySpec:
        written = getattr(activity.activity, "dimension", None)
        if written is None or written in catalog.dimensions:
            return activity
        near = get_close_matches(written, catalog.dimensions, n=1) or list(catalog.dimensions)
        if len(near) != 1:
            return activity
        return replace(activity, activity=activity.activity.model_copy(update={"dimension": near[0]}))

    return replace(spec, activities={name: meant(activity) for name, activity in spec.activities.items()})


def _further(problems: Sequence[Diagnostic], others: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Give problems with those of the workflow as it was meant; where an unknown dimension stays unknown, its message says so."""
    return (
        *(
            replace(problem, message=f"{problem.message}, {UNCHECKED}")
            if problem in others and problem.code == NO_DIMENSION
            else problem
            for problem in problems
        ),
        *(problem for problem in others if problem not in problems),
    )


def _planned(
    session: Session, spec: WorkflowSpec, graph: Graph, catalog: Catalog
) -> tuple[tuple[PlannedActivity, ...], tuple[Diagnostic, ...]]:
    """Plan a workflow; a variable without a value has one that stands in."""
    now = session.clock()
    given = {
        name: STAND_IN[variable.type.kind]
        for name, variable in spec.variables.items()
        if variable.default is None or f"vars.{name}" in spec.unreadable
    }
    values = bind.values(spec, given, run=PLANNED_RUN, time=now, started_at=now)
    return plan(spec, graph, catalog, values, session.evaluate, session.work_schema)


def _outputs(
    session: Session, spec: WorkflowSpec, graph: Graph, catalog: Catalog
) -> Mapping[str, Mapping[str, Population]]:
    """Plan a workflow that is not checked itself; what is wrong in it is told where it is."""
    try:
        return {activity.id: activity.outputs for activity in _planned(session, spec, graph, catalog)[0]}
    except AuthorError:
        return {}


def _linted(registry: Registry, kind: ComponentKind, spec: WorkflowSpec, *known: object) -> Iterator[Diagnostic]:
    """Apply the rules of a kind; one of a plugin that fails is said and stops no other."""
    of_plugins = {row.name for rows in registry.plugins.values() for row in rows if row.kind == kind}
    for name, rule in registry.of(kind).items():
        try:
            yield from tuple(rule(spec, *known))
        except Exception as problem:
            if name not in of_plugins:
                raise
            message = f"the rule '{name}' was not applied: {type(problem).__name__}: {problem}"
            yield Diagnostic(spec.span, "W901", message, REINSTALL, "warning")

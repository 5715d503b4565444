"""What is wrong with workflow files, held against their project and what is known of its database."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import sqlalchemy as sa

from engine.app.project import find
from engine.app.session import Options, Session, read_text, read_workflow
from engine.kit.catalog import Catalog
from engine.kit.errors import AudienceflowError, AuthorError, DataError, Diagnostic
from engine.lang import rules
from engine.lang.graph import Graph
from engine.lang.spec import WorkflowSpec
from engine.registry import Registry
from engine.runs import bind
from engine.runs.plan import plan
from engine.sql import catalog as catalogs
from engine.sql import snapshot

PLANNED_RUN = "plan"


def check(paths: Iterable[Path], registry: Registry, options: Options, *, offline: bool = False) -> list[Diagnostic]:
    """Find all problems of all files, sorted by place; one bad file hides no other.

    A project is opened once for all its files. With `offline`, no database is connected to.
    """
    with ExitStack() as stack:
        projects: dict[Path, _Project] = {}

        def project_of(path: Path) -> _Project:
            file = options.project or find(path.parent)
            if file not in projects:
                session = Session.start(path.parent, registry, replace(options, project=file), read_only=True)
                projects[file] = _Project(stack.enter_context(session), offline)
            return projects[file]

        return sorted({problem for path in paths for problem in _problems(path, registry, project_of)})


class _Project:
    """A project that files are held against, with what is known of its database."""

    def __init__(self, session: Session, offline: bool) -> None:
        self.session = session
        self.offline = offline

    @cached_property
    def catalog(self) -> Catalog | AudienceflowError:
        """Give the catalogue, or why there is none."""
        try:
            return self._known()
        except AudienceflowError as problem:
            return problem

    def _known(self) -> Catalog:
        """Ask the database, unless it has not changed since it was last seen, may not be asked, or cannot be opened now."""
        session, url = self.session, sa.make_url(self.session.project.database_url())
        file, stamp = self._kept_in(url), snapshot.stamp(url)
        kept = snapshot.read(file)
        if kept is not None and not catalogs.tables_named(session.definitions) <= kept.tables.keys():
            kept = None
        if kept is not None and (self.offline or (stamp and stamp == kept.stamp)):
            return session.catalog_of(kept)
        if self.offline:
            raise DataError("not all of the database was seen yet", "check once without --offline")
        try:
            catalog = session.catalog()
            snapshot.write(file, snapshot.taken(stamp, session.db.reflected, session.ledger.list_rows()))
            return catalog
        except DataError:
            if kept is None:
                raise
            return session.catalog_of(kept)

    def _kept_in(self, url: sa.URL) -> Path:
        shown = url.render_as_string(hide_password=True)
        digest = hashlib.md5(shown.encode(), usedforsecurity=False).hexdigest()[:8]
        return self.session.state_folder / "seen" / f"{digest}.json"


def _problems(path: Path, registry: Registry, project_of: Callable[[Path], _Project]) -> list[Diagnostic]:
    try:
        spec, graph = read_workflow(path, read_text(path), registry)
    except AuthorError as problem:
        return list(problem.diagnostics)
    found = [problem for rule in registry.of("rule").values() for problem in rule(spec, graph)]
    try:
        return [*found, *_held_against(project_of(path), spec, graph)]
    except AuthorError as problem:
        return [*found, *problem.diagnostics]


def _held_against(project: _Project, spec: WorkflowSpec, graph: Graph) -> list[Diagnostic]:
    session = project.session
    now = session.clock()
    given = {
        name: rules.STAND_IN[variable.type.kind]
        for name, variable in spec.variables.items()
        if variable.default is None
    }
    values = bind.values(spec, given, run=PLANNED_RUN, time=now, started_at=now)
    match project.catalog:
        case Catalog() as catalog:
            _, problems = plan(spec, graph, catalog, values, session.evaluate, session.work_schema)
            return list(problems)
        case AuthorError() as problem:
            return list(problem.diagnostics)
        case problem:
            message = f"columns were not checked: {problem.message}"
            return [Diagnostic(spec.span, "W901", message, problem.fix, "warning")]

"""Everything a command needs, opened from files: the project, its database, the state of its runs."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from engine.app import project as projects
from engine.app.options import STATE_FOLDER, Options, find, label_of, read_text, run_of_key
from engine.app.project import Project
from engine.kit.catalog import Catalog, Definition
from engine.kit.connector import Surroundings
from engine.kit.dialect import Dialect
from engine.kit.errors import AuthorError, DataError, Span
from engine.kit.expression import Expr
from engine.kit.expression.catalogue import FUNCTIONS
from engine.kit.expression.functions import Function
from engine.lang import loader
from engine.lang.graph import Graph
from engine.lang.spec import WorkflowSpec
from engine.registry import Registry
from engine.runs.bind import Evaluate
from engine.runs.plan import evaluator
from engine.sql import catalog as catalogs
from engine.sql.database import Database
from engine.sql.dialects import DIALECTS
from engine.sql.ledger import Ledger
from engine.sql.snapshot import Snapshot

if TYPE_CHECKING:  # most commands know no runs
    from engine.state.sqlstore import SqlStore
    from engine.state.store import Store


class Session:
    """A project that is open. Close it, or use it in a `with`."""

    def __init__(self, project: Project, registry: Registry, options: Options, *, read_only: bool = False) -> None:
        self.project = project
        self.registry = registry
        self.clock = options.clock
        self._variables = options.surroundings
        self._read_only = read_only
        self._open = ExitStack()
        self._known_tables: Catalog | None = None

    @classmethod
    def start(cls, near: Path, registry: Registry, options: Options, *, read_only: bool = False) -> Session:
        """Open the project that a workflow's folder, or a folder above it, holds."""
        path = options.project or find(near if near.is_dir() else near.parent)
        return cls(
            read_project(path, read_text(path), registry, options),
            registry,
            options,
            read_only=read_only,
        )

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def state_folder(self) -> Path:
        return self.project.folder / STATE_FOLDER

    @property
    def work_schema(self) -> str:
        """Give the name of the schema of our own tables."""
        return self.project.databases["default"].work_schema

    @cached_property
    def definitions(self) -> Mapping[str, Definition]:
        """Give the dimensions as the project file says them."""
        return {name: dimension.definition() for name, dimension in self.project.dimensions.items()}

    @cached_property
    def db(self) -> Database:
        try:
            database = Database(self.project.database_url(), work_schema=self.work_schema, read_only=self._read_only)
        except AuthorError as problem:
            place = getattr(self.project.databases["default"].url, "span", Span("", 0, 0))
            raise AuthorError(*(replace(item, span=place) for item in problem.diagnostics)) from None
        return self._open.enter_context(database)

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.db)

    @cached_property
    def store(self) -> Store:
        return self._open.enter_context(open_store(self.project.path))

    @property
    def _tables(self) -> Catalog:
        if self._known_tables is None:
            self._known_tables = self._built(self.db, self.db.dialect)
        return self._known_tables

    def verify_keys(self, targeted: Iterable[str]) -> None:
        """Hold the keys that the database does not declare unique against its rows, once.

        Those of the targeted dimensions, and of the dimensions that to-one links lead to from there: a key that stands on two rows
        would multiply people. Raises DataError naming the dimension.
        """
        for name in catalogs.dimensions_joined(self._tables, targeted):
            dimension = self._tables.dimensions[name]
            if dimension.is_key_declared:
                continue
            try:
                self.db.count(dimension.population())
            except DataError as problem:
                raise DataError(
                    f"dimension '{name}' (table {dimension.table.name}): {problem.message}", problem.fix
                ) from None
            verified = {**self._tables.dimensions, name: replace(dimension, is_key_declared=True)}
            self._known_tables = replace(self._tables, dimensions=verified)

    def catalog(self) -> Catalog:
        """Give the catalogue with the lists as they are now."""
        return catalogs.with_lists(self._tables, self.ledger.lists_when_asked(self.clock()))

    def catalog_of(self, seen: Snapshot) -> Catalog:
        """Give the catalogue as it was when the database was last seen."""
        dialect = DIALECTS[sa.make_url(self.project.database_url()).get_backend_name()]
        return catalogs.with_lists(self._built(seen, dialect), seen.populations(dialect, self.work_schema))

    def _built(self, tables: catalogs.Tables, dialect: Dialect) -> Catalog:
        catalog = catalogs.build(tables, dialect, self.definitions, self.project.sections)
        return replace(catalog, functions=self._functions)

    def evaluate(self, expression: Expr) -> str:
        """Compute an expression without columns, in a database of its own; canonical text."""
        return self._evaluate(expression)

    @cached_property
    def _evaluate(self) -> Evaluate:
        scratch = self._open.enter_context(Database("sqlite://"))
        return evaluator(scratch, Catalog(dialect=scratch.dialect, functions=self._functions))

    @property
    def _functions(self) -> Mapping[str, Function]:
        return {**FUNCTIONS, **self.registry.of("function")}

    def connect(self, connector: str) -> Any:
        """Open a connector with the project's settings."""
        return self.registry.of("connector")[connector](self.surroundings)

    @property
    def surroundings(self) -> Surroundings:
        return Surroundings(
            sections=self.project.sections,
            folder=self.project.folder,
            state_folder=self.state_folder,
            clock=self.clock,
            environment=self.project.environment,
            is_environment_named=self.project.is_environment_named,
            variables=self._variables,
        )

    def new_run(self, key: str | None, workflow: str) -> str:
        """Name a run: by its key the same name again, and another for every other key; else by the second and a little chance."""
        if key is not None:
            return run_of_key(workflow, key)
        return f"{self.clock():%y%m%d%H%M%S}{secrets.token_hex(4)}"


def open_store(project: Path) -> SqlStore:
    """Open the state of the runs of a project, whatever its file says now."""
    from engine.state.sqlstore import SqlStore

    return SqlStore(project.parent / STATE_FOLDER / "state.sqlite")


def read_project(path: Path, text: str, registry: Registry, options: Options) -> Project:
    project = projects.read(
        path, text, registry, environment=options.environment, surroundings=options.surroundings, label=label_of(path)
    )
    return project if options.is_environment_named else replace(project, is_environment_named=False)


def read_workflow(path: Path, text: str, registry: Registry) -> tuple[WorkflowSpec, Graph]:
    """Read a workflow and its graph. Raises AuthorError with all problems of the file; warnings are not among them."""
    reading = loader.read(text, label_of(path), registry.activities)
    if reading.problems or reading.spec is None or reading.graph is None:
        raise AuthorError(*reading.problems)
    return reading.spec, reading.graph

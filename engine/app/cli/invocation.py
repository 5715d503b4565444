"""One call of the command line: what its options mean, and the project, workflow or run they name."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from engine.app.options import workflows_in
from engine.kit.errors import AudienceflowError, suggestion

if TYPE_CHECKING:  # a command that needs them imports them
    from engine.app.options import Options
    from engine.app.session import Session
    from engine.kit.command import Members
    from engine.kit.connector import Surroundings
    from engine.kit.dialect import Dialect, Sql
    from engine.state.sqlstore import SqlStore
    from engine.state.store import Store

ENVIRONMENT_VARIABLE = "AUDIENCEFLOW_ENV"
WORKFLOWS = "workflows"

Format = Annotated[Literal["text", "json"], typer.Option("--format", help="For a person, or for a program.")]
RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="A run: its id, a unique beginning of it, its key, or 'last'.")
]
WorkflowName = Annotated[
    str, typer.Argument(metavar="WORKFLOW", help="A workflow file, or the name of one in the project's folder.")
]


class Misused(AudienceflowError):
    """The command line asks for what is not there."""


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Invocation:
    """What the options of every command say. See `engine.kit.command.CommandLine`."""

    project: Path | None = None
    environment: str | None = None
    debug: bool = False
    variables: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def options(self) -> Options:
        from engine.app.options import Options

        return Options(
            project=self.project, environment=self.environment or self.variables.get(ENVIRONMENT_VARIABLE) or None,
            is_environment_named=self.environment is not None, surroundings=self.variables, clock=now,
        )  # fmt: skip

    def near(self) -> Path:
        """Give the folder to look for the project from: this one, or `workflows` in it where only that has one."""
        from engine.app.options import FILE

        here = Path.cwd()
        below = here / WORKFLOWS
        return below if not (here / FILE).is_file() and (below / FILE).is_file() else here

    def session(self, near: Path | None = None, *, read_only: bool = False) -> Session:
        """Open the project, for a workflow or for none."""
        from engine import registry
        from engine.app.session import Session

        return Session.start(near or self.near(), registry.load(), self.options(), read_only=read_only)

    def store(self) -> SqlStore:
        """Open the state of the project's runs; its file need not be readable."""
        from engine.app.options import find
        from engine.app.session import open_store

        return open_store(self.project or find(self.near()))

    def surroundings(self) -> Surroundings:
        with self.session() as session:
            return session.surroundings

    def compute(self, build: Callable[[Dialect], Mapping[str, Sql]]) -> Mapping[str, Any]:
        import sqlalchemy as sa

        from engine.sql.database import Database

        with Database("sqlite://") as db, db.transaction() as connection:
            labelled = (sql.label(name) for name, sql in build(db.dialect).items())
            return dict(connection.execute(sa.select(*labelled)).mappings().one())

    @contextmanager
    def members(self) -> Iterator[Members]:
        with self.session() as session:
            session.ledger.ensure()
            yield session.ledger

    def folder(self) -> Path:
        """Give the project's folder. Raises AuthorError when there is no project."""
        from engine.app.options import find

        return (self.project or find(self.near())).parent

    def workflow(self, name: str) -> Path:
        """Find a workflow by its path; in the project's folder by its file's name, or by its own. Raises Misused for neither."""
        path = Path(name)
        if path.exists() or path.suffix or len(path.parts) > 1:
            return path
        folder = self.folder()
        found = folder / f"{name}.yaml"
        if found.is_file():
            return found
        files = {file: file.stem for file in workflows_in(folder)}
        called = re.compile(rf"^workflow:[ ]+(['\"]?){re.escape(name)}\1[ ]*(?:#.*)?$", re.MULTILINE)
        named = [file for file in files if called.search(file.read_text(encoding="utf-8", errors="replace"))]
        if len(named) != 1:
            raise Misused(f"there is no workflow '{name}' in {folder}", suggestion(name, files.values(), "workflows"))
        return named[0]


def invocation(ctx: typer.Context) -> Invocation:
    """Give what the shared options say."""
    return ctx.ensure_object(Invocation)


def find_run(name: str, store: Store) -> str:
    """Find a run by its id, `last`, its key, or a unique beginning of its id. Raises Misused when none or several fit."""
    from engine.app.options import run_of_key

    known = store.runs()
    if name in known:
        return name
    if name == "last" and known:
        return known[0]
    behind = len(run_of_key("", name))
    keyed = [run for run in known if run == run_of_key(run[:-behind], name)]
    fitting = keyed or ([run for run in known if run.startswith(name)] if name else [])
    match fitting:
        case [run]:
            return run
        case []:
            fix = (
                suggestion(name, known[:20], "the newest runs")
                if known
                else "start one with 'audienceflow run WORKFLOW'"
            )
            raise Misused(f"there is no run '{name}'", fix)
        case _:
            raise Misused(
                f"'{name}' {'is the key' if keyed else 'begins the names'} of {len(fitting)} runs",
                f"write one of: {', '.join(fitting[:5])}",
            )


def read_time(text: str) -> datetime:
    """Read a time of the command line; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise typer.BadParameter(f"'{text}' is no time; write it as 2026-11-23, or 2026-11-23T09:00:00+01:00") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def read_variables(texts: list[str] | None) -> dict[str, str]:
    """Read `name=value` pairs; of two with one name the later is meant."""
    variables = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise typer.BadParameter(f"'{text}' is no variable; write --var days=30", param_hint="'--var'")
        variables[name.strip()] = value
    return variables


Variables = Annotated[
    list[str] | None, typer.Option("--var", metavar="NAME=VALUE", help="The value of a variable; may be repeated.")
]
At = Annotated[
    datetime | None,
    typer.Option(
        "--at", metavar="TIME", parser=read_time, help="The moment it is for, ISO 8601; no zone is UTC. [now]"
    ),
]

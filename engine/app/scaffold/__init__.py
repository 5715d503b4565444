"""A project to begin with: files that run and pass their tests at once, and a database with invented people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path

import sqlalchemy as sa

from engine.app import project as projects
from engine.app.options import FILE
from engine.app.scaffold import people
from engine.kit.errors import AuthorError
from engine.kit.template import Template
from engine.registry import Registry
from engine.sql.database import Database
from engine.sql.dialects import DIALECTS

FILES: Mapping[str, str] = {
    FILE: FILE,
    "good_customers.yaml": "good_customers.yaml",
    "good_customers_test.yaml": "good_customers_test.yaml",
    "do_not_contact.csv": "do_not_contact.csv",
    ".gitignore": "gitignore",
}
"""What a project begins with: the file's name, and that of its text in the package."""
WORKFLOW = "good_customers"
HALF_A_YEAR = timedelta(days=181)
ADDRESS = "write duckdb:///file, sqlite:///file or postgresql://…"


@dataclass(frozen=True, kw_only=True)
class Begun:
    """What was made, and what was there already and left as it was. `rows` says how many each table of the example holds."""

    made: tuple[str, ...]
    kept: tuple[str, ...]
    tables_made: tuple[str, ...] = ()
    rows: Mapping[str, int] | None = None
    """Absent where the project file was another, so that its database was left alone."""
    lacks_password: bool = False
    """The URL had a password, which is written nowhere."""


def begin(folder: Path, url: str, registry: Registry, day: date) -> Begun:
    """Make the files that are not there, then the tables that are not there in the database of `url`; the same again changes nothing.

    A relative file of `url` starts at the folder. The orders end the day before `day`.
    Raises AuthorError for a URL the engine cannot use, DataError when the database cannot be reached.
    """
    address = _address(url)
    texts = _texts(address._replace(password=None).render_as_string(), day)  # `set` takes None for not given
    folder.mkdir(parents=True, exist_ok=True)
    kept = tuple(name for name in FILES if (folder / name).exists())
    made = tuple(name for name in FILES if name not in kept)
    for name in made:
        (folder / name).write_text(texts[name], encoding="utf-8")
    if FILE in kept and (folder / FILE).read_text(encoding="utf-8") != texts[FILE]:
        return Begun(made=made, kept=kept)
    project = projects.read(folder / FILE, texts[FILE], registry, environment=None, surroundings={})
    own = sa.make_url(project.database_url()).set(password=address.password)
    with Database(own.render_as_string(hide_password=False)) as db:
        tables_made, rows = people.lay_out(db, day)
    return Begun(made=made, kept=kept, tables_made=tables_made, rows=rows, lacks_password=address.password is not None)


def _address(url: str) -> sa.URL:
    try:
        address = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise AuthorError.at(None, "P010", f"'{url}' is no address of a database", ADDRESS) from None
    if address.get_backend_name() not in DIALECTS:
        raise AuthorError.at(
            None, "P010", f"the engine does not know the database '{address.get_backend_name()}'", ADDRESS
        )
    return address


def _texts(url: str, day: date) -> Mapping[str, str]:
    """Give the text of every file; only the database's address, and the day since which orders count, are put in."""
    place = files(__name__) / "files"
    sources = {name: (place / source).read_text(encoding="utf-8") for name, source in FILES.items()}
    filled = {"url": json.dumps(url), "since": (day - HALF_A_YEAR).isoformat()}
    rendered = {name: Template(sources[name]).render(filled) for name in (FILE, f"{WORKFLOW}.yaml")}
    return {
        **sources,
        **{name: f"{text}\n" for name, text in rendered.items()},
    }  # Jinja takes the last line end for its own

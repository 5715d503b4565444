"""What is fed with random text: every reader of text there is. Each takes any text and may only refuse it as an author's error."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import sqlalchemy as sa

from activities.connectors.files.format import Errors, FileFormat
from activities.connectors.files.reading import read
from engine.app.project import read as read_project
from engine.app.testing import reading
from engine.kit.catalog import Catalog
from engine.kit.errors import AuthorError, DataError, Span, shown
from engine.kit.expression import Bound, Expr, SortKey
from engine.kit.frame import Frame
from engine.kit.population import Population
from engine.kit.template import Template
from engine.kit.types import DATE, INTEGER, TEXT, TIMESTAMP
from engine.lang import graph, loader, source
from engine.registry import load
from engine.sql.dialects import DIALECTS

REGISTRY = load()
NAMES = {
    "vars": {"city": "Besançon", "n": 3, "rate": Decimal("0.25"), "nothing": None},
    "run": {"date": date(2026, 11, 23), "time": datetime(2026, 11, 23, 8, 30), "id": "r1"},  # noqa: DTZ001 - as a run binds it
}
VALUES = {
    "vars.days": Bound(30, INTEGER),
    "vars.name": Bound("Zoë", TEXT),
    "run.date": Bound(date(2026, 11, 23), DATE),
    "run.time": Bound(datetime(2026, 11, 23, 8, 30, tzinfo=UTC), TIMESTAMP),
}
_FILE = Path(tempfile.gettempdir()) / "audienceflow_fuzz.csv"


def refused(read: Callable[[], object]) -> AuthorError | DataError | None:
    """Give the error of a reader that refuses, which has a place in the text and a fix; what else it raises is a finding."""
    try:
        read()
    except AuthorError as problem:
        _hold(bool(problem.diagnostics), problem)
        for item in problem.diagnostics:
            _hold(
                "\n" not in item.message
                and shown(item.message) == item.message
                and item.span.line >= 1
                and item.span.column >= 1,
                problem,
            )
        return problem
    except DataError as problem:
        _hold(bool(problem.message), problem)
        return problem
    return None


def _hold(is_so: bool, problem: Exception) -> None:
    assert is_so, problem


def expression(text: str) -> None:
    """Parse a text as an expression and a sort key, and compile what is one for every database."""
    span = Span("w.yaml", 1, 1)
    refused(lambda: SortKey(text, span))
    if refused(lambda: Expr(text, span)) is None:
        parsed = Expr(text, span)
        assert list(parsed.names()) is not None
        for dialect in DIALECTS.values():
            refused(lambda dialect=dialect: _frame(Catalog(dialect=dialect)).value(parsed.bound(VALUES)))  # type: ignore[misc]


def _frame(catalog: Catalog) -> Frame:
    columns = {"id": INTEGER, "name": TEXT, "born": DATE}
    relation = sa.table("people", *(sa.column(name) for name in columns))
    return Frame(Population(relation=relation, key=("id",), columns=columns, unique=True), catalog)


def yaml(text: str) -> None:
    """Read a text as YAML, as a workflow and its graph, and as a test file."""
    refused(lambda: source.read(text, "w.yaml"))
    refused(lambda: _graph(text))
    refused(lambda: reading.read(text, Path("w_test.yaml"), "w_test.yaml", REGISTRY.of("fixture")))


def _graph(text: str) -> None:
    spec = loader.load(text, "w.yaml", REGISTRY.activities)
    problems = graph.problems(spec, graph.build(spec))
    if problems:
        raise AuthorError(*problems)


def project(text: str) -> None:
    """Read a text as a project file."""
    path = Path("project.yaml")
    refused(lambda: read_project(path, text, REGISTRY, environment=None, surroundings={"A": "a"}))


def template(text: str) -> None:
    """Read a text as a template, and fill it in."""
    span = Span("w.yaml", 1, 1)
    if refused(lambda: Template(text, span)) is None:
        made = Template(text, span)
        refused(lambda: made.render(NAMES))
        if not made.is_literal and refused(lambda: made.render(NAMES)) is None:
            assert len(made.render(NAMES)) <= 10 * len(text) + 100


def csv(data: bytes) -> None:
    """Read bytes as the file of a list: each row has a line and as many values as the header."""
    _FILE.write_bytes(data)
    refused(_rows)


def _rows() -> None:
    with closing(read(_FILE, FileFormat(), {}, Errors(), {"id": "the key of people"})) as file:
        for batch in file.rows():
            assert batch.num_columns == len(file.columns)
            assert "\0" not in "".join(str(value) for column in batch.columns for value in column.to_pylist())


TARGETS: Mapping[str, Callable[[str], None]] = {
    "expression": expression, "yaml": yaml, "project": project, "template": template,
    "csv": lambda text: csv(text.encode("utf-8", "surrogatepass")),
}  # fmt: skip

"""The examples of an activity: an ordinary workflow and its tests, run, with the rows that really came.

They lie in the folder `examples` of the package a component comes from: `deduplication.yaml`, `deduplication_test.yaml`, and one
`project.yaml` for all. Every test of one activity of that type is an example, and its name is what the example shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

from engine.app.options import Options
from engine.app.testing.comparing import Found
from engine.app.testing.running import Outcome, observe
from engine.app.testing.suite import Suite, open_suite
from engine.app.testing.values import shown
from engine.app.testing.written import Rows, WrittenTest
from engine.kit.component import Component
from engine.kit.errors import DataError
from engine.lang.spec import ActivitySpec

FOLDER = "examples"
NOW = datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
"""When an example is run whose test says no time."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Rows to show: whose they are, their columns, and every value as words."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Example:
    """What an example shows: the activity as written, what there is before, and what comes of it."""

    title: str
    written: str
    before: tuple[Sample, ...]
    texts: Mapping[str, str]
    """Files it reads, by name."""
    after: tuple[Sample, ...]
    outside: Mapping[str, tuple[str, ...]]
    """What outside services hold before or received, by what is said of them."""


@cache  # what is installed does not change while a process lives
def examples(component: Component) -> tuple[Example, ...]:
    """Run the examples of an activity; none where its package has none. Raises DataError for one that does not hold."""
    package = component.path.partition(":")[0].partition(".")[0]
    with as_file(files(package)) as folder:
        path = Path(folder) / FOLDER / f"{component.name}_test.yaml"
        if not path.is_file():
            return ()
        suite = open_suite(path, Options(surroundings={}, clock=lambda: NOW))
        return tuple(
            _example(suite, test)
            for test in suite.file.tests
            if test.activity is not None and suite.spec.activities[test.activity].activity.type == component.name
        )


def _example(suite: Suite, test: WrittenTest) -> Example:
    outcome, came = observe(suite, test)
    if not outcome.is_passed:
        raise DataError(
            f"the example '{test.name}' ({test.span}) does not hold: {_why(outcome)}", "correct it, or the activity"
        )
    activity = suite.spec.activities[str(test.activity)]
    written = _written(suite, activity)
    given = [_before(f"{name}", rows) for name, rows in test.given.items() if rows is not None]
    tables = [_before(f"the table {name}", rows) for name, rows in test.tables.items()]
    lists = [_before(f"the list {name}", rows) for name, rows in test.lists.items()]
    kept = {name: rows for name, rows in came.items() if name in activity.output_ports}
    after_lists = [_before(f"the list {each.name}", each.rows) for each in test.lists_after if each.rows]
    return Example(
        title=test.name[:1].upper() + test.name[1:],
        written=written,
        before=(*given, *tables, *lists),
        texts={path.name: path.read_text(encoding="utf-8") for path in _files(suite.file.path.parent, written)},
        after=(*(_after(name, found) for name, found in kept.items()), *after_lists),
        outside=dict(_outside(test)),
    )


def _why(outcome: Outcome) -> str:
    return "; ".join([*(f"{each.about}: {each.message}" for each in outcome.failures), *map(str, outcome.problems)])


def _written(suite: Suite, activity: ActivitySpec) -> str:
    """Give the lines of the workflow that an activity takes, from its name to the next activity, as if nothing stood around them."""
    starts = sorted(each.span.line for each in suite.spec.activities.values())
    begin = activity.span.line
    end = next((line for line in starts if line > begin), None)
    lines = suite.spec.text.splitlines()[begin - 1 : end - 1 if end else None]
    indent = len(lines[0]) - len(lines[0].lstrip())
    return "\n".join(line[indent:] for line in lines).rstrip()


def _files(folder: Path, written: str) -> Iterator[Path]:
    """Give the files of the folder that a text names."""
    for name in dict.fromkeys(re.findall(r"[\w.-]+\.\w+", written)):
        if (folder / name).is_file():
            yield folder / name


def _before(name: str, rows: Rows) -> Sample:
    columns = tuple(dict.fromkeys(str(column) for row in rows for column in row))
    return Sample(
        name=name, columns=columns, rows=tuple(tuple(_word(row.get(column)) for column in columns) for row in rows)
    )


def _word(text: object) -> str:
    return "null" if text is None else str(text) or '""'


def _after(name: str, found: Found) -> Sample:
    columns = tuple(found.columns)
    rows = sorted(found.rows, key=lambda row: [(row[column] is None, row[column]) for column in found.key])
    return Sample(
        name=name, columns=columns, rows=tuple(tuple(shown(row[column]) for column in columns) for row in rows)
    )


def _outside(test: WrittenTest) -> Iterator[tuple[str, tuple[str, ...]]]:
    for fixture, held in test.outside.items():
        yield from ((f"{fixture}, {name}, before", tuple(map(str, texts))) for name, texts in held.items())
    for expected in test.ports:
        yield from ((f"{word}", tuple(map(str, texts))) for word, texts in expected.observed.items())

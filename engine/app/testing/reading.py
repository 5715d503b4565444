"""YAML text to tests: every problem of the file at once, each with its place. Names are held against the workflow later."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from engine.app import csv_file
from engine.app.testing import SUFFIX
from engine.app.testing.written import Expected, ExpectedError, Rows, WrittenFile, WrittenTest
from engine.kit.errors import AuthorError, Diagnostic, Span, suggestion
from engine.kit.fixture import Fixture
from engine.kit.option import Scalar
from engine.lang import source
from engine.lang.source import Block, Items
from engine.state.facts import Status

KEYS = ("name", "activity", "given", "tables", "lists", "vars", "at", "env", "expect")
ABOUT_THE_RUN = ("status", "lists", "error")
ABOUT_ROWS = ("rows", "count", "exact")
FILE = "csv"
"""The key of a file that stands in place of rows."""


def read(text: str, path: Path, label: str, fixtures: Mapping[str, Fixture]) -> WrittenFile:
    """Read a test file. Raises AuthorError with all problems of its shape, sorted."""
    value = source.read(text, label)
    if not isinstance(value, Block) or not isinstance(value.get("tests"), Items):
        raise AuthorError.at(
            Span(label, 1, 1), "U001", "this is no test file", "begin with 'tests:' and below it '- name: …'"
        )
    reading = _Reading(fixtures, path.parent)
    reading.keys(value, ("tests",))
    tests = tuple(reading.tests(value["tests"]))
    if reading.problems:
        raise AuthorError(*reading.problems)
    workflow = path.with_name(path.name.removesuffix(SUFFIX) + ".yaml")
    return WrittenFile(path=path, workflow=workflow, span=Span(label, 1, 1), tests=tests)


class _Reading:
    def __init__(self, fixtures: Mapping[str, Fixture], folder: Path) -> None:
        self.folder = folder
        self.outside = tuple(fixtures)
        self.observations = tuple(fixture.expectation for fixture in fixtures.values())
        self.problems: list[Diagnostic] = []

    def problem(self, place: Any, code: str, message: str, fix: str, fallback: Span | None = None) -> None:
        self.problems.append(Diagnostic(getattr(place, "span", None) or fallback or Span("", 0, 0), code, message, fix))
        if len(self.problems) >= source.MOST_PROBLEMS:
            raise AuthorError(*self.problems)

    def keys(self, value: Block, known: Iterable[str]) -> None:
        known = tuple(known)
        for key in value:
            if key not in known:
                self.problem(key, "U002", f"unknown key '{key}'", suggestion(key, known, "keys"))

    def tests(self, items: Items) -> Iterator[WrittenTest]:
        places: dict[str, Span] = {}
        for item in items:
            if not isinstance(item, Block):
                self.problem(
                    item, "U003", "a test is a mapping", "write '- name: …' and below it 'expect:'", items.span
                )
                continue
            name = self.text(item, "name")
            if not name:
                self.problem(item, "U004", "this test has no name", "add 'name: …', a sentence about behaviour")
            elif name in places:
                self.problem(
                    name,
                    "U004",
                    f"two tests are named '{name}'",
                    f"rename one; the first is in line {places[name].line}",
                )
            elif "expect" not in item:
                self.problem(item, "U004", f"the test '{name}' expects nothing", "add 'expect:'")
            if name:
                places.setdefault(name, name.span)
            yield self.test(item, name or Scalar.at("", item.span))

    def test(self, item: Block, name: Scalar) -> WrittenTest:
        self.keys(item, (*KEYS, *self.outside))
        expect = self.block(item, "expect")
        given = self.block(item, "given")
        activity = self.text(item, "activity")
        if given and activity is None:
            key = next(key for key in item if key == "given")
            self.problem(key, "U005", "'given' goes with 'activity'", "name the activity, or fill 'tables' and 'lists'")
        return WrittenTest(
            name=str(name), span=name.span, activity=activity, vars=dict(self.texts(item, "vars")), at=self.moment(item),
            env=self.text(item, "env"),
            given={key: None if rows is None else self.rows(rows, key) for key, rows in given.items()},
            tables={key: self.rows(rows, key) for key, rows in self.block(item, "tables").items()},
            lists={key: self.rows(rows, key) for key, rows in self.block(item, "lists").items()},
            outside={key: self.identifiers(body, key) for key, body in item.items() if key in self.outside},
            ports=tuple(self.expected(key, body) for key, body in expect.items() if key not in ABOUT_THE_RUN),
            lists_after=tuple(self.expected(key, body) for key, body in self.block(expect, "lists").items()),
            status=self.status(expect), error=self.error(expect),
        )  # fmt: skip

    def expected(self, key: Scalar, body: Any) -> Expected:
        if key in self.observations:  # in the test of one activity: about that activity
            return Expected(name=Scalar.at("", key.span), observed={key: self.values(body, key)})
        match body:
            case None:
                return Expected(name=key, fires=False)
            case Items():
                return Expected(name=key, rows=self.rows(body, key))
            case Block() if FILE in body:
                return Expected(name=key, rows=self.rows(body, key))
            case Block():
                self.keys(body, (*ABOUT_ROWS, *self.observations))
                rows = self.rows(body["rows"], key) if "rows" in body else None
                observed = {word: self.values(found, word) for word, found in body.items() if word in self.observations}
                exact = self.text(body, "exact") or Scalar.at("false", key.span)
                if exact not in ("true", "false"):
                    self.problem(exact, "U003", "true or false is wanted here", "write 'exact: true'")
                expected = Expected(
                    name=key, rows=rows, count=self.count(body), exact=exact == "true", observed=observed
                )
                if not expected.is_about_rows and not observed:
                    self.problem(
                        key,
                        "U004",
                        f"nothing is expected of '{key}'",
                        f"write {', '.join((*ABOUT_ROWS[:2], *self.observations))}",
                    )
                return expected
            case _:
                self.problem(
                    body,
                    "U003",
                    f"'{body}' says nothing about '{key}'",
                    f"write '{key}: [{{column: value}}]' or '{key}: {{count: 1}}'",
                )
                return Expected(name=key)

    def rows(self, body: Any, key: Scalar) -> Rows:
        """Read a list of rows, or the file of rows that is named. A column's value is a text or null."""
        if isinstance(body, Block) and FILE in body:
            return self.rows_of_file(body)
        if not isinstance(body, Items):
            fix = f"write '{key}: [{{column: value}}]', [] for none, or '{key}: {{{FILE}: file.csv}}'"
            self.problem(body, "U003", f"'{key}' is a list of rows", fix, key.span)
            return ()
        for row in body:
            if not isinstance(row, Block):
                self.problem(row, "U003", "a row is a mapping", "write '{column: value}'", body.span)
                continue
            for column, value in row.items():
                if value is not None and not isinstance(value, Scalar):
                    self.problem(
                        value,
                        "U003",
                        f"'{column}' has one value",
                        "write a text, a number, true, false or null",
                        column.span,
                    )
        return tuple(
            row
            for row in body
            if isinstance(row, Block) and all(isinstance(value, Scalar | None) for value in row.values())
        )

    def rows_of_file(self, body: Block) -> Rows:
        """Read the rows of a CSV file; a relative path starts at the test file's folder."""
        for key in body:
            if key != FILE:
                fix = f"write 'rows: {{{FILE}: …}}', and '{key}' beside 'rows'"
                self.problem(key, "U002", f"'{key}' cannot stand beside '{FILE}'", fix)
        name = self.text(body, FILE)
        if not name:
            self.problem(body, "U003", "no file is named", f"write '{{{FILE}: file.csv}}'")
            return ()
        try:
            columns = csv_file.header(self.folder / name, name.span)
            return tuple(_row(columns, fields) for fields in csv_file.rows(self.folder / name))
        except AuthorError as problem:
            self.problems.extend(problem.diagnostics)
            return ()

    def identifiers(self, body: Any, key: Scalar) -> dict[Scalar, tuple[Scalar, ...]]:
        if not isinstance(body, Block):
            self.problem(body, "U003", f"'{key}' is a mapping", "write 'name: [identifiers]' below it", key.span)
            return {}
        return {name: self.values(values, name) for name, values in body.items()}

    def values(self, body: Any, key: Scalar) -> tuple[Scalar, ...]:
        if not isinstance(body, Items) or not all(isinstance(item, Scalar) for item in body):
            self.problem(
                body, "U003", f"'{key}' is a list of texts", f"write '{key}: [a, b]', or [] for none", key.span
            )
            return ()
        return tuple(body)

    def block(self, value: Block, key: str) -> Block:
        body = value.get(key)
        if isinstance(body, Block):
            return body
        if key in value:
            self.problem(body, "U003", f"'{key}' is a mapping", f"write names below '{key}:', indented", value.span)
        empty = Block()
        empty.span = value.span
        return empty

    def text(self, value: Block, key: str) -> Scalar | None:
        body = value.get(key)
        if body is None or isinstance(body, Scalar):
            return body
        self.problem(body, "U003", f"'{key}' is one text", f"write '{key}: …' on one line")
        return None

    def texts(self, value: Block, key: str) -> Iterator[tuple[Scalar, Scalar]]:
        for name, body in self.block(value, key).items():
            if isinstance(body, Scalar):
                yield name, body
            else:
                self.problem(body, "U003", f"'{name}' has one value", f"write '{name}: …' on one line", name.span)

    def moment(self, value: Block) -> datetime | None:
        written = self.text(value, "at")
        if written is None:
            return None
        try:
            moment = datetime.fromisoformat(written)
        except ValueError:
            self.problem(written, "U003", f"'{written}' is no time", "write it as 2026-11-23T08:30:00Z")
            return None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def count(self, value: Block) -> int | None:
        written = self.text(value, "count")
        if written is None:
            return None
        if not re.fullmatch("[0-9]{1,18}", written):
            self.problem(written, "U003", f"'{written}' is no number of rows", "write 'count: 3'")
            return None
        return int(written)

    def status(self, expect: Block) -> Scalar | None:
        written = self.text(expect, "status")
        if written is not None and written not in get_args(Status):
            self.problem(
                written, "U003", f"a run never is '{written}'", suggestion(written, get_args(Status), "statuses")
            )
        return written

    def error(self, expect: Block) -> ExpectedError | None:
        if "error" not in expect:
            return None
        body = self.block(expect, "error")
        self.keys(body, ("activity", "contains"))
        return ExpectedError(span=body.span, activity=self.text(body, "activity"), contains=self.text(body, "contains"))


def _row(columns: Iterable[Scalar], fields: Items) -> Block:
    row = Block(zip(columns, fields, strict=True))
    row.span = fields.span
    return row

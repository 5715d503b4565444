"""Writing a test of one activity from real data: a few rows in, personal values masked, and what comes of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from engine.app.options import Options, label_of, read_text
from engine.app.planning import Planning
from engine.app.testing import SUFFIX, reading, report, running
from engine.app.testing.comparing import Found
from engine.app.testing.sample import Sample, Sampled, sample
from engine.app.testing.suite import Suite, suite_of
from engine.app.testing.values import infer, written
from engine.app.testing.written import WrittenFile
from engine.kit.activity import Transform
from engine.kit.errors import AudienceflowError, DataError
from engine.kit.types import TEXT, Kind, Type
from engine.lang import mentions
from engine.lang.parts import BYTE_ORDER_MARK, parts

_PLAIN = re.compile(r"-?[A-Za-z0-9_][A-Za-z0-9_.@+-]*( [A-Za-z0-9_][A-Za-z0-9_.@+-]*)*")
FIRST_DAY = datetime(2000, 1, 1)  # noqa: DTZ001  (as the databases hold times: UTC, without a zone)
LEAST = 1_000_000
"""Stand-ins for numbers begin here, those for times on the first day: unlike small keys, they do not look like real ones."""
BY_HAND = "write its test by hand: 'given' and 'tables', then 'expect'"


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """Where a test was written, its name, and the columns whose values were masked."""

    path: Path
    line: int
    name: str
    masked: tuple[str, ...]


def record(planning: Planning, activity: str, options: Options) -> Recorded:
    """Add a test of an activity to the file beside its workflow, which is made where it is missing.

    The test passes: what it expects was computed from what it gives, in the world of tests. Raises AuthorError for problems of the
    files, DataError for what cannot be recorded; nothing is written then.
    """
    planning.port(activity)
    _refuse_others(planning, activity)
    path = planning.path.with_name(f"{planning.path.stem}{SUFFIX}")
    before = read_text(path) if path.exists() else ""
    known = _read(before, path, planning).tests if before else ()
    name = _unused(
        f"{activity} as recorded for {planning.values['run.time'].value:%Y-%m-%d}", {test.name for test in known}
    )
    taken = sample(planning, activity)
    indent = _indent(before, path)
    lines = [*_beginning(planning, activity, name, options), *_world(taken)]
    try:
        suite = _suite(
            before + _appended(before, [*lines, "  expect: {status: succeeded}"], indent), path, planning, options
        )
        outcome, found = running.observe(suite, suite.file.tests[0])
        if outcome.failures:
            raise DataError(outcome.failures[-1].message)
    except AudienceflowError as problem:
        raise DataError(f"'{activity}' cannot be recorded: over a few rows it does not succeed: {problem.message}", BY_HAND) from None  # fmt: skip
    came = {port: found.get(port) for port in planning.spec.activities[activity].output_ports}
    addition = _appended(before, [*lines, "  expect:", *_expected(came)], indent)
    _refuse_failing(_suite(before + addition, path, planning, options))
    _append(path, addition)
    masked = sorted({column for part in (*taken.given.values(), *taken.tables.values(), *taken.lists.values()) if part
                     for column in part.masked})  # fmt: skip
    line = (before + addition).count("\n", 0, len(before) + addition.index("- name:")) + 1
    return Recorded(path=path, line=line, name=name, masked=tuple(masked))


def _refuse_others(planning: Planning, activity: str) -> None:
    written_as = planning.spec.activities[activity].activity
    if not isinstance(written_as, Transform):
        what = f"'{activity}' cannot be recorded: {written_as.type} has an effect, and only what computes is recorded"
        raise DataError(what, BY_HAND)


def _read(text: str, path: Path, planning: Planning) -> WrittenFile:
    return reading.read(text, path, label_of(path), planning.session.registry.of("fixture"))


def _suite(text: str, path: Path, planning: Planning, options: Options) -> Suite:
    """Give the suite of the last test of a file."""
    file = _read(text, path, planning)
    file = replace(file, workflow=planning.path, tests=file.tests[-1:])
    return suite_of(file, planning.session.registry, options, planning.session.db)


def _refuse_failing(suite: Suite) -> None:
    outcome = running.run(suite, suite.file.tests[0])
    if not outcome.is_passed:
        what = f"the recorded test does not pass, since the same rows give others:\n{report.explanation(outcome)}"
        raise DataError(what, BY_HAND)


def _unused(name: str, taken: set[str]) -> str:
    number = 2
    found = name
    while found in taken:
        found, number = f"{name} ({number})", number + 1
    return found


def _beginning(planning: Planning, activity: str, name: str, options: Options) -> Iterator[str]:
    yield f"- name: {_scalar(name)}"
    yield f"  activity: {activity}"
    time = planning.values["run.time"].value
    assert isinstance(time, datetime)  # noqa: S101  (bind.values)
    yield f"  at: {time:%Y-%m-%dT%H:%M:%S.%f}".removesuffix(".000000") + "Z"
    if options.environment and options.is_environment_named:
        yield f"  env: {_scalar(options.environment)}"
    named = set(mentions.variables(planning.spec.activities[activity]))
    needed = {name for name, variable in planning.spec.variables.items() if variable.default is None}
    given = {name: text for name, text in planning.variables.items() if name in named | needed}
    if given:
        yield f"  vars: {_flow(given)}"


def _world(taken: Sample) -> Iterator[str]:
    masks = _Masks()
    for word, sampled in (("tables", taken.tables), ("lists", taken.lists), ("given", taken.given)):
        if sampled:
            yield f"  {word}:"
            for name, part in sampled.items():
                yield from _rows(name, None if part is None else [masks.texts(part, row) for row in part.rows])


def _expected(outputs: Mapping[str, Found | None]) -> Iterator[str]:
    for port, came in outputs.items():
        if came is None:
            yield from _rows(port, None)
        else:
            rows = sorted(came.rows, key=lambda row: [(row[name] is None, row[name]) for name in came.key])
            yield from _rows(port, [{name: _told(row[name]) for name in came.columns} for row in rows])


class _Masks:
    """Stand-ins for personal values, numbered as they come, so that nothing shows through.

    Equal values have equal ones; texts that differ in case alone have such, and what was like an address of e-mail still is.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[Kind, Any], int] = {}
        self._spelled: dict[str, dict[str, None]] = {}

    def texts(self, part: Sampled, row: Mapping[str, Any]) -> dict[str, str]:
        return {
            name: _told(self._masked(row[name], type_) if name in part.masked else row[name])
            for name, type_ in part.columns.items()
        }

    def _masked(self, value: Any, type_: Type) -> Any:
        if value is None:
            return None
        same = str(value).lower() if type_.kind == Kind.TEXT else value
        number = self._known.setdefault((type_.kind, same), len(self._known) + 1)
        match type_.kind:
            case Kind.TEXT:
                return f"{self._word(same, str(value))}_{number}{'@example.com' if '@' in same else ''}"
            case Kind.INTEGER | Kind.DECIMAL | Kind.FLOAT:
                return _other_than(value, LEAST + number, -LEAST - number)
            case Kind.DATE | Kind.TIMESTAMP:
                first = FIRST_DAY if type_.kind == Kind.TIMESTAMP else FIRST_DAY.date()
                return _other_than(value, first + timedelta(days=number), first - timedelta(days=number))
            case _:
                return None  # of true and false no other can be told

    def _word(self, same: str, text: str) -> str:
        """Spell a word in a case of its own for every text that is the same but for case."""
        spelled = self._spelled.setdefault(same, {})
        spelled.setdefault(text)
        number = list(spelled).index(text)
        return "".join(letter.upper() if number >> place & 1 else letter for place, letter in enumerate("masked"))


def _other_than(value: Any, first: Any, second: Any) -> Any:
    return second if value == first else first


def _rows(name: str, rows: Iterable[Mapping[str, str]] | None) -> Iterator[str]:
    lines = None if rows is None else [f"      - {_flow(row)}" for row in rows]
    empty = "null" if lines is None else "[]"
    yield f"    {name}:" if lines else f"    {name}: {empty}"
    yield from lines or ()


def _flow(row: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{_scalar(name)}: {told}" for name, told in row.items()) + "}"


def _told(value: Any) -> str:
    """Write a value as it stands in the file: a text in quotes where it would be read as something else."""
    text = written(value)
    if text is None:
        return "null"
    if not isinstance(value, str):
        return text
    return _scalar(text) if infer([text]) == TEXT else _quoted(text)


def _scalar(text: str) -> str:
    if _PLAIN.fullmatch(text) and text != "null":
        return text
    return _quoted(text)


def _quoted(text: str) -> str:
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    return letter if letter.isprintable() else f"\\U{ord(letter):08x}"


def _indent(text: str, path: Path) -> int:
    """Give the column of the dashes of a file's tests. DataError where they stand in brackets."""
    if not text:
        return 2
    text = text.removeprefix(BYTE_ORDER_MARK)
    whole = parts(text)
    tests = whole.items[1] if whole else None
    if tests is None or tests.style == "flow" or text[tests.start] != "-":
        fix = "write each test below a line of its own that begins with '- name: …'"
        raise DataError(f"the tests of {label_of(path)} stand in brackets, so none can be added", fix)
    return tests.start - text.rfind("\n", 0, tests.start) - 1


def _appended(before: str, lines: Iterable[str], indent: int) -> str:
    """Give what is written behind a text to add a test."""
    start = "tests:\n" if not before else "\n" if before.endswith("\n") else "\n\n"
    return start + "".join(f"{' ' * indent}{line}\n" for line in lines)


def _append(path: Path, text: str) -> None:
    """Write behind what a file holds, with its line ends."""
    line_end = "\r\n" if path.exists() and b"\r\n" in path.read_bytes() else "\n"
    with path.open("a", encoding="utf-8", newline=line_end) as file:
        file.write(text)

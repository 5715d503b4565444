"""The catalogue of functions: documented, tried, complete beside Campaign's, and right over columns."""

from __future__ import annotations

import html
import math
import re
import statistics
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
import yaml

from engine.kit.catalog import Catalog, Dimension
from engine.kit.dialect import Dialect
from engine.kit.errors import AuthorError
from engine.kit.expression import Expr
from engine.kit.expression.aggregates import AGGREGATES, WINDOWS
from engine.kit.expression.builder import COLLECTIONS
from engine.kit.expression.catalogue import FUNCTIONS, SECTIONS
from engine.kit.expression.elsewhere import ELSEWHERE, squeezed
from engine.kit.frame import Frame
from engine.kit.population import Population
from engine.kit.types import INTEGER
from engine.sql.dialects import DIALECTS
from tests.kit.expressions import ANSWERS, VALUES, answer, frame_of_one_row

ROOT = Path(__file__).parent.parent.parent
EVERY = {**FUNCTIONS, **AGGREGATES, **WINDOWS}
CAMPAIGN = [
    name
    for section in yaml.safe_load((ROOT / "tests/data/campaign_functions.yaml").read_text(encoding="utf-8")).values()
    for name in section
]
PAGE = (ROOT / "docs/differences-from-campaign.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(EVERY))
def test_an_example_gives_the_answer_it_shows(calculator: sa.Connection, name: str) -> None:
    text, expected = EVERY[name].example
    assert name in {mention.name for mention in Expr(text).names()}
    assert answer(calculator, text)[0] == expected


@pytest.mark.parametrize("name", sorted(EVERY))
def test_a_function_says_what_it_does_takes_and_gives(name: str) -> None:
    function = EVERY[name]
    assert function.doc.endswith(".")
    assert function.gives
    assert function.signature.startswith(f"{name}(")
    assert [str(parameter).partition(":")[0] for parameter in function.parameters] == [
        parameter.name for parameter in function.parameters
    ]


def test_every_function_has_vectors_and_one_section() -> None:
    tried = {mention.name for text, _, _ in ANSWERS for mention in Expr(text).names() if mention.kind == "function"}
    assert set(EVERY) - tried == set()
    assert sum(map(len, SECTIONS.values())) == len(FUNCTIONS)
    assert set(AGGREGATES) | {"exists"} == set(COLLECTIONS)


# Campaign


def test_every_function_of_campaign_is_here_or_elsewhere() -> None:
    here = {squeezed(name) for name in EVERY}
    theirs = {squeezed(name) for name in CAMPAIGN}
    assert theirs - here == set(ELSEWHERE)
    assert {each.name for each in ELSEWHERE.values()} <= set(CAMPAIGN)


@pytest.mark.parametrize(
    "name", sorted(set(ELSEWHERE) - {"case"})
)  # `case` begins `case … end`, and the parser asks for it
def test_a_function_that_is_elsewhere_says_what_to_write(name: str) -> None:
    there = ELSEWHERE[name]
    with pytest.raises(AuthorError) as caught:
        frame_of_one_row(DIALECTS["sqlite"]).value(Expr(f"{there.name}(1)"))
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.fix) == ("E303", there.fix)
    functions = [mention.name for mention in Expr(there.write or "null").names() if mention.kind == "function"]
    assert set(functions) <= set(EVERY)


@pytest.mark.parametrize(
    ("written", "fix"), [("AddDays", "add_days"), ("dateOnly", "date_only"), ("YEARSOLD", "years_old")]
)
def test_campaigns_spelling_is_a_near_miss(written: str, fix: str) -> None:
    with pytest.raises(AuthorError, match=f"E303.*\n.*write '{fix}'"):
        frame_of_one_row(DIALECTS["sqlite"]).value(Expr(f"{written}(line)"))


def _table(heading: str) -> list[list[str]]:
    """Give the cells of the table under a heading of the page."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("|")]
    return [[_plain(cell.strip()) for cell in row] for row in rows[2:]]


def _plain(cell: str) -> str:
    """Give a cell as if a bar could stand in the code of a table."""
    return html.unescape(re.sub(r"<code>(.*?)</code>", r"`\1`", cell))


def test_the_page_lists_what_is_elsewhere() -> None:
    expected = [[f"`{each.name}`", f"`{each.write}`" if each.write else "–", each.why] for each in ELSEWHERE.values()]
    assert _table("Functions under another name, or none") == expected


def test_the_page_lists_what_is_ours_alone() -> None:
    theirs = {squeezed(name) for name in CAMPAIGN}
    assert [row[0].strip("`") for row in _table("Functions that Campaign lacks")] == [
        name for name in EVERY if squeezed(name) not in theirs
    ]


RULES = [row for heading in ("Values", "Texts", "Dates and times", "Numbers") for row in _table(heading)]


@pytest.mark.parametrize("row", RULES, ids=[row[0] for row in RULES])
def test_the_page_shows_answers_that_are_so(calculator: sa.Connection, row: list[str]) -> None:
    text, _, shown, _ = row
    expected = shown.strip("`").strip("'") if shown != "`null`" else None
    assert answer(calculator, text.strip("`"))[0] == expected


def test_the_page_names_functions_that_exist() -> None:
    named = set(re.findall(r"`([a-z]\w*)\(", PAGE)) | set(re.findall(r"`([a-z0-9]+_[a-z0-9_]+)`", PAGE))
    assert named - set(EVERY) - {"exists"} == set()
    assert named >= {"coalesce", "bucket"}


def test_the_page_writes_conditions_that_can_be_read() -> None:
    for _, written in _table("Conditions of the query editor"):
        Expr(written.strip("`"))


# over columns


TYPES = {
    "t": sa.String(),
    "d": sa.Date(),
    "at": sa.DateTime(),
    "m": sa.Numeric(12, 2),
    "f": sa.Double(),
    "g": sa.Integer(),
}


def _rows(connection: sa.Connection, dialect: Dialect, rows: Iterable[Mapping[str, Any]]) -> Frame:
    columns = [
        sa.Column("id", sa.BigInteger, primary_key=True),
        *(sa.Column(name, each) for name, each in TYPES.items()),
    ]
    table = sa.Table("stored", sa.MetaData(), *columns)
    table.create(connection)
    connection.execute(table.insert(), [{"id": index, **dict.fromkeys(TYPES), **row} for index, row in enumerate(rows)])
    dimension = Dimension(name="stored", table=table, key=("id",))
    return Frame(dimension.population(), Catalog(dialect=dialect, dimensions={"stored": dimension}))


def _column(connection: sa.Connection, frame: Frame, text: str) -> list[Any]:
    value = frame.value(Expr(text).bound(VALUES))
    return list(connection.execute(frame.select(value.sql.label("v")).order_by(*frame.order(()))).scalars())


ZONES = (
    "Europe/Paris",
    "America/New_York",
    "Australia/Lord_Howe",
    "Europe/Dublin",
    "Asia/Kathmandu",
    "America/Sao_Paulo",
)


@pytest.mark.parametrize("zone", ZONES)
def test_time_zones_agree_with_pythons(connection: sa.Connection, dialect: Dialect, zone: str) -> None:
    place = ZoneInfo(zone)
    start = datetime.combine(date(2026, 1, 1), time(0, 10, 30, 500000))
    times = [start + timedelta(minutes=number * 35) for number in range(0, 15100, 7)]
    midnights = [datetime.combine(date(2026, month, 1), time()) for month in (3, 4, 11)]
    times += [midnight + timedelta(minutes=20 * number) for midnight in midnights for number in range(720)]
    frame = _rows(connection, dialect, ({"at": at} for at in times))

    def utc(shown: datetime) -> datetime:
        return shown.replace(tzinfo=place).astimezone(UTC).replace(tzinfo=None)

    def shown(at: datetime) -> datetime:
        return at.replace(tzinfo=UTC).astimezone(place).replace(tzinfo=None)

    assert _column(connection, frame, f"utc_to_local(at, '{zone}')") == [shown(at) for at in times]
    assert _column(connection, frame, f"local_to_utc(at, '{zone}')") == [utc(at) for at in times]
    days = [shown(at).replace(hour=0, minute=0, second=0, microsecond=0) for at in times]
    assert _column(connection, frame, f"trunc_date_tz(at, 86400, '{zone}')") == list(map(utc, days))


def test_calendars_agree_with_pythons(connection: sa.Connection, dialect: Dialect) -> None:
    days = [date(1999, 12, 25) + timedelta(days=number) for number in range(0, 10300, 7)]
    times = [datetime.combine(day, time.max) for day in days]
    frame = _rows(connection, dialect, ({"d": day, "at": at} for day, at in zip(days, times, strict=True)))
    weeks = [day - timedelta(days=day.weekday()) for day in days]
    assert _column(connection, frame, "trunc_week(at)") == weeks
    assert _column(connection, frame, "trunc_month(d)") == [day.replace(day=1) for day in days]
    quarters = [day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1) for day in days]
    assert _column(connection, frame, "trunc_quarter(at)") == quarters
    assert _column(connection, frame, "trunc_year(d)") == [day.replace(month=1, day=1) for day in days]
    assert _column(connection, frame, "day_of_year(at)") == [day.timetuple().tm_yday for day in days]
    assert _column(connection, frame, "trunc_date(at, 900)") == [
        at.replace(minute=45, second=0, microsecond=0) for at in times
    ]
    assert _column(connection, frame, "seconds_diff(d, at)") == [-86400] * len(days)
    assert _column(connection, frame, "minutes_diff(at, d)") == [1439] * len(days)
    assert _column(connection, frame, "to_date(to_string(d)) = d and to_date_time(to_string(at)) = at") == [True] * len(
        days
    )


def test_texts_are_read_row_by_row(connection: sa.Connection, dialect: Dialect) -> None:
    texts = [
        "2024-02-29",
        "2023-02-29",
        "12.50",
        "",
        None,
        "x",
        "2026-11-23T08:30+01:00",
        "0001-01-01",
        "999999999999999.25",
    ]
    frame = _rows(connection, dialect, ({"t": text} for text in texts))
    assert _column(connection, frame, "to_date(t)") == [
        date(2024, 2, 29), None, None, None, None, None, date(2026, 11, 23), date(1, 1, 1), None,
    ]  # fmt: skip
    assert _column(connection, frame, "to_decimal(t, 0)") == [
        None, None, Decimal(13), None, None, None, None, None, Decimal(999999999999999),
    ]  # fmt: skip
    assert _column(connection, frame, "get_line(t || '\n' || t, 2)") == texts
    assert _column(connection, frame, "char(ascii(t))") == ["2", "2", "1", None, None, "x", "2", "0", "9"]


def test_deviations_come_from_exact_sums(connection: sa.Connection, dialect: Dialect) -> None:
    amounts = [Decimal(cents) / 100 for cents in range(-5000, 90000, 37)]
    large = [Decimal("999999999.01"), Decimal("999999999.02"), Decimal("999999999.03")]
    rows = [{"g": 1, "m": each, "f": float(each)} for each in amounts] + [{"g": 2, "m": each} for each in large]
    rows += [{"g": 3, "m": Decimal(5)}, {"g": 3}, {"g": 4}]
    frame = _rows(connection, dialect, rows)
    group = frame.population.column("g")
    value = frame.value(Expr("std_dev(m)"), grouping=True)
    statement = frame.select(group, value.sql.label("v")).group_by(group).order_by(group)
    expected = statistics.stdev(amounts).quantize(Decimal("0.000001"))
    assert [row[1] for row in connection.execute(statement)] == [expected, Decimal("0.010000"), None, None]
    over = _column(connection, frame, "std_dev(f) over (partition by g)")
    assert over[0] == expected
    assert over[-1] is None
    running = _column(connection, frame, "std_dev(m) over (order by id)")
    assert running[:2] == [None, Decimal("0.261630")]


def test_curves_stay_within_their_digits(connection: sa.Connection, dialect: Dialect) -> None:
    values = [Decimal(number) / 100 for number in range(1, 100000, 371)]
    frame = _rows(connection, dialect, ({"m": value, "f": float(value)} for value in values))

    def shown(numbers: Iterable[float]) -> list[Decimal]:
        return [Decimal(f"{number:.15g}").quantize(Decimal("1e-6"), "ROUND_HALF_UP") for number in numbers]

    assert _column(connection, frame, "sqrt(m)") == shown(math.sqrt(value) for value in values)
    assert _column(connection, frame, "ln(f)") == shown(math.log(value) for value in values)
    assert _column(connection, frame, "log10(m)") == shown(math.log10(value) for value in values)
    assert _column(connection, frame, "power(m, 1.5)") == shown(math.pow(value, 1.5) for value in values)
    assert _column(connection, frame, "exp(-m / 100)") == shown(math.exp(-value / 100) for value in values)


SPRING = [99757, 99692, 100450, 100415, 100076, 100036, 100107, 99857, 99807, 99803]
"""How many of the keys 0 to 999999 the md5 of 'spring:key' puts in each of ten buckets, counted by Python's hashlib."""


def test_a_million_keys_fill_buckets_evenly(connection: sa.Connection, dialect: Dialect) -> None:
    digits = sa.union_all(*(sa.select(sa.literal(digit, sa.BigInteger).label("digit")) for digit in range(10)))
    first, *places = [digits.subquery(f"place_{place}") for place in range(6)]
    number, rows = first.c.digit, first
    for place, each in enumerate(places, 1):
        number, rows = number + each.c.digit * 10**place, rows.join(each, sa.true())
    keys = sa.select(sa.cast(number, sa.BigInteger).label("key")).select_from(rows).subquery()
    population = Population(relation=keys, key=("key",), columns={"key": INTEGER}, unique=True)
    frame = Frame(population, Catalog(dialect=dialect))
    buckets = frame.select(frame.value(Expr("bucket(key, 'spring', 10)")).sql.label("bucket")).subquery()
    statement = sa.select(sa.func.count()).select_from(buckets).group_by(buckets.c.bucket).order_by(buckets.c.bucket)
    assert list(connection.execute(statement).scalars()) == SPRING
    assert max(abs(count - 100_000) for count in SPRING) < 1000  # a tenth of a point of a million

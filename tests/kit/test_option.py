"""Options: read strictly from text, and secrets that show themselves nowhere."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import ValidationError

from engine.kit.errors import DataError, Span
from engine.kit.expression import Expr, SortKey
from engine.kit.option import (
    Deferred,
    Duration,
    Flag,
    Integer,
    Many,
    Name,
    Number,
    Options,
    Percentage,
    Scalar,
    Secret,
    option,
)


class Toy(Options):
    """All kinds of options."""

    count: Integer = option("A whole number.", default=1, ge=1)
    factor: Number = option("A number.", default=Decimal(1))
    flag: Flag = option("A flag.", default=False)
    pause: Duration = option("A duration.", default=timedelta())
    share: Percentage = option("A percentage.", default=Decimal(0), ge=0)
    name: Name = option("A name.", default="")
    names: Many[Name] = option("Names.", default=())
    order: Many[SortKey] = option("An order.", default=())
    where: Expr | None = option("A condition.", default=None)
    mode: Literal["a", "b"] = option("A choice.", default="a")
    password: Secret | None = option("A secret.", default=None, secret=True)


def read(**values: Any) -> Toy:
    return Toy.model_validate(values)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("count", "12", 12),
        ("factor", "1.50", Decimal("1.50")),
        ("factor", "-2", Decimal(-2)),
        ("flag", "true", True),
        ("flag", "false", False),
        ("pause", "90s", timedelta(seconds=90)),
        ("pause", "3d", timedelta(days=3)),
        ("share", "12.5%", Decimal("12.5")),
        ("share", "12.5", Decimal("12.5")),
        ("name", "no", "no"),
        ("names", "one", ("one",)),
        ("names", ["one", "two"], ("one", "two")),
        ("order", "-spend", (SortKey("-spend"),)),
        ("where", "a = 1", Expr("a = 1")),
    ],
)
def test_a_text_is_read_as_the_option_wants_it(name: str, text: Any, value: Any) -> None:
    assert getattr(read(**{name: text}), name) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("count", "012"),
        ("count", "1_000"),
        ("count", "1.0"),
        ("count", "+1"),
        ("count", " 1"),
        ("count", "٣"),
        ("count", "0"),
        ("count", ["1"]),
        ("factor", "1e3"),
        ("factor", ".5"),
        ("factor", "nan"),
        ("flag", "yes"),
        ("flag", "True"),
        ("pause", "90"),
        ("pause", "-1s"),
        ("pause", "1.5h"),
        ("share", "ten"),
        ("share", "-1%"),
        ("name", ["a"]),
        ("names", [["a"]]),
        ("mode", "c"),
        ("where", "a ="),
    ],
)
def test_anything_else_is_refused(name: str, text: Any) -> None:
    with pytest.raises(ValidationError):
        read(**{name: text})


def test_an_option_that_is_not_declared_is_refused() -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        read(colour="red")


@pytest.mark.parametrize("text", ["vars.n", "vars.n * 2", "iif(run.date > date '2026-01-01', 1, 2)"])
def test_an_expression_of_variables_is_put_off(text: str) -> None:
    value = read(count=text).count
    assert isinstance(value, Deferred)
    assert value.expression == Expr(text)
    assert value.read("7") == 7


def test_options_are_values() -> None:
    assert read(count="2") == read(count="2")
    with pytest.raises(ValidationError, match="frozen"):
        read().count = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    "values", [{}, {"count": "3", "share": "12.5", "flag": "true", "pause": "2h", "names": ["é"], "where": "a > 'x'"}]
)
def test_what_is_written_is_read_back(values: dict[str, Any]) -> None:
    toy = read(**values)
    assert Toy.model_validate(toy.model_dump(mode="json")) == toy


def test_an_error_does_not_repeat_what_was_written() -> None:
    with pytest.raises(ValidationError) as caught:
        read(mode="hunter2")
    assert "hunter2" not in str(caught.value)


# secrets


def test_a_secret_is_read_where_it_is_kept(tmp_path: Path) -> None:
    (tmp_path / "password.txt").write_text("pässword \n", encoding="utf-8")
    from_environment, from_file = (
        read(password=place).password for place in ({"env": "THE_PASSWORD"}, {"file": "password.txt"})
    )
    assert from_environment is not None
    assert from_file is not None
    assert from_environment.reveal({"THE_PASSWORD": "hunter2"}, tmp_path) == "hunter2"
    assert from_file.reveal({}, tmp_path) == "pässword "


def test_a_secret_shows_itself_nowhere() -> None:
    toy = read(password={"env": "THE_PASSWORD"})
    assert str(toy.password) == repr(toy.password) == f"{toy.password}" == "***"
    assert "password" not in repr(toy)
    assert "password" not in str(toy)


def test_where_a_secret_is_kept_survives_being_written_and_read() -> None:
    toy = read(password={"file": "password.txt"})
    assert toy.model_dump(mode="json")["password"] == {"file": "password.txt"}
    assert Toy.model_validate(toy.model_dump(mode="json")) == toy
    assert read(password={"file": "password.txt"}) != read(password={"file": "other.txt"})


@pytest.mark.parametrize(
    "written",
    [
        "hunter2",
        Scalar.at("hunter2", Span("p.yaml", 1, 1)),
        {"env": "A", "file": "hunter2"},
        {"hunter2": "x"},
        {"env": ["hunter2"]},
        {"env": ""},
        {},
    ],
)
def test_a_secret_that_is_written_out_is_refused_and_not_repeated(written: Any) -> None:
    with pytest.raises(ValidationError, match="env: NAME") as caught:
        read(password=written)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("place", "what"), [({"env": "NOT_SET"}, "environment variable NOT_SET"), ({"file": "none.txt"}, "file none.txt")]
)
def test_a_secret_that_is_not_there_is_named_by_its_place(tmp_path: Path, place: dict[str, str], what: str) -> None:
    secret = read(password=place).password
    assert secret is not None
    with pytest.raises(DataError, match=f"the {what}, which holds a secret, is missing or empty"):
        secret.reveal({"NOT_SET": ""}, tmp_path)

"""Names of tables: alike for a reader, never the same for two things."""

import itertools

import pytest

from engine.kit.dialect import Capabilities
from engine.sql import names
from engine.sql.dialects import DIALECTS

ALIKE = [
    ("r", "groups", "old_complement"),
    ("r", "groups_old", "complement"),
    ("r", "groups_old_complement"),
    ("r_groups", "old", "complement"),
]
LONG = [("a" * 80, "один"), ("a" * 80, "два"), ("A" * 80, "один")]


@pytest.fixture(params=["duckdb", "sqlite", "postgresql"])
def capabilities(request: pytest.FixtureRequest) -> Capabilities:
    return DIALECTS[request.param].capabilities


def test_things_that_read_alike_have_names_of_their_own(capabilities: Capabilities) -> None:
    made = [names.table("w", parts, "audienceflow", capabilities).name for parts in (*ALIKE, *LONG)]
    assert all(one != other for one, other in itertools.combinations(made, 2))


def test_the_same_thing_has_the_same_name(capabilities: Capabilities) -> None:
    once, again = (names.table("w", ("r", "Ünïcode", "result"), "audienceflow", capabilities).name for _ in range(2))
    assert once == again


def test_a_name_fits_the_database_in_bytes_and_is_plain_ascii(capabilities: Capabilities) -> None:
    for parts in (*ALIKE, *LONG):
        name = names.table("list", parts, "audienceflow", capabilities).name
        assert name.isascii()
        assert len(name) <= capabilities.longest_name


def test_a_kind_with_one_table_is_named_by_it_alone() -> None:
    postgresql, sqlite = (DIALECTS[name].capabilities for name in ("postgresql", "sqlite"))
    assert (names.table("lists", (), "af", postgresql).schema, names.table("lists", (), "af", postgresql).name) == (
        "af",
        "lists",
    )
    assert names.table("lists", (), "af", sqlite).name == "af_lists"

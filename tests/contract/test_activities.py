"""The contract of an activity, held against every one there is, in its own example.

A check that an activity cannot meet is waived in `WAIVERS` with the reason; a waiver that is not needed fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pytest

from engine.app.testing.contract.options import shown_secrets, undocumented
from engine.app.testing.contract.suite import (  # noqa: F401
    test_a_partition_gives_every_row_to_one_port,
    test_an_effect_done_again_with_its_key_has_happened_once,
    test_every_database_gives_the_same_rows,
    test_every_option_is_described,
    test_it_fires_the_ports_it_declares,
    test_it_says_the_same_sql_twice_without_a_connection,
    test_its_example_is_plain_yaml,
    test_its_example_survives_being_written_and_read_again,
    test_its_first_line_says_what_it_gives,
    test_its_keys_are_among_those_that_came,
    test_its_plan_has_the_shape_of_what_it_does,
    test_its_type_is_its_name,
    test_no_secret_is_shown,
    test_nobody_in_is_nobody_out,
)
from engine.kit.activity import Transform
from engine.kit.catalog import Catalog
from engine.kit.option import Name, Options, Secret, option
from engine.kit.population import Inputs, Population
from tests.contract.world import LISTS, REGISTRY, World

ACTIVITIES = list(REGISTRY.activities)

WAIVERS: Mapping[tuple[str, str], str] = {
    (
        "list_import",
        "its_plan_has_the_shape_of_what_it_does",
    ): "a plan reads no file, so it cannot know the file's other columns",
}
"""By activity and check: why it cannot hold."""


@pytest.fixture(params=ACTIVITIES)
def name(request: pytest.FixtureRequest) -> str:
    """Give the name of each activity in turn, and apply its waiver."""
    check = request.function.__name__.removeprefix("test_")
    if (request.param, check) in WAIVERS:
        request.applymarker(pytest.mark.xfail(strict=True, reason=WAIVERS[request.param, check]))
    return str(request.param)


def test_every_waiver_is_of_a_check_there_is() -> None:
    checks = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert [waiver for waiver in WAIVERS if waiver[0] not in ACTIVITIES or waiver[1] not in checks] == []


# the checks themselves


class _Login(Options):
    """Who logs in."""

    password: Name = option("The password.", example="x", secret=True)
    api_token: Name = option("A token that nobody declared a secret.", example="x")


class _Leaky(Transform):
    """Keep a secret badly."""

    type: ClassVar[str] = "leaky"
    login: _Login = option("Who logs in.", example={"password": "x"})

    def select(self, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        return {}


class _Discreet(Transform):
    """Keep a secret well."""

    type: ClassVar[str] = "discreet"
    password: Secret = option("The password.", example={"env": "PASSWORD"}, secret=True)

    def select(self, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        return {}


def test_the_check_finds_a_secret_that_is_shown() -> None:
    assert shown_secrets(_Leaky) == [
        "_Login.password: its dump shows it",
        "_Login.api_token: named like a secret, and not declared one",
    ]
    assert shown_secrets(_Discreet) == []


def test_the_check_finds_an_option_without_words() -> None:
    class Mute(Options):
        """Nothing is said of it."""

        silent: Name = option("")

    assert undocumented(Mute) == [
        "Mute.silent: no description that ends with a full stop",
        "Mute.silent: required, and no example",
    ]


def test_the_snapshot_sees_the_world(world: World) -> None:
    seen = world.lasting()
    assert sorted(seen["lists"]) == sorted(LISTS)
    assert sorted(seen["members"]) == ["10603117", "10603119", "10603121", "10603123", "10603125", "10603127"]

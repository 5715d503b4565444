"""The contract of an activity, held against every one there is, in its own example.

A check that an activity cannot meet is waived in `WAIVERS` with the reason; a waiver that is not needed fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
import sqlalchemy as sa
import yaml

from engine.kit.activity import Activity, Effect, Transform
from engine.kit.catalog import Catalog
from engine.kit.option import Name, Options, Secret, option
from engine.kit.population import Inputs, Population
from engine.lang.spec import WorkflowSpec
from engine.runs.plan import sql
from engine.sql.database import Database
from engine.sql.dialects import DIALECTS
from tests.contract.options import shown_secrets, undocumented
from tests.contract.world import LISTS, REGISTRY, TESTED, World, load

ACTIVITIES = list(REGISTRY.activities)
Snapshot = dict[str, Any]

WAIVERS: Mapping[tuple[str, str], str] = {
    (
        "list_import",
        "its_plan_has_the_shape_of_what_it_does",
    ): "a plan reads no file, so it cannot know the file's other columns",
}
"""By activity and check: why it cannot hold."""

NOWHERE = {
    "duckdb": "duckdb:////nowhere/at/all.duckdb",
    "sqlite": "sqlite:////nowhere/at/all.sqlite",
    "postgresql": "postgresql+psycopg://nobody@127.0.0.1:1/nothing",
}


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


# what an author reads


def test_its_first_line_says_what_it_gives(name: str) -> None:
    activity: type[Activity] = REGISTRY.activities[name]
    assert "__doc__" in vars(activity)
    first = (activity.__doc__ or "").splitlines()[0]
    assert first.endswith(".")
    assert first[0].isupper()
    assert not first.startswith((activity.__name__, "This ", "Class "))


def test_its_type_is_its_name(name: str) -> None:
    activity: type[Activity] = REGISTRY.activities[name]
    assert activity.type == name
    assert activity.__module__.rpartition(".")[2] == name


def test_every_option_is_described(name: str) -> None:
    assert undocumented(REGISTRY.activities[name]) == []


def test_its_example_survives_being_written_and_read_again(name: str) -> None:
    activity = value_of(example(name))
    for dumped in (
        activity.model_dump(mode="json", exclude_none=True),
        activity.model_dump(mode="json", exclude_defaults=True),
    ):
        text = yaml.safe_dump({"type": name, **dumped}, allow_unicode=True, sort_keys=False)
        assert value_of(load(text, arrows(name))) == activity


def test_its_example_is_plain_yaml(name: str) -> None:
    written = dict(REGISTRY.activities[name].example)
    assert yaml.safe_load(yaml.safe_dump(written)) == written


def test_no_secret_is_shown(name: str) -> None:
    assert shown_secrets(REGISTRY.activities[name]) == []


# what it computes


@pytest.mark.parametrize("dialect", NOWHERE)
def test_it_says_the_same_sql_twice_without_a_connection(name: str, dialect: str, offline_world: World) -> None:
    inputs = arrivals(name, offline_world)
    catalog = Catalog(
        dialect=DIALECTS[dialect],
        dimensions=offline_world.catalog.dimensions,
        tables=offline_world.catalog.tables,
        lists=offline_world.catalog.lists,
        sections=offline_world.catalog.sections,
    )
    database = unreachable(dialect)
    first, second = (planned(value_of(example(name)), inputs, catalog) for _ in range(2))
    assert {port: sql(population, database) for port, population in first.items()} == {
        port: sql(population, database) for port, population in second.items()
    }
    assert first


def test_it_fires_the_ports_it_declares(name: str, offline_world: World) -> None:
    spec = example(name)
    declared = [port.name for port in value_of(spec).outputs()]
    assert sorted(offline_world.perform(spec, arrivals(name, offline_world))) == sorted(declared)
    assert len(set(declared)) == len(declared)


def test_its_plan_has_the_shape_of_what_it_does(name: str, offline_world: World) -> None:
    spec, inputs = example(name), arrivals(name, offline_world)
    plan = planned(value_of(spec), inputs, offline_world.catalog)
    done = offline_world.perform(spec, inputs)
    assert {port: shape(population) for port, population in plan.items()} == {
        port: shape(population) for port, population in done.items()
    }


def test_its_keys_are_among_those_that_came(name: str, world: World) -> None:
    inputs = arrivals(name, world)
    came = set(world.keys(world.everyone())) if not inputs else set()
    for port in inputs:
        for population in inputs.many(port):
            came |= set(world.keys(population))
    done = world.perform(example(name), inputs)
    of_dimension = [population for population in done.values() if population.dimension == "household"]
    assert of_dimension
    for population in of_dimension:
        assert set(world.keys(population)) <= came


def test_a_partition_gives_every_row_to_one_port(name: str, world: World) -> None:
    spec, inputs = example(name), arrivals(name, world)
    if not value_of(spec).is_partition:
        return
    done = world.perform(spec, inputs)
    given = [key for population in done.values() for key in world.keys(population)]
    assert sorted(given) == world.keys(inputs["from"])


def test_nobody_in_is_nobody_out(name: str, empty_world: World) -> None:
    spec = example(name, "guard: {on_empty: allow}")
    done = empty_world.perform(spec, arrivals(name, empty_world))
    assert {port: empty_world.rows(population) for port, population in done.items()} == {port: [] for port in done}


def test_every_database_gives_the_same_rows(name: str, worlds: dict[str, World]) -> None:
    found = {
        database: {
            port: world.rows(population)
            for port, population in world.perform(example(name), arrivals(name, world)).items()
        }
        for database, world in worlds.items()
    }
    assert found["sqlite"] == found["duckdb"]
    assert found["postgres"] == found["duckdb"]
    assert any(found["duckdb"].values())


def test_an_effect_done_again_with_its_key_has_happened_once(name: str, world: World) -> None:
    spec, inputs = example(name), arrivals(name, world)
    if not isinstance(value_of(spec), Effect):
        before = snapshot(world)
        world.perform(spec, inputs)
        assert snapshot(world) == before
        return
    before = snapshot(world)
    first = world.perform(spec, inputs)
    after = snapshot(world)
    again = world.perform(spec, inputs)
    assert after != before
    assert snapshot(world) == after
    assert {port: world.rows(population) for port, population in again.items()} == {
        port: world.rows(population) for port, population in first.items()
    }


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


# how an activity is brought into the world


def arrows(name: str) -> dict[str, int]:
    """Say how many arrows end at each input that must have one."""
    return {
        port.name: (3 if port.name == "from" else 2) if port.many else 1
        for port in REGISTRY.activities[name].inputs
        if not port.optional
    }


def example(name: str, *common: str) -> WorkflowSpec:
    """Load the activity's own example."""
    written = {"type": name, **REGISTRY.activities[name].example}
    text = yaml.safe_dump(written, allow_unicode=True, sort_keys=False)
    return load("\n".join([text, *common]), arrows(name))


def value_of(spec: WorkflowSpec) -> Activity:
    return spec.activities[TESTED].activity


def arrivals(name: str, world: World) -> Inputs:
    """Give everybody, and some of them; to a world without rows, populations without rows."""
    everyone = world.everyone()
    keys = world.keys(everyone)
    some = world.given("household_id integer, note text", [(key, f"a{key}") for key in (1, 2, 3, 5) if key in keys])
    others = world.given("household_id integer, score decimal(2)", [(key, key) for key in (3, 5, 7) if key in keys])
    ports: dict[str, list[Population]] = {}
    for port, number in arrows(name).items():
        ports[port] = [everyone, some, others][:number] if port == "from" else [some, others][:number]
    return Inputs(ports)


def planned(activity: Activity, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
    match activity:
        case Transform():
            return activity.select(inputs, catalog)
        case Effect():
            plan = activity.plan(inputs, catalog)
            assert all(plan.sentences)
            return plan.outputs
    raise AssertionError(activity)


def shape(population: Population) -> tuple[Any, ...]:
    return population.dimension, population.key, {name: str(type_) for name, type_ in population.columns.items()}


def unreachable(dialect: str) -> Database:
    """Give a database that knows how SQL is written and cannot be reached."""
    database = Database.__new__(Database)  # its constructor would make the file's folder
    database.engine = sa.create_engine(NOWHERE[dialect])
    return database


def snapshot(world: World) -> Snapshot:
    """Give all that lasts outside the run."""
    ledger, cloud = world.ledger, world.cloud
    inbound = world.folder / "state" / "experience_cloud" / "inbound"
    return {
        "lists": {
            name: (world.rows(population), population.columns) for name, population in ledger.read_lists().items()
        },
        "memberships": world.table_rows(ledger.memberships),
        "effects": world.table_rows(ledger.effects),
        "reservations": world.table_rows(ledger.reservations),
        "receipts": cloud.receipts(),
        "members": {audience.segment: list(cloud.members(audience.segment)) for audience in cloud.audiences()},
        "files": {path.name: path.read_bytes() for path in sorted(inbound.rglob("*.gz"))},
    }


def test_the_snapshot_sees_the_world(world: World) -> None:
    seen = snapshot(world)
    assert sorted(seen["lists"]) == sorted(LISTS)
    assert sorted(seen["members"]) == ["10603117", "10603119", "10603121", "10603123", "10603125", "10603127"]

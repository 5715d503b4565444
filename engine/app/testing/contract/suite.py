"""The contract of an activity, held against every one that plugins add, in its own example: `pytest --pyargs engine.app.testing.contract.suite`.

The example is written for the world of `engine.app.testing.contract.world`: its dimension is `household`, with `purchases`. A check that cannot
hold is left out by its name (`--deselect`, `-k`), with the reason beside it. Run from a project's own tests, import what is here and give `name`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine import registry
from engine.app.project import Project
from engine.app.testing.contract import world as worlds_of
from engine.app.testing.contract.options import shown_secrets, undocumented
from engine.app.testing.contract.world import DIMENSIONS, TESTED, World, lay_out
from engine.kit.activity import Activity, Effect, Transform
from engine.kit.catalog import Catalog
from engine.kit.population import Inputs, Population
from engine.lang import loader
from engine.lang.spec import WorkflowSpec
from engine.registry import Loaded
from engine.runs.plan import sql
from engine.sql.database import Database
from engine.sql.dialects import DIALECTS

DATABASES = ("duckdb", "sqlite")
FULL, EMPTY = "standard_", "empty_"
NOWHERE = {
    "duckdb": "duckdb:////nowhere/at/all.duckdb",
    "sqlite": "sqlite:////nowhere/at/all.sqlite",
    "postgresql": "postgresql+psycopg://nobody@127.0.0.1:1/nothing",
}


def activities() -> Loaded:
    return registry.load().activities


def of_plugins() -> list[str]:
    """Name the activities that plugins add."""
    return [row.name for rows in registry.load().plugins.values() for row in rows if row.kind == "activity"]


@pytest.fixture(params=of_plugins())
def name(request: pytest.FixtureRequest) -> str:
    """Give the name of each activity in turn."""
    return str(request.param)


@contextmanager
def _laid_out(dialect: str) -> Iterator[Database]:
    with Database(f"{dialect}:///:memory:") as db:
        lay_out(db, FULL)
        lay_out(db, EMPTY, empty=True)
        yield db


@pytest.fixture(scope="session")
def databases() -> Iterator[Mapping[str, Database]]:
    """Give the databases that need no server, each in memory."""
    with ExitStack() as stack:
        yield {dialect: stack.enter_context(_laid_out(dialect)) for dialect in DATABASES}


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, databases: Mapping[str, Database]) -> Database:
    return databases[request.param]


@pytest.fixture
def world(database: Database, tmp_path: Path) -> Iterator[World]:
    """Give the standard world on each of the databases in turn."""
    with worlds_of.opened(World, database, _project(FULL), tmp_path) as one:
        yield one


@pytest.fixture
def empty_world(database: Database, tmp_path: Path) -> Iterator[World]:
    """Give the standard world without a row, on each of the databases in turn."""
    nobody = dict.fromkeys(worlds_of.LISTS, ())
    with worlds_of.opened(World, database, _project(EMPTY), tmp_path, nobody) as one:
        yield one


@pytest.fixture
def worlds(databases: Mapping[str, Database], tmp_path: Path) -> Iterator[Mapping[str, World]]:
    """Give the standard world on all databases at once."""
    with ExitStack() as stack:
        yield {
            dialect: stack.enter_context(worlds_of.opened(World, db, _project(FULL), tmp_path / dialect))
            for dialect, db in databases.items()
        }


@pytest.fixture
def offline_world(databases: Mapping[str, Database], tmp_path: Path) -> Iterator[World]:
    """Give a world on the quickest database, for what needs a catalogue and no rows."""
    with worlds_of.opened(World, databases["sqlite"], _project(FULL), tmp_path) as one:
        yield one


def _project(prefix: str) -> Project:
    return worlds_of.read_project(DIMENSIONS, prefix)


# what an author reads


def test_its_first_line_says_what_it_gives(name: str) -> None:
    activity: type[Activity] = activities()[name]
    assert "__doc__" in vars(activity)
    first = (activity.__doc__ or "").splitlines()[0]
    assert first.endswith(".")
    assert first[0].isupper()
    assert not first.startswith((activity.__name__, "This ", "Class "))


def test_its_type_is_its_name(name: str) -> None:
    activity: type[Activity] = activities()[name]
    assert activity.type == name
    assert activity.__module__.rpartition(".")[2] == name


def test_every_option_is_described(name: str) -> None:
    assert undocumented(activities()[name]) == []


def test_its_example_survives_being_written_and_read_again(name: str) -> None:
    activity = value_of(example(name))
    for dumped in (
        activity.model_dump(mode="json", exclude_none=True),
        activity.model_dump(mode="json", exclude_defaults=True),
    ):
        assert value_of(load(name, dumped)) == activity


def test_its_example_is_plain_yaml(name: str) -> None:
    written = dict(activities()[name].example)
    assert json.loads(json.dumps(written)) == written


def test_no_secret_is_shown(name: str) -> None:
    assert shown_secrets(activities()[name]) == []


# what it computes


@pytest.mark.parametrize("dialect", NOWHERE)
def test_it_says_the_same_sql_twice_without_a_connection(name: str, dialect: str, offline_world: World) -> None:
    inputs = arrivals(name, offline_world)
    catalog = replace(offline_world.catalog, dialect=DIALECTS[dialect])
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


def test_a_row_that_nobody_reads_is_counted(name: str, world: World) -> None:
    spec = example(name)
    if not isinstance(value_of(spec), Transform) or not value_of(spec).adds_up:
        return
    wanted = {port: rows.count for port, rows in world.perform(spec, arrivals(name, world)).items()}
    for port in wanted:
        counts = {other: rows.count for other, rows in world.perform(spec, arrivals(name, world), read=port).items()}
        assert counts == wanted, port
    assert sum(count or 0 for count in wanted.values()) == arrivals(name, world)["from"].count


def test_what_is_said_to_stay_empty_does(name: str, world: World) -> None:
    spec = example(name)
    empty = [port.name for port in value_of(spec).outputs() if port.stays_empty]
    done = world.perform(spec, arrivals(name, world)) if empty else {}
    assert {port: done[port].count for port in empty} == dict.fromkeys(empty, 0)


def test_nobody_in_is_nobody_out(name: str, empty_world: World) -> None:
    spec = example(name, guard={"on_empty": "allow"})
    done = empty_world.perform(spec, arrivals(name, empty_world))
    assert {port: empty_world.rows(population) for port, population in done.items()} == {port: [] for port in done}


def test_every_database_gives_the_same_rows(name: str, worlds: Mapping[str, World]) -> None:
    found = {
        database: {
            port: world.rows(population)
            for port, population in world.perform(example(name), arrivals(name, world)).items()
        }
        for database, world in worlds.items()
    }
    assert found == dict.fromkeys(found, found["duckdb"])
    assert any(found["duckdb"].values())


def test_an_effect_done_again_with_its_key_has_happened_once(name: str, world: World) -> None:
    spec, inputs = example(name), arrivals(name, world)
    if not isinstance(value_of(spec), Effect):
        before = world.lasting()
        world.perform(spec, inputs)
        assert world.lasting() == before
        return
    before = world.lasting()
    first = world.perform(spec, inputs)
    after = world.lasting()
    again = world.perform(spec, inputs)
    assert after != before
    assert world.lasting() == after
    assert {port: world.rows(population) for port, population in again.items()} == {
        port: world.rows(population) for port, population in first.items()
    }


# how an activity is brought into the world


def arrows(name: str) -> dict[str, int]:
    """Say how many arrows end at each input that must have one."""
    return {
        port.name: (3 if port.name == "from" else 2) if port.many else 1
        for port in activities()[name].inputs
        if not port.optional
    }


def example(name: str, **common: Any) -> WorkflowSpec:
    """Load the activity's own example; `common` are options that every activity has."""
    return load(name, {**activities()[name].example, **common})


def load(name: str, options: Mapping[str, Any]) -> WorkflowSpec:
    """Read a workflow of this activity by the real loader, with as many arrows to each input as `arrows` says."""
    many = {port.name: port.many for port in activities()[name].inputs}
    ports = {port: ["given"] * number if many[port] else "given" for port, number in arrows(name).items()}
    written = {"workflow": "w", "dimension": "household", "activities": {TESTED: {"type": name, **ports, **options}}}
    return loader.load(json.dumps(written, ensure_ascii=False), "w.yaml", activities())  # JSON is YAML


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

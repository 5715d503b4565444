"""Whole workflows and single activities in tests of Python: the fixtures that the pytest plugin ships."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from textwrap import dedent

import pytest

from activities.audiences.fixture import LocalExperienceCloud
from activities.targeting.query import Query
from engine.app.testing.python import Bench
from engine.app.testing.stage import Stage
from engine.app.testing.world import Clock
from engine.kit.errors import AuthorError, DataError

pytest_plugins = ["pytester"]

PROJECT = """
databases: {default: {url: "duckdb:///nowhere.duckdb"}}
dimensions:
  person:
    table: people
    key: id
    consent: {advertising: active = true}
data_sources:
  code: {kind: declared_id, dimension: person, key: code, id: "1234", destination: "91012", normalise: [], hash: none}
audiences:
  rich: {name: Rich, data_source: code, purpose: advertising, trait: "11", segment: "12"}
experience_cloud: {sandbox: false}
"""
WORKFLOW = """
workflow: share_rich
dimension: person
variables: {least: {type: integer, default: 100}}
activities:
  rich: {type: query, where: spend >= vars.least and born < days_ago(1)}
  share: {type: update_shared_audience, from: rich, audience: rich}
  keep: {type: list_update, from: share.complement, list: without_code}
"""
ANN = {"id": 1, "spend": 500, "born": date(1990, 1, 2), "code": "12", "active": True}
BOB = {"id": 2, "spend": 500, "born": date(1990, 1, 2), "code": None, "active": True}
KIM = {"id": 3, "spend": 50, "born": date(1990, 1, 2), "code": "C3", "active": True}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "project.yaml").write_text(PROJECT)
    path = tmp_path / "share_rich.yaml"
    path.write_text(WORKFLOW)
    return path


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 11, 23, tzinfo=UTC))


@pytest.fixture
def stage(clock: Clock) -> Iterator[Stage]:
    stage = Stage(clock, os.environ)
    yield stage
    stage.close()


def test_a_workflow_is_run_over_rows_and_gives_those_of_every_port_and_list(stage: Stage, path: Path) -> None:
    run = stage.run_workflow(path, tables={"people": [KIM, ANN, BOB]})
    assert run.outputs["rich"] == [{"id": 1}, {"id": 2}]
    assert run.outputs["share"] == [{"id": 1, "identifier": "12"}]
    assert run.outputs["share.complement"] == [{"id": 2}]
    assert run.outputs["share"].columns == {"id": "integer", "identifier": "text"}
    assert run.lists == {"without_code": [{"id": 2}]}


def test_a_second_run_finds_what_the_first_one_left(stage: Stage, path: Path, clock: Clock) -> None:
    cloud = LocalExperienceCloud(stage)
    cloud.hold("rich", ["X9"])
    stage.run_workflow(path, tables={"people": [ANN, BOB]})
    assert cloud.members("rich") == {"12", "X9"}
    clock.advance(days=1)
    run = stage.run_workflow(path, vars={"least": 10})
    assert run.outputs["rich"] == [{"id": 1}, {"id": 2}]
    clock.advance(days=1)
    run = stage.run_workflow(
        path, tables={"people": [{**KIM, "city": "Rome"}, {**ANN, "active": False}]}, vars={"least": 10}
    )
    assert run.outputs["share.suppressed"] == [{"id": 1}]
    assert run.lists == {"without_code": [{"id": 2}]}
    assert cloud.members("rich") == {"C3", "X9"}  # Ann may not be shared any more
    assert [line for lines in cloud.files.values() for line in lines][2:] == ["12\td_unsid=11", "C3\td_sid=11"]


def test_time_is_the_clocks(stage: Stage, path: Path, clock: Clock) -> None:
    clock.set("1990-01-03T12:00:00+01:00")
    assert stage.run_workflow(path, tables={"people": [ANN]}).outputs["rich"] == []
    clock.advance(days=1, hours=1)
    assert stage.run_workflow(path).outputs["rich"] == [{"id": 1}]
    assert clock() == datetime(1990, 1, 4, 12, tzinfo=UTC)


def test_the_time_of_a_list_is_over_when_the_clock_says_so(stage: Stage, path: Path, clock: Clock) -> None:
    keeping, reading = path.with_name("keeping.yaml"), path.with_name("reading.yaml")
    head, tail = "dimension: person\nactivities:\n", "type: list_update, from: some, list:"
    keeping.write_text(f"workflow: keeping\n{head}  some: {{type: query}}\n  kept: {{{tail} kept, expires: 1d}}\n")
    reading.write_text(f"workflow: reading\n{head}  some: {{type: read_list, list: kept}}\n  kept: {{{tail} again}}\n")
    stage.run_workflow(keeping, tables={"people": [ANN]})
    assert stage.run_workflow(reading).outputs["some"] == [{"id": 1}]
    clock.advance(days=1)
    with pytest.raises(DataError, match="the time of the list 'kept' was over on"):
        stage.run_workflow(reading)


def test_lists_are_given_and_a_text_stays_one_whatever_it_looks_like(stage: Stage, path: Path) -> None:
    people = [{**ANN, "spend": Decimal("99.50")}]
    run = stage.run_workflow(path, tables={"people": people}, lists={"without_code": [{"id": 7, "note": "12"}]})
    assert run.lists["without_code"] == [{"id": 7, "note": "12"}]
    assert run.lists["without_code"].columns == {"id": "integer", "note": "text"}


def test_what_does_not_fit_or_does_not_succeed_is_raised(stage: Stage, path: Path) -> None:
    with pytest.raises(AuthorError, match=r"peple:1:1: U013 there is no table 'peple'\n  fix: write 'people'"):
        stage.run_workflow(path, tables={"peple": [ANN]})
    with pytest.raises(AuthorError, match="U018 the workflow has no variable 'most'"):
        stage.run_workflow(path, vars={"most": 1})
    with pytest.raises(
        DataError, match=r"the run is suspended: 'rich' suspended: 1 keys \(id\) stand on more than one row"
    ):
        stage.run_workflow(path, tables={"people": [ANN, ANN]})
    path.write_text(WORKFLOW.replace("audience: rich}", "audience: rich, guard: {min: 5}}"))
    with pytest.raises(DataError, match=r"the run is suspended: 'share' guarded: 1 rows are fewer than"):
        stage.run_workflow(path, tables={"people": [ANN]})
    with pytest.raises(DataError, match="the project has no audience 'poor'\n  fix: audiences: rich"):
        LocalExperienceCloud(stage).members("poor")
    with pytest.raises(DataError, match="no workflow was run yet"):
        LocalExperienceCloud(Stage(Clock(datetime(2026, 1, 1, tzinfo=UTC)), {})).members("rich")


def test_one_activity_has_the_time_of_the_clock_and_its_columns_have_types(clock: Clock) -> None:
    bench = Bench(clock)
    bench.population([{"id": 1, "born": date(2026, 11, 22)}], dimension="person")
    query = Query(dimension="person", where="born < days_ago(0)", add={"age": "days_old(born)"})  # type: ignore[arg-type]
    outputs = bench.run_activity(query)
    assert outputs == {"result": [{"id": 1, "age": 1}]}
    assert outputs["result"].columns == {"id": "integer", "age": "integer"}
    clock.set(datetime(2026, 11, 22, tzinfo=UTC))
    assert bench.run_activity(query) == {"result": []}


def test_pytest_gives_the_fixtures_and_shows_what_they_are_for(pytester: pytest.Pytester, path: Path) -> None:
    pytester.makepyfile(
        dedent(f"""
        from datetime import date

        def test_rich_people_are_shared(run_workflow, experience_cloud, clock):
            clock.set("2026-01-01")
            run = run_workflow({str(path)!r}, tables={{"people": [{{"id": 1, "spend": 500, "code": "A", "active": True, "born": date(1990, 1, 2)}}]}})
            assert run.outputs["rich"] == [{{"id": 1}}]
            assert experience_cloud.members("rich") == {{"A"}}
    """)
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
    shown = pytester.runpytest_subprocess("--fixtures", "-p", "no:cacheprovider").stdout.str()
    for name, said in {
        "clock": "The engine's time", "population": "Make a population from rows", "run_activity": "Run one activity over populations",
        "run_workflow": "Run a workflow file", "experience_cloud": "The local Experience Cloud",
    }.items():  # fmt: skip
        assert f"\n{name} --" in shown
        assert f"\n    {said}" in shown

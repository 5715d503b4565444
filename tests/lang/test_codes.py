"""Every code has a file that shows it, or a test here, or says in which other test it is shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
import yaml

import engine
from activities.audiences.fixture import AUDIENCES
from activities.connectors import experience_cloud
from activities.connectors.experience_cloud.connection import connect
from engine.app.session import Options
from engine.app.testing.inputs import like_a_dimension
from engine.kit.catalog import Catalog
from engine.kit.connector import Surroundings
from engine.kit.errors import AuthorError, Diagnostic, Span
from engine.kit.matching import agree
from engine.kit.option import Scalar
from engine.kit.population import Population
from engine.kit.types import INTEGER
from engine.lang import loader
from engine.sql.dialects import DIALECTS

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
RIGHT = "workflow: flow\nactivities:\n  a: {type: query, dimension: person, where: id > 1}\n  k: {type: list_update, from: a, list: kept}\n"
PROJECT = """databases: {default: {url: "sqlite:///data.sqlite"}}
dimensions: {person: {table: people, key: id}}
data_sources: {crm: {kind: visitor_id, dimension: person, key: id, id: "1", destination: "2"}}
audiences: {vip: {name: VIP, data_source: crm, trait: "3", segment: "4"}}
experience_cloud: {sandbox: true}
"""

SHOWN_BY: Mapping[str, str] = {
    "Y007": "tests/lang/test_source.py",
    "V001": "tests/runs/test_bad_input.py",
    "V005": "tests/app/test_api.py",
    "W801": "tests/app/test_check.py",
    "W802": "tests/app/test_check.py",
    "W903": "tests/app/test_check.py",
    "Y012": "tests/app/test_fmt.py",
    "E204": "tests/sql/test_stored.py",
    "E406": "tests/activities/targeting/test_query.py",
    "E413": "tests/activities/targeting/test_change_dimension.py",
    **{f"L{number:03}": "tests/activities/lists/test_declared_lists.py" for number in range(1, 5)},
    "L005": "tests/activities/lists/test_list_update.py",
    "L006": "tests/activities/lists/test_read_list.py",
    "A010": "tests/activities/connectors/test_identity.py",
    "A011": "tests/activities/audiences/test_identity.py",
    **{f"A{number:03}": "tests/activities/connectors/experience_cloud/test_catalog.py" for number in (30, 31)},
    **{f"C{number:03}": "tests/app/test_csv_file.py" for number in (1, 2, 3)},
    "C004": "tests/app/test_diff.py",
    **{f"U{number:03}": "tests/app/test_testing.py" for number in (*range(1, 6), *range(10, 19), 20, 21)},
}
"""Codes that belong to what another test is about: alias bombs, the command line, tests of workflows."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder with a workflow and a project without mistakes."""
    connection = sa.create_engine(f"sqlite:///{tmp_path / 'data.sqlite'}")
    with connection.begin() as opened:
        opened.exec_driver_sql("CREATE TABLE people (id INTEGER PRIMARY KEY)")
    connection.dispose()
    (tmp_path / "flow.yaml").write_text(RIGHT, encoding="utf-8")
    (tmp_path / "project.yaml").write_text(PROJECT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def too_long_a_file(_folder: Path) -> list[Diagnostic]:
    return list(loader.read("a" * 12_000_001, "flow.yaml", {}).problems)


def no_file(_folder: Path) -> list[Diagnostic]:
    return engine.check(["flwo.yaml"])


def too_deep_an_expression(folder: Path) -> list[Diagnostic]:
    (folder / "flow.yaml").write_text(RIGHT.replace("id > 1", f"{'-(' * 101}id{')' * 101} > 1"), encoding="utf-8")
    return engine.check(["flow.yaml"])


def no_project(folder: Path) -> list[Diagnostic]:
    (folder / "project.yaml").unlink()
    return engine.check(["flow.yaml"])


def a_project_that_is_a_list(folder: Path) -> list[Diagnostic]:
    (folder / "project.yaml").write_text("- databases\n", encoding="utf-8")
    return engine.check(["flow.yaml"])


def no_environment(_folder: Path) -> list[Diagnostic]:
    return engine.check(["flow.yaml"], options=Options(environment="prodd"))


def no_database(folder: Path) -> list[Diagnostic]:
    (folder / "project.yaml").write_text(PROJECT.replace("sqlite:", "duckdb:"), encoding="utf-8")
    (folder / "data.sqlite").write_text("this is no database, whatever its name says " * 20, encoding="utf-8")
    return engine.check(["flow.yaml"])


def a_list_of_nobody(folder: Path) -> list[Diagnostic]:
    text = RIGHT + "  others: {type: read_list, list: others}\n  o: {type: list_update, from: others, list: o}\n"
    (folder / "flow.yaml").write_text(text, encoding="utf-8")
    return engine.check(["flow.yaml"])


def no_value_of_a_variable(folder: Path) -> list[Diagnostic]:
    text = RIGHT.replace("id > 1", "id > vars.n").replace("activities:", "variables: {n: {type: integer}}\nactivities:")
    (folder / "flow.yaml").write_text(text, encoding="utf-8")
    return raised(lambda: engine.run("flow.yaml"))


def no_settings_of_the_cloud(folder: Path) -> list[Diagnostic]:
    return raised(lambda: connect(surroundings(folder, {})))


def no_store_of_the_cloud(folder: Path) -> list[Diagnostic]:
    real = {"experience_cloud": experience_cloud.ExperienceCloudSettings(sandbox=False)}
    world = replace(surroundings(folder, real), is_environment_named=True)
    return raised(lambda: connect(world).export_store.exists("file"))


def an_identifier_that_cannot_be(folder: Path) -> list[Diagnostic]:
    source = experience_cloud.DataSourceSettings.model_validate(
        {"kind": "visitor_id", "dimension": "person", "key": "id", "id": "1", "destination": "2"}
    )
    vip = experience_cloud.AudienceSettings(name="VIP", data_source="crm", trait="3", segment="4")
    local = experience_cloud.ExperienceCloudSettings(sandbox=True)
    sections = {"data_sources": {"crm": source}, "audiences": {"vip": vip}, "experience_cloud": local}
    world = surroundings(folder, sections)
    name = Scalar.at("vip", Span("flow_test.yaml", 1, 1))
    return raised(lambda: AUDIENCES.prepare({name: ["two\nlines"]}, world))


def lists_of_other_keys(_folder: Path) -> list[Diagnostic]:
    def listed(key: str) -> Population:
        return Population(
            relation=sa.table("kept", sa.column(key)), key=(key,), columns={key: INTEGER}, dimension="person"
        )

    return raised(lambda: agree((listed("id"), listed("person_id"))))


def rows_of_no_dimension(_folder: Path) -> list[Diagnostic]:
    name = Scalar.at("given", Span("flow_test.yaml", 1, 1))
    catalog = Catalog(dialect=DIALECTS["sqlite"])
    return raised(lambda: like_a_dimension(name, [{"a": "1"}], catalog, None))  # type: ignore[list-item]


PREPARED: Mapping[str, Callable[[Path], list[Diagnostic]]] = {
    "Y006": too_long_a_file, "Y009": no_file, "X008": too_deep_an_expression, "P001": no_project, "P002": a_project_that_is_a_list,
    "P005": no_environment, "W901": no_database, "W902": a_list_of_nobody, "V002": no_value_of_a_variable, "A003": no_settings_of_the_cloud,
    "A020": no_store_of_the_cloud,
    "A008": an_identifier_that_cannot_be, "E405": lists_of_other_keys, "U019": rows_of_no_dimension,
}  # fmt: skip
"""Codes that no workflow file alone can show."""


def surroundings(folder: Path, sections: Mapping[str, object]) -> Surroundings:
    return Surroundings(
        sections=sections, folder=folder, state_folder=folder / ".audienceflow", clock=lambda: datetime(2026, 11, 23, tzinfo=UTC),
        environment="dev", is_environment_named=False,
    )  # fmt: skip


def raised(call: Callable[[], object]) -> list[Diagnostic]:
    with pytest.raises(AuthorError) as caught:
        call()
    return list(caught.value.diagnostics)


def codes() -> Iterator[str]:
    """Give every code the engine and the activities can tell."""
    for path in sorted([*(ROOT / "engine").rglob("*.py"), *(ROOT / "activities").rglob("*.py")]):
        yield from re.findall(r'"([ACELPTUVWXY]\d{3})"', path.read_text(encoding="utf-8"))


def shown() -> set[str]:
    """Give those that a broken workflow or project shows, and the lint rules' own."""
    files = [path for path in (DATA / "broken").glob("*.yaml") if path.name != "project.yaml"]
    cases = [case for path in files for case in yaml.safe_load(path.read_text(encoding="utf-8"))]
    rules = [yaml.safe_load((DATA / f"{name}.yaml").read_text(encoding="utf-8")) for name in ("rules", "column_rules")]
    return {problem["code"] for case in cases for problem in case["problems"]} | {
        code for file in rules for code in file
    }


def test_every_code_is_shown_somewhere() -> None:
    elsewhere = {*SHOWN_BY, *PREPARED}
    assert set(codes()) == shown() | elsewhere
    assert shown() & elsewhere == set()


@pytest.mark.parametrize("code", SHOWN_BY)
def test_another_test_shows_what_it_is_said_to_show(code: str) -> None:
    assert code in (ROOT / SHOWN_BY[code]).read_text(encoding="utf-8")


@pytest.mark.parametrize("code", PREPARED)
def test_what_no_file_alone_can_show_is_told_with_a_fix(folder: Path, code: str) -> None:
    (problem,) = PREPARED[code](folder)
    assert problem.code == code
    assert problem.message
    assert problem.fix


def test_what_those_tests_begin_with_has_no_mistakes(folder: Path) -> None:
    assert engine.check([folder / "flow.yaml"]) == []

"""A package of somebody else, installed as anybody would, adds what a package can add; a broken one is said and harms nobody."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from engine import registry
from engine.kit.component import Component

SAMPLE = Path(__file__).parent / "sample"
Shell = Callable[..., subprocess.CompletedProcess[str]]

PROJECT = """
databases:
  default: {url: "URL"}
dimensions:
  person:
    table: people
    key: id
    links:
      messages: {table: messages, on: {id: person}, many: true}
caps:
  newsletter: {most: 2}
"""
WORKFLOW = """
workflow: send
dimension: person
activities:
  all:
    type: query
    where: first_word(name) != 'Bob'
    add: {first: first_word(name)}
  capped:
    type: frequency_cap
    from: all
    messages: count(messages)
    cap: newsletter
  told:
    type: leave_note
    from: capped
    note: sent
"""
TESTS = """
tests:
  - name: who got two messages gets no third
    activity: capped
    tables:
      people: [{id: 1, name: Ann}, {id: 2, name: Bo}]
      messages: [{id: 1, person: 1}, {id: 2, person: 1}, {id: 3, person: 2}]
    given:
      all: [{id: 1, first: Ann}, {id: 2, first: Bo}]
    expect:
      result: [{id: 2}]
      complement: [{id: 1}]
"""
PEOPLE = [(1, " Ann Lee"), (2, "Bob Ray"), (3, "Élodie"), (4, None)]
MESSAGES = [(1, 1), (2, 1), (3, 3)]
CONNECT = {"duckdb": duckdb.connect, "sqlite": sqlite3.connect}


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sample and install it, with pip, into a folder of its own."""
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(SAMPLE, folder / "source")
    where = ["--target", str(folder / "installed"), str(folder / "source")]
    how = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", "install", *how, *where], check=True)  # noqa: S603
    return folder / "installed"


@pytest.fixture(params=CONNECT)
def shell(request: pytest.FixtureRequest, tmp_path: Path, installed: Path) -> Shell:
    """Give the command line, with the plugin, in a project on each of the file databases."""
    (tmp_path / "project.yaml").write_text(PROJECT.replace("URL", f"{request.param}:///data.{request.param}"))
    (tmp_path / "send.yaml").write_text(WORKFLOW)
    (tmp_path / "send_test.yaml").write_text(TESTS)
    with closing(CONNECT[request.param](tmp_path / f"data.{request.param}")) as db:
        db.execute("CREATE TABLE people (id INTEGER, name VARCHAR)")
        db.execute("CREATE TABLE messages (id INTEGER, person INTEGER)")
        db.executemany("INSERT INTO people VALUES (?, ?)", PEOPLE)
        db.executemany("INSERT INTO messages VALUES (?, ?)", MESSAGES)
        db.commit()
    return lambda *words, code=0, path=installed: run(tmp_path, path, *words, code=code)


def run(folder: Path, path: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    command, environment = [sys.executable, "-m", "engine", *words], {**os.environ, "PYTHONPATH": str(path)}
    found = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    assert found.returncode == code, found.stdout + found.stderr
    return found


def broken(folder: Path, name: str, module: str, value: str = "COMPONENTS") -> None:
    """Lay down an installed plugin of one module."""
    (folder / f"{name}.py").write_text(f"from engine.kit.component import Component\n{module}\n")
    metadata = folder / f"{name}-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{name} = {name}:{value}\n")


def test_its_activities_function_connector_rule_and_section_are_used(shell: Shell, tmp_path: Path) -> None:
    checked = json.loads(shell("check", "--format", "json").stdout)
    assert [(found["code"], found["line"]) for found in checked["diagnostics"]] == [("S101", 2)]
    planned = json.loads(shell("plan", "send", "--counts", "--format", "json").stdout)["activities"]
    assert planned["capped"]["outputs"]["result"]["count"] == 1
    assert planned["told"]["does"] == ["leave the note 'sent'"]
    ran = json.loads(shell("run", "send", "--format", "json").stdout)
    assert ran["status"] == "succeeded"
    assert ran["activities"]["capped"]["outputs"] == {"result": {"count": 1}, "complement": {"count": 1}}
    assert (tmp_path / ".audienceflow" / "pigeonhole" / "sent.txt").read_text() == "1 rows\n"
    assert shell("test").stdout.splitlines()[-1] == "1 passed, 0 failed"


def test_the_reference_shows_its_activity_at_work_and_all_else_it_adds(installed: Path, tmp_path: Path) -> None:
    run(tmp_path, installed, "reference", "--output", ".")
    page, functions, commands, project, diagnostics, rules = (
        (tmp_path / "reference" / f"{name}.md").read_text()
        for name in ("activities/frequency_cap", "functions", "commands", "project", "diagnostics", "rules")
    )
    assert "It comes from the plugin `sample`." in page
    assert "### Who got two messages gets no third" in page
    assert page.endswith("**After:** result\n\n| id |\n|---|\n| 2 |\n\n**After:** complement\n\n| id |\n|---|\n| 1 |\n")
    assert "`first_word(' Ann Lee')` is `Ann`." in functions
    assert "## caps\n" in commands
    assert "## caps\n" in project
    assert "[`S101`](rules.md#s101)" in diagnostics
    assert "## S101\n" in rules


def test_its_command_is_in_the_help_and_reads_its_section(shell: Shell) -> None:
    assert "The caps the project declares." in shell("--help").stdout
    assert shell("caps").stdout == "newsletter: at most 2\n"


def test_what_is_wrong_with_its_options_and_its_section_has_a_place_and_a_fix(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "send.yaml").write_text(WORKFLOW.replace("cap: newsletter", "cap: newslettr"))
    wrong = shell("check", code=2).stdout
    assert "send.yaml:13:10: S001 the project has no cap 'newslettr'" in wrong
    assert "write 'newsletter'" in wrong
    (tmp_path / "project.yaml").write_text(
        PROJECT.replace("URL", "sqlite:///data.sqlite").replace("most: 2", "mots: 2")
    )
    assert "project.yaml:11:16: E102 unknown option 'mots'\n  fix: write 'most'" in shell("check", code=2).stdout


def test_a_broken_plugin_beside_it_is_said_and_harms_nobody(shell: Shell, tmp_path: Path, installed: Path) -> None:
    beside = tmp_path / "beside"
    shutil.copytree(installed, beside)
    broken(beside, "broken", "import nothing_of_that_name\nCOMPONENTS = ()")
    ran = shell("run", "send", "--format", "json", path=beside)
    assert json.loads(ran.stdout)["status"] == "succeeded"
    assert "the plugin 'broken' is left out: ModuleNotFoundError: No module named 'nothing_of_that_name'" in ran.stderr
    assert "fix: reinstall or remove the package it comes from" in ran.stderr
    examined = json.loads(shell("doctor", "--format", "json", code=1, path=beside).stdout)
    about = {found["what"]: found["status"] for found in examined["findings"] if found["about"] == "plugins"}
    assert set(about.values()) == {"ok", "problem"}
    assert any(what.startswith("the plugin 'sample' adds activity frequency_cap, ") for what in about)


def test_without_it_its_words_are_unknown(shell: Shell, tmp_path: Path) -> None:
    wrong = shell("check", code=2, path=tmp_path).stdout
    assert "E109 there is no activity type 'frequency_cap'" in wrong
    assert "P004 unknown section 'caps'" in shell("lists", code=2, path=tmp_path).stderr


def function(name: str, registered: str) -> str:
    """Write a plugin of one function, registered under a name."""
    return (
        "from dataclasses import replace\nfrom engine.kit.expression.catalogue import FUNCTIONS\n"
        f"F = replace(FUNCTIONS['lower'], name='{name}')\nCOMPONENTS = (Component('function', '{registered}', 'm:F'),)"
    )


@pytest.mark.parametrize(
    ("module", "why"),
    [
        ("COMPONENTS = (Component('activity', 'query', 'm:X'),)",
         "the name of the activity 'query' (m:X) is taken by activities.targeting.query:Query"),
        ("COMPONENTS = (Component('section', 'databases', 'm:X'),)", "the name of the section 'databases' (m:X) is taken by the engine itself"),
        ("COMPONENTS = (Component('rule', 'X1', 'm:X'), Component('rule', 'X1', 'm:Y'))", "the name of the rule 'X1' (m:Y) is taken by m:X"),
        (function("lower", "lower"), "the name of the function 'lower' (m:F) is taken by one of the language's own"),
        (function("count", "count"), "the name of the function 'count' (m:F) is taken by one of the language's own"),
        (function("other", "mine"), "m:F is no function that is named 'mine'"),
        ("COMPONENTS = (Component('activity', 'mine', 'm:Component'),)", "m:Component is no activity that is named 'mine'"),
        ("COMPONENTS = (Component('section', 'mine', 'm:nothing'),)", "AttributeError: module 'm' has no attribute 'nothing'"),
        ("COMPONENTS = (Component('wizard', 'mine', 'm:X'),)", "there is no kind of component 'wizard' ('mine')"),
        ("COMPONENTS = 'activity'", "m:COMPONENTS is no tuple of components"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_left_out_whole_with_the_reason(
    module: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = registry.read(is_imported=True)
    broken(tmp_path, "m", module)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "m", raising=False)
    found = registry.read(is_imported=True)
    monkeypatch.delitem(sys.modules, "m", raising=False)
    assert found.broken == {**before.broken, "m": why}
    assert found.components == before.components


def test_two_plugins_that_take_one_name_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("m1", "m2"):
        broken(
            tmp_path,
            name,
            f"def check(spec, graph): return ()\nCOMPONENTS = (Component('rule', 'X1', '{name}:check'),)",
        )
    monkeypatch.syspath_prepend(tmp_path)
    found = registry.read(is_imported=True)
    assert found.plugins["m1"] == (Component("rule", "X1", "m1:check"),)
    assert found.broken["m2"] == "the name of the rule 'X1' (m2:check) is taken by m1:check"


def test_a_rule_that_fails_is_said_and_stops_no_other(tmp_path: Path) -> None:
    broken(tmp_path, "m", "def check(spec, graph): return 1 / 0\nCOMPONENTS = (Component('rule', 'A1', 'm:check'),)")
    (tmp_path / "flow.yaml").write_text(
        "workflow: flow\nvariables: {x: {type: integer}}\nactivities: {a: {type: query}}\n"
    )
    checked = json.loads(run(tmp_path, tmp_path, "check", "flow.yaml", "--format", "json", code=2).stdout)[
        "diagnostics"
    ]
    assert {found["code"] for found in checked} == {"P001", "W101", "W102", "W901"}
    assert "the rule 'A1' was not applied: ZeroDivisionError: division by zero" in [
        found["message"] for found in checked
    ]


def test_a_command_that_the_engine_has_is_not_taken_and_doctor_says_so(tmp_path: Path) -> None:
    broken(tmp_path, "m", "def run(): print('mine')\nCOMPONENTS = (Component('command', 'runs', 'm:run', 'Mine.'),)")
    assert "Mine." not in run(tmp_path, tmp_path, "--help").stdout
    found = run(tmp_path, tmp_path, "doctor", code=1).stdout
    assert "the command 'runs' of the plugin 'm' is hidden by the engine's own" in found


FORGETFUL = """
from engine.kit.activity import RESULT, Port, Transform
from engine.kit.option import Name, option
class Forgetful(Transform):
    "Lose the first household."
    type = "forgetful"
    example = {"password": "x"}
    password: Name = option("")
    @property
    def is_partition(self):
        return True
    def outputs(self):
        return (RESULT, Port(name="complement"))
    def select(self, inputs, catalog):
        return {"result": inputs["from"].where(inputs["from"].column("household_id") > 1)}
COMPONENTS = (Component("activity", "forgetful", "forgetful:Forgetful"),)
"""


def test_its_activities_are_held_to_the_contract_that_ships(tmp_path: Path, installed: Path) -> None:
    found = contract(tmp_path, installed)
    assert found.returncode == 0, found.stdout
    assert "frequency_cap" in found.stdout
    assert "leave_note" in found.stdout
    assert "failed" not in found.stdout
    assert "skipped" not in found.stdout


def test_the_contract_that_ships_finds_what_an_activity_does_not_keep(tmp_path: Path) -> None:
    broken(tmp_path, "forgetful", FORGETFUL)
    found = contract(tmp_path, tmp_path)
    assert found.returncode == 1, found.stdout
    failed = {
        line.rpartition("::test_")[2].partition("[")[0]
        for line in found.stdout.splitlines()
        if line.startswith("FAILED")
    }
    assert failed == {
        "every_option_is_described",
        "no_secret_is_shown",
        "it_fires_the_ports_it_declares",
        "a_partition_gives_every_row_to_one_port",
        "a_row_that_nobody_reads_is_counted",
    }


def contract(folder: Path, path: Path) -> subprocess.CompletedProcess[str]:
    """Run the contract as the author of a plugin does."""
    suite = ["--pyargs", "engine.app.testing.contract.suite", "--basetemp", str(folder / "pytest")]
    command = [sys.executable, "-m", "pytest", "-v", "-rfE", "-p", "no:cacheprovider", *suite]
    environment = {**os.environ, "PYTHONPATH": str(path)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603

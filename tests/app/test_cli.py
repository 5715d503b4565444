"""The command line, on small SQLite and DuckDB projects."""

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner, Result

from engine.app import api
from engine.app.cli import app
from engine.kit.errors import EngineBug
from engine.sql.database import Database
from engine.sql.ledger import Ledger

Call = Callable[..., Result]

PROJECT = """
databases:
  default: {url: "sqlite:///data.sqlite"}
dimensions:
  person:
    table: people
    key: id
    consent:
      advertising: consent = true
data_sources:
  crm: {kind: declared_id, dimension: person, key: crm_id, id: "1234", destination: "91012", normalise: [], hash: none}
audiences:
  young: {name: Young people, data_source: crm, purpose: advertising, trait: "101", segment: "102"}
  fresh: {name: Fresh people, data_source: crm, purpose: advertising}
experience_cloud: {organization: 0123456789ABCDEF01234567@AdobeOrg}
environments:
  dev: {experience_cloud: {sandbox: true}}
  prod: {experience_cloud: {sandbox: false}}
"""

WORKFLOW = """
workflow: greet
dimension: person
variables:
  most: {type: integer, default: 30}
activities:
  adults:
    type: query
    where: age >= 18
    add: {crm_id: crm_id, age: age}
  sides:
    type: split
    from: adults
    subsets:
      young: {where: age <= vars.most}
  share:
    type: update_shared_audience
    from: sides.young
    audience: young
  keep:
    type: list_update
    from: sides.complement
    list: old
    mode: replace
  unknown:
    type: list_update
    from: share.complement
    list: unknown
"""

PEOPLE = [
    (1, "anna", 17, 1),
    (2, "bert", 20, 1),
    (3, "cleo", 25, 0),
    (4, "dave", 40, 1),
    (5, 'say "e"', 70, 1),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "project.yaml").write_text(PROJECT)
    (tmp_path / "greet.yaml").write_text(WORKFLOW)
    data = sqlite3.connect(tmp_path / "data.sqlite")
    with data:
        data.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, crm_id TEXT, age INTEGER, consent BOOLEAN)")
        data.executemany("INSERT INTO people VALUES (?, ?, ?, ?)", PEOPLE)
    data.close()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AUDIENCEFLOW_ENV", raising=False)
    return tmp_path


@pytest.fixture
def call(folder: Path) -> Call:  # noqa: ARG001  (it makes the project)
    return lambda *words: CliRunner().invoke(app, words, prog_name="audienceflow")


def run_json(call: Call, *words: str) -> Any:
    result = call("run", "greet", "--format", "json", *words)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def replace_in(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_run_ends_with_counts_effects_and_status(call: Call) -> None:
    result = call("run", "greet.yaml")
    assert result.exit_code == 0, result.output
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert "adults → sides 4" in lines
    assert "sides.young → share 2" in lines
    assert "share.suppressed 1" in lines
    assert "identifiers 1" in lines
    assert any(line.startswith("receipts records received 1, stored records 1") for line in lines)
    assert any(line.startswith("paths /") and line.endswith(".sync.gz") for line in lines)
    assert lines[-1].endswith("succeeded")


def test_rows_that_nobody_reads_are_counted_wherever_counts_are_shown(call: Call, folder: Path) -> None:
    forgotten = (
        "      young: {where: age <= vars.most}\n      forty: {where: age = 40}\n      oldest: {where: age > 60}"
    )
    replace_in(folder / "greet.yaml", "      young: {where: age <= vars.most}", forgotten)
    replace_in(folder / "greet.yaml", "from: sides.complement", "from: sides.oldest")
    assert run_json(call)["activities"]["sides"]["outputs"] == {
        "young": {"count": 2}, "forty": {"count": 1}, "oldest": {"count": 1}, "complement": {"count": 0},
    }  # fmt: skip
    for command in ("plan greet --counts", "show last"):
        shown = [" ".join(line.split()) for line in call(*command.split()).stdout.splitlines()]
        assert ["sides.forty 1" in shown, "sides.complement 0" in shown] == [True, True], command
    assert "├─ forty       1  ■" in call("draw", "greet", "--run", "last").stdout
    assert "has counted 'sides.forty' and kept no rows" in call("diff", "last", "last", "sides.forty").stderr


def test_progress_goes_to_standard_error_one_line_per_activity(call: Call) -> None:
    result = call("run", "greet", "--format", "json")
    json.loads(result.stdout)
    assert [line.split()[0] for line in result.stderr.splitlines()] == ["adults", "sides", "share", "keep", "unknown"]


def test_json_of_a_run_is_the_object_of_the_contract(call: Call) -> None:
    found = run_json(call, "--var", "most=20")
    contract = ["run", "workflow", "status", "activities", "transitions", "errors"]
    assert list(found) == [*contract, "key", "started_at", "for", "variables"]
    assert found["variables"]["most"] == "20"
    assert found["status"] == "succeeded"
    assert found["activities"]["sides"]["outputs"] == {"young": {"count": 1}, "complement": {"count": 3}}
    assert {"from": "sides.complement", "to": "keep.from", "count": 3} in found["transitions"]


def test_show_gives_the_object_that_run_gave(call: Call) -> None:
    ran = run_json(call)
    for name in (ran["run"], ran["run"][:-1], "last"):
        assert json.loads(call("show", name, "--format", "json").stdout) == ran


def test_a_workflow_whose_file_is_called_otherwise_is_found_by_its_own_name(call: Call, folder: Path) -> None:
    (folder / "greet.yaml").rename(folder / "01-greet.yaml")
    assert run_json(call)["workflow"] == "greet"
    assert call("plan", "01-greet").exit_code == 0
    assert "there is no workflow 'greeet'" in call("plan", "greeet").stderr


def test_show_begins_with_the_key_the_times_and_the_variables(call: Call) -> None:
    run = run_json(call, "--key", "june", "--var", "most=20", "--at", "2026-06-01 08:00:00")
    head, times, variables, *_ = call("show", "june").stdout.splitlines()
    assert head == f"greet, run {run['run']}, key june"
    assert times.endswith(" UTC, for 2026-06-01 08:00:00 UTC")
    assert variables == "variables: most 20"


def test_show_tells_every_fact(call: Call) -> None:
    run_json(call)
    facts = json.loads(call("show", "last", "--facts", "--format", "json").stdout)["facts"]
    assert (facts[0]["kind"], facts[-1]["kind"]) == ("RunStarted", "RunFinished")
    assert "EffectDelivered" in call("show", "last", "--facts").stdout


def test_a_run_with_a_key_is_done_once(call: Call) -> None:
    first, second = run_json(call, "--key", "2026-11-23"), run_json(call, "--key", "2026-11-23")
    assert first == second
    assert [run["key"] for run in json.loads(call("runs", "--format", "json").stdout)] == ["2026-11-23"]


def test_a_run_that_has_ended_says_that_nothing_is_done_now(call: Call) -> None:
    done = " before; nothing was done now, this is what was done then"
    first = call("run", "greet", "--key", "k")
    assert first.stdout.splitlines()[-1].endswith(": succeeded")
    for words in (("run", "greet", "--key", "k"), ("resume", "last")):
        again = call(*words)
        assert (again.exit_code, again.stdout.splitlines()[-1]) == (0, first.stdout.splitlines()[-1] + done)
    assert done not in call("show", "last").stdout


def test_a_run_may_be_named_by_its_key(call: Call, folder: Path) -> None:
    june, july = (run_json(call, "--key", key)["run"] for key in ("2026-06", "2026-07 é"))
    assert [json.loads(call("show", key, "--format", "json").stdout)["run"] for key in ("2026-06", "2026-07 é")] == [
        june,
        july,
    ]
    compared = json.loads(call("diff", "2026-06", "2026-07 é", "--format", "json").stdout)
    assert (compared["before"], compared["after"]) == (june, july)
    (folder / "hail.yaml").write_text(WORKFLOW.replace("workflow: greet", "workflow: hail"))
    call("run", "hail", "--key", "2026-06")
    assert "'2026-06' is the key of 2 runs" in call("show", "2026-06").stderr


@pytest.mark.parametrize(
    ("began", "now", "said"),
    [
        ("", "--var most=20", "began without --var, not with --var most=20"),
        ("--var most=20", "--var most=21", "began with --var most=20, not with --var most=21"),
        ("--at 2026-11-23", "--at 2026-11-24", "with --at 2026-11-23T00:00:00+00:00, not with --at 2026-11-24T00:00"),
        ("", "--env dev", "began without --env, not with --env dev"),
    ],
)
def test_a_key_is_of_one_run_and_other_words_are_refused(call: Call, began: str, now: str, said: str) -> None:
    run_json(call, "--key", "k", *began.split())
    refused = call("run", "greet", "--key", "k", *now.split())
    assert (refused.exit_code, "V005" in refused.stderr) == (2, True)
    assert said in refused.stderr


def test_runs_are_listed_the_newest_first_and_by_workflow(call: Call) -> None:
    old, new = run_json(call)["run"], run_json(call)["run"]
    assert [run["run"] for run in json.loads(call("runs", "--format", "json").stdout)] == [new, old]
    assert call("runs", "--workflow", "other").stdout.startswith("There are no runs")
    assert "1 older run" in call("runs", "--limit", "1").stdout


def test_the_time_a_run_is_for_may_be_a_date_and_has_a_zone(call: Call) -> None:
    run_json(call, "--at", "2026-11-23")
    run_json(call, "--at", "2026-11-23T10:00:00+02:00")
    found = [run["for"] for run in json.loads(call("runs", "--format", "json").stdout)]
    assert found == ["2026-11-23T08:00:00+00:00", "2026-11-23T00:00:00+00:00"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run", "greet", "--at", "tomorrow"), "2026-11-23"),
        (("run", "greet", "--var", "most"), "--var"),
        (("run", "greet", "--var", "least=3"), "has no variable 'least'"),
        (("run", "greeet"), "write 'greet'"),
        (("run", "elsewhere/greet.yaml"), "there is no such file"),
        (("show", "nobody"), "there is no run 'nobody'"),
        (("resume", "last"), "there is no run 'last'"),
        (("lists", "show", "nobody"), "there is no list 'nobody'"),
        (("run", "greet", "--env", "moon"), "there is no environment 'moon'"),
        (("run", "greet", "--project", "none.yaml"), "there is no such file"),
        (("runn",), "Did you mean 'run'"),
    ],
)
def test_what_cannot_be_meant_ends_with_2(call: Call, words: tuple[str, ...], said: str) -> None:
    result = call(*words)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert result.stdout == ""


def test_an_invalid_file_ends_a_run_with_2_and_all_problems(call: Call, folder: Path) -> None:
    replace_in(folder / "greet.yaml", "type: query", "type: querry")
    replace_in(folder / "greet.yaml", "from: sides.young", "from: side.young")
    result = call("run", "greet")
    assert result.exit_code == 2
    assert "greet.yaml:8:11: E109" in result.stderr
    assert "fix: write 'query'" in result.stderr


def test_an_error_suspends_with_1_and_resume_goes_on(call: Call, folder: Path) -> None:
    replace_in(
        folder / "greet.yaml",
        "  adults:\n",
        "  blocked:\n    type: list_import\n    list: blocked\n    file: blocked.csv\n  adults:\n",
    )
    (folder / "people.csv").write_text("id\n")
    planned = call("plan", "greet", "--counts")
    assert planned.exit_code == 1
    assert "greet.yaml:7:3: 'blocked' would be suspended: there is no file" in planned.stdout
    failed = call("run", "greet")
    assert failed.exit_code == 1
    assert "greet.yaml:7:3: 'blocked' is suspended: there is no file" in failed.stdout
    assert "fix: put it there (.csv there: people.csv)" in failed.stdout
    command = failed.stdout.splitlines()[-1].removeprefix("Go on with: audienceflow ")
    (folder / "blocked.csv").write_text("id\n2\n")
    resumed = call(*command.split())
    assert resumed.exit_code == 0, resumed.output
    assert call("resume", "last").exit_code == 0


def test_a_guard_ends_with_3(call: Call, folder: Path) -> None:
    replace_in(folder / "greet.yaml", "    audience: young\n", "    audience: young\n    guard: {min: 10}\n")
    result = call("run", "greet")
    assert result.exit_code == 3
    assert "'share' is guarded: 1 rows are fewer than the guard's min of 10" in result.stdout


def test_a_held_activity_ends_with_3(call: Call, folder: Path) -> None:
    replace_in(folder / "greet.yaml", "    audience: young\n", "    audience: young\n    enabled: hold\n")
    assert call("run", "greet").exit_code == 3


def test_a_bug_ends_with_4_and_keeps_its_traceback(folder: Path) -> None:
    # A plugin's command that raises: the one way to cause a bug from outside.
    (folder / "twin.py").write_text(
        "from engine.kit.component import Component\nfrom engine.kit.errors import EngineBug\n"
        "COMPONENTS = (Component('command', 'boom', 'twin:boom', 'Fail.'),)\n"
        "def boom():\n    raise EngineBug('out of order')\n"
    )
    (folder / "twin-1.dist-info").mkdir()
    (folder / "twin-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: twin\nVersion: 1\n")
    (folder / "twin-1.dist-info" / "entry_points.txt").write_text("[audienceflow.components]\ntwin = twin:COMPONENTS\n")
    found = shell(folder, "boom")
    assert found.returncode == 4
    assert "This is a bug in audienceflow" in found.stderr
    assert "Traceback" not in found.stderr
    (kept,) = (folder / ".audienceflow").glob("bug-*.txt")
    assert EngineBug.__name__ in kept.read_text()
    assert "Traceback" in shell(folder, "--debug", "boom").stderr


def test_plan_gives_columns_sql_and_values_and_writes_nothing(call: Call, folder: Path) -> None:
    before = (folder / "data.sqlite").read_bytes()
    planned = json.loads(call("plan", "greet", "--var", "most=20", "--format", "json").stdout)
    adults = planned["activities"]["adults"]["outputs"]["result"]
    assert adults["columns"] == {"id": "integer", "crm_id": "text", "age": "integer"}
    assert adults["sql"].startswith("SELECT")
    assert 18 in adults["values"].values()
    assert "Young people" in planned["activities"]["share"]["does"][0]
    assert "would add the members" in call("plan", "greet").stdout
    assert (folder / "data.sqlite").read_bytes() == before
    assert not (folder / ".audienceflow" / "state.sqlite").exists()


def test_check_without_paths_reads_all_workflows_of_the_project(call: Call, folder: Path) -> None:
    (folder / "more").mkdir()
    (folder / "more" / "bad.yaml").write_text("workflow: bad\nactivities:\n  x: {type: nothing}\n")
    (folder / "greet_test.yaml").write_text("workflow: greet\n")
    (folder / "words.yaml").write_text("other: [\n")
    result = call("check")
    assert result.exit_code == 2
    assert "more/bad.yaml:3:13: E109 there is no activity type 'nothing'" in result.stdout
    assert result.stdout.splitlines()[-1] == "2 workflows: 1 error"


def test_check_ends_with_0_when_there_are_warnings_only(call: Call, folder: Path) -> None:
    replace_in(folder / "greet.yaml", "    audience: young\n", "    audience: young\n    enabled: hold\n")
    result = call("check", "greet.yaml", "--format", "json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert (found["errors"], found["warnings"]) == (0, 1)
    assert found["diagnostics"][0]["code"] == "W103"


def test_lists_show_writes_every_row_the_key_first(call: Call) -> None:
    run_json(call)
    assert call("lists", "show", "old", "--format", "csv").stdout == 'id,crm_id,age\n4,dave,40\n5,"say ""e""",70\n'
    assert json.loads(call("lists", "show", "old", "--format", "json").stdout)[0] == {
        "id": 4,
        "crm_id": "dave",
        "age": 40,
    }
    listed, _ = json.loads(call("lists", "list", "--format", "json").stdout)
    assert (listed["name"], listed["rows"], listed["key"]) == ("old", 2, ["id"])
    assert "old" in call("lists").stdout


def test_history_shows_and_forgets_whom_incremental_queries_returned(call: Call, folder: Path) -> None:
    assert call("history", "greet").stdout.startswith("'greet' has no history")
    (folder / "welcome.yaml").write_text("""workflow: welcome
dimension: person
activities:
  fresh: {type: incremental_query, where: age >= 18}
  again: {type: incremental_query, history_days: 1}
  dated: {type: incremental_query, where: age < 18, date_field: date '2026-01-01'}
  keep: {type: list_update, from: fresh, list: welcomed, guard: {max: 4}}
""")
    for day in ("2026-11-20", "2026-11-22"):
        assert call("run", "welcome", "--at", day).exit_code == 0
    (folder / "welcome.yaml").write_text(
        (folder / "welcome.yaml").read_text().replace("age >= 18", "age >= 0").replace("max: 4", "max: 0")
    )
    assert call("run", "welcome", "--at", "2026-11-22").exit_code == 3
    shown = json.loads(call("history", "welcome.yaml", "--format", "json").stdout)
    last = "2026-11-22T00:00:00+00:00"
    both = {"first": "2026-11-20T00:00:00+00:00", "last": last, "unfinished": 1}
    assert shown == [
        {"activity": "again", "runs": 1, "people": 5, "first": last, "last": last, "unfinished": 1},
        {"activity": "dated", "runs": 2, "people": 0, **both},
        {"activity": "fresh", "runs": 2, "people": 4, **both},
    ]
    (folder / "welcome.yaml").unlink()  # what was remembered outlives the file
    assert call("history", "welcome", "fresh", "--forget").stdout.splitlines()[-1] == "All of this is forgotten."
    assert [row["activity"] for row in json.loads(call("history", "welcome", "--format", "json").stdout)] == [
        "again",
        "dated",
    ]
    refused = call("history", "welcome", "fresh")
    assert (refused.exit_code, "'welcome' has no history of 'fresh'" in refused.stderr) == (2, True)
    assert call("history", "welcome", "--forget").exit_code == 0
    assert call("history", "nobody").exit_code == 2


def test_lists_show_writes_decimals_and_times_plainly(call: Call, folder: Path) -> None:
    more = "add: {crm_id: crm_id, age: age, none: 0.00000000, at: timestamp '2026-11-23'}"
    replace_in(folder / "greet.yaml", "add: {crm_id: crm_id, age: age}", more)
    run_json(call)
    first = call("lists", "show", "old", "--format", "csv").stdout.splitlines()[1]
    assert first == "4,dave,40,0.00000000,2026-11-23T00:00:00"
    shown = json.loads(call("lists", "show", "old", "--format", "json").stdout)[0]
    assert (shown["none"], shown["at"]) == ("0.00000000", "2026-11-23T00:00:00")


def test_a_list_shows_no_personal_values_but_where_they_are_asked_for(call: Call, folder: Path) -> None:
    replace_in(folder / "greet.yaml", "age: age}", "age: age, code: upper(crm_id), next: age + 1}")
    replace_in(folder / "project.yaml", "    key: id\n", "    key: id\n    personal: [crm_id]\n")
    run_json(call)
    shown = [line.split() for line in call("lists", "show", "old").stdout.splitlines()]
    assert shown[:2] == [["id", "crm_id", "age", "code", "next"], ["4", "•••", "40", "•••", "41"]]
    row = {"id": 4, "crm_id": "dave", "age": 40, "code": "DAVE", "next": 41}
    as_json = ("lists", "show", "old", "--format", "json")
    assert json.loads(call(*as_json).stdout)[0] == row | {"crm_id": "•••", "code": "•••"}
    assert json.loads(call(*as_json, "--unmask").stdout)[0] == row
    assert call("lists", "show", "old", "--format", "csv").stdout.splitlines()[1] == "4,dave,40,DAVE,41"


def test_a_list_whose_time_is_over_is_shown_to_nobody(call: Call, folder: Path) -> None:
    replace_in(folder / "greet.yaml", "    mode: replace\n", "    mode: replace\n    expires: 1s\n")
    run_json(call)
    with Database(f"sqlite:///{folder / 'data.sqlite'}") as db, db.transaction() as connection:
        expiries = Ledger(db).expiries
        connection.execute(expiries.update().values(expires_at="2026-01-01T00:00:00+00:00"))
    result = call("lists", "show", "old", "--format", "csv")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "the time of the list 'old' was over on 2026-01-01 00:00 UTC" in result.stderr
    assert "(over)" in call("lists").stdout


def test_lists_show_ends_where_it_is_told(call: Call) -> None:
    run_json(call)
    assert call("lists", "show", "old", "--format", "csv", "--limit", "1").stdout == "id,crm_id,age\n4,dave,40\n"
    assert len(json.loads(call("lists", "show", "old", "--format", "json", "--limit", "1").stdout)) == 1
    assert [line.split() for line in call("lists", "show", "old", "--limit", "1").stdout.splitlines()[:2]] == [
        ["id", "crm_id", "age"],
        ["4", "dave", "40"],
    ]
    assert "… and 1 more" in call("lists", "show", "old", "--limit", "1").stdout


def test_preview_writes_true_and_false_as_lists_do(call: Call, folder: Path) -> None:
    replace_in(folder / "greet.yaml", "age: age}", "age: age, is_old: age > 60}")
    rows = [line.split() for line in call("preview", "greet", "adults").stdout.splitlines()]
    assert [row[-1] for row in rows[1:5]] == ["false", "false", "false", "true"]


def test_a_recorded_test_is_named_by_the_day_it_is_for(call: Call) -> None:
    told = call("test", "--record", "adults", "greet", "--at", "2026-06-30").stdout
    assert told == "greet_test.yaml:2: recorded 'adults as recorded for 2026-06-30'\n"


def test_draw_writes_the_counts_of_a_run(call: Call) -> None:
    run_json(call)
    assert "result  4  ──▶ sides" in call("draw", "greet", "--run", "last").stdout
    assert "result  ──▶ sides" in call("draw", "greet").stdout
    assert 'sides -->|"young<br>2"| share' in call("draw", "greet", "--run", "last", "--format", "mermaid").stdout


@pytest.mark.parametrize(("name", "begins"), [("x.mmd", "flowchart"), ("x.svg", "<"), ("x.txt", "greet")])
def test_draw_writes_what_the_name_of_the_file_says(call: Call, folder: Path, name: str, begins: str) -> None:
    assert call("draw", "greet", "--output", name).exit_code == 0
    assert (folder / name).read_text().lstrip().startswith(begins)


def test_audiences_show_gives_the_members_one_a_line(call: Call) -> None:
    run_json(call)
    assert call("audiences", "show", "young").stdout == "bert\n"
    assert call("audiences", "show", "young", "--format", "csv").stdout == "identifier\nbert\n"
    listed = json.loads(call("audiences", "list", "--format", "json").stdout)
    assert [(row["audience"], row["members"]) for row in listed] == [("young", 1), ("fresh", None)]


def test_audiences_create_prints_the_lines_for_the_project(call: Call, folder: Path) -> None:
    first = call("audiences", "create", "fresh")
    assert first.stdout == 'audiences:\n  fresh:\n    trait: "10000001"\n    segment: "10000002"\n'
    assert call("audiences", "create", "fresh").stdout == first.stdout
    old = "purpose: advertising}\nexperience"
    replace_in(folder / "project.yaml", old, old.replace("}", ', trait: "10000001", segment: "10000002"}'))
    assert call("audiences", "show", "fresh").exit_code == 0


def test_members_that_somebody_else_sent_are_adopted_and_taken_out_by_the_next_replacement(
    call: Call, folder: Path
) -> None:
    (folder / "members.csv").write_text("identifier\ncarl\n\nbert\n", encoding="utf-8")
    assert (
        "Adopted 2 members of 'young'; 0 were there before."
        in call("audiences", "adopt", "young", "--members", "members.csv").stdout
    )
    assert (
        "Adopted 0 members of 'young'; 2 were" in call("audiences", "adopt", "young", "--members", "members.csv").stdout
    )
    told = json.loads(call("audiences", "status", "--format", "json").stdout)
    assert [(row["audience"], row["sent"], row["newest"] is None) for row in told] == [
        ("young", 2, False),
        ("fresh", 0, True),
    ]
    assert call("audiences", "status").stdout.splitlines()[2].split() == ["fresh", "-", "-", "0", "-"]
    replace_in(folder / "greet.yaml", "audience: young", "audience: young\n    mode: replace")
    share = run_json(call)["activities"]["share"]["details"]
    assert {name: share[name] for name in ("added", "removed", "kept")} == {"added": 0, "removed": 1, "kept": 1}


def test_a_file_of_members_with_a_wrong_line_is_not_adopted_and_nobody_is_quoted(call: Call, folder: Path) -> None:
    (folder / "members.csv").write_text("carl\nanna@example.com\n", encoding="utf-8")
    result = call("audiences", "adopt", "young", "--members", "members.csv")
    assert (result.exit_code, "members.csv:2: what stands there is not free of" in result.stderr) == (1, True)
    assert "anna" not in result.output
    replace_in(folder / "project.yaml", "hash: none", "hash: md5")
    result = call("audiences", "adopt", "young", "--members", "members.csv")
    assert "members.csv:1: what stands there is not a md5: 32 lower-case hex digits" in result.stderr
    assert json.loads(call("audiences", "status", "--format", "json").stdout)[0]["sent"] == 0


def test_the_environment_variable_chooses_but_does_not_name(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    named = call("run", "greet", "--env", "prod")
    monkeypatch.setenv("AUDIENCEFLOW_ENV", "prod")
    chosen = call("run", "greet")
    assert (named.exit_code, chosen.exit_code) == (1, 1)
    assert "the command line does not name it" in chosen.output
    assert "the command line does not name it" not in named.output


def test_shared_options_may_stand_before_or_behind_the_command(call: Call, folder: Path) -> None:
    (folder / "below").mkdir()
    (folder / "project.yaml").rename(folder / "below" / "other.yaml")
    replace_in(folder / "below" / "other.yaml", "data.sqlite", "../data.sqlite")
    assert call("--project", "below/other.yaml", "run", "greet.yaml").exit_code == 0
    assert call("run", "greet.yaml", "--project", "below/other.yaml").exit_code == 0
    assert call("lists", "show", "old", "--project", "below/other.yaml").exit_code == 0
    assert call("runs").exit_code == 2


def test_python_is_told_the_run_before_anything_is_done(folder: Path) -> None:
    told: list[str] = []
    result = api.run(folder / "greet.yaml", begun=lambda run, _spec: told.append(run))
    assert told == [result.run]


def test_help_imports_nothing_heavy() -> None:
    heavy = (
        "sqlalchemy",
        "duckdb",
        "networkx",
        "pydantic",
        "pyarrow",
        "jinja2",
        "lark",
        "rich.live",
        "activities.audiences.commands",
    )
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom engine.app.cli import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "[]"


def test_a_registered_command_is_imported_for_its_own_help(call: Call) -> None:
    found = call("audiences", "--help")
    assert found.exit_code == 0
    assert "create" in found.stdout


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_can_be_resumed(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """The second query compares each of 200,000 rows with all others until it is stopped; nobody is left to compare for the resumed one."""
    with duckdb.connect(tmp_path / "data.duckdb") as data:
        data.execute("CREATE TABLE people AS SELECT range AS id, 1 AS tribe FROM range(200000)")
    (tmp_path / "project.yaml").write_text(
        'databases: {default: {url: "duckdb:///data.duckdb"}}\n'
        "dimensions:\n  person:\n    table: people\n    key: id\n"
        "    links: {peers: {table: people, on: {tribe: tribe}, many: true}}\n"
    )
    (tmp_path / "slow.yaml").write_text(
        "workflow: slow\ndimension: person\nactivities:\n"
        "  few: {type: query, where: id < 5}\n"
        "  endless:\n    type: query\n    after: few\n"
        "    where: exists(peers where id < target.id and id > target.id)\n"
        "  keep:\n    type: list_update\n    from: endless\n    list: nobody\n"
    )
    words = [sys.executable, "-m", "engine", "run", "slow"]
    with subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stderr is not None
        assert process.stderr.readline().startswith("few  query  succeeded")
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, "")
    assert err.startswith("interrupted; 'audienceflow resume ")
    with duckdb.connect(tmp_path / "data.duckdb") as data:
        data.execute("DELETE FROM people WHERE id >= 10")
    resumed = shell(tmp_path, "resume", "last", "--format", "json")
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout)["activities"]["few"]["outputs"] == {"result": {"count": 5}}


def shell(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "engine", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603

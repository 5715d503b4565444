"""What is wrong gives one clear message with a place and a fix, never a traceback; nothing is half shared, and a run can be resumed."""

# ruff: noqa: S603 - processes of our own interpreter, with our own texts

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

import engine
from engine.app.result import RunResult
from engine.kit.errors import AudienceflowError, AuthorError
from tests.demo_data import workflow_folder

ROOT = Path(__file__).parents[2]
AT = datetime(2018, 1, 1, tzinfo=UTC)
MAIN = "share_loyal_households.yaml"
ROWS = """
CREATE TABLE households (household_id INTEGER PRIMARY KEY, email VARCHAR, crm_id VARCHAR, ecid VARCHAR, share_consent BOOLEAN);
INSERT INTO households SELECT i, 'h' || i || '@x.com', 'CRM-' || i, lpad(i::VARCHAR, 38, '0'), true FROM range(1, 200) r(i);
CREATE TABLE transactions (basket_id BIGINT, product_id INTEGER, household_id INTEGER, amount DECIMAL(12, 2), purchased_at TIMESTAMP,
    PRIMARY KEY (basket_id, product_id));
INSERT INTO transactions SELECT i, 1, i, i * 5, TIMESTAMP '2017-12-20' FROM range(1, 200) r(i);
CREATE TABLE products (product_id INTEGER PRIMARY KEY);
CREATE TABLE demographics (household_id INTEGER PRIMARY KEY);
CREATE TABLE campaigns (campaign_id INTEGER, household_id INTEGER, PRIMARY KEY (campaign_id, household_id));
CREATE TABLE campaign_descriptions (campaign_id INTEGER PRIMARY KEY, start_date DATE, end_date DATE);
CREATE TABLE coupon_redemptions (household_id INTEGER, coupon_upc BIGINT, campaign_id INTEGER, redeemed_at DATE);
INSERT INTO coupon_redemptions SELECT i, 1, 1, DATE '2017-12-01' FROM range(1, 200) r(i);
"""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A project folder over a small database."""

    folder: Path

    def edit(self, file: str, written: str, wanted: str) -> None:
        path = self.folder / file
        text = path.read_text(encoding="utf-8")
        assert text.count(written) == 1
        path.write_text(text.replace(written, wanted), encoding="utf-8")

    def run(self, **options: object) -> RunResult:
        return engine.run(self.folder / MAIN, at=AT, **options)  # type: ignore[arg-type]

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Call the command line, as a person in the folder would."""
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "engine", *words],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def shared(self) -> list[str]:
        """Give the files that reached Experience Cloud."""
        return [file.name for file in (self.folder / ".audienceflow" / "experience_cloud").rglob("ftp_dpm_*.gz")]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    folder = workflow_folder(tmp_path / "project", "duckdb:///data.duckdb")
    with duckdb.connect(folder / "data.duckdb") as db:
        db.execute(ROWS)
    return Place(folder=folder)


BUYERS = "exists(purchases where purchased_at >= days_ago(vars.days) and purchased_at < run.date)\n    add:"
WRONG_FILES = {
    "broken YAML": (MAIN, "    type: union\n    from: [redeemers", "    type: union\n   from: [redeemers", r":\d+:\d+: Y001 "),
    "a comma in braces ends a value": (MAIN, "    by: lower(email)\n", "    by: {a: iif(email, 1, 2)}\n", r":\d+:\d+: \w+ "),
    "a hash begins a comment": (MAIN, "    by: lower(email)\n", "    by: lower( #email)\n", r":\d+:\d+: \w+ "),
    "a colon begins a key": (MAIN, "    by: lower(email)\n", "    by: lower: email\n", r":\d+:\d+: X002 "),
    "a value begins with a quote": (MAIN, "    by: lower(email)\n", "    by: 'a' || email\n", r":\d+:\d+: Y001 "),
    "an unknown column": (MAIN, "    by: lower(email)\n", "    by: lower(emial)\n", r":47:15: E\d+ .*emial(.|\n)*fix: .*'email'"),
    "an unknown link": (MAIN, "exists(redemptions where", "exists(redemption where", r":\d+:\d+: E\d+ .*redemption(.|\n)*fix: .*'redemptions'"),
    "an unknown activity type": (MAIN, "type: deduplication", "type: dedup", r":\d+:\d+: \w+ .*dedup(.|\n)*fix: "),
    "an unknown activity": (MAIN, "from: eligible\n", "from: eligibel\n", r":\d+:\d+: \w+ .*eligibel(.|\n)*fix: .*'eligible'"),
    "an unknown port": (MAIN, "from: groups.vip\n", "from: groups.vips\n", r":\d+:\d+: \w+ .*vips(.|\n)*fix: .*vip"),
    "an unknown option": (MAIN, "    order: -spend\n", "    ordr: -spend\n", r":\d+:\d+: \w+ .*ordr(.|\n)*fix: .*'order'"),
    "an unknown audience": (MAIN, "audience: loyal_vip", "audience: loyal_vipp", r":\d+:\d+: A001 .*loyal_vipp(.|\n)*fix: .*'loyal_vip'"),
    "an unknown dimension": (MAIN, "dimension: household\n", "dimension: houshold\n", r":\d+:\d+: E201 .*houshold(.|\n)*fix: .*'household'"),
    "an unknown data source": ("project.yaml", "data_source: crm_id", "data_source: crm", r"project.yaml:\d+:\d+: A002 .*crm(.|\n)*fix: .*'crm_id'"),
    "a table that is missing": ("project.yaml", "table: households", "table: housholds",
                                r"project.yaml:\d+:\d+: E202 .*housholds(.|\n)*fix: .*'households'"),
    "an environment variable that is not set": ("project.yaml", "duckdb:///data.duckdb", "duckdb:///${NOT_SET_ANYWHERE}",
                                               r"project.yaml:\d+:\d+: P006 .*NOT_SET_ANYWHERE(.|\n)*fix: "),
    "a database nobody knows": ("project.yaml", "duckdb:///data.duckdb", "oracle:///data", r"P010 .*oracle(.|\n)*fix: "),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_FILES)
def test_a_wrong_file_is_one_message_with_its_place_and_a_fix(place: Place, name: str) -> None:
    file, written, wanted, expected = WRONG_FILES[name]
    place.edit(file, written, wanted)

    with pytest.raises(AuthorError) as caught:
        place.run()
    said = str(caught.value)
    assert re.search(expected, said), said
    assert all(problem.fix for problem in caught.value.diagnostics), said
    assert {str(problem) for problem in caught.value.diagnostics} <= {
        str(problem) for problem in engine.check([place.folder / MAIN])
    }
    assert not (place.folder / ".audienceflow" / "state.sqlite").exists()
    assert place.shared == []


@pytest.mark.parametrize(
    "name", ["broken YAML", "an unknown column", "a table that is missing", "an environment variable that is not set"]
)
@pytest.mark.parametrize("words", [("run", MAIN), ("check", MAIN), ("plan", MAIN)])
def test_the_command_line_says_the_same_without_a_traceback(place: Place, name: str, words: tuple[str, str]) -> None:
    file, written, wanted, expected = WRONG_FILES[name]
    place.edit(file, written, wanted)
    done = place.command(*words)
    assert done.returncode == 2
    assert re.search(expected, done.stdout + done.stderr), done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_project_file_is_named(place: Place) -> None:
    (place.folder / "project.yaml").unlink()
    with pytest.raises(AuthorError, match=r"P001 there is no project.yaml in .*\n  fix: "):
        place.run()


def test_a_missing_workflow_file_is_named(place: Place) -> None:
    with pytest.raises(
        AuthorError, match=r"shar_list.yaml:1:1: Y009 there is no such file\n  fix: write '.*share_list.yaml'"
    ):
        engine.run(place.folder / "shar_list.yaml")


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"day": "3"}, r":2:1: V001 the workflow has no variable 'day'\n  fix: write 'days'"),
        ({"days": "many"}, r":6:\d+: V003 'many' is no integer\n  fix: write --var days=30"),
        ({"vip_spend": "1,5"}, r":7:\d+: V003 '1,5' is no decimal\n  fix: "),
        (
            {"share": "-5"},
            r":\d+:\d+: V004 .*vars.share.*-5.* is less than 0\n  fix: change the variable or the expression",
        ),
    ],
)
def test_a_wrong_variable_is_named(place: Place, variables: dict[str, str], expected: str) -> None:
    if "share" in variables:
        place.edit(MAIN, "variables:\n", "variables:\n  share: {type: decimal, default: 10}\n")
        place.edit(MAIN, "percent: 10", "percent: vars.share")
    with pytest.raises(AuthorError) as caught:
        place.run(vars=variables)
    assert re.search(expected, str(caught.value)), str(caught.value)
    assert place.shared == []


def repaired(place: Place, result: RunResult) -> RunResult:
    """Resume by the key, after the repair."""
    assert result.status == "suspended"
    return place.run(key="k")


def test_a_short_line_of_a_list_stops_the_run_and_names_the_line(place: Place) -> None:
    good = (place.folder / "do_not_share.csv").read_text()
    (place.folder / "do_not_share.csv").write_text("household_id,reason\n1,asked\n2\n")
    failed = place.run(key="k")
    (error,) = failed.errors
    assert re.fullmatch(r".*do_not_share.csv:3: 1 values instead of 2", error.message)
    assert (error.activity, error.fix) == (
        "do_not_share",
        "correct the file, or write 'errors: {at_most: 100}' to go on with so many lines rejected",
    )
    assert re.search(r"share_loyal_households.yaml:\d+:\d+$", error.place)
    assert place.shared == []
    (place.folder / "do_not_share.csv").write_text(good)
    assert repaired(place, failed).status == "succeeded"
    assert len(place.shared) == 2


def test_a_list_file_that_is_missing_stops_the_run(place: Place) -> None:
    (place.folder / "do_not_share.csv").rename(place.folder / "do_not_shar.csv")
    failed = place.run(key="k")
    assert [error.message for error in failed.errors] == [f"there is no file {place.folder / 'do_not_share.csv'}"]
    assert failed.errors[0].fix.startswith("write 'do_not_shar.csv'")
    (place.folder / "do_not_shar.csv").rename(place.folder / "do_not_share.csv")
    assert repaired(place, failed).status == "succeeded"


def test_a_list_that_does_not_exist_stops_the_run(place: Place) -> None:
    failed = engine.run(place.folder / "share_list.yaml")
    assert [(error.activity, error.message) for error in failed.errors] == [
        ("members", "there is no list 'without_identifier'")
    ]
    assert failed.errors[0].fix


def block_staging(place: Place) -> Path:
    return place.folder / ".audienceflow" / "staging"


def block_cloud(place: Place) -> Path:
    return place.folder / ".audienceflow" / "experience_cloud"


@pytest.mark.parametrize("blocked", [block_staging, block_cloud])
def test_a_folder_that_cannot_be_written_stops_the_run(place: Place, blocked: Callable[[Place], Path]) -> None:
    path = blocked(place)
    path.parent.mkdir(parents=True)
    path.write_text("a file where a folder is wanted")
    failed = place.run(key="k")
    (error,) = failed.errors
    assert error.activity == "share_vip"
    assert str(path) in error.message
    assert error.fix == "check the path and the rights"
    path.unlink()
    assert repaired(place, failed).status == "succeeded"
    assert len(place.shared) == 2


HOLD = "import sys, duckdb; held = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.readline()"


def test_a_duckdb_file_that_another_process_holds_is_named(place: Place) -> None:
    file = place.folder / "data.duckdb"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(
            AudienceflowError,
            match=r"^the database duckdb:.*data\.duckdb cannot be opened: .*\n  fix: close the program that holds it",
        ):
            place.run(key="k")
        done = place.command("run", MAIN)
        other.communicate("\n")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "cannot be opened" in done.stderr
    assert place.run(key="k").status == "succeeded"


def test_an_sqlite_file_that_another_process_writes_is_named(place: Place) -> None:
    file = place.folder / "data.sqlite"
    with duckdb.connect(place.folder / "data.duckdb") as source, sqlite3.connect(file) as db:
        for table, definition in source.execute("SELECT table_name, sql FROM duckdb_tables()").fetchall():
            db.execute(definition)
            rows = source.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608
            texts = [[value if isinstance(value, int | str | None) else str(value) for value in row] for row in rows]
            if texts:
                db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(texts[0]))})", texts)  # noqa: S608
    db.close()
    place.edit("project.yaml", "duckdb:///data.duckdb", "sqlite:///data.sqlite")
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(AudienceflowError, match=r"data\.sqlite is locked by another program(.|\n)*fix: "):
            place.run(key="k")
    finally:
        other.close()
    assert place.shared == []
    assert place.run(key="k").status == "succeeded"


INTERRUPT = """
import os, signal, sys
from datetime import UTC, datetime
import engine
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has a job in the background ignore it
def listen(fact, state):
    if (type(fact).__name__, getattr(fact, "activity", "")) == ("TaskFinished", "share_vip"):
        os.kill(os.getpid(), signal.SIGINT)
engine.run(sys.argv[1], at=datetime(2018, 1, 1, tzinfo=UTC), key="k", listen=listen)
"""


def test_a_run_interrupted_half_way_can_be_resumed(place: Place) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPT, place.folder / MAIN], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode in (130, -signal.SIGINT, 1)
    assert len(place.shared) == 1
    assert place.run(key="k").status == "succeeded"
    assert len(place.shared) == 2


def test_ctrl_c_on_the_command_line_says_how_to_go_on(place: Place) -> None:
    words = [sys.executable, "-m", "engine", "run", MAIN, "--at", "2018-01-01", "--key", "k"]
    with subprocess.Popen(
        words, cwd=place.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        said = process.stderr.readline()  # the line of the first activity that finished
        os.kill(process.pid, signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130, said + rest
    assert re.search(r"'audienceflow resume share_loyal_households_k\w*' continues", rest), rest
    assert "Traceback" not in rest
    assert place.run(key="k").status == "succeeded"
    assert len(place.shared) == 2

"""`audienceflow audit`: what was shared is listed, and what was done to the log is told."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from engine.sql.audit import digest
from tests.app.test_cli import Call, call, folder  # noqa: F401  (fixtures)


def test_a_log_nobody_wrote_to_is_empty_and_whole(call: Call) -> None:  # noqa: F811
    assert call("audit").stdout == "Nothing was shared yet.\n"
    assert json.loads(call("audit", "verify", "--format", "json").stdout) == {
        "entries": 0, "head": None, "problems": [], "unconfirmed": [],
    }  # fmt: skip


def test_a_run_prints_the_head_and_the_log_is_held_against_it(call: Call, folder: Path) -> None:  # noqa: F811
    done = json.loads(call("run", "greet", "--format", "json").stdout)
    head = done["activities"]["share"]["details"]["audit"]
    assert f"audit        {head}" in call("show", "last").stdout
    assert call("plan", "greet", "--counts").exit_code == 0  # a rehearsal writes nothing
    (entry,) = json.loads(call("audit", "list", "--format", "json").stdout)
    assert (entry["hash"], entry["run"], entry["environment"]) == (head, done["run"], "dev")
    assert (len(entry["revision"]), bool(entry["user"]), bool(entry["host"])) == (64, True, True)
    listed = call("audit").stdout
    assert listed.startswith("1  20")
    assert f"dev  greet.share, run {done['run']}\n" in listed
    assert "purpose advertising" in listed
    assert "   waived: suppression\n" in listed
    assert call("audit", "verify", "--head", head).stdout == f"1 entry, as written; head {head}\n"

    data = sqlite3.connect(folder / "data.sqlite")
    with data:
        ((text,),) = data.execute("SELECT entry FROM audienceflow_audit")
        forged = text.replace('"added":1', '"added":0')
        assert forged != text
        data.execute("UPDATE audienceflow_audit SET entry = ?", [forged])
    told = call("audit", "verify")
    assert (told.exit_code, told.stdout) == (1, "entry 1 was changed: what it says has another hash\n")
    with data:
        data.execute("UPDATE audienceflow_audit SET hash = ?", [digest(forged)])
    assert call("audit", "verify").exit_code == 0
    told = call("audit", "verify", "--head", head, "--format", "json")
    assert (told.exit_code, len(json.loads(told.stdout)["problems"])) == (1, 1)
    with data:
        data.execute("UPDATE audienceflow_audit SET entry = '{\"disclosed\": []}'")
    data.close()
    assert call("audit").stdout.startswith("?  ?")

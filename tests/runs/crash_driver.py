"""Runs a workflow again and again, each time killed at another moment, then lets a fresh process resume it.

Called as `python crash_driver.py ORDERS`, a JSON file: the workflow, where the points lie, and for each point its own folder.
Every execution is a process of its own, forked from one that has the engine imported and nothing open; it dies by SIGKILL. What
came of each is one line of JSON on standard output.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from engine.app import api
from engine.app.options import Options
from engine.app.session import Session
from engine.registry import load
from engine.sql import audit
from engine.state import facts as f
from engine.state.fold import fold

KEY = "crash"
CLOUD = ".audienceflow/experience_cloud"
FILE_OPERATIONS = ("open", "os.rename", "os.remove", "os.mkdir", "shutil.copyfile", "sqlite3.connect")
MILLISECOND = timedelta(milliseconds=1)


@dataclass
class Killer:
    """Writes down the moments of a run, and ends the process at one of them, counted from 0; never where `at` is negative."""

    at: int
    folder: str
    moments: list[str] = field(default_factory=list)

    def pass_moment(self, kind: str) -> None:
        if len(self.moments) == self.at:
            os.kill(os.getpid(), signal.SIGKILL)
        self.moments.append(kind)

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """See `sys.addaudithook`: what is about to be done with a file of ours is a moment."""
        if event in FILE_OPERATIONS and self.folder and str(arguments[0]).startswith(self.folder):
            self.pass_moment(f"{event} {str(arguments[0]).removeprefix(self.folder)}")


@dataclass
class Clock:
    """A clock that goes on by a millisecond whenever it is read."""

    now: datetime
    killer: Killer

    def __call__(self) -> datetime:
        self.killer.pass_moment("clock")
        self.now += MILLISECOND
        return self.now


def execute(order: dict[str, Any], killer: Killer, now: str) -> Any:
    """Start the run of the key, or resume it; like `audienceflow run W --key K`."""
    path = Path(order["folder"]) / order["workflow"]
    clock = Clock(datetime.fromisoformat(now), killer)
    return api.run(
        path, key=KEY, at=datetime.fromisoformat(order["at"]), listen=lambda fact, _state: killer.pass_moment(type(fact).__name__),
        options=Options(surroundings=os.environ, clock=clock, environment=order.get("environment")),
    )  # fmt: skip


def observe(order: dict[str, Any]) -> dict[str, Any]:
    """Give all that a run leaves behind: in the state, in the database, and in the local Experience Cloud where there is one."""
    folder = Path(order["folder"])
    options = Options(surroundings=os.environ, environment=order.get("environment"))
    with Session.start(folder / order["workflow"], load(), options) as session:
        (run,) = session.store.runs()
        facts = session.store.facts(run)
        state = fold(facts)
        finished = Counter(fact.activity for fact in facts if isinstance(fact, f.TaskFinished))
        steps = Counter(
            (fact.activity, getattr(fact, "step", "prepared"))
            for fact in facts
            if isinstance(fact, f.EffectPrepared | f.EffectDelivered)
        )
        ledger = session.ledger
        lists = ledger.read_lists()
        with session.db.transaction() as connection:

            def rows(*columns: Any) -> list[list[Any]]:
                return sorted([str(value) for value in row] for row in connection.execute(sa.select(*columns)))

            seen = {
                "status": state.status,
                "beginnings": sum(isinstance(fact, f.RunStarted) for fact in facts),
                "unfinished": sorted(activity for (activity, _), task in state.tasks.items() if task.status != "succeeded"),
                "finished": sorted(finished),
                "repeated_steps": sorted(map(str, (step for step, count in steps.items() if count > 1))),
                "steps": sorted(f"{activity}.{step}" for activity, step in steps),
                "ledger": [row[:2] for row in rows(ledger.effects.c.activity, ledger.effects.c.step)],
                "memberships": rows(ledger.memberships.c.audience, ledger.memberships.c.identifier),
                "audit": [entry.said["activity"] for entry in ledger.audit_entries()],
                "forged": list(audit.verify(ledger.audit_entries())),
                "reservations": len(rows(ledger.reservations.c.name)),
                "counts": {f"{task.activity}.{port}": fired.count for task in state.tasks.values() for port, fired in task.fired.items()},
            }  # fmt: skip
            seen["lists"] = {name: rows(*population.relation.c) for name, population in lists.items()}
            tables = {
                f"{task.activity}.{port}": session.db.named(fired.table)
                for task in state.tasks.values() for port, fired in task.fired.items() if fired.table
            }  # fmt: skip
            seen["tables"] = {
                name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
                for name, table in tables.items()
            }
    return seen | (observe_cloud(folder) if (folder / CLOUD).exists() else {})


def observe_cloud(folder: Path) -> dict[str, Any]:
    cloud = folder / CLOUD
    with closing(sqlite3.connect(cloud / "experience_cloud.sqlite")) as db:
        receipts = [
            (key, json.loads(content))
            for key, content in db.execute("SELECT key, content FROM receipt ORDER BY number")
        ]
        return {
            "members": sorted(map(list, db.execute("SELECT trait, identifier, id_source FROM member"))),
            "accepted": sorted(
                [key.split("_")[2], content["stored_records"]] for key, content in receipts if content["accepted"]
            ),
            "refused": [key for key, content in receipts if not content["accepted"]],
            "names": sorted({key.rpartition("/")[2].split("_")[2] for key, _ in receipts}),
            "files": len({path.name for path in (cloud / "inbound").rglob("ftp_dpm_*")}),
            "mails": len(list((cloud / "receipts").iterdir())),
        }


def forked(do: Callable[[], Any]) -> tuple[int, Any]:
    """Do something in a process of its own; give how it ended (0, or the signal), and what it gave."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        code = 0
        try:
            given = do()
            with os.fdopen(writer, "w") as pipe:
                json.dump(given, pipe)
        except BaseException:
            traceback.print_exc()
            code = 70
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    ended = os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    return ended, json.loads(text) if text else None


def run_whole(order: dict[str, Any]) -> dict[str, Any]:
    """Run without a crash, and write down the moments there are."""
    killer = Killer(-1, order["folder"])
    sys.addaudithook(killer.audit)
    execute(order, killer, order["now"])
    killer.folder = ""
    return {"moments": killer.moments, "outcome": observe(order)}


def run_until(order: dict[str, Any]) -> None:
    killer = Killer(order["moment"], order["folder"])
    sys.addaudithook(killer.audit)
    execute(order, killer, order["now"])


def resume(order: dict[str, Any]) -> dict[str, Any]:
    execute(order, Killer(-1, ""), order["resumed_at"])
    return observe(order)


def lines(orders: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for order in orders:
        if order["moment"] < 0:
            ended, found = forked(lambda order=order: run_whole(order))
            yield {"ended": ended, **(found or {})}
            continue
        ended, _ = forked(lambda order=order: run_until(order))
        again, outcome = forked(lambda order=order: resume(order))
        yield {"moment": order["moment"], "ended": ended, "resumed": again, "outcome": outcome}


def warm_up(order: dict[str, Any]) -> None:
    """Run once over SQLite, which leaves nothing behind in the process, so that everything is imported before the forks."""
    import duckdb_sqlalchemy  # noqa: F401
    import psycopg  # noqa: F401
    import sqlalchemy.dialects.postgresql.psycopg  # noqa: F401

    execute(order, Killer(-1, ""), order["now"])


if __name__ == "__main__":
    first, *orders = json.loads(Path(sys.argv[1]).read_text())
    warm_up(first)
    for line in lines(orders):
        print(json.dumps(line), flush=True)

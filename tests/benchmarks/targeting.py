"""Ten activities over 10 M recipients and 30 M events, by the engine and by hand-written SQL, in pairs.

    python -m tests.benchmarks.targeting --rows 10_000_000 --pairs 5

Both sides work on one DuckDB file through the same SQLAlchemy engine, make a persistent table a step and count it, and write the
file of the share with the same writer (`--export copy`: by hand with DuckDB's own COPY to gzip). The engine's side is whole: a
workflow file, facts in SQLite, the effect ledger and the membership ledger; by hand no ledger is kept, unless `--remember` is told.
Both must give the same counts and the same bytes. On a busy machine look at the processor time: it minds the neighbours less.
"""

# ruff: noqa: S608 - the SQL is ours, and text on purpose
from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time
from types import SimpleNamespace
from typing import Any

from activities.connectors import audience_manager
from engine import registry
from engine.app.options import Options
from engine.app.result import result
from engine.app.session import Session, read_workflow
from engine.kit.population import Population
from engine.kit.types import INTEGER
from engine.runs import bind
from engine.runs.execution import Execution
from engine.runs.runner import Runner
from engine.sql.database import BATCH_ROWS, Database
from engine.state.facts import RunStarted
from engine.state.sqlstore import SqlStore
from tests.benchmarks.pairs import PROJECT as RECIPIENTS

MOMENT = datetime(2026, 11, 1, tzinfo=UTC)
TRAIT = "10603116"
WRITERS = ("same", "copy")

AUDIENCES = """\
data_sources:
  crm_id: {kind: declared_id, dimension: recipient, key: crm_id, id: "1234", normalise: [trim, lower], hash: sha256}
audiences:
  rest: {name: The rest, data_source: crm_id, trait: "10603116", segment: "10603117"}
"""
PROJECT = RECIPIENTS + AUDIENCES

WORKFLOW = """\
workflow: benchmark
dimension: recipient
activities:
  active: {type: query, where: is_active = true, add: {email: email}}
  buyers: {type: query, where: exists(events where bought_at >= days_ago(90) and bought_at < run.date)}
  both: {type: intersection, from: [active, buyers]}
  do_not_share: {type: read_list, list: do_not_share}
  eligible: {type: exclusion, from: both, exclude: [do_not_share]}
  one_per_email: {type: deduplication, from: eligible, by: lower(email)}
  enriched:
    type: query
    from: one_per_email
    add:
      spend: sum(amount of events)
      purchases: count(events)
  groups:
    type: split
    from: enriched
    subsets:
      control: {limit: {percent: 10, by: random, sticky: true}}
      vip: {where: spend > 600}
  held_back: {type: union, from: [groups.control, groups.vip]}
  share: {type: update_shared_audience, from: groups.complement, audience: rest}
"""

BUCKET = "cast('0x' || left(md5('benchmark.groups.control:' || cast(id as varchar)), 8) as bigint) % 10000 < 1000"

STEPS: Mapping[str, str] = {
    "active.result": "select id, email from recipients where is_active = true",
    "buyers.result": """
        select id from recipients where exists (select 1 from events where recipient_id = id
            and bought_at >= timestamp '2026-08-03' and bought_at < timestamp '2026-11-01')""",
    "both.result": 'select * from "active.result" a where exists (select 1 from "buyers.result" b where b.id = a.id)',
    "do_not_share.result": "select id from suppressed",
    "eligible.result": """
        select * from "both.result" a where not exists (select 1 from "do_not_share.result" b where b.id = a.id)""",
    "one_per_email.result": """
        select id, email from "eligible.result"
        qualify lower(email) is null or row_number() over (partition by lower(email) order by id) = 1""",
    "enriched.result": """
        select p.id, p.email, spend, coalesce(purchases, 0) as purchases from "one_per_email.result" p left join (
            select recipient_id, sum(amount) as spend, count(*) as purchases from events
            where exists (select 1 from "one_per_email.result" q where q.id = recipient_id) group by recipient_id) on recipient_id = p.id""",
    "groups.control": f'select * from "enriched.result" where {BUCKET}',
    "groups.vip": f'select * from "enriched.result" where not ({BUCKET}) and spend > 600',
    "groups.complement": f'select * from "enriched.result" where not ({BUCKET}) and coalesce(spend, 0) <= 600',
    "held_back.result": """
        select * from "groups.control" union all
        select * from "groups.vip" v where not exists (select 1 from "groups.control" c where c.id = v.id)""",
    "share.result": """
        select p.*, sha256(nullif(lower(trim(crm_id)), '')) as identifier from "groups.complement" p join recipients using (id)
        where nullif(lower(trim(crm_id)), '') is not null""",
    "share.complement": """
        select p.* from "groups.complement" p join recipients using (id) where nullif(lower(trim(crm_id)), '') is null""",
}  # fmt: skip


UNREAD = ("eligible.complement", "one_per_email.complement", "share.suppressed")
"""Ports that nobody reads: the engine counts them, the hand does not."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one run came to: seconds in all, of processors and by activity; counts by port; the md5 of the unpacked file; the most memory."""

    total: float
    seconds: Mapping[str, float]
    counts: Mapping[str, int]
    file: str
    cpu: float
    peak_mb: int


def prepare(folder: Path, rows: int, *, primary_key: bool) -> None:
    """Make the project and its data: `rows` recipients, three events each on the average, 2 % of them on the list."""
    (folder / "project.yaml").write_text(PROJECT)
    (folder / "benchmark.yaml").write_text(WORKFLOW)
    if (folder / "data.duckdb").exists():
        return
    with _session(folder) as session:
        session.ledger.ensure()
        driver = _driver(session.db)
        driver.execute(
            f"create table recipients (id bigint {'primary key' if primary_key else ''}, email varchar, crm_id varchar, is_active boolean)"
        )
        driver.execute(f"""
            insert into recipients select i, 'Person' || (hash(i) % {max(rows * 4, 1)}) || '@example.org',
                case when hash(i, 1) % 100 < 98 then if(i % 20 = 0, ' CRM-', 'CRM-') || lpad(i::varchar, 12, '0') end,
                hash(i, 2) % 100 < 75 from range({rows}) r(i)""")
        driver.execute(f"""
            create table events as select hash(i, 3) % {rows} as recipient_id,
                timestamp '2025-11-01' + to_minutes((hash(i, 4) % 525600)::bigint) as bought_at,
                (hash(i, 5) % 25000 / 100)::decimal(10, 2) as amount from range({rows * 3}) r(i)""")  # fmt: skip
        driver.execute("alter table events alter recipient_id type bigint")
        driver.execute("create table suppressed as select id from recipients where hash(id, 6) % 100 < 2")
        _write_list(session)
        driver.execute("checkpoint")


def _write_list(session: Session) -> None:
    import sqlalchemy as sa

    relation = sa.table("suppressed", sa.column("id", sa.BigInteger()))
    population = Population(relation=relation, key=("id",), columns={"id": INTEGER}, dimension="recipient", unique=True)
    with session.db.transaction() as connection:
        session.ledger.write_list(connection, "do_not_share", population, "replace", ("data", "list", "1"), MOMENT)


@contextmanager
def _session(folder: Path) -> Iterator[Session]:
    options = Options(project=folder / "project.yaml", clock=lambda: datetime.now(UTC))
    with Session.start(folder, registry.load(), options) as session:
        yield session


def _driver(db: Database) -> Any:
    return db.connection.connection.driver_connection


class Folder:
    """An object store that keeps what it is given, and judges nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, file: Path, key: str) -> Mapping[str, Any]:
        to = self.folder / key
        to.parent.mkdir(parents=True, exist_ok=True)
        file.rename(to)
        return {}


def by_engine(folder: Path) -> Outcome:
    """Run the workflow file, as `engine.run` does."""
    state = folder / "state"
    shutil.rmtree(state, ignore_errors=True)
    with _session(folder) as session, SqlStore(state / "state.sqlite") as store:
        session.db.connection  # noqa: B018  (the file is opened before the clock starts, on both sides)
        begin, cpu = perf_counter(), process_time()
        text = (folder / "benchmark.yaml").read_text()
        spec, graph = read_workflow(folder / "benchmark.yaml", text, session.registry)
        sent: Any = Folder(state / "sent")
        cloud = SimpleNamespace(destination=lambda audience, source: audience_manager.InboundFiles(
            store=sent, data_source=source.id, trait=audience.trait, is_visitor_id=False,
        ))  # fmt: skip
        execution = Execution(
            run="r", spec=spec, graph=graph, db=session.db, ledger=session.ledger, catalog=session.catalog,
            values=bind.values(spec, {}, run="r", time=MOMENT, started_at=MOMENT), evaluate=session.evaluate, time=MOMENT,
            clock=session.clock, connect=lambda _name: cloud, folder=folder, staging=state / "staging",
        )  # fmt: skip
        session.ledger.ensure()
        runner = Runner(execution, store, sleep=lambda _seconds: None)
        runner.append(RunStarted(
            at=MOMENT, workflow=spec.name, path="benchmark.yaml", workflow_text=text, project_text=PROJECT,
            environment=None, variables={}, time=MOMENT,
        ))  # fmt: skip
        found = result("r", spec, graph, runner.drive())
        total, cpu = perf_counter() - begin, process_time() - cpu
        assert found.status == "succeeded", found.errors
        counts = {
            f"{name}.{port}": n
            for name, activity in found.activities.items() for port, n in activity.outputs.items()
            if f"{name}.{port}" not in UNREAD
        }  # fmt: skip
        _forget(session)
    (file,) = (state / "sent").rglob("*.gz")
    seconds = {name: activity.seconds for name, activity in found.activities.items()}
    return Outcome(total=total, seconds=seconds, counts=counts, file=_md5(file), cpu=cpu, peak_mb=_peak_mb())


def _forget(session: Session) -> None:
    """Drop what the run made."""
    driver = _driver(session.db)
    tables = "select table_name from information_schema.tables where table_schema = 'audienceflow' and table_name like 'w_r_%'"
    for (table,) in driver.execute(tables).fetchall():
        driver.execute(f'drop table audienceflow."{table}"')
    for table in ("effects", "reservations", "memberships"):
        driver.execute(f"drop table audienceflow.{table}")
    driver.execute("checkpoint")


def by_hand(folder: Path, *, export: str = "same", remember: bool = False) -> Outcome:
    """Do the same steps in SQL."""
    file = folder / "hand" / audience_manager.inbound_name("1234", 0)
    file.parent.mkdir(exist_ok=True)
    seconds: dict[str, float] = {}
    counts: dict[str, int] = {}
    with Database(f"duckdb:///{folder / 'data.duckdb'}") as db:
        driver = _driver(db)
        driver.execute("create schema hand")
        driver.execute("use hand")
        driver.execute(
            "create table memberships (audience varchar, identifier varchar, run varchar, sent_at timestamp, primary key (audience, identifier))"
        )
        begin, cpu = perf_counter(), process_time()
        for name, select in STEPS.items():
            with _timed(seconds, name.partition(".")[0]):
                driver.execute(f'create table "{name}" as {_qualified(select)}')
                counts[name] = driver.execute(f'select count(*) from "{name}"').fetchone()[0]
        with _timed(seconds, "share"):
            _export(driver, file, export)
            if remember:
                driver.execute("""insert into memberships select distinct 'rest', identifier, 'r', timestamp '2026-11-01' from "share.result" r
                    where not exists (select 1 from memberships m where m.audience = 'rest' and m.identifier = r.identifier)""")
        total, cpu = perf_counter() - begin, process_time() - cpu
        driver.execute("use main")
        driver.execute("drop schema hand cascade")
        driver.execute("checkpoint")
    return Outcome(total=total, seconds=seconds, counts=counts, file=_md5(file), cpu=cpu, peak_mb=_peak_mb())


def _qualified(select: str) -> str:
    for table in ("recipients", "events", "suppressed"):
        select = select.replace(f"from {table}", f"from main.{table} {table}").replace(
            f"join {table}", f"join main.{table} {table}"
        )
    return select


def _export(driver: Any, file: Path, export: str) -> None:
    lines = 'select distinct identifier from "share.result" order by identifier'
    if export == "copy":
        tabbed = f"select identifier, 'd_sid={TRAIT}' from ({lines})"
        driver.execute(f"copy ({tabbed}) to '{file}' (format csv, delimiter '\t', header false, compression gzip)")
        with file.open("rb") as written:  # the other writer gives the md5 of what it wrote, too
            hashlib.file_digest(written, "md5")
    else:
        audience_manager.write_inbound(
            file, driver.execute(lines).to_arrow_reader(BATCH_ROWS), TRAIT, is_visitor_id=False
        )


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    begin = perf_counter()
    yield
    seconds[name] = seconds.get(name, 0) + perf_counter() - begin


def _md5(file: Path) -> str:
    with gzip.open(file) as unpacked:
        return hashlib.file_digest(unpacked, "md5").hexdigest()


def _peak_mb() -> int:
    """Give the most memory this process ever held (not inherited from its parent, as `ru_maxrss` is)."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def agree(engine: Outcome, hand: Outcome) -> None:
    """Stop unless both sides gave the same people."""
    if (engine.counts, engine.file) != (hand.counts, hand.file):
        raise SystemExit(
            f"the sides differ:\n  engine {engine.counts} {engine.file}\n  hand   {hand.counts} {hand.file}"
        )


def compare(first: Callable[[], Outcome], second: Callable[[], Outcome], pairs: int) -> list[tuple[Outcome, Outcome]]:
    """Run both in pairs; who begins changes from pair to pair."""
    found = []
    for number in range(pairs):
        if number % 2:
            hand, engine = second(), first()
        else:
            engine, hand = first(), second()
        agree(engine, hand)
        found.append((engine, hand))
        print(
            f"pair {number + 1}: engine {engine.total:.2f} s, hand {hand.total:.2f} s, {engine.total / hand.total:.3f}",
            flush=True,
        )
    return found


def spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.3f} (min {min(values):.3f}, max {max(values):.3f}, n={len(values)})"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="recipients; there are three times as many events")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="a folder for the data, which is used again")
    parser.add_argument("--export", choices=WRITERS, default="same", help="what writes the file by hand")
    parser.add_argument("--remember", action="store_true", help="keep the membership ledger by hand, too")
    parser.add_argument("--no-primary-key", action="store_true", help="leave the uniqueness of the key to be checked")
    parser.add_argument("--memory-pairs", type=int, default=1, help="pairs of further processes, to measure memory")
    parser.add_argument("--side", choices=("engine", "hand"), help="do one run and print it as JSON")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="audienceflow-") as temporary:
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        prepare(folder, given.rows, primary_key=not given.no_primary_key)
        sides: dict[str, Callable[[], Outcome]] = {
            "engine": lambda: by_engine(folder),
            "hand": lambda: by_hand(folder, export=given.export, remember=given.remember),
        }
        if given.side:
            print(json.dumps(asdict(sides[given.side]())))
            return
        pairs = compare(sides["engine"], sides["hand"], given.pairs)
        _print_steps(pairs)
        print(f"\ntime, engine / hand: {spread([engine.total / hand.total for engine, hand in pairs])}")
        print(f"processor time:      {spread([engine.cpu / hand.cpu for engine, hand in pairs])}")
        if given.memory_pairs:
            options = [
                "--keep",
                str(folder),
                "--rows",
                str(given.rows),
                "--export",
                given.export,
                *(["--remember"] if given.remember else []),
            ]
            peaks = [tuple(_apart(side, options).peak_mb for side in sides) for _ in range(given.memory_pairs)]
            print(f"peak memory:         {spread([engine / hand for engine, hand in peaks])}; MB: {peaks}")


def _print_steps(pairs: Sequence[tuple[Outcome, Outcome]]) -> None:
    counts = pairs[0][0].counts
    print(f"\n{'activity':<16}{'engine s':>9}{'hand s':>9}   rows")
    for name in pairs[0][1].seconds:
        engine, hand = (statistics.median(pair[side].seconds[name] for pair in pairs) for side in (0, 1))
        rows = ", ".join(f"{count:,}" for port, count in counts.items() if port.startswith(f"{name}."))
        print(f"{name:<16}{engine:>9.2f}{hand:>9.2f}   {rows}")
    engine, hand = (statistics.median(pair[side].total for pair in pairs) for side in (0, 1))
    print(f"{'all':<16}{engine:>9.2f}{hand:>9.2f}")


def _apart(side: str, options: Sequence[str]) -> Outcome:
    """Do one run in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.targeting", "--side", side, *options]
    return Outcome(**json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))  # noqa: S603


if __name__ == "__main__":
    main()

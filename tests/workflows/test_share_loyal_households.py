"""The demo's workflows, end to end, over all of the demo data: the same people on every database, and those of one plain statement."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shutil import copy

import duckdb
import pytest
import sqlalchemy as sa

import engine
from engine.app.result import RunResult
from engine.sql.database import Database
from engine.sql.ledger import Ledger
from tests.databases import DATABASES
from tests.demo_data import WORKFLOWS, copy_to_postgres, copy_to_sqlite, demo_file, workflow_folder

AT = datetime(2018, 1, 1, tzinfo=UTC)

# Written by hand, without the engine: what the author of the workflow means. One row per household that reaches the split.
MEANT = """
WITH spent AS (
    SELECT household_id, sum(amount) AS spend FROM transactions
    WHERE purchased_at >= TIMESTAMP '2017-12-02' AND purchased_at < DATE '2018-01-01' GROUP BY household_id
),
loyal AS (
    SELECT h.*, spent.spend FROM households h JOIN spent USING (household_id)
    WHERE household_id IN (SELECT household_id FROM coupon_redemptions WHERE redeemed_at >= DATE '2017-07-05')
       OR household_id IN (
            SELECT household_id FROM campaigns JOIN campaign_descriptions USING (campaign_id)
            WHERE end_date >= DATE '2017-12-02' AND start_date < DATE '2018-01-01')
),
ranked AS (
    SELECT *, row_number() OVER (PARTITION BY lower(email) ORDER BY spend DESC, household_id) AS place FROM loyal
    WHERE household_id NOT IN (SELECT household_id FROM read_csv($do_not_share))
),
groups AS (
    SELECT *, CASE
        WHEN ('0x' || left(md5('share_loyal_households.groups.control:' || household_id), 8))::UBIGINT % 10000 < 1000 THEN 'control'
        WHEN spend > 400 THEN 'vip'
        ELSE 'complement'
    END AS subset
    FROM ranked WHERE email IS NULL OR place = 1
),
identified AS (
    SELECT *, CASE subset WHEN 'vip' THEN sha256(crm_id) WHEN 'complement' THEN ecid END AS identifier FROM groups
)
SELECT household_id, subset, identifier, CASE
    WHEN subset = 'control' THEN 'kept back'
    WHEN share_consent IS NOT true THEN 'suppressed'
    WHEN identifier IS NULL THEN 'complement'
    ELSE 'result'
END AS port
FROM identified ORDER BY household_id
"""


@dataclass(frozen=True, kw_only=True)
class Meant:
    """What the statement gives: whom each audience gets, and how many go to which port."""

    sent: Mapping[str, frozenset[str]]
    counts: Mapping[tuple[str, str], int]
    without_identifier: frozenset[int]


@dataclass(frozen=True, kw_only=True)
class Done:
    """The three workflows, run one after the other on one database."""

    folder: Path
    url: str
    main: RunResult
    shared_list: RunResult
    imported: RunResult

    def sent(self, share: str) -> list[str]:
        """Give the identifiers in the file that a share exported, line by line."""
        (path,) = self.main.activities[share].details["paths"]
        return read_export(Path(path))

    def list_members(self, name: str) -> frozenset[int]:
        with Database(self.url) as db:
            population = Ledger(db).read_lists()[name]
            with db.transaction() as connection:
                return frozenset(connection.execute(sa.select(population.column("household_id"))).scalars())


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo_file(tmp_path_factory)


@pytest.fixture(scope="session")
def meant(demo: Path) -> Meant:
    with duckdb.connect(demo, read_only=True) as db:
        rows = db.execute(MEANT, {"do_not_share": str(WORKFLOWS / "do_not_share.csv")}).fetchall()
    audiences = {"vip": "share_vip", "complement": "share_others"}
    return Meant(
        sent={share: frozenset(row[2] for row in rows if row[1] == subset and row[3] == "result") for subset, share in audiences.items()},
        counts=Counter((row[1], row[3]) for row in rows),
        without_identifier=frozenset(row[0] for row in rows if row[3] == "complement"),
    )  # fmt: skip


@pytest.fixture(scope="session")
def done(
    request: pytest.FixtureRequest, demo: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Done]]:
    """Run the workflows on a copy of the demo data in every database."""
    files = tmp_path_factory.mktemp("parity")
    urls = {
        "duckdb": f"duckdb:///{copy(demo, files)}",
        "sqlite": f"sqlite:///{files / 'demo.sqlite'}",
        "postgres": request.getfixturevalue("postgres_url"),
    }
    copy_to_sqlite(demo, files / "demo.sqlite")
    copy_to_postgres(demo, urls["postgres"], files)
    yield {name: run_all(workflow_folder(files / name, url), url) for name, url in urls.items()}
    (files / "demo.sqlite").unlink()
    (files / "demo.duckdb").unlink()


def run_all(folder: Path, url: str) -> Done:
    main, shared_list, imported = (
        engine.run(folder / f"{name}.yaml", at=AT)
        for name in ("share_loyal_households", "share_list", "import_shared_audience")
    )
    return Done(folder=folder, url=url, main=main, shared_list=shared_list, imported=imported)


def read_export(file: Path) -> list[str]:
    """Give the identifiers of an inbound file."""
    with gzip.open(file, "rt", encoding="utf-8") as opened:
        return [line.partition("\t")[0] for line in opened]


@pytest.fixture(params=DATABASES)
def one(request: pytest.FixtureRequest, done: Mapping[str, Done]) -> Done:
    return done[request.param]


def test_all_three_workflows_succeed(one: Done) -> None:
    assert [(run.status, run.errors) for run in (one.main, one.shared_list, one.imported)] == [("succeeded", ())] * 3


def test_every_transition_carries_what_was_counted_by_hand(one: Done) -> None:
    assert {(arrow.source, arrow.target): arrow.count for arrow in one.main.transitions} == {
        ("buyers.result", "loyal.from"): 2045,
        ("redeemers.result", "reached.from"): 335,
        ("targeted.result", "reached.from"): 1227,
        ("reached.result", "loyal.from"): 1240,
        ("loyal.result", "eligible.from"): 1176,
        ("do_not_share.result", "eligible.exclude"): 70,
        ("eligible.result", "one_per_email.from"): 1142,
        ("one_per_email.result", "groups.from"): 1114,
        ("groups.vip", "share_vip.from"): 231,
        ("groups.complement", "share_others.from"): 761,
        ("share_vip.complement", "without_identifier.from"): 12,
        ("share_others.complement", "without_identifier.from"): 79,
        ("without_identifier.result", "keep_without_identifier.from"): 91,
    }


@pytest.mark.parametrize("share", ["share_vip", "share_others"])
def test_the_exported_file_holds_hash_for_hash_the_people_of_the_plain_statement(
    one: Done, meant: Meant, share: str
) -> None:
    sent = one.sent(share)
    assert len(sent) == len(set(sent))
    assert set(sent) == meant.sent[share]


@pytest.mark.parametrize("share", ["share_vip", "share_others"])
def test_the_exported_bytes_are_the_same_on_every_database(done: Mapping[str, Done], share: str) -> None:
    digests = [[file["md5"] for file in one.main.activities[share].details["files"]] for one in done.values()]
    assert digests == [digests[0]] * len(DATABASES)
    assert len(digests[0]) == 1


@pytest.mark.parametrize(("share", "subset"), [("share_vip", "vip"), ("share_others", "complement")])
def test_the_ports_of_a_share_add_up_to_its_inbound_and_are_those_of_the_statement(
    one: Done, meant: Meant, share: str, subset: str
) -> None:
    (inbound,) = (arrow.count for arrow in one.main.transitions if arrow.target == f"{share}.from")
    outputs = one.main.activities[share].outputs
    assert outputs == {port: meant.counts[subset, port] for port in ("result", "complement", "suppressed")}
    assert sum(outputs.values()) == inbound == sum(count for (name, _), count in meant.counts.items() if name == subset)


@pytest.mark.parametrize("share", ["share_vip", "share_others"])
def test_experience_cloud_accepted_every_line(one: Done, meant: Meant, share: str) -> None:
    people = len(meant.sent[share])
    assert one.main.activities[share].details["receipts"] == [
        {"records_received": people, "stored_records": people, "realized_traits": people, "removed_traits": 0}
    ]


def test_those_without_an_identifier_are_kept_as_a_list(one: Done, meant: Meant) -> None:
    assert one.list_members("without_identifier") == meant.without_identifier


def test_the_list_from_the_file_holds_its_known_households(one: Done) -> None:
    with (WORKFLOWS / "do_not_share.csv").open(encoding="utf-8", newline="") as file:
        listed = {int(row["household_id"]) for row in csv.DictReader(file)}
    assert one.main.activities["do_not_share"].outputs == {"result": 70, "unmatched": 2, "ambiguous": 0, "rejects": 0}
    assert one.list_members("do_not_share") < listed


def test_nobody_on_the_do_not_share_list_is_in_a_file(one: Done, demo: Path) -> None:
    with duckdb.connect(demo, read_only=True) as db:
        refused = db.execute(
            "SELECT sha256(crm_id), ecid FROM households WHERE household_id IN (SELECT household_id FROM read_csv(?))",
            [str(WORKFLOWS / "do_not_share.csv")],
        ).fetchall()
    identifiers = {identifier for row in refused for identifier in row}
    assert identifiers.isdisjoint(one.sent("share_vip")) and identifiers.isdisjoint(one.sent("share_others"))  # noqa: PT018


def test_sharing_the_kept_list_sends_those_who_have_the_other_identifier(one: Done) -> None:
    outputs = one.shared_list.activities["share"].outputs
    assert sum(outputs.values()) == 91
    assert outputs == {"result": 11, "complement": 80, "suppressed": 0}


def test_the_imported_audience_is_whom_we_shared(one: Done, meant: Meant, demo: Path) -> None:
    with duckdb.connect(demo, read_only=True) as db:
        households = db.execute("SELECT household_id, sha256(crm_id) FROM households").fetchall()
    assert one.imported.activities["loyal_vip"].outputs == {
        "result": len(meant.sent["share_vip"]),
        "unmatched": 0,
        "ambiguous": 0,
    }
    assert one.list_members("loyal_vip") == {
        household for household, hashed in households if hashed in meant.sent["share_vip"]
    }

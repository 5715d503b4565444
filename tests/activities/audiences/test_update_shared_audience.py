"""Update shared audience: who leaves, by which identifier, in which file; and who does not."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from activities.connectors.experience_cloud import AudienceSettings
from activities.connectors.experience_cloud.connection import connect
from engine.kit.connector import ObjectStore
from engine.kit.errors import AuthorError, DataError, NotYet
from engine.kit.population import Inputs, Population
from engine.runs.effects import SkipEffect
from engine.runs.guard import GuardTrip
from engine.sql.database import Database
from tests.contract.fixtures import FULL
from tests.contract.world import World, ecid, opened
from tests.databases import wait_until_blocked

SHARE = "type: update_shared_audience\naudience: loyal_vip"
PLAIN = "type: update_shared_audience\naudience: by_plain"
BY_ECID = "type: update_shared_audience\naudience: by_ecid"


def hashed(identifier: str) -> str:
    return sha256(identifier.encode()).hexdigest()


def sent(world: World) -> dict[str, list[tuple[str, str]]]:
    """Read every file that left: by its key, the pairs of its lines. A reader of our own, with nothing of the writer's."""
    inbound = world.folder / "state" / "experience_cloud" / "inbound"
    files = {}
    for path in sorted(inbound.rglob("*.gz")):
        content = gzip.decompress(path.read_bytes()).decode("utf-8")
        assert content.endswith("\n")
        lines = content[:-1].split("\n")
        files[path.relative_to(inbound).as_posix()] = [(line.split("\t")[0], line.split("\t")[1]) for line in lines]
    return files


def identifiers(world: World) -> list[str]:
    return [identifier for lines in sent(world).values() for identifier, _ in lines]


def people(world: World, *keys: int) -> Population:
    return world.given("household_id integer", keys)


@pytest.mark.contract("F", "who opted out, or gave no consent, is left out before a file is written")
@pytest.mark.contract("G", "the main transition was exported, the complement has no identifier")
def test_everybody_is_sent_or_has_no_identifier_or_may_not_be_shared(world: World) -> None:
    done = world.run(SHARE, world.everyone())
    assert {port: world.keys(rows) for port, rows in done.items()} == {
        "result": [1, 5, 7],
        "complement": [6],  # the empty text is no identifier
        "suppressed": [2, 3, 4, 8],  # on a suppression list; consent is no; consent is null
    }


def test_the_file_adds_the_trait_to_each_identifier_once_in_code_point_order(world: World) -> None:
    world.run(SHARE, world.everyone())
    ann, elodie = hashed("a-001"), hashed("é-005")
    assert sent(world) == {
        "date=2026-11-23/ftp_dpm_1234_1795422600.sync.gz": [(one, "d_sid=10603116") for one in sorted([ann, elodie])]
    }
    assert list(world.cloud.members("10603117")) == sorted([ann, elodie])


def test_the_result_shows_the_identifier_that_was_sent(world: World) -> None:
    done = world.run(SHARE, world.given("household_id integer, note text", [(1, "ä"), (7, None), (6, "x")]))
    assert world.rows(done["result"]) == [(1, "ä", hashed("a-001")), (7, None, hashed("a-001"))]
    assert world.rows(done["complement"]) == [(6, "x")]


def test_a_column_called_identifier_stays_where_nothing_was_sent(world: World) -> None:
    rows = [(1, "mine", 1), (3, "yours", 3), (6, "ours", 6)]
    done = world.run(SHARE, world.given("household_id integer, Identifier text, place integer", rows))
    assert list(done["result"].columns) == ["household_id", "place", "identifier"]
    assert world.rows(done["result"]) == [(1, 1, hashed("a-001"))]
    assert list(done["complement"].columns) == ["household_id", "Identifier", "place"]
    assert (world.rows(done["complement"]), world.rows(done["suppressed"])) == ([(6, "ours", 6)], [(3, "yours", 3)])


def test_the_ledger_remembers_each_identifier_once(world: World) -> None:
    world.run(SHARE, people(world, 1, 7), run="one")
    world.now += timedelta(hours=1)
    world.run(SHARE, people(world, 1, 5), run="two")
    remembered = [row[:3] for row in world.table_rows(world.ledger.memberships)]
    assert remembered == sorted([("loyal_vip", hashed("a-001"), "one"), ("loyal_vip", hashed("é-005"), "two")])


@pytest.mark.contract("G", "a data source is a dimension, a key, ids and a hash")
@pytest.mark.parametrize(
    ("normalise", "written", "hash"),
    [
        ((), " Jané.Doe ", "sha256"),
        (("trim",), "Jané.Doe", "sha256"),
        (("lower",), " jané.doe ", "sha256"),
        (("trim", "lower"), "jané.doe", "sha256"),
    ],
)
def test_a_declared_id_is_what_the_web_site_would_send(
    world: World, normalise: tuple[str, ...], written: str, hash: str
) -> None:
    world.identify("crm_id", "' Jané.Doe '", normalise=normalise, hash=hash)
    world.run(SHARE, people(world, 1))
    assert identifiers(world) == [hashed(written)]


def test_a_published_vector_of_adobe_is_met(world: World) -> None:
    world.identify("crm_id", "' JohnDoe@Example.com '", normalise=("trim", "lower"), hash="sha256")
    world.run(SHARE, people(world, 1))
    assert identifiers(world) == ["55e79200c1635b37ad31a378c39feb12f120f116625093a19bc32fff15041149"]


@pytest.mark.contract("G", "a declared ID travels plain or hashed")
@pytest.mark.parametrize(("hash", "told"), [("none", "abc"), ("md5", "900150983cd24fb0d6963f7d28e17f72")])
def test_md5_and_no_hash_are_what_they_say(world: World, hash: str, told: str) -> None:
    world.identify("plain", "'abc'", hash=hash)
    world.run(PLAIN, people(world, 1))
    assert identifiers(world) == [told]


@pytest.mark.parametrize("by", ["''", "null", "crm_id"])
def test_an_empty_or_absent_identifier_goes_to_the_complement(world: World, by: str) -> None:
    world.identify("crm_id", by, normalise=("trim",), hash="sha256")
    done = world.run(SHARE, people(world, 6))
    assert world.keys(done["complement"]) == [6]
    assert sent(world) == {}


def test_an_identifier_of_blanks_is_none_once_it_is_trimmed(world: World) -> None:
    world.identify("crm_id", "'  '", normalise=("trim",), hash="sha256")
    assert world.keys(world.run(SHARE, people(world, 1))["complement"]) == [1]


@pytest.mark.parametrize(
    ("audience", "source", "by"),
    [
        ("by_ecid", "ecid", "'1234567890123456789012345678901234567'"),
        ("by_ecid", "ecid", "'123456789012345678901234567890123456789'"),
        ("by_ecid", "ecid", "'1234567890123456789012345678901234567x'"),
        ("by_ecid", "ecid", "'١٢٣٤٥٦٧٨٩٠١٢٣٤٥٦٧٨٩٠١٢٣٤٥٦٧٨٩٠١٢٣٤٥٦٧٨'"),
        ("by_plain", "plain", "'a:b'"),
        ("by_plain", "plain", "'a%3Ab'"),
        ("by_plain", "plain", "'a%3ab'"),
        ("by_plain", "plain", "'ann@example.com'"),
        ("by_plain", "plain", "'a\tb'"),
        ("by_plain", "plain", "'a '"),
        ("by_plain", "plain", "' '"),
    ],
)
def test_a_malformed_identifier_stops_everything_before_it_leaves(
    world: World, audience: str, source: str, by: str
) -> None:
    world.identify(source, f"case household_id when 7 then {by} else {source if source == 'ecid' else 'crm_id'} end")
    with pytest.raises(DataError, match="1 identifiers are not"):
        world.run(f"type: update_shared_audience\naudience: {audience}", people(world, 1, 5, 7))
    assert sent(world) == {}
    assert world.cloud.receipts() == ()
    assert world.table_rows(world.ledger.memberships) == []
    assert [path for path in world.folder.rglob("*.gz*") if path.is_file()] == []


def test_a_visitor_id_travels_as_it_is(world: World) -> None:
    world.run(BY_ECID, people(world, 1, 5, 7))
    assert sent(world) == {
        "date=2026-11-23/ftp_dpm_5678_1795422600.sync.gz": [(ecid(1), "d_sid=10603118"), (ecid(5), "d_sid=10603118")]
    }


def test_a_suppression_list_that_is_missing_refuses_the_share(world: World) -> None:
    world.forget_list("opted_out")
    with pytest.raises(DataError, match="the suppression list 'opted_out' does not exist, so nobody may be shared"):
        world.run(SHARE, people(world, 1))
    assert sent(world) == {}


def test_an_empty_suppression_list_suppresses_nobody(world: World) -> None:
    world.write_list("opted_out", world.given("household_id integer"))
    done = world.run(SHARE, people(world, 1, 2))
    assert world.keys(done["result"]) == [1, 2]


def test_a_column_found_on_the_way_gives_no_consent_and_no_identifier(world: World) -> None:
    forged = world.given(
        "household_id integer, share_consent boolean, crm_id text", [(3, True, "x"), (1, False, "forged")]
    )
    done = world.run(SHARE, forged)
    assert world.keys(done["suppressed"]) == [3]
    assert identifiers(world) == [hashed("a-001")]


def test_a_row_that_the_dimension_has_no_more_is_suppressed(world: World) -> None:
    done = world.run(SHARE, people(world, 1, 999))
    assert world.keys(done["suppressed"]) == [999]


def test_an_identifier_leaves_only_when_all_rows_that_bear_it_may(world: World) -> None:
    world.write_list("opted_out", world.given("household_id integer", [7]))  # 1 and 7 are a-001
    done = world.run(SHARE, people(world, 1, 5, 7))
    assert (world.keys(done["result"]), world.keys(done["suppressed"])) == ([5], [1, 7])
    assert identifiers(world) == [hashed("é-005")]


def test_a_row_without_an_identifier_suppresses_no_other(world: World) -> None:
    world.identify("crm_id", "null")
    world.write_list("opted_out", world.given("household_id integer", [6]))
    done = world.run(SHARE, people(world, 1, 6))
    assert (world.keys(done["complement"]), world.keys(done["suppressed"])) == ([1], [6])


def test_without_a_purpose_only_the_suppression_lists_are_asked(world: World) -> None:
    done = world.run(PLAIN, people(world, 2, 3, 8))
    assert (world.keys(done["result"]), world.keys(done["suppressed"])) == ([3, 8], [2])


def test_an_audience_that_says_no_purpose_is_refused_where_the_dimension_asks_for_consent(offline_world: World) -> None:
    with pytest.raises(AuthorError, match="the audience 'Says no purpose' says no purpose"):
        offline_world.run("type: update_shared_audience\naudience: silent", people(offline_world, 1))


def test_no_column_found_on_the_way_decides_about_consent(world: World) -> None:
    columns = "household_id integer, share_consent boolean, MAY_LEAVE boolean, crm_id text"
    done = world.run(SHARE, world.given(columns, [(1, False, False, "x"), (3, True, True, "x")]))
    assert (world.keys(done["result"]), world.keys(done["suppressed"])) == ([1], [3])
    assert identifiers(world) == [hashed("a-001")]


def test_a_suppression_list_of_another_dimension_suppresses_nobody_and_so_stops_the_share(world: World) -> None:
    world.write_list("opted_out", world.everyone("purchase"))
    with pytest.raises(DataError, match="the suppression list 'opted_out' holds purchase by basket_id, line"):
        world.run(SHARE, people(world, 1))
    assert sent(world) == {}


class Cut(Exception):
    """The process dies, or the line breaks."""


@dataclass(frozen=True)
class Breaking:
    """The real store, with a line that breaks before a file has arrived, or after."""

    real: ObjectStore
    takes: bool

    def put(self, file: Path, key: str) -> Mapping[str, Any]:
        if self.takes:
            self.real.put(file, key)
        raise Cut

    def exists(self, key: str) -> bool:
        return self.real.exists(key)

    def list(self, prefix: str = "") -> Sequence[str]:
        return self.real.list(prefix)

    def fetch(self, key: str, to: Path) -> Path:
        return self.real.fetch(key, to)


def cut_off(world: World, text: str, population: Population, *, taken: bool) -> None:
    """Share in the run `one`, which dies before the store has taken the file, or after."""
    real = connect(world.surroundings)
    world.connect = lambda _name: replace(real, export_store=Breaking(real.export_store, taken))
    with pytest.raises(Cut):
        world.run(text, population, run="one")
    world.connect = None


def staged(world: World) -> Path:
    (file,) = (world.folder / "staging").rglob("*.gz")
    return file


def test_consent_is_read_again_until_the_file_has_been_taken(world: World) -> None:
    cut_off(world, SHARE, people(world, 1, 5), taken=False)
    world.write_list("opted_out", world.given("household_id integer", [5]))
    world.now += timedelta(days=3)
    done = world.run(SHARE, people(world, 1, 5), run="one")
    assert (world.keys(done["result"]), world.keys(done["suppressed"])) == ([1], [5])
    # The store may have taken the first file and put it away: whom it brought in, and who may not be there, is taken out.
    lines = sorted([(hashed("a-001"), "d_sid=10603116"), (hashed("é-005"), "d_unsid=10603116")])
    assert sent(world) == {"date=2026-11-26/ftp_dpm_1234_1795422600.sync.gz": lines}
    assert [row[:3] for row in world.table_rows(world.ledger.memberships)] == [("loyal_vip", hashed("a-001"), "one")]


def test_what_has_been_taken_is_neither_judged_nor_sent_again(world: World) -> None:
    cut_off(world, SHARE, people(world, 1, 5), taken=True)
    world.write_list("opted_out", world.given("household_id integer", [5]))
    world.now += timedelta(days=3)
    done = world.run(f"{SHARE}\nguard: {{max: 1}}", people(world, 1, 5), run="one")
    assert world.keys(done["result"]) == [1, 5]
    assert list(sent(world)) == ["date=2026-11-23/ftp_dpm_1234_1795422600.sync.gz"]
    assert len(world.cloud.receipts()) == 1
    assert len(world.table_rows(world.ledger.memberships)) == 2


@pytest.mark.parametrize("taken", [False, True])
@pytest.mark.parametrize("left", [b"", b"\x1f\x8b\x08", None], ids=["empty", "cut", "gone"])
def test_a_file_that_lost_its_bytes_is_written_again_before_it_leaves(
    world: World, taken: bool, left: bytes | None
) -> None:
    cut_off(world, SHARE, people(world, 1, 5), taken=taken)
    file = staged(world)
    file.unlink() if left is None else file.write_bytes(left)
    world.run(SHARE, people(world, 1, 5), run="one")
    assert sorted(identifiers(world)) == sorted([hashed("a-001"), hashed("é-005")])
    assert len(world.cloud.receipts()) == 1


def test_rows_that_are_not_those_that_were_taken_are_not_sent(world: World) -> None:
    cut_off(world, SHARE, people(world, 1, 5), taken=True)
    staged(world).unlink()
    table = world.execution(world.load(SHARE, {"from": 1}), "one").work_table("tested", "1", "result")
    with world.db.transaction() as connection:
        connection.execute(
            sa.update(sa.table(table.name, sa.column("identifier"), schema=table.schema)).values(identifier="x")
        )
    with pytest.raises(DataError, match="is not the one that was about to be sent"):
        world.run(SHARE, people(world, 1, 5), run="one")
    assert len(world.cloud.receipts()) == 1
    assert [step for *_, step, _, _ in world.table_rows(world.ledger.effects) if step == "delivered"] == []


def test_a_share_that_midnight_overtakes_goes_into_the_new_days_folder(world: World) -> None:
    world.now, world.tick = datetime(2026, 11, 23, 23, 59, 55, tzinfo=UTC), timedelta(seconds=1)
    world.run(SHARE, people(world, 1))
    assert list(sent(world)) == ["date=2026-11-24/ftp_dpm_1234_1795478396.sync.gz"]


def test_two_shares_of_one_person_at_once_are_both_remembered_as_one(
    postgres_database: Database, postgres_url: str, tmp_path: Path
) -> None:
    with (
        opened(postgres_database, tmp_path, FULL) as world,
        Database(postgres_url) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        memberships = world.ledger.memberships
        population = people(world, 1, 5)
        with other.transaction() as connection:
            connection.execute(memberships.insert().values(
                audience="loyal_vip", identifier=hashed("a-001"), run="other", sent_at=datetime(2026, 11, 23)  # noqa: DTZ001
            ))  # fmt: skip
            running = pool.submit(world.run, SHARE, population, run="one")
            wait_until_blocked(postgres_url)
        assert world.keys(running.result()["result"]) == [1, 5]
        remembered = [row[:3] for row in world.table_rows(memberships)]
    assert remembered == sorted([("loyal_vip", hashed("a-001"), "other"), ("loyal_vip", hashed("é-005"), "one")])


def test_a_changed_hash_of_an_audience_with_members_stops_the_share(world: World) -> None:
    world.run(PLAIN, people(world, 5), run="one")
    world.identify("plain", "crm_id", hash="sha256")
    with pytest.raises(
        DataError, match=r"sent as trait 10603120 by data source 1235 \(declared_id, as it is\), and the project says"
    ):
        world.run(PLAIN, people(world, 8), run="two")


def test_two_first_shares_of_an_audience_at_once_do_not_hinder_each_other(
    postgres_database: Database, postgres_url: str, tmp_path: Path
) -> None:
    with (
        opened(postgres_database, tmp_path, FULL) as world,
        Database(postgres_url) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        world.ledger.ensure()
        with other.transaction() as connection:
            connection.execute(world.ledger.audiences.insert().values(name="loyal_vip", sent_as="the same"))
            running = pool.submit(world.run, SHARE, people(world, 1), run="one")
            wait_until_blocked(postgres_url)
        assert world.keys(running.result()["result"]) == [1]
        assert [name for name, _ in world.table_rows(world.ledger.audiences)] == ["loyal_vip"]


@pytest.mark.parametrize("step", ["sending", "delivered"])
def test_a_ledger_that_forgot_what_the_facts_tell_stops_the_share(world: World, step: str) -> None:
    """The data database was brought back from a backup; the run's facts are elsewhere."""
    world.run(SHARE, people(world, 1), run="one")
    (key,) = sent(world)
    with world.db.transaction() as connection:
        for table in (world.ledger.effects, world.ledger.reservations, world.ledger.memberships):
            connection.execute(table.delete())
    spec = world.load(SHARE, {"from": 1})
    known: dict[str, Any] = {"sending": {"files": [{"key": key, "lines": 1, "bytes": 1, "md5": ""}]}} | (
        {"delivered": {}} if step == "delivered" else {}
    )
    context = world.context(world.execution(spec, "one"), spec.activities["tested"], known)

    def attempt() -> None:
        if context.delivered() is None:
            world.perform(spec, Inputs({"from": (people(world, 1),)}), run="one", known=known)

    with pytest.raises(DataError, match=f"has done the step '{step}', say the facts of the run"):
        attempt()
    assert len(world.cloud.receipts()) == 1


def test_consent_for_a_purpose_the_dimension_does_not_know_is_an_error(offline_world: World) -> None:
    with pytest.raises(AuthorError, match="says nothing of consent for 'research'"):
        offline_world.run("type: update_shared_audience\naudience: nameless", people(offline_world, 1))


def test_two_shares_in_one_second_have_files_of_their_own(world: World) -> None:
    for run in ("one", "two", "three"):
        world.run(SHARE, people(world, 1), run=run)
    world.run(SHARE, people(world, 5), run="two")  # done already
    assert [name.rpartition("_")[2] for name in sent(world)] == [
        "1795422600.sync.gz",
        "1795422601.sync.gz",
        "1795422602.sync.gz",
    ]


@pytest.mark.contract("A4", "four hours pass after a trait is made")
def test_a_share_waits_until_adobe_knows_a_new_trait(world: World) -> None:
    world.declare("audiences", "loyal_vip", created="2026-11-23 06:00+01:00")
    with pytest.raises(
        NotYet, match=r"the trait 10603116 is new: Adobe asks to send nobody before 2026-11-23 09:00 UTC"
    ) as waits:
        world.run(SHARE, people(world, 1), run="one")
    assert (waits.value.pause, sent(world)) == (timedelta(minutes=30), {})
    assert world.table_rows(world.ledger.reservations) == []
    world.now += waits.value.pause
    world.run(SHARE, people(world, 1), run="one")
    assert identifiers(world) == [hashed("a-001")]


@pytest.mark.parametrize("created", ["2026-11-23", "yesterday", "2026-11-23 06:00"])
def test_when_a_trait_was_made_is_a_time_with_a_zone(created: str) -> None:
    with pytest.raises(ValidationError, match=f"'{created}' is no time with a time zone"):
        AudienceSettings(name="VIP", data_source="crm", created=created)


@pytest.mark.contract("G", "an append adds new members only")
def test_appending_removes_nobody_who_was_sent_before(world: World) -> None:
    world.run(f"{SHARE}\nmode: append", people(world, 1), run="one")
    world.now += timedelta(minutes=5)
    world.run(f"{SHARE}\nmode: append", people(world, 5), run="two")
    assert sorted(world.cloud.members("10603117")) == sorted([hashed("a-001"), hashed("é-005")])


def test_a_share_done_again_sends_nothing_twice(world: World) -> None:
    population = people(world, 1, 5)
    first = world.run(SHARE, population, run="one")
    world.now += timedelta(minutes=5)
    again = world.run(SHARE, population, run="one")
    assert len(world.cloud.receipts()) == 1
    assert len(sent(world)) == 1
    assert world.rows(again["result"]) == world.rows(first["result"])


def test_a_share_that_was_cut_off_before_it_was_delivered_keeps_its_file_name(world: World) -> None:
    world.identify("plain", "case household_id when 7 then 'a:b' else crm_id end")
    with pytest.raises(DataError, match="1 identifiers"):
        world.run(PLAIN, people(world, 1, 7), run="one")
    world.identify("plain", "crm_id")
    world.now += timedelta(minutes=5)
    world.run(PLAIN, people(world, 1, 7), run="one")
    assert list(sent(world)) == ["date=2026-11-23/ftp_dpm_1235_1795422600.sync.gz"]


def test_nobody_to_send_sends_no_file(world: World) -> None:
    done = world.run(SHARE, people(world, 3, 6))
    assert done["result"].count == 0
    assert sent(world) == {}
    assert world.cloud.receipts() == ()


def test_the_guard_measures_what_would_be_sent(world: World) -> None:
    everyone = world.everyone()
    with pytest.raises(GuardTrip, match="3 rows are fewer than the guard's min of 4"):
        world.run(f"{SHARE}\nguard: {{min: 4}}", everyone)
    with pytest.raises(GuardTrip, match="0 rows would be written"):
        world.run(f"{SHARE}\nguard: {{on_empty: fail}}", people(world, 3))
    with pytest.raises(SkipEffect):
        world.run(f"{SHARE}\nguard: {{on_empty: skip}}", people(world, 3))
    assert sent(world) == {}
    world.run(f"{SHARE}\nguard: {{min: 3, max: 3}}", everyone)
    assert len(sent(world)) == 1


def test_a_dimension_with_a_composite_key_is_shared(world: World) -> None:
    lines = world.given("basket_id integer, line integer", [(100, 1), (100, 2), (101, 1)], key=2, dimension="purchase")
    done = world.run("type: update_shared_audience\naudience: baskets", lines)
    assert world.rows(done["result"], "identifier") == ["100", "100", "101"]
    assert identifiers(world) == ["100", "101"]


def test_a_population_of_another_dimension_is_refused(offline_world: World) -> None:
    lines = offline_world.given("basket_id integer, line integer", key=2, dimension="purchase")
    with pytest.raises(
        AuthorError, match="the data source 'crm_id' identifies household, the population is of purchase"
    ):
        offline_world.run(SHARE, lines)


def test_an_audience_that_was_given_another_name_is_refused_and_both_are_named(offline_world: World) -> None:
    offline_world.run(SHARE, people(offline_world, 1))
    offline_world.declare("audiences", "loyal_vip", name="Very important")
    with pytest.raises(AuthorError, match=r"A010 .*name='Very important'.* conflicts with .*name='Loyal VIP'"):
        offline_world.run(SHARE, people(offline_world, 5))
    assert identifiers(offline_world) == [hashed("a-001")]


@pytest.mark.parametrize(
    ("audience", "message"),
    [("loyal_vp", "the project has no audience 'loyal_vp'"), ("unborn", "the audience 'unborn' has no trait yet")],
)
def test_an_audience_that_cannot_be_shared_is_named_at_its_place(
    offline_world: World, audience: str, message: str
) -> None:
    with pytest.raises(AuthorError, match=message) as caught:
        offline_world.run(f"type: update_shared_audience\naudience: {audience}", people(offline_world, 1))
    assert str(caught.value).startswith("w.yaml:6:15: ")


REPLACE = f"{SHARE}\nmode: replace"
KEEP = "on_withdrawal: keep"
ANN, ELODIE = hashed("a-001"), hashed("é-005")


def last_file(world: World) -> list[tuple[str, str]]:
    return list(sent(world).values())[-1]


def remembered(world: World) -> list[tuple[str, str]]:
    return [(identifier, run) for _, identifier, run, _ in world.table_rows(world.ledger.memberships)]


def later(world: World, text: str, *keys: int, run: str = "later") -> dict[str, Population]:
    world.now += timedelta(hours=1)
    return world.run(text, people(world, *keys), run=run)


def opt_out(world: World, *keys: int) -> None:
    world.write_list("opted_out", world.given("household_id integer", keys))


def test_replacing_takes_out_who_was_sent_before_and_is_not_sent_now(world: World) -> None:
    world.run(SHARE, people(world, 1, 5), run="one")
    opt_out(world)
    done = later(world, REPLACE, 5, 2)
    bob = hashed("b-002")
    assert world.keys(done["result"]) == [2, 5]
    assert last_file(world) == sorted([(bob, "d_sid=10603116"), (ELODIE, "d_sid=10603116"), (ANN, "d_unsid=10603116")])
    assert list(world.cloud.members("10603117")) == sorted([bob, ELODIE])
    assert remembered(world) == sorted([(bob, "later"), (ELODIE, "one")])


def test_replacing_leaves_those_in_whom_somebody_else_sent(world: World) -> None:
    world.cloud.add_members("10603117", ["from-campaign"])
    world.run(SHARE, people(world, 1), run="one")
    world.run("type: update_shared_audience\naudience: by_plain", people(world, 8))
    later(world, REPLACE, 5)
    assert list(world.cloud.members("10603117")) == sorted([ELODIE, "from-campaign"])
    assert list(world.cloud.members("10603121")) == ["C-008"]


def test_members_that_were_adopted_are_taken_out_as_ours(world: World) -> None:
    world.cloud.add_members("10603117", [ANN, "from-campaign", "from-elsewhere"])
    world.run(SHARE, people(world, 5), run="one")
    batches = [pa.record_batch({"identifier": pa.array([one], pa.string())}) for one in ("from-campaign", ANN, ELODIE)]
    assert world.ledger.adopt_members("loyal_vip", batches, world.now) == {"added": 2, "kept": 1}
    assert world.ledger.member_counts() == {"loyal_vip": (3, world.now.replace(tzinfo=None))}
    later(world, REPLACE, 1)
    assert list(world.cloud.members("10603117")) == [ANN, "from-elsewhere"]
    assert remembered(world) == [(ANN, "adopted")]


def test_replacing_by_nobody_needs_a_word_of_the_author(world: World) -> None:
    world.run(SHARE, people(world, 1), run="one")
    with pytest.raises(GuardTrip, match="0 rows would be written"):
        later(world, REPLACE, 3, 6)
    assert list(world.cloud.members("10603117")) == [ANN]
    later(world, f"{REPLACE}\nguard: {{on_empty: allow}}", 3, 6)
    assert last_file(world) == [(ANN, "d_unsid=10603116")]
    assert (list(world.cloud.members("10603117")), remembered(world)) == ([], [])


def test_who_may_not_be_shared_any_more_is_taken_out_by_an_append_too(world: World) -> None:
    world.run(SHARE, people(world, 1, 5), run="one")
    opt_out(world, 5)
    later(world, SHARE, 1)
    assert last_file(world) == sorted([(ANN, "d_sid=10603116"), (ELODIE, "d_unsid=10603116")])
    assert (list(world.cloud.members("10603117")), remembered(world)) == ([ANN], [(ANN, "one")])


def test_an_identifier_that_no_row_bears_any_more_is_taken_out(world: World) -> None:
    world.run(SHARE, people(world, 1, 5), run="one")
    world.identify("crm_id", "case household_id when 5 then 'new' else crm_id end")
    later(world, SHARE, 6)
    assert last_file(world) == [(ELODIE, "d_unsid=10603116")]


def test_an_emptied_table_takes_nobody_out(world: World) -> None:
    world.run(SHARE, people(world, 1, 5), run="one")
    table = world.db.reflect("standard_households")
    with world.db.transaction() as connection:
        rows = [dict(row) for row in connection.execute(sa.select(table)).mappings()]
        connection.execute(table.delete())
    try:
        with pytest.raises(DataError, match="household has no row, so all members of 'loyal_vip' would be taken out"):
            later(world, SHARE)
    finally:
        with world.db.transaction() as connection:
            connection.execute(table.insert(), rows)
    assert list(world.cloud.members("10603117")) == sorted([ANN, ELODIE])


@pytest.mark.parametrize(("members", "allowed"), [(101, "100%"), (100, "50%")])
def test_more_than_the_author_allows_is_taken_out_of_no_audience(world: World, members: int, allowed: str) -> None:
    identifiers = pa.array([f"gone-{number:03}" for number in range(members)], pa.string())
    world.ledger.adopt_members("loyal_vip", [pa.record_batch({"identifier": identifiers})], world.now)
    if members > 100:
        with pytest.raises(
            DataError, match="101 of the 101 members of 'loyal_vip' would be taken out, more than 50% of them"
        ):
            later(world, SHARE, 1)
        assert sent(world) == {}
    later(world, f"{SHARE}\nmax_removed: {allowed}", 1, run="allowed")
    assert [said for _, said in last_file(world)] == ["d_sid=10603116", *["d_unsid=10603116"] * members]


def test_a_row_outside_the_population_takes_its_identifier_out_unless_that_is_sent(world: World) -> None:
    world.run(SHARE, people(world, 1, 7), run="one")  # both are a-001
    opt_out(world, 7)
    later(world, SHARE, 1)
    assert list(world.cloud.members("10603117")) == [ANN]
    later(world, SHARE, 5, run="last")
    assert last_file(world) == sorted([(ELODIE, "d_sid=10603116"), (ANN, "d_unsid=10603116")])


@pytest.mark.parametrize(("mode", "left"), [("append", []), ("replace", [hashed("c-008")])])
def test_who_withdrew_stays_where_the_author_writes_so(world: World, mode: str, left: list[str]) -> None:
    world.declare("audiences", "loyal_vip", purpose="none")
    world.run(SHARE, people(world, 1, 5, 8), run="one")
    opt_out(world, 5)
    later(world, f"{SHARE}\nmode: {mode}\n{KEEP}", 1, 5)
    assert [identifier for identifier, said in last_file(world) if "unsid" in said] == left
    assert ELODIE in set(world.cloud.members("10603117"))


@pytest.mark.parametrize("taken", [False, True])
def test_a_replacement_that_was_cut_off_takes_out_once_and_forgets_then(world: World, taken: bool) -> None:
    world.run(SHARE, people(world, 1, 5), run="before")
    world.now += timedelta(hours=1)
    cut_off(world, REPLACE, people(world, 5), taken=taken)
    assert remembered(world) == sorted([(ANN, "before"), (ELODIE, "before")])
    opt_out(world, 5)
    if taken:
        world.run(REPLACE, people(world, 5), run="one")
    else:
        world.run(f"{REPLACE}\nguard: {{on_empty: allow}}", people(world, 5), run="one")
    assert (list(world.cloud.members("10603117")), len(world.cloud.receipts())) == ([ELODIE] if taken else [], 2)
    assert remembered(world) == ([(ELODIE, "before")] if taken else [])


def test_the_plan_says_who_is_taken_out(offline_world: World) -> None:
    spec = offline_world.load(REPLACE, {"from": 1})
    planned = spec.activities["tested"].activity.plan(
        Inputs({"from": (people(offline_world, 1),)}), offline_world.catalog
    )  # type: ignore[attr-defined]
    assert planned.sentences == (
        "add the members of 'result' to 'Loyal VIP' (trait 10603116) by crm_id, as ftp_dpm_1234_<second>.sync.gz",
        "take out whom it was sent before and who are not in 'result'",
    )

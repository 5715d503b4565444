"""The local Experience Cloud, against the file contract of Adobe Audience Manager."""

import gzip
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from activities.connectors.experience_cloud_sandbox import (
    Audience,
    DataSource,
    ExperienceCloudSandbox,
    Receipt,
)

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CRM = DataSource(id="21", name="Adobe Campaign (DeclaredId)", kind="declared_id")
VISITORS = DataSource(id="33", name="Adobe Campaign (MID)", kind="visitor_id")
OTHERS = DataSource(id="44", name="Another brand", kind="declared_id")
BUYERS = Audience(name="Buyers", data_source="21", trait="7701", segment="9901")
READERS = Audience(name="Readers", data_source="21", trait="7702", segment="9902")
BROWSERS = Audience(name="Browsers", data_source="33", trait="7703", segment="9903")
STRANGERS = Audience(name="Strangers", data_source="44", trait="7704", segment="9904")
DAY = "client/crm/date=2026-03-01"
ADA = "00000000000000000000000000000000000042"
BOB = "59767559181262060060278870901087098252"


def new_cloud(folder: Path, clock: Callable[[], datetime] = lambda: NOON) -> ExperienceCloudSandbox:
    return ExperienceCloudSandbox(folder, clock=clock)


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Writes files and puts them."""

    cloud: ExperienceCloudSandbox
    folder: Path

    def send(self, content: str | bytes, name: str = "ftp_dpm_21_1772366400.sync", day: str = DAY) -> Receipt:
        file = self.folder / "to_send"
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return self.cloud.put(file, f"{day}/{name}")


@pytest.fixture
def cloud(tmp_path: Path) -> ExperienceCloudSandbox:
    cloud = new_cloud(tmp_path / "cloud")
    cloud.provision(data_sources=[CRM, VISITORS, OTHERS], audiences=[BUYERS, READERS, BROWSERS, STRANGERS])
    return cloud


@pytest.fixture
def sender(cloud: ExperienceCloudSandbox, tmp_path: Path) -> Sender:
    return Sender(cloud=cloud, folder=tmp_path)


def members(cloud: ExperienceCloudSandbox, segment: str = "9901") -> list[str]:
    return list(cloud.members(segment))


# Provisioning


def test_nothing_is_written_before_the_first_call(tmp_path: Path) -> None:
    new_cloud(tmp_path / "cloud")
    assert list(tmp_path.iterdir()) == []


def test_provisioning_twice_is_provisioning_once(cloud: ExperienceCloudSandbox) -> None:
    cloud.provision(data_sources=[CRM], audiences=[BUYERS])
    assert cloud.data_sources() == (CRM, VISITORS, OTHERS)
    assert cloud.audiences() == (BUYERS, READERS, BROWSERS, STRANGERS)


def test_an_id_with_another_meaning_is_refused_with_both(cloud: ExperienceCloudSandbox) -> None:
    other = DataSource(id="21", name="Something else", kind="visitor_id")
    thief = Audience(name="Thieves", data_source="21", trait="7701", segment="5555")
    fresh = DataSource(id="55", name="Fresh", kind="declared_id")
    with pytest.raises(ValueError, match="conflicts with") as refused:
        cloud.provision(data_sources=[fresh, other], audiences=[thief])
    for told in (str(other), str(CRM), str(thief), str(BUYERS)):
        assert told in str(refused.value)
    assert fresh not in cloud.data_sources()


def test_an_audience_of_an_unknown_data_source_is_refused(cloud: ExperienceCloudSandbox) -> None:
    orphan = Audience(name="Orphans", data_source="666", trait="1", segment="2")
    with pytest.raises(ValueError, match="its data source is unknown"):
        cloud.provision(data_sources=[], audiences=[orphan])


def test_an_unknown_segment_is_told_at_once_with_those_that_exist(cloud: ExperienceCloudSandbox) -> None:
    with pytest.raises(ValueError, match=r"no segment '1'; known: 9901 \(Buyers\), 9902 \(Readers\)"):
        cloud.members("1")


def test_members_are_added_all_or_none(cloud: ExperienceCloudSandbox) -> None:
    def broken() -> Iterator[str]:
        yield "ada"
        raise RuntimeError("the source went away")

    with pytest.raises(RuntimeError):
        cloud.add_members("9901", broken())
    assert members(cloud) == []


def test_a_member_that_cannot_be_is_refused_without_being_named(cloud: ExperienceCloudSandbox) -> None:
    with pytest.raises(ValueError, match="identifier number 2: an @") as refused:
        cloud.add_members("9901", ["ada", "bob@example.com"])
    assert "bob" not in str(refused.value)


def test_members_come_in_code_point_order(cloud: ExperienceCloudSandbox) -> None:
    cloud.add_members("9901", ["b", "é", "a", "Z", "10", "9", "😀", "\uffee"])
    assert members(cloud) == ["10", "9", "Z", "a", "b", "é", "\uffee", "😀"]


# Names and keys


@pytest.mark.parametrize(
    "name",
    [
        "ftp_dpm_21_1772366400.sync",
        "ftp_dpm_21_1772366400.overwrite",
        "ftp_dpm_21_1772366400.sync.1",
        "ftp_dpm_21_21_1772366400.sync.002",
    ],
)
def test_a_name_of_the_contract_is_accepted(sender: Sender, name: str) -> None:
    assert sender.send("ada\td_sid=7701\n", name) == Receipt(
        file=name,
        accepted=True,
        records_received=1,
        records_processed=1,
        stored_records=1,
        devices=1,
        signals=1,
        realized_traits=1,
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("audience.csv", "begins with something else than ftp_dpm_"),
        ("ftp_dpm_21_123456789.sync", "has a stamp that is not 10 digits"),
        ("ftp_dpm_21_1772366400000.sync", "has a stamp that is not 10 digits"),
        ("ftp_dpm_33_21_177236640.sync", "has a stamp that is not 10 digits"),
        ("ftp_dpm_1772366400.sync", "has no data source"),
        ("ftp_dpm_21_1772366400", "does not follow the grammar"),
        ("ftp_dpm_21_1772366400.full", "has a mode that is neither .sync nor .overwrite"),
        ("ftp_dpm_21_1772366400.SYNC", "has a mode that is neither .sync nor .overwrite"),
        ("ftp_dpm_21_1772366400.sync.gz.1", "has its split number after .gz"),
        ("ftp_dpm_21_1772366400.sync.zip", "is compressed with something else than gzip"),
        ("ftp_dpm_21_1772366400.sync.pgp", "is encrypted"),
        ("ftp_dpm_odc_21_1772366400.sync", "is an Oracle Data Cloud file"),
        ("ftp_dpm_21_1772366400.sync ", "does not follow the grammar"),
        ("ftp_dpm_21_1772366400.sync\n", "does not follow the grammar"),
        ("ftp_dpm_٢١_1772366400.sync", "does not follow the grammar"),
        ("ftp_dpm_crm_1772366400.sync", "does not follow the grammar"),
        ("ftp_dpm_666_1772366400.sync", "data source 666 is unknown; known: 21, 33, 44"),
        ("ftp_dpm_21_666_1772366400.sync", "data source 666 is unknown; known: 21, 33, 44"),
        ("ftp_dpm_20914_1772366400.sync", "20914 is a global data source; say after it who owns the traits"),
    ],
)
def test_a_bad_name_is_refused_with_its_reason(sender: Sender, name: str, reason: str) -> None:
    receipt = sender.send("ada\td_sid=7701\n", name)
    assert not receipt.accepted
    assert reason in receipt.reasons[0]
    assert members(sender.cloud) == []


@pytest.mark.parametrize(
    ("day", "reason"),
    [
        ("client", "key: no folder date=yyyy-mm-dd before the name"),
        ("date=2026-03-01/client", "key: no folder date=yyyy-mm-dd before the name"),
        ("client/date=2026-02-28", "key: date=2026-02-28 is not the UTC date of sending, 2026-03-01"),
        ("client/date=2026-3-1", "key: date=2026-3-1 is not the UTC date of sending, 2026-03-01"),
    ],
)
def test_a_bad_folder_is_refused_with_its_reason(sender: Sender, day: str, reason: str) -> None:
    assert sender.send("ada\td_sid=7701\n", day=day).reasons == (reason,)


def test_the_folder_is_the_date_in_utc_and_not_the_local_one(tmp_path: Path) -> None:
    tokyo = datetime(2026, 3, 2, 1, 30, tzinfo=timezone(timedelta(hours=9)))
    cloud = new_cloud(tmp_path / "cloud", lambda: tokyo)
    cloud.provision(data_sources=[CRM], audiences=[BUYERS])
    assert Sender(cloud=cloud, folder=tmp_path).send("ada\td_sid=7701\n").accepted


def test_every_fault_of_a_key_is_told_at_once(sender: Sender) -> None:
    receipt = sender.send("", "ftp_dpm_666_1772366400.sync", day="date=2020-01-01")
    assert receipt.reasons == (
        "key: date=2020-01-01 is not the UTC date of sending, 2026-03-01",
        "name: data source 666 is unknown; known: 21, 33, 44",
    )


@pytest.mark.parametrize("key", ["../ftp_dpm_21_1772366400.sync", "/date=2026-03-01/x", "a//b", "a/."])
def test_a_key_cannot_leave_the_folder(cloud: ExperienceCloudSandbox, tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="cannot be stored"):
        cloud.put(tmp_path / "none", key)


# Files


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("ftp_dpm_21_1772366400.sync", b"", "file: empty"),
        ("ftp_dpm_21_1772366400.sync", b"\r\n\n", "file: empty"),
        ("ftp_dpm_21_1772366400.sync.gz", b"", "file: empty"),
        ("ftp_dpm_21_1772366400.sync.gz", gzip.compress(b"", mtime=0), "file: empty"),
        ("ftp_dpm_21_1772366400.sync.gz", b"ada\td_sid=7701\n", "file: named .gz but not gzip"),
        ("ftp_dpm_21_1772366400.sync", gzip.compress(b"ada\td_sid=7701\n", mtime=0), "file: gzip but not named .gz"),
        (
            "ftp_dpm_21_1772366400.sync.gz",
            gzip.compress(b"ada\td_sid=7701\n", mtime=0)[:-5],
            "file: not a valid gzip, broken or cut off",
        ),
        (
            "ftp_dpm_21_1772366400.sync.gz",
            gzip.compress(b"ada\td_sid=7701\n", mtime=0) + b"more",
            "file: not a valid gzip, broken or cut off",
        ),
    ],
)
def test_a_bad_file_is_refused_with_its_reason(sender: Sender, name: str, content: bytes, reason: str) -> None:
    receipt = sender.send(content, name)
    assert not receipt.accepted
    assert receipt.reasons == (reason,)
    assert members(sender.cloud) == []


@pytest.mark.parametrize(
    "content",
    [
        "ada\td_sid=7701\nbob\td_sid=7701\n",
        "ada\td_sid=7701\r\nbob\td_sid=7701",
        "ada\td_sid=7701\nbob\t7701\n\n\n",
    ],
    ids=["lf", "crlf without the last", "blank lines at the end"],
)
def test_both_line_ends_are_read(sender: Sender, content: str) -> None:
    assert sender.send(content).records_received == 2
    assert members(sender.cloud) == ["ada", "bob"]


# Lines


@pytest.mark.parametrize(
    ("items", "buyers", "readers"),
    [
        ("d_sid=7701", True, False),
        ("d_sid=7701,d_sid=7702", True, True),
        ("d_sid=7701,   d_sid = 7702", True, True),
        ("d_sid=7701,,d_sid=7702,", True, True),
        ("7701", True, False),
        ("ic=7701, 7702", True, True),
        ('"ic"="7701"', True, False),
        ('ic = "7701","product, size"="x=1, y", -colour=red', True, False),
        ("d_sid=7701,7701:0", False, False),
        ("d_sid=7701,d_unsid=7701,d_sid=7702,7702:-1", False, False),
        ("d_unsid=7701,d_sid=7701", True, False),
        ("product = tablet, product = phone, d_sid=7702", False, True),
    ],
)
def test_the_grammar_of_items(sender: Sender, items: str, buyers: bool, readers: bool) -> None:
    assert sender.send(f"ada\t{items}\n").reasons == ()
    assert members(sender.cloud, "9901") == ["ada"] * buyers
    assert members(sender.cloud, "9902") == ["ada"] * readers


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"ada d_sid=7701", "0 TABs where the grammar has one"),
        (b"ada\td_sid=7701\td_sid=7702", "2 TABs where the grammar has one"),
        (b"ada\t", "no item after the TAB"),
        (b"ada\t, ,", "no item after the TAB"),
        (b"ada\t d_sid=7701", "a blank before the first item"),
        (b"ada\td_sid=7701 ", "item 1 ends in a blank"),
        (b"ada\td_sid=7701 ,7702", "item 1 ends in a blank"),
        (b"ada\td_sid=", "item 1 is neither a number nor key=value"),
        (b"ada\td_sid=7701,abc", "item 2 is neither a number nor key=value"),
        (b"ada\t7701:1", "item 1 is neither a number nor key=value"),
        (b'ada\t"7701"', "item 1 is neither a number nor key=value"),
        (b'ada\tcolour=""', "item 1 is neither a number nor key=value"),
        (b'ada\tcolour="red', "a quotation mark is not closed"),
        (b"ada\td_sid=buyers", "item 1: d_sid takes digits, without quotation marks"),
        (b'ada\td_unsid="7701"', "item 1: d_unsid takes digits, without quotation marks"),
        (b"ada\td_sid=7701\r\r", "item 1 is neither a number nor key=value"),
        (b"\xe9da\td_sid=7701", "not UTF-8"),
        (b"\xef\xbb\xbfada\td_sid=7701", "begins with a byte order mark"),
        (b"", "a blank line before the end"),
        (b"ada\tcolour=" + b"r" * 102_390, "longer than 102400 bytes"),
        (b"x" * 400_000, "longer than 102400 bytes"),
    ],
)
def test_a_malformed_line_is_counted_named_and_refuses_the_file(sender: Sender, line: bytes, reason: str) -> None:
    receipt = sender.send(b"bob\td_sid=7701\n" + line + b"\neve\td_sid=7701\n")
    assert receipt == Receipt(
        file="ftp_dpm_21_1772366400.sync",
        accepted=False,
        reasons=(f"line 2: format error: {reason}",),
        records_received=3,
        format_errors=1,
        records_processed=3,
    )
    assert members(sender.cloud) == []


def test_a_line_of_exactly_the_limit_is_read(sender: Sender) -> None:
    line = "ada\td_sid=7701,colour=".ljust(102_400, "r")
    assert sender.send(f"{line}\r\n{line}\n{line}").records_received == 3
    assert members(sender.cloud) == ["ada"]


@pytest.mark.parametrize(
    ("name", "identifier", "reason"),
    [
        ("ftp_dpm_21_1772366400.sync", "ada@example.com", "an @: a raw e-mail address must never be sent"),
        ("ftp_dpm_21_1772366400.sync", "crm:42", "a declared id holds neither ':' nor '%3A'"),
        ("ftp_dpm_21_1772366400.sync", "crm%3A42", "a declared id holds neither ':' nor '%3A'"),
        ("ftp_dpm_21_1772366400.sync", "crm%3a42", "a declared id holds neither ':' nor '%3A'"),
        ("ftp_dpm_21_1772366400.sync", "", "the user id is empty"),
        ("ftp_dpm_21_1772366400.sync", "ada ", "the user id ends in a blank"),
        ("ftp_dpm_21_1772366400.sync", "a\x00da", "a control character"),
        ("ftp_dpm_33_21_1772366400.sync", BOB[1:], "a visitor id is 38 digits"),
        ("ftp_dpm_33_21_1772366400.sync", BOB + "0", "a visitor id is 38 digits"),
        ("ftp_dpm_33_21_1772366400.sync", "5.976755918126206e+37", "a visitor id is 38 digits"),
        ("ftp_dpm_33_21_1772366400.sync", "٤" * 38, "a visitor id is 38 digits"),
        (
            "ftp_dpm_20915_21_1772366400.sync",
            "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
            "not of the shape of device ids of data source 20915",
        ),
    ],
)
def test_an_impossible_identifier_is_counted_and_never_named(
    sender: Sender, name: str, identifier: str, reason: str
) -> None:
    receipt = sender.send(f"{identifier}\td_sid=7701\n", name)
    assert receipt.reasons == (f"line 1: invalid id: {reason}",)
    assert (receipt.accepted, receipt.invalid_ids, receipt.format_errors) == (False, 1, 0)


@pytest.mark.parametrize("identifier", ["a b", "50%", " ada", "ÅDA", "0042", "Ada/é+=,"])
def test_a_declared_id_is_free_text_and_unharmed(sender: Sender, identifier: str) -> None:
    assert sender.send(f"{identifier}\td_sid=7701\n").accepted
    assert members(sender.cloud) == [identifier]


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ("d_sid=666", "trait 666 is unknown"),
        ("d_unsid=666", "trait 666 is unknown"),
        ("666:0", "trait 666 is unknown"),
        ("d_sid=7704", "trait 7704 is of data source 44, not 21"),
        ("7704", "trait 7704 is of data source 44, not 21"),
        ("d_sid=07701", "trait 07701 is unknown"),
    ],
)
def test_a_trait_that_is_not_the_targets_refuses_the_file(sender: Sender, item: str, reason: str) -> None:
    receipt = sender.send(f"ada\td_sid=7701\nbob\td_sid=7701,{item}\n")
    assert receipt.reasons == (f"line 2: failed validation: {reason}",)
    assert (receipt.accepted, receipt.failed_validation, receipt.stored_records) == (False, 1, 0)
    assert members(sender.cloud) == []


def test_a_signal_that_matches_no_trait_is_remarked_and_does_not_refuse(sender: Sender) -> None:
    receipt = sender.send("ada\tcolour=red\nbob\td_sid=7701\neve\t666\n")
    assert receipt == Receipt(
        file="ftp_dpm_21_1772366400.sync",
        accepted=True,
        reasons=(
            "line 1: no trait realized: no item matches a trait",
            "line 3: no trait realized: no item matches a trait",
        ),
        records_received=3,
        no_trait_realized=2,
        records_processed=3,
        stored_records=1,
        devices=3,
        signals=3,
        unused_signals=2,
        realized_traits=1,
    )


def test_ten_places_of_a_kind_are_named_and_the_rest_counted(sender: Sender) -> None:
    receipt = sender.send("ada\n" * 12 + "bob@example.com\t7701\n")
    assert receipt.format_errors == 12
    assert receipt.reasons[9:] == (
        "line 10: format error: 0 TABs where the grammar has one",
        "format error: 2 more",
        "line 13: invalid id: an @: a raw e-mail address must never be sent",
    )


# Effects


def test_sync_adds_and_removes_what_the_lines_say(sender: Sender) -> None:
    sender.cloud.add_members("9901", ["ada", "bob"])
    receipt = sender.send("ada\td_unsid=7701\neve\td_sid=7701\nzoe\td_unsid=7701\n")
    assert (receipt.stored_records, receipt.realized_traits, receipt.removed_traits) == (3, 1, 1)
    assert members(sender.cloud) == ["bob", "eve"]


def test_overwrite_replaces_for_listed_users_the_traits_of_the_target_only(sender: Sender) -> None:
    sender.cloud.add_members("9901", ["ada", "bob", "eve"])
    sender.cloud.add_members("9902", ["ada", "eve"])
    sender.cloud.add_members("9904", ["ada", "eve"])
    receipt = sender.send("ada\td_sid=7701, d_unsid=7701\neve\t\n", "ftp_dpm_21_1772366400.overwrite")
    assert (receipt.stored_records, receipt.realized_traits, receipt.removed_traits) == (2, 1, 3)
    assert members(sender.cloud, "9901") == ["ada", "bob"]
    assert members(sender.cloud, "9902") == []
    assert members(sender.cloud, "9904") == ["ada", "eve"]


def test_overwrite_takes_the_lines_of_one_user_together(sender: Sender) -> None:
    sender.send("ada\td_sid=7701\nada\td_sid=7702\n", "ftp_dpm_21_1772366400.overwrite")
    assert members(sender.cloud, "9901") == members(sender.cloud, "9902") == ["ada"]


def test_the_target_in_the_name_owns_the_traits(sender: Sender) -> None:
    assert sender.send(f"{ADA}\td_sid=7701\n", "ftp_dpm_33_21_1772366400.sync").accepted
    assert members(sender.cloud, "9901") == [ADA]
    assert not sender.send(f"{ADA}\td_sid=7703\n", "ftp_dpm_33_21_1772366401.sync").accepted


def test_duplicates_do_not_count_twice(sender: Sender) -> None:
    receipt = sender.send("ada\td_sid=7701,d_sid=7701\nada\td_sid=7701\n")
    assert (receipt.stored_records, receipt.realized_traits) == (2, 1)
    assert members(sender.cloud) == ["ada"]


def test_the_last_word_about_a_person_holds(sender: Sender) -> None:
    sender.send("ada\td_sid=7701\nbob\td_unsid=7701\nada\td_unsid=7701\nbob\td_sid=7701\n")
    assert members(sender.cloud) == ["bob"]


def test_only_the_first_200_lines_of_a_user_count(sender: Sender) -> None:
    lines = ["bob\td_sid=7701\n", *["ada\td_sid=7701\n"] * 200, "ada\td_unsid=7701\n", "ada\td_sid=7702\n"]
    receipt = sender.send("".join(lines))
    assert receipt.reasons == ("2 lines beyond the first 200 of a user were dropped",)
    assert (receipt.records_received, receipt.records_processed, receipt.stored_records) == (203, 201, 201)
    assert members(sender.cloud, "9901") == ["ada", "bob"]
    assert members(sender.cloud, "9902") == []


# Again, and after a crash


def test_the_same_bytes_again_give_the_same_receipt_and_change_nothing(sender: Sender) -> None:
    first = sender.send("ada\td_sid=7701\n")
    sender.send("ada\td_unsid=7701\n", "ftp_dpm_21_1772366401.sync")
    assert sender.send("ada\td_sid=7701\n") == first
    assert members(sender.cloud) == []
    assert len(sender.cloud.receipts()) == 2


def test_the_same_bytes_again_on_the_next_day_give_the_same_receipt(sender: Sender, tmp_path: Path) -> None:
    first = sender.send("ada\td_sid=7701\n")
    tomorrow = new_cloud(tmp_path / "cloud", lambda: NOON + timedelta(days=1))
    assert Sender(cloud=tomorrow, folder=tmp_path).send("ada\td_sid=7701\n") == first


def test_other_bytes_under_the_same_key_are_a_new_version(sender: Sender) -> None:
    sender.send("ada\td_sid=7701\n")
    sender.send("bob\td_sid=7701\n")
    assert members(sender.cloud) == ["ada", "bob"]
    assert [receipt.accepted for receipt in sender.cloud.receipts()] == [True, True]


def test_a_refused_file_is_judged_again_when_the_cause_is_mended(sender: Sender) -> None:
    for _ in range(2):
        assert not sender.send("ada\td_sid=8801\n").accepted
    late = Audience(name="Late", data_source="21", trait="8801", segment="9905")
    sender.cloud.provision(data_sources=[], audiences=[late])
    assert sender.send("ada\td_sid=8801\n").accepted
    assert [receipt.accepted for receipt in sender.cloud.receipts()] == [False, True]


def test_everything_survives_a_new_instance(sender: Sender, tmp_path: Path) -> None:
    receipt = sender.send("ada\td_sid=7701\n")
    (key,) = sender.cloud.export("9901", destination="123456")
    again = new_cloud(tmp_path / "cloud")
    assert again.receipts() == (receipt,)
    assert again.audiences() == sender.cloud.audiences()
    assert members(again) == ["ada"]
    assert again.list() == (key,)
    assert again.export("9901", destination="123456", mode="iter") == ()


KILLED = """
    import os, sys
    from datetime import UTC, datetime
    from pathlib import Path
    from activities.connectors.experience_cloud_sandbox import ExperienceCloudSandbox

    calls = []

    def clock():
        calls.append(None)
        if len(calls) == 2:  # the job's end time: everything is applied, nothing committed
            os.kill(os.getpid(), 9)
        return datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    ExperienceCloudSandbox(Path(sys.argv[1]), clock=clock).put(Path(sys.argv[2]), sys.argv[3])
"""


def test_a_process_killed_half_way_has_applied_nothing_and_putting_again_completes_it(
    cloud: ExperienceCloudSandbox, tmp_path: Path
) -> None:
    file = tmp_path / "people"
    file.write_text("".join(f"{number:06d}\td_sid=7701\n" for number in range(50_000)))
    key = f"{DAY}/ftp_dpm_21_1772366400.sync"
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path / "cloud"), str(file), key]
    root = Path(__file__).parents[3]
    ended = subprocess.run(command, cwd=root, env=os.environ | {"PYTHONPATH": str(root)}, check=False)  # noqa: S603
    assert ended.returncode == -signal.SIGKILL
    assert (members(cloud), cloud.receipts()) == ([], ())
    assert cloud.put(file, key).realized_traits == 50_000
    assert len(members(cloud)) == 50_000


def test_a_failure_before_the_commit_leaves_nothing_applied(cloud: ExperienceCloudSandbox, tmp_path: Path) -> None:
    times = iter([NOON])
    failing = Sender(cloud=new_cloud(tmp_path / "cloud", lambda: next(times)), folder=tmp_path)
    with pytest.raises(StopIteration):
        failing.send("ada\td_sid=7701\n")
    assert (members(cloud), cloud.receipts()) == ([], ())


def test_the_receipt_is_left_as_a_mail(sender: Sender, tmp_path: Path) -> None:
    sender.send("ada@example.com\td_sid=7701\n")
    mail = (tmp_path / "cloud/receipts/000001_ftp_dpm_21_1772366400.sync.txt").read_text()
    assert "Invalid AAM ID: 1\n" in mail
    assert "- line 1: invalid id: an @: a raw e-mail address must never be sent\n" in mail
    assert "ada" not in mail


# Outbound


def fetch(cloud: ExperienceCloudSandbox, key: str, folder: Path) -> str:
    return gzip.decompress(cloud.fetch(key, folder / "fetched").read_bytes()).decode()


def test_visitor_ids_make_the_round_trip_unharmed(sender: Sender, tmp_path: Path) -> None:
    name = "ftp_dpm_33_1772366400.sync.gz"
    assert sender.send(gzip.compress(f"{BOB}\td_sid=7703\n{ADA}\td_sid=7703\n".encode(), mtime=0), name).accepted
    keys = sender.cloud.export("9903", destination="123456")
    assert keys == ("S3_123456_33_full_1772366400000.sync.gz",)
    assert fetch(sender.cloud, keys[0], tmp_path) == f"{ADA}\t9903\t\n{BOB}\t9903\t\n"


def test_an_increment_holds_what_changed_since_the_last_export(
    cloud: ExperienceCloudSandbox, sender: Sender, tmp_path: Path
) -> None:
    cloud.add_members("9901", ["ada", "bob"])
    (first,) = cloud.export("9901", destination="1", mode="iter")
    sender.send("ada\td_unsid=7701\nzoe\td_sid=7701\n")
    (second,) = cloud.export("9901", destination="1", mode="iter")
    assert fetch(cloud, first, tmp_path) == "ada\t9901\t\nbob\t9901\t\n"
    assert fetch(cloud, second, tmp_path) == "ada\t\t9901\nzoe\t9901\t\n"
    assert cloud.export("9901", destination="1", mode="iter") == ()


def test_each_destination_has_its_own_increments(cloud: ExperienceCloudSandbox, tmp_path: Path) -> None:
    cloud.add_members("9901", ["ada"])
    cloud.export("9901", destination="1")
    (key,) = cloud.export("9901", destination="2", mode="iter")
    assert fetch(cloud, key, tmp_path) == "ada\t9901\t\n"


def test_a_full_export_of_nobody_is_a_file_without_lines(cloud: ExperienceCloudSandbox, tmp_path: Path) -> None:
    (key,) = cloud.export("9901", destination="1")
    assert fetch(cloud, key, tmp_path) == ""


def test_identifiers_of_different_data_sources_never_share_a_file(sender: Sender, tmp_path: Path) -> None:
    sender.cloud.add_members("9901", ["ada"])
    sender.send(f"{ADA}\td_sid=7701\n", "ftp_dpm_33_21_1772366400.sync")
    keys = sender.cloud.export("9901", destination="1")
    assert keys == ("S3_1_21_full_1772366400000.sync.gz", "S3_1_33_full_1772366400000.sync.gz")
    assert [fetch(sender.cloud, key, tmp_path) for key in keys] == ["ada\t9901\t\n", f"{ADA}\t9901\t\n"]


def test_a_batch_is_split_and_its_first_file_has_no_number(cloud: ExperienceCloudSandbox, tmp_path: Path) -> None:
    cloud.add_members("9901", ["a", "b", "c", "d"])
    keys = cloud.export("9901", destination="1", lines_per_file=2)
    assert keys == ("S3_1_21_full_1772366400000.sync.gz", "S3_1_21_full_1772366400000001.sync.gz")
    assert fetch(cloud, keys[1], tmp_path) == "c\t9901\t\nd\t9901\t\n"


def test_two_exports_in_one_millisecond_have_two_names(cloud: ExperienceCloudSandbox) -> None:
    keys = cloud.export("9901", destination="1") + cloud.export("9902", destination="1")
    assert keys == ("S3_1_21_full_1772366400000.sync.gz", "S3_1_21_full_1772366400001.sync.gz")
    assert cloud.list("S3_1_21") == keys
    assert cloud.list("S3_2") == ()


def test_the_same_people_give_the_same_bytes(tmp_path: Path) -> None:
    written = []
    for folder in ("one", "two"):
        cloud = new_cloud(tmp_path / folder)
        cloud.provision(data_sources=[CRM], audiences=[BUYERS])
        cloud.add_members("9901", ["ada", "bob"])
        (key,) = cloud.export("9901", destination="1")
        written.append((tmp_path / folder / "outbound" / key).read_bytes())
    assert written[0] == written[1]


def test_a_file_is_fetched_into_a_folder_under_its_own_name(cloud: ExperienceCloudSandbox, tmp_path: Path) -> None:
    (key,) = cloud.export("9901", destination="1")
    assert cloud.fetch(key, tmp_path) == tmp_path / key
    with pytest.raises(FileNotFoundError, match=f"no outbound file 'other'; there are: {key}"):
        cloud.fetch("other", tmp_path)


@pytest.mark.parametrize(
    ("destination", "mode", "reason"),
    [
        ("campaign", "full", "a destination id is digits"),
        ("1", "delta", "mode 'delta'; there are: full, iter"),
    ],
)
def test_an_export_that_cannot_be_named_is_refused(
    cloud: ExperienceCloudSandbox, destination: str, mode: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        cloud.export("9901", destination=destination, mode=mode)


def test_a_file_may_be_put_while_the_members_are_read(sender: Sender) -> None:
    sender.cloud.add_members("9901", ["ada", "bob"])
    reading = sender.cloud.members("9901")
    assert next(reading) == "ada"
    assert sender.send("bob\td_unsid=7701\n").removed_traits == 1
    assert list(reading) == ["bob"]

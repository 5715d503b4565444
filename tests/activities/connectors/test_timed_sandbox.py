"""The local Experience Cloud as time passes: what becomes of files hours and days after they came."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from activities.connectors.audience_manager.receipt import read_receipt
from activities.connectors.audience_manager.transfer_control import differences, read_transfer_control
from activities.connectors.experience_cloud_sandbox import Audience, DataSource, Destination, TimedSandbox

MORNING = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CRM = DataSource(id="21", name="Campaign", kind="declared_id")
OTHERS = DataSource(id="44", name="Another brand", kind="declared_id")
BUYERS = Audience(name="Buyers", data_source="21", trait="7701", segment="9901", ttl=0)
READERS = Audience(name="Readers", data_source="21", trait="7702", segment="9902", ttl=0)
STRANGERS = Audience(name="Strangers", data_source="44", trait="7704", segment="9904", ttl=0)


@dataclass(frozen=True)
class Partner:
    """A cloud that was provisioned a day ago, and who sends it files."""

    timed: TimedSandbox

    def send(self, content: str, name: str = "ftp_dpm_21_1772366400.sync", day: str = "2026-03-01") -> Path:
        file = self.timed.inbound / "partner" / f"date={day}" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(gzip.compress(content.encode(), mtime=0) if name.endswith(".gz") else content.encode())
        self.timed.catch_up()
        return file

    def members(self, segment: str = "9901") -> list[str]:
        return list(self.timed.cloud.members(segment))

    def mails(self) -> list[Path]:
        return sorted((self.timed.folder / "receipts").glob("*"))

    def left(self) -> list[str]:
        return [path.name for path in sorted(self.timed.outbound.glob("*"))]

    def lines(self, name: str) -> list[str]:
        return gzip.decompress((self.timed.outbound / name).read_bytes()).decode().splitlines()


@pytest.fixture
def partner(tmp_path: Path) -> Partner:
    timed = TimedSandbox(tmp_path / "cloud", real_clock=lambda: MORNING - DAY)
    timed.cloud.provision(data_sources=[CRM, OTHERS], audiences=[BUYERS, READERS, STRANGERS])
    timed.advance(DAY)
    return Partner(timed)


def test_what_a_file_says_can_be_used_two_days_after_it_came(partner: Partner) -> None:
    partner.send("ada\td_sid=7701\n")
    partner.timed.advance(9 * HOUR)
    assert (partner.mails(), partner.members()) == ([], [])
    partner.timed.advance(HOUR)
    assert [mail.name for mail in partner.mails()] == ["000001_ftp_dpm_21_1772366400.sync.txt"]
    partner.timed.advance(37 * HOUR)
    assert partner.members() == []
    partner.timed.advance(HOUR)
    assert partner.members() == ["ada"]


def test_time_passes_by_itself_too(tmp_path: Path) -> None:
    now = [MORNING]
    timed = TimedSandbox(tmp_path / "cloud", real_clock=lambda: now[0])
    timed.cloud.provision(data_sources=[CRM], audiences=[BUYERS])
    timed.advance(4 * HOUR)
    partner = Partner(timed)
    partner.send("ada\td_sid=7701\n")
    now[0] += 2 * DAY
    timed.catch_up()
    assert partner.members() == ["ada"]
    assert timed.now() == MORNING + 2 * DAY + 4 * HOUR


def test_the_clock_only_goes_forward(partner: Partner) -> None:
    with pytest.raises(ValueError, match="only passes forward"):
        partner.timed.advance(-HOUR)


def test_another_process_goes_on_where_the_first_one_was(partner: Partner) -> None:
    partner.send("ada\td_sid=7701\n")
    partner.timed.advance(12 * HOUR)
    again = TimedSandbox(partner.timed.folder, real_clock=lambda: MORNING - DAY)
    assert again.now() == MORNING + 12 * HOUR
    again.advance(36 * HOUR)
    assert Partner(again).members() == ["ada"]
    assert len(again.cloud.receipts()) == 1


@pytest.mark.contract("A4", "four hours pass after a trait is made")
@pytest.mark.parametrize(("waited", "held"), [(4 * HOUR - timedelta(seconds=1), []), (4 * HOUR, ["ada"])])
def test_a_file_that_comes_too_early_after_its_trait_counts_for_nothing(
    partner: Partner, waited: timedelta, held: list[str]
) -> None:
    late = Audience(name="Late", data_source="21", trait="8801", segment="9905", ttl=0)
    partner.timed.cloud.provision(data_sources=[], audiences=[late])
    partner.timed.advance(waited)
    partner.send("ada\td_sid=8801\n")
    partner.timed.advance(3 * DAY)
    (receipt,) = partner.timed.cloud.receipts()
    assert (partner.members("9905"), receipt.failed_validation) == (held, 0 if held else 1)


@pytest.mark.contract("A2", "traits belong to the data source of the file")
@pytest.mark.contract("A5", "what was lost is told")
def test_what_is_wrong_is_left_out_and_counted_and_the_rest_counts(partner: Partner) -> None:
    partner.send("ada\td_sid=7701,d_sid=7704\nbob d_sid=7701\nnora@example.com\td_sid=7701\nzoe\t666\nkim\td_sid=9\n")
    partner.timed.advance(2 * DAY)
    assert partner.members() == ["ada"]
    assert partner.members("9904") == []
    (mail,) = partner.mails()
    receipt, problems = read_receipt(mail)
    assert receipt.counts == {
        "Records received": 5,
        "Format Errors": 1,
        "Invalid AAM ID": 1,
        "No Matching AAM ID": 0,
        "No Trait Realized": 2,
        "Records processed": 5,
        "Stored Records": 1,
        "Total devices": 3,
        "Total signals": 4,
        "Total unused signals": 1,
        "Total realized traits": 1,
        "Total removed traits": 0,
        "Total traits failed validation": 2,
        "Total users that have traits which failed validation": 2,
    }
    assert {problem.code for problem in problems} == {"lost"}
    assert "nora" not in mail.read_text()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("audience.csv", "ada\n"),
        ("ftp_dpm_21_1772366400.sync", ""),
        ("ftp_dpm_666_1772366400.sync", "ada\td_sid=7701\n"),
    ],
)
def test_a_file_of_no_use_goes_without_a_word(partner: Partner, name: str, content: str) -> None:
    file = partner.send(content, name)
    partner.timed.advance(DAY)
    assert (partner.mails(), file.exists()) == ([], False)
    (receipt,) = partner.timed.cloud.receipts()
    assert not receipt.accepted


@pytest.mark.contract("A5", "files are removed after 30 days")
def test_files_are_removed_after_thirty_days(partner: Partner) -> None:
    file = partner.send("ada\td_sid=7701\n")
    partner.timed.advance(30 * DAY - HOUR)
    assert file.exists()
    partner.timed.advance(HOUR)
    assert not file.exists()
    assert partner.members() == ["ada"]


@pytest.mark.contract("A4", "a trait's time to live is 0, else members are lost after 120 days")
def test_a_member_of_a_trait_with_a_lifetime_is_lost_unless_named_again(partner: Partner) -> None:
    mayflies = Audience(name="Mayflies", data_source="21", trait="8801", segment="9905")
    partner.timed.cloud.provision(data_sources=[], audiences=[mayflies])
    partner.timed.advance(4 * HOUR)
    partner.send("ada\td_sid=8801,d_sid=7701\nbob\td_sid=8801\n")  # 12:00, judged at 18:00
    partner.timed.advance(60 * DAY)
    partner.send("bob\td_sid=8801\n", "ftp_dpm_21_1777550400.sync")
    partner.timed.advance(60 * DAY + 5 * HOUR)
    assert partner.members("9905") == ["ada", "bob"]
    partner.timed.advance(HOUR)
    assert partner.members("9905") == ["bob"]
    assert partner.members("9901") == ["ada"]
    partner.timed.advance(60 * DAY)
    assert partner.members("9905") == []


def test_a_lifetime_of_one_day_is_the_rest_of_it_and_the_next(partner: Partner) -> None:
    fleeting = Audience(name="Fleeting", data_source="21", trait="8801", segment="9905", ttl=1)
    partner.timed.cloud.provision(data_sources=[], audiences=[fleeting])
    partner.timed.advance(4 * HOUR)
    partner.send("ada\td_sid=8801\n")  # judged at 18:00, so it holds for 30 hours: less than it takes to be usable
    partner.timed.advance(3 * DAY)
    assert partner.members("9905") == []
    (receipt,) = partner.timed.cloud.receipts()
    assert receipt.realized_traits == 1


@pytest.mark.contract("A4", "files uploaded together have no order")
def test_files_that_come_together_are_judged_in_no_order_but_the_same_each_time(partner: Partner) -> None:
    for second in range(6):
        partner.send("ada\td_sid=7701\n", f"ftp_dpm_21_177236640{second}.sync")
    partner.timed.advance(DAY)
    judged = [receipt.file[-6] for receipt in partner.timed.cloud.receipts()]
    assert sorted(judged) == list("012345")
    assert judged != list("012345")
    assert judged == ["5", "3", "0", "2", "4", "1"]


def test_a_later_file_takes_back_what_an_earlier_one_gave_before_it_could_be_used(partner: Partner) -> None:
    partner.send("ada\td_sid=7701\nbob\td_sid=7701\n")
    partner.timed.advance(12 * HOUR)
    partner.send("bob\td_sid=7702\n", "ftp_dpm_21_1772366401.overwrite")
    partner.timed.advance(36 * HOUR)
    assert partner.members() == ["ada"]
    partner.timed.advance(12 * HOUR)
    assert (partner.members(), partner.members("9902")) == (["ada"], ["bob"])
    assert [receipt.removed_traits for receipt in partner.timed.cloud.receipts()] == [0, 1]


def test_the_same_people_every_day_are_there_two_days_after_the_first(partner: Partner) -> None:
    for day in range(3):
        partner.send("ada\td_sid=7701\n", f"ftp_dpm_21_177236640{day}.sync")
        partner.timed.advance(DAY)
        assert partner.members() == ([] if day == 0 else ["ada"])


# Exports


def served(partner: Partner, **others: object) -> Partner:
    partner.timed.serve(Destination(id="91012", segments=("9901", "9902"), **others))  # type: ignore[arg-type]
    return partner


@pytest.mark.contract("C4", "files come about 14:00 UTC, sometimes two the next day")
def test_a_destination_gets_its_segments_every_day(partner: Partner) -> None:
    partner.timed.cloud.add_members("9901", ["ada", "bob"])
    partner.timed.cloud.add_members("9902", ["bob"])
    served(partner, info="none").timed.advance(5 * HOUR)
    assert partner.left() == []
    partner.timed.advance(HOUR)
    assert partner.left() == ["S3_91012_21_full_1772373600000.sync.gz"]
    assert partner.lines(partner.left()[0]) == ["ada\t9901\t", "bob\t9901,9902\t"]
    partner.timed.advance(2 * DAY)
    assert len(partner.left()) == 3


@pytest.mark.contract("C2", "the first incremental file is a full one")
@pytest.mark.contract("C2", "a full file is the complete state")
def test_between_full_exports_only_what_changed_is_written(partner: Partner) -> None:
    partner.timed.cloud.add_members("9901", ["ada", "bob", "eve"])
    partner.timed.cloud.add_members("9902", ["bob"])
    served(partner, info="none", full_every=4).timed.advance(DAY)
    partner.send("bob\td_unsid=7701\nzoe\td_sid=7701\n", day="2026-03-02")
    partner.timed.advance(4 * DAY)
    first, again, changes = partner.left()
    assert [name.split("_")[3] for name in (first, again, changes)] == ["full", "full", "iter"]
    assert partner.lines(changes) == ["bob\t9902\t9901", "zoe\t9901\t"]
    assert partner.lines(again) == ["ada\t9901\t", "bob\t9902\t", "eve\t9901\t", "zoe\t9901\t"]
    assert partner.lines(first) == ["ada\t9901\t", "bob\t9901,9902\t", "eve\t9901\t"]


@pytest.mark.contract("C3", "all files must be there, in any order")
@pytest.mark.contract("C3", "size, lines and md5 must agree")
@pytest.mark.parametrize("info", ["before", "after"])
def test_parts_come_in_no_order_and_the_control_file_before_or_after_them(partner: Partner, info: str) -> None:
    partner.timed.cloud.add_members("9901", "abcdefg")
    served(partner, info=info, lines_per_file=2).timed.advance(6 * HOUR)
    came: list[str] = []
    for _ in range(5):
        came += [name for name in partner.left() if name not in came]
        partner.timed.advance(timedelta(minutes=5))
    (control,) = (name for name in came if name.endswith(".info"))
    parts = [name for name in came if name != control]
    assert came == ([control, *parts] if info == "before" else [*parts, control])
    assert len(parts) == 4
    assert parts != sorted(parts)
    transfer, problems = read_transfer_control(partner.timed.outbound / control)
    assert transfer is not None
    assert problems == ()
    assert [file.name for file in transfer.files] == sorted(parts)
    assert [found for file in transfer.files for found in differences(file, partner.timed.outbound / file.name)] == []


# Faults


def test_a_fault_is_asked_for_so_many_times(partner: Partner) -> None:
    partner.timed.fail("server_error", 2)
    assert partner.timed.faults() == {"server_error": 2}
    assert [partner.timed.fails("server_error") for _ in range(3)] == [True, True, False]
    with pytest.raises(ValueError, match="no fault 'storm'; there are: server_error, cut_upload"):
        partner.timed.fail("storm")


def test_a_loss_is_told_by_the_receipt_alone(partner: Partner) -> None:
    partner.timed.fail("losses")
    partner.send("".join(f"{number:03d}\td_sid=7701\n" for number in range(100)))
    partner.timed.advance(2 * DAY)
    (receipt,) = partner.timed.cloud.receipts()
    assert (receipt.records_received, receipt.unmatched_ids, receipt.stored_records) == (100, 13, 87)
    assert len(partner.members()) == 87


def _wrong_md5(partner: Partner) -> object:
    transfer, _ = read_transfer_control(partner.timed.outbound / partner.left()[0])
    assert transfer is not None
    return [found.code for file in transfer.files for found in differences(file, partner.timed.outbound / file.name)]


def _missing(partner: Partner) -> object:
    transfer, _ = read_transfer_control(partner.timed.outbound / partner.left()[0])
    assert transfer is not None
    return [name.removeprefix(transfer.name.removesuffix(".sync")) for name in transfer.missing(partner.left())]


@pytest.mark.parametrize(
    ("fault", "seen", "expected"),
    [
        ("wrong_md5", _wrong_md5, ["md5"]),
        ("missing_part", _missing, ["001.sync.gz"]),
        ("silent_export", Partner.left, []),
    ],
)
def test_an_export_goes_wrong_once(
    partner: Partner, fault: str, seen: Callable[[Partner], object], expected: object
) -> None:
    partner.timed.cloud.add_members("9901", ["ada", "bob"])
    served(partner, lines_per_file=1).timed.fail(fault)
    partner.timed.advance(7 * HOUR)
    assert seen(partner) == expected
    before = set(partner.left())
    partner.timed.advance(DAY)
    assert len(set(partner.left()) - before) == 3

"""What happens to an inbound file: judged whole, then applied, then answered."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from hashlib import md5
from pathlib import Path

from . import catalogue, faults, staging
from .catalogue import Version
from .inbound import UNMATCHED, InboundName, Statement, judge_file, judge_key
from .line import FindFault, find_identifier_fault
from .receipt import Fault, Receipt, Tally, compose_mail

AFTER_TRAIT = timedelta(hours=4)
"""Adobe asks to wait so long after a trait is made (§A4); it does not say what becomes of an earlier file. Here the trait is not there yet."""
UNTIL_USABLE = timedelta(hours=48)
"""How long it may take until what a file said can be used (§A5); here it always does."""
LOST_SHARE = 10
"""Of an injected loss each so many-th identifier is unknown."""


def receive(
    connection: sqlite3.Connection,
    file: Path,
    *,
    key: str,
    digest: str,
    now: Callable[[], datetime],
    arrived: datetime | None = None,
) -> Version:
    """Give the judgement on these bytes under this key, the earlier one when it stands.

    Where it is not said when the file arrived, the cloud is helpful: one fault refuses the file, and what it says counts at once. Else
    it does as Adobe: what is wrong is left out, the rest can be used some days later.

    The bytes that were accepted last under the key are not judged or applied again. A refused file is judged
    anew, since the catalogue or the date may have changed, but the same refusal is kept once.
    """
    previous = catalogue.find_version(connection, key)
    if previous is not None and previous.digest != digest:
        previous = None
    if previous is not None and previous.receipt.accepted:
        return previous
    started = now()
    tally = Tally()
    kinds = catalogue.read_kinds(connection)
    today = started.date() if arrived is None else None
    name = judge_key(key, today=today, data_sources=frozenset(kinds), tally=tally)
    statements: Iterator[Statement] = iter(())
    if name is not None:
        find_fault = find_identifier_fault(name.data_source, kinds[name.data_source])
        if arrived is not None and faults.take(connection, "losses"):
            find_fault = _losing(find_fault)
        statements = judge_file(
            file, name, find_fault=find_fault, traits=_traits_that_count(connection, arrived), tally=tally
        )
    title = key.rpartition("/")[2]
    with staging.stage(connection, statements), catalogue.transaction(connection):
        is_refused = tally.is_faulty if arrived is None else tally.is_unreadable
        usable = started if arrived is None else max(started, arrived + UNTIL_USABLE)
        receipt = (
            tally.refusal(title)
            if name is None or is_refused
            else _apply(connection, name, title, tally, started, usable)
        )
        if previous is not None and previous.receipt == receipt:
            return previous
        version = Version(
            number=catalogue.next_number(connection),
            key=key,
            digest=digest,
            started=started,
            ended=now(),
            receipt=receipt,
        )
        catalogue.add_version(connection, version)
        return version


def post(folder: Path, version: Version) -> None:
    """Leave the result mail in the folder, where a process that was killed may not have."""
    mail = folder / mail_name(version)
    if not mail.exists():
        folder.mkdir(parents=True, exist_ok=True)
        text = compose_mail(version.receipt, started=version.started, ended=version.ended)
        mail.write_text(text, encoding="utf-8")


def mail_name(version: Version) -> str:
    """Give the file name of a version's mail."""
    return f"{version.number:06d}_{version.receipt.file}.txt"


def _traits_that_count(connection: sqlite3.Connection, arrived: datetime | None) -> dict[str, str]:
    owners = {audience.trait: audience.data_source for audience in catalogue.read_audiences(connection)}
    if arrived is None:
        return owners
    made = catalogue.read_trait_times(connection)
    return {
        trait: owner for trait, owner in owners.items() if trait not in made or made[trait] + AFTER_TRAIT <= arrived
    }


def _losing(find_fault: FindFault) -> FindFault:
    def find(identifier: str) -> str | None:
        is_lost = int(md5(identifier.encode(), usedforsecurity=False).hexdigest(), 16) % LOST_SHARE == 0
        return find_fault(identifier) or (UNMATCHED if is_lost else None)

    return find


def _apply(
    connection: sqlite3.Connection,
    name: InboundName,
    title: str,
    tally: Tally,
    now: datetime,
    usable: datetime,
) -> Receipt:
    counts = staging.settle(connection)
    removed = staging.apply(
        connection, id_source=name.data_source, target=name.target, mode=name.mode, now=now, usable=usable
    )
    staging.mature(connection, now)
    remarks = tally.reasons()
    if counts.surplus:
        limit = staging.LINES_PER_USER
        remarks += (f"{counts.surplus} lines beyond the first {limit} of a user were dropped",)
    processed = tally.received - counts.surplus
    left_out = sum(tally.count(fault) for fault in (Fault.FORMAT, Fault.IDENTIFIER, Fault.UNMATCHED))
    return Receipt(
        file=title,
        accepted=True,
        reasons=remarks,
        records_received=tally.received,
        format_errors=tally.count(Fault.FORMAT),
        invalid_ids=tally.count(Fault.IDENTIFIER),
        unmatched_ids=tally.count(Fault.UNMATCHED),
        no_trait_realized=counts.unrealized,
        records_processed=processed,
        stored_records=processed - left_out - counts.unrealized,
        devices=counts.people,
        signals=tally.signals,
        unused_signals=tally.unused_signals,
        realized_traits=counts.realized,
        removed_traits=removed,
        failed_validation=tally.count(Fault.TRAIT),
        users_failed_validation=tally.lines_failed,
    )

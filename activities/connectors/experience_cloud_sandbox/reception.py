"""What happens to an inbound file: judged whole, then applied whole or not at all, then answered."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from . import catalogue, staging
from .catalogue import Version
from .inbound import InboundName, Statement, judge_file, judge_key
from .line import find_identifier_fault
from .receipt import Receipt, Tally, compose_mail


def receive(
    connection: sqlite3.Connection, file: Path, *, key: str, digest: str, now: Callable[[], datetime]
) -> Version:
    """Give the judgement on these bytes under this key, the earlier one when it stands.

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
    name = judge_key(key, today=started.date(), data_sources=frozenset(kinds), tally=tally)
    traits = {audience.trait: audience.data_source for audience in catalogue.read_audiences(connection)}
    statements: Iterator[Statement] = iter(())
    if name is not None:
        find_fault = find_identifier_fault(name.data_source, kinds[name.data_source])
        statements = judge_file(file, name, find_fault=find_fault, traits=traits, tally=tally)
    title = key.rpartition("/")[2]
    with staging.stage(connection, statements), catalogue.transaction(connection):
        receipt = tally.refusal(title) if name is None or tally.refused else _apply(connection, name, title, tally)
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
    mail = folder / f"{version.number:06d}_{version.receipt.file}.txt"
    if not mail.exists():
        folder.mkdir(parents=True, exist_ok=True)
        text = compose_mail(version.receipt, started=version.started, ended=version.ended)
        mail.write_text(text, encoding="utf-8")


def _apply(connection: sqlite3.Connection, name: InboundName, title: str, tally: Tally) -> Receipt:
    counts = staging.settle(connection)
    removed = staging.apply(connection, id_source=name.data_source, target=name.target, mode=name.mode)
    remarks = tally.reasons()
    if counts.surplus:
        limit = staging.LINES_PER_USER
        remarks += (f"{counts.surplus} lines beyond the first {limit} of a user were dropped",)
    processed = tally.received - counts.surplus
    return Receipt(
        file=title,
        accepted=True,
        reasons=remarks,
        records_received=tally.received,
        no_trait_realized=counts.unrealized,
        records_processed=processed,
        stored_records=processed - counts.unrealized,
        realized_traits=counts.realized,
        removed_traits=removed,
    )

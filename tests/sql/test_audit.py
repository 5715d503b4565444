"""The audit log: whatever is done to an entry is told, and which one it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from engine.sql.audit import BEGINNING, Entry, canonical, digest, verify
from engine.sql.database import Database
from engine.sql.ledger import Ledger
from tests.databases import wait_until_blocked

SAID = [
    {
        "at": f"2026-11-2{day}T08:30:00+00:00",
        "user": "ann",
        "run": f"run{day}",
        "waived": ["consent"],
        "disclosed": {"audience": "é", "purpose": None, "counts": {"added": day, "removed": 0}},
    }
    for day in range(1, 5)
]


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    """Give a ledger with four entries, on each of the databases in turn."""
    with Database(database_url, work_schema=f"audit_{uuid4().hex[:8]}") as db:
        ledger = Ledger(db)
        assert ledger.audit_entries() == ()
        ledger.ensure()
        for said in SAID:
            with db.transaction() as connection:
                ledger.write_audit(connection, said)
        yield ledger


@pytest.fixture
def log() -> list[Entry]:
    """Give four entries as the log writes them."""
    found: list[Entry] = []
    for number, said in enumerate(SAID, start=1):
        text = canonical({**said, "number": number, "previous": found[-1].hash if found else BEGINNING})
        found.append(Entry(number=number, text=text, hash=digest(text)))
    return found


def test_entries_are_chained_in_the_order_they_were_written(ledger: Ledger, log: list[Entry]) -> None:
    assert list(ledger.audit_entries()) == log
    assert log[0].text.startswith('{"at":"2026-11-21T08:30:00+00:00","disclosed":{"audience":"é","counts":{"added":1,')
    assert list(verify(log)) == []


def test_what_a_transaction_takes_back_was_never_written(ledger: Ledger) -> None:
    with ledger.db.transaction() as connection:
        ledger.write_audit(connection, {"run": "gone"})
        connection.rollback()
    assert [entry.said["run"] for entry in ledger.audit_entries()] == ["run1", "run2", "run3", "run4"]


def test_two_programs_write_one_chain(postgres_url: str) -> None:
    schema = f"audit_{uuid4().hex[:8]}"
    with Database(postgres_url, work_schema=schema) as ours, Database(postgres_url, work_schema=schema) as theirs:
        first, second = Ledger(ours), Ledger(theirs)
        first.ensure()

        def write() -> None:
            with theirs.transaction() as connection:
                second.write_audit(connection, {"run": "theirs"})

        with ThreadPoolExecutor(1) as pool:
            with ours.transaction() as connection:
                first.write_audit(connection, {"run": "ours"})
                waiting = pool.submit(write)
                wait_until_blocked(postgres_url)
            waiting.result()
        found = first.audit_entries()
    assert [entry.said["run"] for entry in found] == ["ours", "theirs"]
    assert list(verify(found)) == []


def mutations(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the way to every field of a value, at every depth."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from mutations(item, (*path, key))


def changed(entry: Entry, path: tuple[Any, ...], change: Callable[[Any, Any], None]) -> str:
    said = json.loads(entry.text)
    place = said
    for key in path[:-1]:
        place = place[key]
    change(place, path[-1])
    return canonical(said)


def other(place: Any, key: Any) -> None:
    place[key] = place[key] + 1 if isinstance(place[key], int) else "other"


def gone(place: Any, key: Any) -> None:
    del place[key]


@pytest.mark.parametrize("change", [other, gone])
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_every_field_of_every_entry_is_held(log: list[Entry], number: int, change: Callable[[Any, Any], None]) -> None:
    entry = log[number - 1]
    paths = list(mutations(entry.said))
    assert len(paths) == 13
    for path in paths:
        text = changed(entry, path, change)
        forged = [*log[: number - 1], replace(entry, text=text), *log[number:]]
        assert f"entry {number} was changed" in "\n".join(verify(forged)), path
        rehashed = [*log[: number - 1], replace(entry, text=text, hash=digest(text)), *log[number:]]
        told = list(verify(rehashed, head=log[-1].hash))
        assert told, path
        assert path[0] in ("number", "previous") or told[0].startswith(
            f"entry {number} was changed or put in" if number < 4 else f"no entry has the hash {log[3].hash}"
        )


@pytest.mark.parametrize("column", ["hash", "text"])
def test_nonsense_in_a_column_is_a_change(log: list[Entry], column: str) -> None:
    for wrong in ("", "x", "[]", "null", '{"number": [1]}'):
        told = list(verify([log[0], replace(log[1], **{column: wrong}), *log[2:]]))
        assert told[0].startswith("entry 2 was changed")


@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_entry_that_is_missing_is_named(log: list[Entry], number: int) -> None:
    left = [entry for entry in log if entry.number != number]
    assert list(verify(left)) == [f"entry {number} was removed"]
    closed = [replace(entry, number=place) for place, entry in enumerate(left, start=1)]
    assert f"entry {number + 1} was moved: it stands in the place of entry {number}" in list(verify(closed))


def test_entries_that_changed_places_are_named(log: list[Entry]) -> None:
    first, second, third, fourth = log
    swapped = [first, replace(third, number=2), replace(second, number=3), fourth]
    assert list(verify(swapped)) == [
        "entry 3 was moved: it stands in the place of entry 2",
        "entry 2 was moved: it stands in the place of entry 3",
    ]


def test_an_entry_put_in_between_is_named(log: list[Entry]) -> None:
    text = canonical({**SAID[0], "number": 2, "previous": log[0].hash})
    more = [
        log[0],
        Entry(number=2, text=text, hash=digest(text)),
        *(replace(each, number=each.number + 1) for each in log[1:]),
    ]
    assert "an entry 2 was put in: there are 2" in list(verify(more))


def test_an_end_that_was_cut_off_is_told_by_a_hash_that_was_noted(log: list[Entry]) -> None:
    assert list(verify(log[:3])) == []
    assert list(verify(log[:3], head=log[3].hash)) == [
        f"no entry has the hash {log[3].hash}: since it was noted, entries at the end were removed, or the log was written anew"
    ]
    assert list(verify((), head=log[0].hash)) != []
    assert list(verify(log, head=log[1].hash)) == []


def test_what_was_about_to_leave_and_is_not_confirmed_is_named(ledger: Ledger) -> None:
    with ledger.db.transaction() as connection:
        for run, steps in {
            "done": ("sending", "delivered"),
            "cut": ("prepared", "sending"),
            "begun": ("prepared",),
        }.items():
            for step in steps:
                key = (run, "share", "1")
                connection.execute(sa.insert(ledger.effects).values((*key, step, "{}", "2026-11-23T00:00:00+00:00")))
    assert list(ledger.unconfirmed()) == [("cut", "share")]

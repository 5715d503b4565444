"""What a share writes into the audit log: one entry for each delivery, counts and no person."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from activities.connectors.experience_cloud.connection import connect
from engine.kit.errors import RetryLater
from tests.activities.audiences.test_update_shared_audience import PLAIN, SHARE, people
from tests.contract.world import World


def said(world: World) -> list[dict[str, object]]:
    return [dict(entry.said) for entry in world.ledger.audit_entries()]


@pytest.mark.contract(
    "F", "who shared how many of what, with whom, on what basis, is written down; counts, never people"
)
def test_a_share_writes_what_left_with_whom_and_on_what_basis(world: World) -> None:
    world.declare("audiences", "loyal_vip", legal_basis="consent")
    world.run(SHARE, world.everyone(), run="first")
    (entry,) = said(world)
    assert entry.pop("previous") == "0" * 64
    assert entry == {
        "number": 1,
        "at": "2026-11-23T08:30:00+00:00",
        "workflow": "w",
        "run": "first",
        "activity": "tested",
        "arrival": "1",
        "waived": [],
        "disclosed": {
            "audience": "loyal_vip", "trait": "10603116", "segment": "10603117", "data_source": "crm_id", "data_source_id": "1234",
            "purpose": "advertising", "legal_basis": "consent", "service": "audience_manager", "organization": None, "is_local": True,
            "mode": "append",
            "counts": {
                "matched": 3, "unmatched": 1, "opted_out": 4, "identifiers": 2, "ambiguous": 1, "duplicate": 1, "added": 2, "removed": 0, "kept": 0,
            },
        },
    }  # fmt: skip


def test_what_was_switched_off_is_written(offline_world: World) -> None:
    world = offline_world
    everything = "mode: replace\non_withdrawal: keep\nguard: {on_empty: allow}"
    world.run(f"{PLAIN}\n{everything}", people(world, 5, 8))
    (entry,) = said(world)
    assert entry["waived"] == ["consent", "withdrawal", "guard"]


def test_an_activity_done_again_writes_no_second_entry_and_one_with_nobody_none(offline_world: World) -> None:
    world = offline_world
    world.run(SHARE, people(world, 1), run="one")
    world.run(SHARE, people(world, 1), run="one")
    assert len(said(world)) == 1
    world.run(SHARE, people(world, 6), run="nobody_has_an_identifier")
    assert len(said(world)) == 1


def test_what_was_not_taken_is_not_written(offline_world: World) -> None:
    world = offline_world

    class Closed:
        def exists(self, _key: str) -> bool:
            return False

        def put(self, *_: object) -> None:
            raise RetryLater("the door is closed")

    real = connect(world.surroundings)
    world.connect = lambda _name: replace(real, export_store=Closed())
    with pytest.raises(RetryLater):
        world.run(SHARE, people(world, 1), run="one")
    assert said(world) == []
    assert list(world.ledger.unconfirmed()) == [("one", "tested")]
    world.connect = None
    world.now += timedelta(minutes=1)
    world.run(SHARE, people(world, 1), run="one")
    assert [entry["run"] for entry in said(world)] == ["one"]
    assert list(world.ledger.unconfirmed()) == []

"""Encrypted identifiers: the value that travels, comes back and is remembered; the same on every database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from activities.connectors.encryption import connect as encryption
from activities.connectors.experience_cloud.connection import connect
from engine.app.testing.contract import world as standard
from engine.kit.errors import AuthorError
from engine.kit.population import Inputs, Population
from tests.activities.audiences.test_update_shared_audience import (
    PLAIN,
    Breaking,
    Cut,
    hashed,
    identifiers,
    opt_out,
    people,
)
from tests.activities.connectors.test_encryption import declared
from tests.contract.world import World

CODES = {  # AES-256-CBC with the key and vector of NIST's vectors, by `openssl enc`
    "A-001": "73b7fee79d9b33aca93cc76b3b96f363",
    "B-003": "3c726bbdca189fb7451818c69f3aa4a2",
    "É-005": "6130b8f81c853558fdd5d2219c7bc2b8",
    "10": "b5160d8343cafae8efc9b02d8ae83bbb",
    "11": "0c8e3f91985c5dbfa4cb5f8b53a20e3d",
}


@pytest.fixture
def encrypting(world: World) -> World:
    world.declare("data_sources", "plain", encrypt=declared(world.folder))
    return world


@pytest.mark.contract("G", "a declared ID travels encrypted")
def test_the_encrypted_value_is_what_travels_and_what_is_remembered(encrypting: World) -> None:
    done = encrypting.run(PLAIN, people(encrypting, 1, 3, 5, 6))
    assert encrypting.rows(done["result"]) == [(1, CODES["A-001"]), (3, CODES["B-003"]), (5, CODES["É-005"])]
    assert encrypting.keys(done["complement"]) == [6]
    expected = sorted(CODES[name] for name in ("A-001", "B-003", "É-005"))
    assert identifiers(encrypting) == expected
    assert [row[1] for row in encrypting.table_rows(encrypting.ledger.memberships)] == expected
    assert not list((encrypting.folder / "staging").rglob("*.arrow"))


def test_each_of_several_identifiers_is_encrypted(encrypting: World) -> None:
    encrypting.identify("plain", "purchases.product_id")
    done = encrypting.run(PLAIN, people(encrypting, 1, 2, 3))  # 2 has opted out, and bought 10 as 1 did
    assert encrypting.rows(done["result"]) == [(1, CODES["11"])]
    assert {port: encrypting.keys(done[port]) for port in ("complement", "suppressed")} == {
        "complement": [3], "suppressed": [2],
    }  # fmt: skip
    assert identifiers(encrypting) == [CODES["11"]]


def test_who_may_not_be_shared_any_more_is_taken_out_by_the_encrypted_value(encrypting: World) -> None:
    encrypting.run(PLAIN, people(encrypting, 1, 5))
    opt_out(encrypting, 5)
    encrypting.now = encrypting.now.replace(hour=12)
    encrypting.run(PLAIN, people(encrypting, 3))
    assert [row[1] for row in encrypting.table_rows(encrypting.ledger.memberships)] == sorted(
        [CODES["A-001"], CODES["B-003"]]
    )


def test_what_comes_back_encrypted_finds_its_row(encrypting: World) -> None:
    encrypting.run(PLAIN, people(encrypting, 1, 5))
    encrypting.cloud.add_members("10603121", ["00" * 16])
    text = "type: list_import\nlist: back\naudience: by_plain\ndimension: household"
    done = encrypting.run(text)
    assert encrypting.keys(done["result"]) == [1, 5]
    assert encrypting.keys(done["unmatched"]) == ["00" * 16]


def test_a_share_done_again_sends_and_remembers_nobody_twice(encrypting: World) -> None:
    cut_off(encrypting, people(encrypting, 1, 5))
    done = encrypting.run(PLAIN, people(encrypting, 1, 5), run="one")
    assert encrypting.rows(done["result"]) == [(1, CODES["A-001"]), (5, CODES["É-005"])]
    assert identifiers(encrypting) == sorted([CODES["A-001"], CODES["É-005"]])
    assert len(encrypting.table_rows(encrypting.ledger.memberships)) == 2


def cut_off(world: World, population: Population) -> None:
    """Share in the run `one`, which dies when the store has taken the file and nobody knows it yet."""
    store = connect(world.surroundings)
    opened = {
        "experience_cloud": replace(store, export_store=Breaking(store.export_store, True)),
        "encryption": encryption(world.surroundings),
    }
    world.connect = opened.__getitem__
    with pytest.raises(Cut):
        world.run(PLAIN, population, run="one")
    world.connect = None


def test_a_plan_counts_by_a_stand_in_and_shows_nobody(encrypting: World) -> None:
    spec = encrypting.load(PLAIN, {"from": 1})
    everyone = encrypting.everyone()
    planned = spec.activities["tested"].activity.plan(Inputs({"from": [everyone]}), encrypting.catalog)  # type: ignore[attr-defined]
    shown = encrypting.rows(encrypting.keep(planned.outputs["result"]), "identifier")
    assert hashed("A-001") in shown
    assert not {"A-001", "B-003", "É-005"} & set(shown)


WRONG: list[tuple[str, str]] = [
    ("kind: declared_id, normalise: [], hash: sha256, ENCRYPT", "an identifier is either hashed or encrypted"),
    ("kind: visitor_id, ENCRYPT", "a visitor id is never encrypted"),
    ("kind: declared_id, normalise: [], hash: none, encrypt: {key: {env: K}, iv: {env: I}}", "encoding"),
    ("kind: declared_id, normalise: [], hash: none, encrypt: {key: abc, iv: {env: I}, encoding: hex}", "a secret is never"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "message"), WRONG)
def test_what_cannot_be_meant_is_refused(options: str, message: Any) -> None:
    encrypt = "encrypt: {key: {env: K}, iv: {env: I}, encoding: hex}"
    text = f"""
databases: {{default: {{url: "sqlite:///a"}}}}
dimensions: {{person: {{table: people, key: id}}}}
data_sources:
  coded: {{dimension: person, key: crm, id: "1", {options.replace("ENCRYPT", encrypt)}}}
"""
    with pytest.raises(AuthorError, match=message):
        standard.read_project(text)

"""Identity: by what a row is known outside, whether it has one identifier or several."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest
import sqlalchemy as sa

from activities.connectors.identity import steps
from engine.app.testing.contract import world as standard
from engine.kit.errors import AuthorError
from engine.kit.expression import SortKey
from tests.activities.audiences.test_update_shared_audience import PLAIN, identifiers, last_file, later, opt_out, people
from tests.contract.world import World

VECTORS = json.loads((Path(__file__).parents[2] / "data" / "email_hash_vectors.json").read_text(encoding="utf-8"))
TRIMMED_AND_LOWERED = {
    **{each["input"]: each["sha256_of_trim_lower"] for each in VECTORS["published"]},
    **{each["input"]: each["sha256_trim_lower"] for each in VECTORS["edge"]},
    # Ours lowers one character for one; a browser makes two of this one.
    "İstanbul@example.com": sha256(b"istanbul@example.com").hexdigest(),
}
AS_GIVEN = {each["normalised"]: each["sha256"] for each in VECTORS["published_other"]}


@pytest.mark.parametrize(("normalise", "published"), [(("trim", "lower"), TRIMMED_AND_LOWERED), ((), AS_GIVEN)])
def test_published_digests_are_met(world: World, normalise: tuple[str, ...], published: dict[str, str]) -> None:
    world.identify("crm_id", "crm_id", normalise=normalise)
    source = world.project.sections["data_sources"]["crm_id"]
    digests = [steps(world.db.dialect, sa.literal(text, sa.String()), source)[-1][1] for text in published]
    with world.db.transaction() as connection:
        assert tuple(connection.execute(sa.select(*digests)).one()) == tuple(published.values())


def test_a_row_may_have_several_identifiers_and_each_is_sent_once(world: World) -> None:
    opt_out(world)
    world.identify("plain", "purchases.product_id")
    done = world.run(PLAIN, people(world, 1, 2, 3, 5, 6))
    assert world.rows(done["result"]) == [(1, "10"), (2, "10"), (5, "12")]
    assert (world.keys(done["complement"]), world.keys(done["suppressed"])) == ([3, 6], [])
    assert identifiers(world) == ["10", "11", "12"]


def test_a_share_reports_what_matched_by_rows_and_by_identifiers(world: World) -> None:
    world.identify("plain", "purchases.product_id")
    opt_out(world, 4)
    world.run(PLAIN, people(world, 1, 2, 3, 4, 5, 6), run="told")
    steps = world.ledger.steps(("told", "tested", "1"))
    names = ("matched", "unmatched", "opted_out", "identifiers", "ambiguous", "duplicate")
    told = {**steps["prepared"], **steps["sending"]}
    # 10 was bought by 1 and by 2; 3 and 6 have no product, 4 has opted out
    assert [told[name] for name in names] == [3, 2, 1, 3, 1, 1]


def test_of_several_identifiers_those_leave_that_nobody_bears_who_may_not(world: World) -> None:
    world.identify("plain", "purchases.product_id")
    done = world.run(PLAIN, people(world, 1, 2, 5))  # 2 has opted out, and bought what 1 bought too
    assert world.rows(done["result"]) == [(1, "11"), (5, "12")]
    assert world.keys(done["suppressed"]) == [2]
    assert identifiers(world) == ["11", "12"]


def test_a_row_all_of_whose_identifiers_others_keep_back_is_suppressed(world: World) -> None:
    world.identify("plain", "purchases.product_id")
    opt_out(world, 1)
    done = world.run(PLAIN, people(world, 1, 2))
    assert ({port: world.keys(rows) for port, rows in done.items()}) == {
        "result": [], "complement": [], "suppressed": [1, 2],
    }  # fmt: skip


def test_a_path_goes_on_behind_the_link(world: World) -> None:
    world.identify("plain", "purchases.product.name", normalise=("lower",))
    world.run(PLAIN, people(world, 1, 5))
    assert identifiers(world) == ["coffee", "lamp", "thé vert"]


@pytest.mark.parametrize(("order", "kept"), [("purchased_at", "11"), ("-purchased_at", "10"), ("", "10")])
def test_one_of_several_identifiers_is_kept_by_an_order(world: World, order: str, kept: str) -> None:
    world.identify("plain", "purchases.product_id", keep="1", order=(SortKey(order),) if order else ())
    done = world.run(PLAIN, people(world, 1, 3))
    assert (world.rows(done["result"]), world.keys(done["complement"])) == ([(1, kept)], [3])
    assert identifiers(world) == [kept]


SEVERAL = """
databases: {default: {url: "sqlite:///a"}}
dimensions: {person: {table: people, key: id}}
data_sources:
  ecid: {kind: visitor_id, dimension: person, key: visits.ecid, keep: 1, order: -seen_at, id: "1"}
"""


def test_an_order_without_one_to_keep_is_refused() -> None:
    (kept,) = standard.read_project(SEVERAL).sections["data_sources"].values()
    assert (kept.keep, kept.order) == ("1", (SortKey("-seen_at"),))
    with pytest.raises(
        AuthorError, match=r"project.yaml:5:72: E105 .*an order decides nothing where all identifiers are kept"
    ):
        standard.read_project(SEVERAL.replace("keep: 1, ", ""))


def test_of_several_identifiers_each_is_taken_out_again(world: World) -> None:
    world.identify("plain", "purchases.product_id")
    world.run(PLAIN, people(world, 1, 5), run="one")
    opt_out(world, 5)
    later(world, PLAIN, 8)
    assert last_file(world) == [("12", "d_unsid=10603120")]
    later(world, f"{PLAIN}\nmode: replace", 2, run="last")
    assert last_file(world) == [("10", "d_sid=10603120"), ("11", "d_unsid=10603120")]


def test_a_data_source_that_is_not_valid_for_the_service_is_refused(offline_world: World) -> None:
    offline_world.declare("data_sources", "plain", valid_for=("target", "people"))
    said = (
        "A011 the data source 'plain' is valid for target, people, and the audience 'by_plain' goes to audience_manager"
    )
    with pytest.raises(AuthorError, match=said):
        offline_world.run(PLAIN, people(offline_world, 1))
    offline_world.declare("data_sources", "plain", valid_for=("target", "audience_manager"))
    offline_world.run(PLAIN, people(offline_world, 1))
    assert identifiers(offline_world) == ["A-001"]

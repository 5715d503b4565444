"""Shares in several files over each kind of store, cut off at every step: what stands there at the end is right."""

from __future__ import annotations

import gzip
from datetime import timedelta

import pytest

from tests.activities.audiences.test_delivery import AFTER, BEFORE, InTraits, known_as, remembered, share
from tests.activities.audiences.test_update_shared_audience import Cut
from tests.activities.connectors.object_store.conftest import Kept
from tests.contract.world import World


def lines(kept: Kept) -> list[tuple[str, str]]:
    """Read all files, oldest name first: each identifier, and whether the trait is given or taken."""
    files = sorted(kept.objects().items(), key=lambda file: file[0].rpartition("/")[2])
    written = [line.split("\t") for _, content in files for line in gzip.decompress(content).decode().splitlines()]
    return [(identifier, said.partition("=")[0]) for identifier, said in written]


@pytest.mark.parametrize("is_taken", [False, True], ids=["before", "after"])
def test_a_share_cut_off_at_every_step_leaves_each_line_once(offline_world: World, kept: Kept, is_taken: bool) -> None:
    offline_world.identify("plain", "'c-' || to_string(household_id)")
    whole = InTraits(world=offline_world, store=kept.store)
    share(whole, "one", *BEFORE)
    assert (len(kept.objects()), {said for _, said in lines(kept)}) == (3, {"d_sid"})

    for number in range(whole.calls):
        offline_world.now += timedelta(hours=1)
        before, keys = len(lines(kept)), AFTER if number % 2 == 0 else BEFORE
        gone = known_as(*BEFORE, *AFTER) - known_as(*keys)
        cut = InTraits(world=offline_world, store=kept.store, cut_at=number, is_taken=is_taken)
        with pytest.raises(Cut):
            share(cut, f"cut {number}", *keys, replaces=True)
        share(InTraits(world=offline_world, store=kept.store), f"cut {number}", *keys, replaces=True)
        added = lines(kept)[before:]
        assert sorted(added) == sorted(
            [*((each, "d_sid") for each in known_as(*keys)), *((each, "d_unsid") for each in gone)]
        )
        assert remembered(offline_world) == known_as(*keys)

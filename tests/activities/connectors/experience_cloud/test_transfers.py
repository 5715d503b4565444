"""Which transfers an import takes: full ones, increments, gaps."""

from __future__ import annotations

import pytest

from activities.connectors.conventions import Conventions
from activities.connectors.experience_cloud.transfers import Choice, Transfer, choose
from engine.kit.errors import DataError


def sent(*names: str) -> list[Transfer]:
    """Read `f1` as a full transfer of the moment 1, `i2` as an increment of the moment 2; `i2?` is not there whole."""
    return [
        Transfer(stamp=int(name[1:].rstrip("?")), mode="full" if name[0] == "f" else "iter", keys=(name,), is_complete="?" not in name)
        for name in names
    ]  # fmt: skip


def chosen(names: str, *taken: int) -> tuple[str, str, tuple[int, ...]]:
    choice = choose(sent(*names.split()), taken)
    return " ".join(choice.full), " ".join(choice.changes), choice.taken


@pytest.mark.contract("C2", "a full file is the complete state")
def test_the_newest_full_transfer_and_what_changed_since_are_everybody() -> None:
    assert chosen("i5 f1 i4 f3 i2") == ("f3", "i4 i5", (3, 4, 5))


@pytest.mark.contract("C4", "files come about 14:00 UTC, sometimes two the next day")
@pytest.mark.contract("G", "which files were read is remembered")
def test_what_was_taken_is_not_taken_again() -> None:
    assert chosen("f3 i4 i5 i6 i7", 3, 4, 5) == ("", "i6 i7", (3, 4, 5, 6, 7))
    assert chosen("f3 i4 i5", 3, 4, 5) == ("", "", (3, 4, 5))
    assert chosen("f1 f3", 3) == ("", "", (3,))
    assert chosen("f3 i4 f5 i6", 3, 4) == ("f5", "i6", (5, 6))


def test_an_increment_waits_for_the_one_before_it_and_a_full_transfer_does_not() -> None:
    assert chosen("f1 i2 i3? i4", 1) == ("", "i2", (1, 2))
    assert chosen("f1 i2 i3? i4 f5") == ("f5", "", (5,))
    assert chosen("f1 f2? i3") == ("f1", "i3", (1, 3))
    awaited = choose(sent("f1", "i3?", "i2?", "i4"), (1,)).awaited
    assert awaited is not None
    assert awaited.stamp == 2


@pytest.mark.contract("C2", "the first incremental file is a full one")
def test_without_a_full_transfer_the_oldest_increment_begins() -> None:
    assert choose(sent("i3", "i2"), ()) == Choice(changes=("i2", "i3"), first=1, taken=(0, 2, 3))
    assert chosen("i2 i3 i4", 0, 2, 3) == ("", "i4", (0, 2, 3, 4))
    assert chosen("i2? i3") == ("", "", ())
    assert choose(sent("i2"), (), Conventions(first_is_everybody=False)) == Choice(taken=())
    assert chosen("") == ("", "", ())


def test_an_increment_that_comes_late_is_applied_where_it_belongs() -> None:
    assert chosen("f1 i2 i3 i4", 1, 2, 4) == ("f1", "i2 i3 i4", (1, 2, 3, 4))
    assert chosen("f1 i2 i3? i4", 1, 2, 4) == ("", "", (1, 2, 4))
    assert chosen("f1 i2 i3 f5", 1, 2, 4) == ("f5", "", (5,))


@pytest.mark.parametrize(("names", "taken"), [("i3 i4", (1, 2, 4)), ("f1 i3 i4", (1, 2, 4)), ("i1 i2 i3", (0, 2, 3))])
def test_a_late_increment_that_cannot_be_applied_where_it_belongs_is_refused(names: str, taken: tuple[int, ...]) -> None:  # fmt: skip
    with pytest.raises(DataError, match="came when that of 1970-01-01 00:00 UTC had been taken") as caught:
        chosen(names, *taken)
    assert caught.value.fix == "have a full transfer sent, which the next run takes"


def test_full_transfers_whose_names_say_no_time_are_taken_each_time() -> None:
    assert chosen("f0", 0) == ("f0", "", (0,))

from decimal import Decimal

import pytest

from engine.lang.spec import Guard
from engine.runs.guard import GuardTrip, hold, unheld


@pytest.mark.parametrize(
    ("guard", "count", "baseline", "message"),
    [
        (Guard(min=10), 9, None, "9 rows are fewer than the guard's min of 10"),
        (Guard(max=10), 11, None, "11 rows are more than the guard's max of 10"),
        (Guard(max_drop=Decimal(20)), 79, 100, "79 rows are 21.0% fewer than the last run's 100; the guard allows 20%"),
        (
            Guard(max_rise=Decimal(50)),
            151,
            100,
            "151 rows are 51.0% more than the last run's 100; the guard allows 50%",
        ),
        (
            Guard(max_rise=Decimal(10)),
            1,
            0,
            "1 rows are more than the last run's 0; the guard allows a rise of 10%",
        ),
        (Guard(on_empty="fail"), 0, None, "0 rows would be written"),
    ],
)
def test_a_guard_trips_and_says_by_how_much(guard: Guard, count: int, baseline: int | None, message: str) -> None:
    with pytest.raises(GuardTrip) as caught:
        hold(guard, count, baseline=baseline, replaces=False)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("guard", "count", "baseline"),
    [
        (None, 0, None),
        (Guard(min=10, max=10), 10, None),
        (Guard(max_drop=Decimal(20)), 80, 100),
        (Guard(max_rise=Decimal(50)), 150, 100),
        (Guard(max_drop=Decimal(20)), 1, None),
        (Guard(max_drop=Decimal(20), max_rise=Decimal(0)), 0, 0),
        (Guard(on_empty="allow"), 0, None),
    ],
)
def test_a_guard_passes_at_its_bounds_and_without_a_baseline(
    guard: Guard | None, count: int, baseline: int | None
) -> None:
    assert hold(guard, count, baseline=baseline, replaces=False) == "pass"


def test_what_replaces_fails_on_nothing_unless_told_otherwise() -> None:
    with pytest.raises(GuardTrip):
        hold(None, 0, baseline=None, replaces=True)
    assert hold(Guard(on_empty="allow"), 0, baseline=None, replaces=True) == "pass"
    assert hold(Guard(on_empty="skip"), 0, baseline=None, replaces=True) == "skip"


def test_bounds_that_could_not_be_held_are_named() -> None:
    guard = Guard(min=1, max_drop=Decimal(20), max_rise=Decimal(50))
    assert unheld(guard, None) == {
        "guard": "no earlier run with these variables succeeded, so max_drop and max_rise passed"
    }
    assert (unheld(guard, 0), unheld(Guard(min=1), None), unheld(None, None)) == ({}, {}, {})

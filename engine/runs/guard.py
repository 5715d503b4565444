"""Guards: bounds on a count, held before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from engine.kit.errors import AudienceflowError
from engine.lang.spec import Guard


class GuardTrip(AudienceflowError):
    """A guard forbids going on; nothing was written."""


Verdict = Literal["pass", "skip"]


def hold(guard: Guard | None, count: int, *, baseline: int | None, replaces: bool) -> Verdict:
    """Hold a guard against the count that is about to be written.

    Raises GuardTrip with the bound and by how much it is missed; gives `skip` where the author wants 0 rows to skip the effect.
    What replaces something fails on 0 rows unless the author writes otherwise. A missing baseline passes, see `unheld`; on one
    of 0 any row is a rise beyond every bound.
    """
    on_empty = (guard.on_empty if guard else None) or ("fail" if replaces else "allow")
    if count == 0 and on_empty != "allow":
        if on_empty == "skip":
            return "skip"
        raise GuardTrip("0 rows would be written", "see why nothing arrives, or write 'guard: {on_empty: allow}'")
    if guard is None:
        return "pass"
    if guard.min is not None and count < guard.min:
        raise GuardTrip(f"{count:,} rows are fewer than the guard's min of {guard.min:,}", "see why, or lower 'min'")
    if guard.max is not None and count > guard.max:
        raise GuardTrip(f"{count:,} rows are more than the guard's max of {guard.max:,}", "see why, or raise 'max'")
    if baseline == 0 and count and guard.max_rise is not None:
        raise GuardTrip(
            f"{count:,} rows are more than the last run's 0; the guard allows a rise of {guard.max_rise}%",
            "see why, or leave 'max_rise' out for this run",
        )
    if baseline:
        change = Decimal(count - baseline) * 100 / baseline
        if guard.max_drop is not None and -change > guard.max_drop:
            raise GuardTrip(
                f"{count:,} rows are {-change:.1f}% fewer than the last run's {baseline:,}; the guard allows {guard.max_drop}%",
                "see why, or raise 'max_drop'",
            )
        if guard.max_rise is not None and change > guard.max_rise:
            raise GuardTrip(
                f"{count:,} rows are {change:.1f}% more than the last run's {baseline:,}; the guard allows {guard.max_rise}%",
                "see why, or raise 'max_rise'",
            )
    return "pass"


def unheld(guard: Guard | None, baseline: int | None) -> Mapping[str, str]:
    """Say to a person which bounds passed because there is no count to hold them against."""
    bounds = [name for name in ("max_drop", "max_rise") if getattr(guard, name, None) is not None]
    if not bounds or baseline is not None:
        return {}
    return {"guard": f"no earlier run with these variables succeeded, so {' and '.join(bounds)} passed"}

"""The transfers of a destination, and which of them an import takes.

Adobe, Audience Manager documentation, "Receive Audience Data": a full transfer is the complete state, an incremental one the changes
since the transfer before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import takewhile
from typing import Literal

from activities.connectors.conventions import CONVENTIONS, Conventions
from engine.kit.errors import DataError

NOBODY = 0
"""Stands for a first transfer that is none: increments from the very first on change an audience that had nobody."""


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """Files that were sent together. `stamp` is in milliseconds, 0 where their names do not say it; `keys` are in their order."""

    stamp: int
    mode: Literal["full", "iter"]
    keys: tuple[str, ...]
    is_complete: bool = True

    @property
    def time(self) -> str:
        return shown(self.stamp)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What an import takes: files with all members, then files with changes, each in their order.

    With neither a full transfer nor one taken before, the `first` of the changes are the first there ever were. `taken` are the
    stamps of all transfers that make up the members then; it begins with the full one, or with `NOBODY`.
    """

    full: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    first: int = 0
    taken: tuple[int, ...]
    awaited: Transfer | None = None
    """The oldest transfer, newer than those taken, that is not there whole."""

    @property
    def keys(self) -> tuple[str, ...]:
        return self.full + self.changes


def choose(transfers: Iterable[Transfer], taken: Sequence[int], conventions: Conventions = CONVENTIONS) -> Choice:
    """Choose what to take, when those of `taken` have been taken before.

    That is the newest full transfer, where it is newer than all of them, and every increment after it, else every increment after
    them; an increment waits for the one before it. An increment that came late is not applied to what followed it: everything is
    taken anew from the newest full transfer on. Raises DataError where there is none to begin from.
    """
    known = sorted(transfers, key=lambda transfer: transfer.stamp)
    full = next((each for each in reversed(known) if each.mode == "full" and each.is_complete), None)
    late = next((each for each in known if _is_late(each, taken)), None)
    if late is not None and not _can_begin(full, known, taken):
        raise DataError(
            f"the incremental transfer of {late.time} came when that of {shown(taken[-1])} had been taken, and no full one to begin anew is there",
            "have a full transfer sent, which the next run takes",
        )
    if full is not None and (not taken or not full.stamp or full.stamp > taken[-1] or late is not None):
        begun: tuple[int, ...] = (full.stamp,)
        first = full.keys
    else:
        begun, first = tuple(taken) or (NOBODY,), ()
    newer = [each for each in known if each.stamp > begun[-1]]
    following = [*takewhile(lambda each: each.is_complete, (each for each in newer if each.mode == "iter"))]
    is_first = begun == (NOBODY,) and not first and following
    if is_first and not conventions.first_is_everybody:
        return Choice(taken=())
    return Choice(
        full=first, changes=tuple(key for each in following for key in each.keys), first=len(following[0].keys) if is_first else 0,
        taken=begun + tuple(each.stamp for each in following) if first or following else tuple(taken),
        awaited=next((each for each in newer if not each.is_complete), None),
    )  # fmt: skip


def moment(stamp: int) -> datetime:
    """Give the time of a stamp."""
    return datetime.fromtimestamp(stamp / 1000, UTC)


def shown(stamp: int) -> str:
    """Give the time of a stamp as a person reads it."""
    return f"{moment(stamp):%Y-%m-%d %H:%M} UTC"


def _is_late(transfer: Transfer, taken: Sequence[int]) -> bool:
    """Say that a transfer lies between those taken, and is none of them."""
    is_between = bool(taken) and taken[0] < transfer.stamp < taken[-1]
    return is_between and transfer.mode == "iter" and transfer.is_complete and transfer.stamp not in taken


def _can_begin(full: Transfer | None, known: Iterable[Transfer], taken: Sequence[int]) -> bool:
    """Say that all increments taken after a full transfer are still there."""
    there = {each.stamp for each in known if each.is_complete}
    return full is not None and all(stamp in there for stamp in taken if stamp > full.stamp)

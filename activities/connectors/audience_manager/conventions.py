"""What Adobe's pages leave open or contradict, and what is chosen: one place to choose anew."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Conventions:
    """Choices where the contract is silent. Each says which page it stands against."""

    part_bytes: int = 1_000_000_000
    """A file is split after so many bytes, unpacked: within the best size of the inbound pages, and packed within the least limit of all."""
    packed_bytes: int = 3_000_000_000
    """The largest packed file; the page on compression says 1 GB."""
    plain_bytes: int = 5_000_000_000
    clears: bool = True
    """In an overwrite file an identifier without traits takes all of them away (Adobe's partner site alone says so)."""
    timestamp: Literal["milliseconds", "seconds"] = "milliseconds"
    """What `<TIMESTAMP>` is in an outbound name: the page on names has 13 digits, the page on macros 10."""
    measured: Literal["delivered", "unpacked"] = "delivered"
    """What size and md5 of a transfer control file are of; no page says."""
    trait_wait: timedelta = timedelta(hours=4)
    """How long after a trait is made the first file waits; the page on qualification says about 4 hours."""
    first_is_everybody: bool = True
    """The first incremental file of a destination has all members (seen at others who receive such files; no page of Adobe's says so)."""


CONVENTIONS = Conventions()

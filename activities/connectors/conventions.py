"""What Adobe's pages leave open or contradict, and what is chosen: one place to choose anew."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from engine.kit.option import Duration, Flag, Integer, Options, option


class Conventions(Options):
    """Choices where Adobe's pages are silent, or contradict each other."""

    part_bytes: Integer = option(
        "A share is split into files of so many bytes, unpacked; the inbound pages call up to 1 GB the best size.",
        default=1_000_000_000,
        example="250000000",
        ge=1,
    )
    packed_bytes: Integer = option(
        "The largest packed file that `inspect` calls valid; the page on compression says 1 GB.",
        default=3_000_000_000,
        example="1000000000",
        ge=1,
    )
    plain_bytes: Integer = option(
        "The largest file that `inspect` calls valid, not packed.", default=5_000_000_000, example="1000000000", ge=1
    )
    clears: Flag = option(
        "In an overwrite file an identifier without traits takes all of them away (Adobe's partner site alone says so).",
        default=True,
        example="false",
    )
    timestamp: Literal["milliseconds", "seconds"] = option(
        "What `<TIMESTAMP>` is in an outbound name: the page on names has 13 digits, the page on macros 10.",
        default="milliseconds",
        example="seconds",
    )
    measured: Literal["delivered", "unpacked"] = option(
        "What size and md5 of a transfer control file are of; no page says.", default="delivered", example="unpacked"
    )
    trait_wait: Duration = option(
        "How long after a trait is made the first file waits; the page on qualification says about 4 hours.",
        default=timedelta(hours=4),
        example="0s",
    )
    first_is_everybody: Flag = option(
        "The first incremental file of a destination has all members (seen at others who receive such files; no page says so).",
        default=True,
        example="false",
    )


CONVENTIONS = Conventions()

"""ID-sync files: which identifiers are the same user's.

Adobe, Audience Manager documentation, "Name and Content Requirements for ID Synchronization Files"; people-based destinations.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from activities.connectors.audience_manager.identifiers import (
    AUDIENCE_MANAGER,
    GLOBAL_DATA_SOURCES,
    VISITOR_ID,
    WRONG_DECLARED_ID,
    fault,
)
from activities.connectors.audience_manager.lines import Line, crowds, read_lines
from activities.connectors.audience_manager.problem import Parsed, Problem, dropped
from activities.connectors.audience_manager.writing import WrittenFile, write_lines
from activities.connectors.conventions import CONVENTIONS, Conventions
from engine.kit.errors import DataError

if TYPE_CHECKING:  # Arrow is heavy, and naming a file needs none
    import pyarrow as pa

Prefix = Literal["adobe_id", "c2c_id"]
HASHES_PER_CUSTOMER = 10

_NAME = re.compile(
    r"(?P<prefix>(?:adobe_id_)?(?:c2c_id_)?)(?P<master>[0-9]+)(?P<others>(?:_[0-9]+)+)_(?P<second>[0-9]{9,20})"
    r"\.(?P<mode>[a-z]+)(?:\.(?P<split>[0-9]{1,9}))?(?P<gz>\.gz)?"
)
_ENCODED = re.compile("%[0-9A-Fa-f]{2}")
_SHA256 = "[0-9a-f]{64}"


@dataclass(frozen=True, kw_only=True)
class IdSyncName:
    """What the name of an ID-sync file says: the data source of each column, the master's first. `second` is UNIX time.

    `adobe_id` joins devices to other ids, `c2c_id` customers to hashed e-mail addresses.
    """

    data_sources: tuple[str, ...]
    second: int
    prefixes: tuple[Prefix, ...] = ("adobe_id",)
    split: int | None = None
    is_compressed: bool = True

    def __str__(self) -> str:
        split = f".{self.split}" if self.split is not None else ""
        words = [*self.prefixes, *self.data_sources, f"{self.second:010d}"]
        return f"{'_'.join(words)}.sync{split}{'.gz' if self.is_compressed else ''}"


@dataclass(frozen=True, kw_only=True, slots=True)
class IdSyncRecord:
    """A row: an identifier for each data source of the name, in its order."""

    identifiers: tuple[str, ...]


def write_id_sync(
    path: Path, name: IdSyncName, batches: Iterable[pa.RecordBatch], conventions: Conventions = CONVENTIONS
) -> tuple[WrittenFile, ...]:
    """Write a row of identifiers a line, with tabs between; in parts where it grows too large.

    The batches have a column of text, without nulls, for each data source of the name. Raises DataError, with nothing at `path`, when
    identifiers are such as Adobe does not process, or there are none.
    """
    wrong = 0

    def lines() -> Iterator[pa.LargeStringArray]:
        from activities.connectors.files.records import done_ahead  # numpy is heavy, and naming a file needs none

        nonlocal wrong
        for written, found in done_ahead(partial(_compose, each, name) for each in batches):
            wrong += found
            yield written
        if wrong:
            raise DataError(
                f"{wrong:,} identifiers are not of their data source, or would not be processed",
                "send 38 digits for Audience Manager, devices as they are, hashed e-mail addresses as lower-case SHA-256, "
                "and no ':', '@', '%' or blank at the end",
            )

    return write_lines(path, lines(), conventions)


def _compose(batch: pa.RecordBatch, name: IdSyncName) -> tuple[pa.LargeStringArray, int]:
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = [column.cast(pa.large_string()) for column in batch.columns]
    wrong = 0
    for place, (column, source) in enumerate(zip(columns, name.data_sources, strict=True)):
        wanted = _pattern(name, place, source)
        is_wrong = (
            pc.match_substring_regex(column, f"{WRONG_DECLARED_ID}|%[0-9A-F]{{2}}")
            if wanted is None
            else pc.invert(pc.match_substring_regex(column, f"^(?:{wanted})$"))
        )
        wrong += pc.sum(is_wrong).as_py() or 0
    tab, end, nothing = (pa.scalar(text, pa.large_string()) for text in ("\t", "\n", ""))
    written = columns[0]
    for column in columns[1:]:
        written = pc.binary_join_element_wise(written, column, tab)
    return pc.binary_join_element_wise(written, end, nothing), wrong


def _pattern(name: IdSyncName, place: int, source: str) -> str | None:
    """Give what a column's identifiers must match; None for those of a customer's own."""
    if "c2c_id" in name.prefixes and place > 0:
        return _SHA256
    if source == AUDIENCE_MANAGER:
        return VISITOR_ID.strip("^$")
    return GLOBAL_DATA_SOURCES[source][0] if source in GLOBAL_DATA_SOURCES else None


def read_id_sync_name(name: str) -> tuple[IdSyncName | None, tuple[Problem, ...]]:
    """Read the name of an ID-sync file, with what is wrong with it. None when it is no such name."""
    match = _NAME.fullmatch(name.rpartition("/")[2])
    if match is None:
        message = "the name is not [adobe_id_|c2c_id_]<data source>_<data source>…_<10 digits>.sync[.<part>][.gz]"
        return None, (Problem(code="name", message=message),)
    problems = []
    if match["mode"] != "sync":
        problems.append(Problem(code="mode", message="an ID-sync file is always .sync"))
    if len(match["second"]) != 10:
        problems.append(
            Problem(code="timestamp", message=f"the time has {len(match['second'])} digits, and must have 10")
        )
    prefixes: list[Prefix] = [each for each in ("adobe_id", "c2c_id") if f"{each}_" in match["prefix"]]
    if prefixes == ["adobe_id"] and match["master"] != AUDIENCE_MANAGER and match["master"] not in GLOBAL_DATA_SOURCES:
        message = "the first column should hold device ids (0 or a global data source); Adobe's page has both rules"
        problems.append(Problem(code="master", message=message, severity="warning"))
    found = IdSyncName(
        data_sources=(match["master"], *match["others"].strip("_").split("_")), second=int(match["second"]),
        prefixes=tuple(prefixes), split=int(match["split"]) if match["split"] else None, is_compressed=bool(match["gz"]),
    )  # fmt: skip
    return found, tuple(problems)


def read_id_sync(path: Path, name: IdSyncName) -> Iterator[Parsed]:
    """Read the rows of an ID-sync file. Raises Unpackable when it is packed and damaged."""
    is_customers = "c2c_id" in name.prefixes
    counted = crowds(path, HASHES_PER_CUSTOMER) if is_customers else None
    for line in read_lines(path):
        if line.problem is not None:
            yield Parsed(line=line.number, problems=(line.problem,))
            continue
        parsed = parse_row(line, name)
        if counted is not None and parsed.record is not None and counted.is_beyond(parsed.record.identifiers[0]):
            message = f"the customer has {HASHES_PER_CUSTOMER} hashed addresses before this one; only the latest {HASHES_PER_CUSTOMER} stay"
            extra = Problem(line=line.number, code="hashes_per_customer", message=message, severity="warning")
            parsed = Parsed(line=line.number, record=parsed.record, problems=(*parsed.problems, extra))
        yield parsed


def parse_row(line: Line, name: IdSyncName) -> Parsed:
    """Read one row."""
    number, text = line.number, line.text
    if text[-1:].isspace():
        return dropped(number, "trailing_blank", "the row ends with a tab or blank, and is not processed")
    identifiers = text.split("\t")
    if len(identifiers) != len(name.data_sources):
        message = f"the row has {len(identifiers)} identifiers, and the name {len(name.data_sources)} data sources"
        return dropped(number, "columns", message)
    for place, (identifier, source) in enumerate(zip(identifiers, name.data_sources, strict=True)):
        wrong = fault(identifier, source)
        if wrong is None and "c2c_id" in name.prefixes and place > 0 and not re.fullmatch(_SHA256, identifier):
            wrong = "hash", "it is no SHA-256 in lower-case hex"
        if wrong is None and _ENCODED.search(identifier):
            wrong = "encoded", "the identifier is URL-encoded; it must stand as it is"
        if wrong is not None:
            return dropped(number, wrong[0], f"column {place + 1}: {wrong[1]}")
    return Parsed(line=number, record=IdSyncRecord(identifiers=tuple(identifiers)))

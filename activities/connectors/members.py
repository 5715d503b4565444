"""The members of a shared audience, as its transfers say: all of them, or what changed since a run before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa

from activities.connectors import audience_manager
from activities.connectors.experience_cloud import AudienceSettings, DataSourceSettings
from activities.connectors.experience_cloud.transfers import Choice, choose, moment, shown
from engine.kit.context import Context
from engine.kit.errors import DataError, NotYet
from engine.kit.population import Population
from engine.kit.types import INTEGER, TEXT

if TYPE_CHECKING:  # Arrow is heavy, and a plan reads no file
    import pyarrow as pa

IDENTIFIER = "identifier"
HOUR = timedelta(hours=1)
PAUSE = timedelta(minutes=30)
"""After so long somebody who waits for a transfer looks again: longer than a run waits in its process, so it is left waiting."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """What is to be done while there is nothing new, and how old the newest transfer may be."""

    when_no_file: Literal["keep", "fail", "wait"]
    stale_after: timedelta | None


@dataclass(frozen=True, kw_only=True)
class Members:
    """The identifiers in an audience, each once; what is said of them; and the list in which the next run finds them."""

    rows: Population
    said: Mapping[str, Any]
    remembered: Mapping[str, Population] = field(default_factory=dict)


def members(
    name: str, audience: AudienceSettings, source: DataSourceSettings, patience: Patience, ctx: Context
) -> Members:
    """Give the members of an audience by all transfers so far; those that a list was filled from before are not read again.

    The list `name` stands beside another one, which has all identifiers. A later file has the last word about an identifier; of two
    lines of one file, the one by which it left. Raises DataError, or NotYet, where there is nothing new and `patience` says so.
    """
    place = {"segment": str(audience.segment), "destination": str(source.destination)}
    cloud = ctx.connect("experience_cloud")
    kept = f"{name} (identifiers)"
    before = _taken(kept, place, ctx)

    def prepare() -> Mapping[str, Any]:
        choice = choose(cloud.transfers(place["segment"], source, before), before, cloud.conventions)
        _hold(choice, before, source, patience, ctx)
        counts = {"full": len(choice.full), "first": choice.first}
        return {"files": list(choice.keys), "cursor": {**place, **counts, "after": _texts(before), "transfers": _texts(choice.taken)}}  # fmt: skip

    prepared = ctx.step("prepared", prepare)
    cursor = prepared["cursor"]
    if _texts(before) not in (cursor["after"], cursor["transfers"]):
        raise DataError(
            f"another run has filled the list '{name}' since this one chose its files",
            "start a new run, which goes on from there",
        )
    paths = [cloud.import_store.fetch(key, ctx.staging / key) for key in prepared["files"]]
    rows, duplicate = _read(paths, cursor, ctx.catalog.lists.get(kept) if before else None, source, ctx)
    newest = int(cursor["transfers"][-1])
    said = {
        "cursor": {**place, "transfers": cursor["transfers"]}, **({"newest_transfer": shown(newest)} if newest else {}),
        "identifiers": rows.count, "duplicate": duplicate,
    }  # fmt: skip
    return Members(rows=rows, said=said, remembered={kept: rows} if paths else {})


def _texts(stamps: Sequence[int]) -> list[str]:
    """Give stamps as they are remembered: texts, which nobody takes for counts."""
    return [str(stamp) for stamp in stamps]


def _taken(kept: str, place: Mapping[str, str], ctx: Context) -> tuple[int, ...]:
    """Give the stamps of the transfers that a list of identifiers is made of."""
    cursor = (ctx.filled(kept) or {}).get("cursor", {})
    is_it = all(cursor.get(name) == value for name, value in place.items())
    return tuple(int(stamp) for stamp in cursor["transfers"]) if is_it else ()


def _hold(choice: Choice, before: Sequence[int], source: DataSourceSettings, patience: Patience, ctx: Context) -> None:
    """Hold what there is to take against the author's patience."""
    newest = choice.taken[-1] if choice.taken else 0
    where = f"destination {source.destination} and data source {source.id}"
    late = f"; that of {choice.awaited.time} is not there whole" if choice.awaited is not None else ""
    age = ctx.now() - moment(newest)
    if choice.taken and not newest and patience.stale_after is not None:
        raise DataError(
            f"the names of the files of {where} do not say when they were sent, so 'stale_after' cannot be held",
            "have <TIMESTAMP> in the template of names, or take 'stale_after' out",
        )
    if newest and patience.stale_after is not None and age > patience.stale_after:
        raise DataError(
            f"the newest transfer of {where} is of {shown(newest)}, {age // HOUR} hours ago, which is more than 'stale_after'{late}",
            "see whether Experience Cloud still sends to the destination, then resume the run",
        )
    if choice.keys:
        return
    what = f"transfer newer than that of {shown(newest)}" if newest else "complete file"
    missing = f"no {what} of {where} lies in the import_store{late}"
    if patience.when_no_file == "wait":
        raise NotYet(missing, PAUSE)
    if patience.when_no_file == "fail" or not before:
        raise DataError(
            missing,
            "wait for Experience Cloud's next export, or correct 'import_store' and 'destination' in project.yaml",
        )


def _read(
    paths: Sequence[Path], cursor: Mapping[str, Any], known: Population | None, source: DataSourceSettings, ctx: Context
) -> tuple[Population, int]:
    """Give the members, and how many lines of a full transfer name an identifier again. `known` are the members before."""
    way, full, segment, duplicate = source.came_back, cursor["full"], cursor["segment"], 0
    base = None if full or cursor["first"] else known
    if full:
        lines = ctx.load("lines", {IDENTIFIER: TEXT}, (IDENTIFIER,), (
            batch for path in paths[:full] for batch in audience_manager.read_outbound(path, segment, str(way.content), way.header_lines)
        ))  # fmt: skip
        once = lines.select().distinct().subquery()
        base = ctx.keep("members" if full == len(paths) else "once", _identifiers(once))
        duplicate = (lines.count or 0) - (base.count or 0)
    if base is not None and full == len(paths):
        return base, duplicate
    changes = ctx.load(
        "changes", {IDENTIFIER: TEXT, "mark": INTEGER}, (IDENTIFIER,), _changes(paths[full:], segment, source)
    )
    _hold_first(changes, cursor["first"], ctx)
    said = [sa.select(changes.column(IDENTIFIER), changes.column("mark"))]
    if base is not None:
        said.append(sa.select(base.column(IDENTIFIER), sa.literal(0, sa.BigInteger())))
    marks = sa.union_all(*said).subquery()
    staying = sa.select(marks.c.identifier).group_by(marks.c.identifier).having(sa.func.max(marks.c.mark) % 2 == 0)
    return ctx.keep("members", _identifiers(staying.subquery())), duplicate


def _changes(paths: Sequence[Path], segment: str, source: DataSourceSettings) -> Iterator[pa.RecordBatch]:
    way = source.came_back
    for number, path in enumerate(paths, start=1):
        yield from audience_manager.read_outbound_changes(path, segment, number, str(way.content), way.header_lines)


def _hold_first(changes: Population, first: int, ctx: Context) -> None:
    """Refuse to begin from increments of which the first takes somebody out: somebody was in before, and nobody knows who."""
    mark = changes.column("mark")
    gone = sa.select(sa.literal(1, sa.Integer()).label("some")).select_from(changes.relation)
    gone = gone.where(sa.cast(mark, sa.BigInteger) % 2 == 1, sa.cast(mark, sa.BigInteger) <= 2 * first + 1).limit(1)
    if first and any(batch.num_rows for batch in ctx.batches(gone)):
        raise DataError(
            "the oldest incremental transfer takes members out, so it is not the first, and who was in before is not known",
            "have a full transfer sent, which the next run takes",
        )


def _identifiers(relation: sa.FromClause) -> Population:
    return Population(relation=relation, key=(IDENTIFIER,), columns={IDENTIFIER: TEXT}, unique=True)

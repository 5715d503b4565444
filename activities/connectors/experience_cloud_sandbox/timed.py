"""The local Experience Cloud as Adobe runs it: hours and days pass, what is wrong is left out, mails are all that is said.

Its clock is the machine's, set ahead by as much as it was told to. What falls due is done, in its order and as of
its time, whenever somebody looks; everything is in the folder, so a process of its own, the command line and a test
may all turn to one cloud.

| when | what happens |
|---|---|
| a file comes | it is seen, at the latest when somebody looks |
| 06:00 and 18:00 UTC | all files that came are judged, in no order, and answered by mail (§A4, §A5) |
| 48 hours after a file came | what it said can be used: members come and go (§A5) |
| days after somebody was named last | they leave a trait that has a lifetime (§A4) |
| 14:00 UTC | every destination gets its files, part by part, in no order (§C4) |
| 30 days after a file came | it is removed; a file of no use when it is judged (§A5) |
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from hashlib import file_digest, md5
from pathlib import Path
from typing import Literal

from . import catalogue, control, destinations, faults, outbound, reception, staging
from .catalogue import written
from .destinations import Destination
from .sandbox import ExperienceCloudSandbox

JUDGED_AT = (time(6, tzinfo=UTC), time(18, tzinfo=UTC))
EXPORTED_AT = time(14, tzinfo=UTC)
BETWEEN_PARTS = timedelta(minutes=5)
KEPT = timedelta(days=30)

_LOCK_SECONDS = 600
_HIDDEN = "."
_REACH = "UPDATE clock SET reached = max(reached, ?)"


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A file that came: when, when it was judged, and when it was removed."""

    number: int
    key: str
    digest: str
    size: int
    at: datetime
    judged: datetime | None
    removed: datetime | None


@dataclass(frozen=True, kw_only=True)
class _Due:
    at: datetime
    do: Callable[[sqlite3.Connection, datetime], None]


class TimedSandbox:
    """The cloud over one folder. `cloud` is the same at its time now: its data sources, audiences, members, receipts.

    `inbound` and `outbound` are the folders where files are handed over and left. `real_clock` gives aware times.
    """

    def __init__(self, folder: Path, *, real_clock: Callable[[], datetime]) -> None:
        self.folder = folder
        self.inbound = folder / "inbound"
        self.outbound = folder / "outbound"
        self.cloud = ExperienceCloudSandbox(folder, clock=self.now)
        self._real_clock = real_clock
        self._leaving = folder / "leaving"
        self._receipts = folder / "receipts"
        self._catalogue = folder / "experience_cloud.sqlite"

    def now(self) -> datetime:
        """Give the time here."""
        with self._connected() as connection:
            return self._now(connection)

    def advance(self, by: timedelta) -> datetime:
        """Let time pass, with all that falls due in it; give the new time. ValueError for a time before now."""
        if by < timedelta(0):
            raise ValueError(f"{by}: time only passes forward")
        self.catch_up()  # what was handed over before, was so before the time that passes now
        with self._turn(), self._connected() as connection:
            connection.execute("UPDATE clock SET ahead = ahead + ?", (round(by.total_seconds()),))
        self.catch_up()
        return self.now()

    def catch_up(self) -> None:
        """See what came, and do all that is due."""
        with self._turn(), self._connected() as connection:
            now = self._now(connection)
            self._see(connection, now)
            while (due := self._next_due(connection)) is not None and due.at <= now:
                due.do(connection, due.at)
                connection.execute(_REACH, (written(due.at),))
            connection.execute(_REACH, (written(now),))

    def serve(self, destination: Destination) -> None:
        """Write a destination's files every day from now on; what is said of it anew holds. ValueError as `Destination` says."""
        with self._connected() as connection, catalogue.transaction(connection):
            destinations.keep(connection, destination)

    def destinations(self) -> tuple[Destination, ...]:
        """Give the destinations, by number."""
        with self._connected() as connection:
            return tuple(destination for destination, _ in destinations.read(connection))

    def fail(self, kind: str, times: int = 1) -> None:
        """Let a fault of `faults.KINDS` happen so many times from now on; 0 takes it back. ValueError on an unknown kind."""
        with self._connected() as connection:
            faults.ask(connection, kind, times)

    def fails(self, kind: str) -> bool:
        """Say whether a fault happens now; one time less is left."""
        with self._connected() as connection:
            return faults.take(connection, kind)

    def faults(self) -> dict[str, int]:
        """Give how often each fault will still happen."""
        with self._connected() as connection:
            return faults.left(connection)

    def arrivals(self) -> tuple[Arrival, ...]:
        """Give the files that came, the newest first."""
        with self._connected() as connection:
            rows = connection.execute(
                "SELECT number, key, digest, size, at, judged, removed FROM arrival ORDER BY number DESC"
            )
            return tuple(
                Arrival(
                    number=number,
                    key=key,
                    digest=digest,
                    size=size,
                    at=datetime.fromisoformat(at),
                    judged=judged and datetime.fromisoformat(judged),
                    removed=removed and datetime.fromisoformat(removed),
                )
                for number, key, digest, size, at, judged, removed in rows
            )

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        begin = "INSERT INTO clock SELECT 0, ? WHERE NOT EXISTS (SELECT 1 FROM clock)"
        with catalogue.connect(self._catalogue) as connection:
            if connection.execute("SELECT 1 FROM clock").fetchone() is None:
                connection.execute(begin, (written(self._real_clock()),))
            yield connection

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Let one thread of one process at a time move the clock; what it waits for is told by the lock of a file."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = sqlite3.connect(self.folder / "turn.sqlite", isolation_level=None, timeout=_LOCK_SECONDS)
        try:
            lock.execute("BEGIN EXCLUSIVE")
            yield
        finally:
            lock.close()

    def _now(self, connection: sqlite3.Connection) -> datetime:
        (ahead,) = connection.execute("SELECT ahead FROM clock").fetchone()
        return self._real_clock().astimezone(UTC) + timedelta(seconds=ahead)

    def _see(self, connection: sqlite3.Connection, now: datetime) -> None:
        """Note the files that lie in the inbound folder and are not known; those whose name begins with a dot are not whole yet."""
        for file in sorted(self.inbound.rglob("*")):
            key = file.relative_to(self.inbound).as_posix()
            if not file.is_file() or any(part.startswith(_HIDDEN) for part in key.split("/")):
                continue
            status = file.stat()
            latest = connection.execute(
                "SELECT size, changed FROM arrival WHERE key = ? ORDER BY number DESC LIMIT 1", (key,)
            ).fetchone()
            if latest == (status.st_size, status.st_mtime_ns):
                continue
            with file.open("rb") as content:
                digest = file_digest(content, "sha256").hexdigest()
            judged = catalogue.find_version(connection, key)  # by the cloud in somebody's process, at once
            is_judged = judged is not None and judged.digest == digest
            row = (key, digest, status.st_size, status.st_mtime_ns, written(now), written(now) if is_judged else None)
            connection.execute(
                "INSERT INTO arrival (key, digest, size, changed, at, judged) VALUES (?, ?, ?, ?, ?, ?)", row
            )

    def _next_due(self, connection: sqlite3.Connection) -> _Due | None:
        """Give what comes next; of what comes at once, members first, then judging, exports, files."""

        def first(query: str) -> datetime | None:
            (found,) = connection.execute(query).fetchone()
            return datetime.fromisoformat(found) if found else None

        (reached,) = connection.execute("SELECT reached FROM clock").fetchone()
        after = datetime.fromisoformat(reached)
        oldest = first("SELECT min(at) FROM arrival WHERE removed IS NULL")
        found = (
            (first("SELECT min(usable) FROM waiting"), staging.mature),
            (first("SELECT min(until) FROM lifetime"), staging.expire),
            (
                first("SELECT min(at) FROM arrival WHERE judged IS NULL") and _next(after, *JUDGED_AT),
                self._judge,
            ),
            (_next(after, EXPORTED_AT) if destinations.read(connection) else None, self._export),
            (first("SELECT min(at) FROM leaving"), self._leave),
            (oldest and oldest + KEPT, self._remove),
        )
        dues = [_Due(at=at, do=do) for at, do in found if at is not None]
        return min(dues, key=lambda due: due.at, default=None)

    def _judge(self, connection: sqlite3.Connection, at: datetime) -> None:
        """Judge what came since the last time: in an order that is no order, and always the same."""
        waiting = connection.execute("SELECT number, key, digest, at FROM arrival WHERE judged IS NULL").fetchall()
        for number, key, digest, came in sorted(waiting, key=lambda row: _shuffled(row[1])):
            file = self.inbound / key
            if file.is_file():
                version = reception.receive(
                    connection, file, key=key, digest=digest, now=lambda: at, arrived=datetime.fromisoformat(came)
                )
                if version.receipt.accepted:
                    reception.post(self._receipts, version)
                else:
                    file.unlink()
            gone = None if file.is_file() else written(at)
            connection.execute(
                "UPDATE arrival SET judged = ?, removed = ? WHERE number = ?", (written(at), gone, number)
            )

    def _export(self, connection: sqlite3.Connection, at: datetime) -> None:
        audiences = {audience.segment: audience for audience in catalogue.read_audiences(connection)}
        for destination, full_at in destinations.read(connection):
            mapped = [audiences[segment] for segment in destination.segments if segment in audiences]
            if not mapped or faults.take(connection, "silent_export"):
                continue
            is_full = full_at is None or at >= full_at + timedelta(days=destination.full_every) > full_at
            self._write(connection, destination, mapped, "full" if is_full else "iter", at)

    def _write(
        self,
        connection: sqlite3.Connection,
        destination: Destination,
        mapped: list[catalogue.Audience],
        mode: Literal["full", "iter"],
        at: datetime,
    ) -> None:
        """Write a destination's files aside, and say when each leaves."""
        with catalogue.transaction(connection):
            batches = outbound.export(
                connection,
                self._leaving,
                mapped,
                destination=destination.id,
                mode=mode,
                now=at,
                lines_per_file=destination.lines_per_file,
            )
            for batch in batches:
                parts = sorted(batch, key=_shuffled)
                if destination.info != "none":
                    info = control.write(self._leaving, batch, is_wrong=faults.take(connection, "wrong_md5"))
                    parts = [info, *parts] if destination.info == "before" else [*parts, info]
                if faults.take(connection, "missing_part"):
                    parts.remove(batch[-1])
                    (self._leaving / batch[-1]).unlink()
                times = (written(at + place * BETWEEN_PARTS) for place in range(len(parts)))
                connection.executemany("INSERT OR REPLACE INTO leaving VALUES (?, ?)", zip(parts, times, strict=True))
            if mode == "full":
                destinations.note_full(connection, destination, at)

    def _leave(self, connection: sqlite3.Connection, at: datetime) -> None:
        self.outbound.mkdir(parents=True, exist_ok=True)
        for (name,) in connection.execute("SELECT name FROM leaving WHERE at <= ?", (written(at),)).fetchall():
            if (self._leaving / name).exists():  # else a process was killed after it moved the file
                (self._leaving / name).replace(self.outbound / name)
            connection.execute("DELETE FROM leaving WHERE name = ?", (name,))

    def _remove(self, connection: sqlite3.Connection, at: datetime) -> None:
        old = written(at - KEPT)
        for number, key in connection.execute(
            "SELECT number, key FROM arrival WHERE removed IS NULL AND at <= ?", (old,)
        ).fetchall():
            newer = "SELECT 1 FROM arrival WHERE key = ? AND number > ?"
            if connection.execute(newer, (key, number)).fetchone() is None:
                (self.inbound / key).unlink(missing_ok=True)
            connection.execute("UPDATE arrival SET removed = ? WHERE number = ?", (written(at), number))


def _next(after: datetime, *times: time) -> datetime:
    """Give the first of these times of a day that comes after a moment."""
    days = (after.date() + timedelta(days=more) for more in (0, 1))
    return min(moment for day in days for each in times if (moment := datetime.combine(day, each)) > after)


def _shuffled(name: str) -> str:
    return md5(name.encode(), usedforsecurity=False).hexdigest()

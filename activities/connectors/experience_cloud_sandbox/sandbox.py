"""The cloud in this process, at once: for projects that say `sandbox: true`, and for tests."""

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from . import catalogue, outbound
from .catalogue import Audience, DataSource
from .receipt import Receipt
from .reception import post, receive


class ExperienceCloudSandbox:
    """The cloud over one folder; everything in it survives the process.

    `clock` gives aware times; nothing else tells the time here. Nothing is written before the first call.
    """

    def __init__(self, folder: Path, *, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._catalogue = folder / "experience_cloud.sqlite"
        self._inbound = folder / "inbound"
        self._outbound = folder / "outbound"
        self._receipts = folder / "receipts"

    def provision(self, *, data_sources: Iterable[DataSource], audiences: Iterable[Audience]) -> None:
        """Make known what Adobe's provisioning and the audience library hold; again is the same as once.

        ValueError, and nothing added, when an id has another meaning already: all conflicts, with both
        meanings.
        """
        now = self._now()
        with catalogue.connect(self._catalogue) as connection, catalogue.transaction(connection):
            faults = [catalogue.add_data_source(connection, new) for new in data_sources]
            faults += [catalogue.add_audience(connection, new, now) for new in audiences]
            if told := [fault for fault in faults if fault]:
                raise ValueError("\n".join(told))

    def data_sources(self) -> tuple[DataSource, ...]:
        """Give the provisioned data sources, by number."""
        with catalogue.connect(self._catalogue) as connection:
            return catalogue.read_data_sources(connection)

    def audiences(self) -> tuple[Audience, ...]:
        """Give the audiences, by number of their segment."""
        with catalogue.connect(self._catalogue) as connection:
            return catalogue.read_audiences(connection)

    def members(self, segment: str) -> Iterator[str]:
        """Give who is in a segment, each identifier once, in code point order; ValueError when unknown."""
        with catalogue.connect(self._catalogue) as connection:
            audience = catalogue.find_audience(connection, segment)
        return self._read_members(audience)

    def add_members(self, segment: str, identifiers: Iterable[str]) -> None:
        """Add people whom the cloud knows from elsewhere: all of them, or on an error none."""
        with catalogue.connect(self._catalogue) as connection, catalogue.transaction(connection):
            catalogue.add_members(connection, catalogue.find_audience(connection, segment), identifiers)

    def receipts(self) -> tuple[Receipt, ...]:
        """Give every judgement, in the order the files came; `receipts/` holds the same as mails."""
        with catalogue.connect(self._catalogue) as connection:
            return tuple(version.receipt for version in catalogue.read_versions(connection))

    def put(self, file: Path, key: str) -> Receipt:
        """Take a file as `[<folders>/]date=yyyy-mm-dd/<name>` and judge it at once.

        The bytes that were accepted last under this key give the same receipt and are not applied again;
        other bytes are a new version; a refused file is judged anew. A process killed in the middle has
        applied nothing or everything: put again.
        """
        if any(part in ("", ".", "..") for part in key.split("/")):
            raise ValueError(f"key {key!r}: an empty part, '.' or '..' cannot be stored")
        stored, digest = self._store(file, key)
        with catalogue.connect(self._catalogue) as connection:
            version = receive(connection, stored, key=key, digest=digest, now=self._now)
        post(self._receipts, version)
        return version.receipt

    def has_accepted(self, key: str) -> bool:
        """Say whether the file that came last under this key was accepted."""
        with catalogue.connect(self._catalogue) as connection:
            version = catalogue.find_version(connection, key)
        if version is None:
            return False
        post(self._receipts, version)  # a process killed before it had sent the mail
        return version.receipt.accepted

    def list(self, prefix: str = "") -> tuple[str, ...]:
        """Give the keys of the outbound files, sorted."""
        if not self._outbound.is_dir():
            return ()
        names = (file.name for file in self._outbound.iterdir() if not file.name.startswith("."))
        return tuple(sorted(name for name in names if name.startswith(prefix)))

    def fetch(self, key: str, to: Path) -> Path:
        """Copy an outbound file to `to`, or under its own name into it when it is a folder; give where it is.

        FileNotFoundError names the keys that exist.
        """
        keys = self.list()
        if key not in keys:
            raise FileNotFoundError(f"no outbound file {key!r}; there are: {', '.join(keys) or 'none'}")
        target = to / key if to.is_dir() else to
        unfinished = target.with_name(f".{target.name}.part")
        shutil.copyfile(self._outbound / key, unfinished)
        unfinished.replace(target)
        return target

    def export(
        self, segment: str, *, destination: str, mode: str = "full", lines_per_file: int = 5_000_000
    ) -> tuple[str, ...]:
        """Write a segment for a destination as the daily schedule would; give the keys.

        `full` is the complete state, `iter` the changes since the last export of this segment to this
        destination (all, when there was none). ValueError on an unknown segment or mode, or a destination
        that is not digits.
        """
        if mode not in ("full", "iter"):
            raise ValueError(f"mode {mode!r}; there are: full, iter")
        if not (destination.isascii() and destination.isdigit()):
            raise ValueError(f"destination {destination!r}: a destination id is digits")
        if lines_per_file < 1:
            raise ValueError(f"lines_per_file {lines_per_file}: at least 1")
        now = self._now()
        with catalogue.connect(self._catalogue) as connection, catalogue.transaction(connection):
            batches = outbound.export(
                connection,
                self._outbound,
                [catalogue.find_audience(connection, segment)],
                destination=destination,
                mode="full" if mode == "full" else "iter",
                now=now,
                lines_per_file=lines_per_file,
            )
        return tuple(name for batch in batches for name in batch)

    def _now(self) -> datetime:
        now = self._clock()
        if now.tzinfo is None:
            raise ValueError(f"the clock gave {now!r}, which has no time zone")
        return now.astimezone(UTC)

    def _read_members(self, audience: Audience) -> Iterator[str]:
        with catalogue.connect(self._catalogue) as connection:
            yield from catalogue.read_members(connection, audience)

    def _store(self, file: Path, key: str) -> tuple[Path, str]:
        """Keep the file as the object store would; give where, and the SHA-256 of its bytes."""
        stored = self._inbound / key
        stored.parent.mkdir(parents=True, exist_ok=True)
        unfinished = stored.with_name(f".{stored.name}.part")
        shutil.copyfile(file, unfinished)
        with unfinished.open("rb") as copy:
            digest = hashlib.file_digest(copy, "sha256").hexdigest()
        unfinished.replace(stored)
        return stored, digest

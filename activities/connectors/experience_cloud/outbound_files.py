"""The files Experience Cloud leaves: which of them belong together, and each held against its transfer control file.

Adobe, Audience Manager documentation, "Receive Audience Data": names, and "Transfer-Control Files".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from activities.connectors.audience_manager import transfer_control
from activities.connectors.audience_manager.lines import Unpackable
from activities.connectors.audience_manager.outbound import DEFAULT_NAME, Templates, read_outbound_name
from activities.connectors.audience_manager.transfer_control import (
    ENDING,
    differences,
    read_transfer_control,
    root,
)
from activities.connectors.conventions import CONVENTIONS, Conventions
from activities.connectors.experience_cloud.transfers import Transfer
from activities.connectors.object_store import ForwardingStore
from engine.kit.connector import ObjectStore
from engine.kit.errors import DataError, RetryLater

Mode = Literal["full", "iter"]
_MODES: Mapping[str | None, Mode] = {None: "full", "full": "full", "iter": "iter"}


class OutboundFiles(ForwardingStore):
    """The store they lie in. A fetched file whose transfer control file says something else of it is not given."""

    def __init__(self, store: ObjectStore, conventions: Conventions = CONVENTIONS) -> None:
        super().__init__(lambda: store)
        self._conventions = conventions

    def fetch(self, key: str, to: Path) -> Path:
        path = self._store.fetch(key, to)
        control = _control_of(key, self._store.list(key.rpartition("/")[0]))
        told = {file.name: file for file in self._read(control).files} if control else {}
        name = key.rpartition("/")[2]
        is_measured = self._conventions.measured == "delivered"
        if is_measured and name in told and path.stat().st_size < told[name].size:
            there = path.stat().st_size
            path.unlink()
            raise RetryLater(
                f"{key}: {there:,} of {told[name].size:,} bytes are there", "resume the run when the file is whole"
            )
        try:
            found = differences(told[name], path, self._conventions) if name in told else ()
            wrong = [problem.message for problem in found]
        except Unpackable as problem:
            wrong = [f"the file cannot be unpacked to its end: {problem}"]
        if wrong:
            path.unlink()
            raise DataError(f"{key}: {'; '.join(wrong)}", "have it sent again")
        return path

    def transfers(self, destination: str | None, data_source: str, templates: Templates, taken: Sequence[int]) -> Sequence[Transfer]:  # fmt: skip
        """Give the transfers to a destination, but for those before the first of `taken`: the stamps of those taken before.

        One is complete when all files of its transfer control file are there; without one, when its parts are numbered without a gap,
        from 0 or 1, unless the destination always sends one. One of which only the control file is there is told, too. What the
        names do not say is not asked of them. Raises DataError for increments whose names do not say when they were sent.
        """
        keys = self._store.list()
        named = _named(keys, destination, data_source, templates.name or DEFAULT_NAME, self._conventions)
        parts: dict[tuple[int, Mode], dict[int, str]] = {}
        for (stamp, mode), number, key in named:
            if not stamp or stamp >= min(taken, default=0):
                files = parts.setdefault((stamp, mode), {})
                if not key.endswith(ENDING):
                    files[number] = key
        between = [stamp for stamp, mode in parts if taken and mode == "iter" and min(taken) < stamp < max(taken)]
        is_late = any(stamp not in taken for stamp in between)
        return [
            Transfer(
                stamp=stamp, mode=mode, keys=tuple(key for _, key in sorted(files.items())),
                # what was taken is looked at again only where it may have to be taken once more
                is_complete=(stamp in taken and not is_late) or self._is_complete(files, keys, needs_control=templates.transfer_control),
            )
            for (stamp, mode), files in parts.items()  # a transfer control file may bear the other mode
            if files or all(other == mode or not parts.get((stamp, other)) for other in _MODES.values())
        ]  # fmt: skip

    def _is_complete(self, parts: Mapping[int, str], keys: Sequence[str], *, needs_control: bool) -> bool:
        if not parts:
            return False
        control = _control_of(next(iter(parts.values())), keys)
        if control is not None:
            return not self._read(control).missing(key.rpartition("/")[2] for key in parts.values())
        if needs_control:
            return False
        first = min(parts)
        return first <= 1 and sorted(parts) == list(range(first, first + len(parts)))

    def _read(self, key: str) -> transfer_control.Transfer:
        with TemporaryDirectory(prefix="audienceflow-") as folder:
            transfer, problems = read_transfer_control(self._store.fetch(key, Path(folder) / key.rpartition("/")[2]))
        if transfer is None:
            raise DataError(f"{key}: {problems[0].message}", "have the transfer sent again")
        return transfer


def _named(
    keys: Iterable[str], destination: str | None, data_source: str, template: str, conventions: Conventions
) -> Iterator[tuple[tuple[int, Mode], int, str]]:
    """Give the files of a destination, and their transfer control files, each with its moment, mode and number."""
    for key in keys:
        name = read_outbound_name(_announced(key, template), template, conventions)
        if name is None or name.mode not in _MODES:
            continue
        if name.destination in (None, destination) and name.data_source in (None, data_source):
            mode = _MODES[name.mode]
            if mode == "iter" and not name.stamp:
                raise DataError(
                    f"{key}: the name of an incremental file does not say when it was sent",
                    "have <TIMESTAMP> in the template of names, in Audience Manager and in project.yaml",
                )
            yield (name.stamp or 0, mode), name.split, key


def _announced(key: str, template: str) -> str:
    """Give the name that a file would have which a transfer control file tells of; of any other file its own."""
    return key.removesuffix(ENDING) + template.rpartition("SPLITNUM")[2] if key.endswith(ENDING) else key


def _control_of(key: str, keys: Iterable[str]) -> str | None:
    """Give the transfer control file of a file: beside it, and named as it but for mode and number."""
    folder, _, name = key.rpartition("/")
    for other in keys:
        beside, _, control = other.rpartition("/")
        if beside == folder and control.endswith(ENDING) and root(name).startswith(root(control)):
            return other
    return None

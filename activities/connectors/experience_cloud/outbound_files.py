"""The files Experience Cloud leaves: which of them belong together, and each held against its transfer control file.

Adobe, Audience Manager documentation, "Receive Audience Data": names, and "Transfer-Control Files".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
from activities.connectors.experience_cloud.transfers import Transfer
from activities.connectors.object_store import ForwardingStore
from engine.kit.connector import ObjectStore
from engine.kit.errors import DataError, RetryLater

Mode = Literal["full", "iter"]
_MODES: Mapping[str | None, Mode] = {None: "full", "full": "full", "iter": "iter"}


class OutboundFiles(ForwardingStore):
    """The store they lie in. A fetched file whose transfer control file says something else of it is not given."""

    def __init__(self, store: ObjectStore) -> None:
        super().__init__(lambda: store)

    def fetch(self, key: str, to: Path) -> Path:
        path = self._store.fetch(key, to)
        control = _control_of(key, self._store.list(key.rpartition("/")[0]))
        told = {file.name: file for file in self._read(control).files} if control else {}
        name = key.rpartition("/")[2]
        if name in told and path.stat().st_size < told[name].size:
            there = path.stat().st_size
            path.unlink()
            raise RetryLater(
                f"{key}: {there:,} of {told[name].size:,} bytes are there", "resume the run when the file is whole"
            )
        try:
            wrong = [problem.message for problem in differences(told[name], path)] if name in told else []
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
        keys, template = self._store.list(), templates.name or DEFAULT_NAME
        parts: dict[tuple[int, Mode], dict[int, str]] = {}
        announced: set[tuple[int, Mode]] = set()
        for key in keys:
            name = read_outbound_name(_announced(key, template), template)
            if (
                name is None
                or name.destination not in (None, destination)
                or name.data_source not in (None, data_source)
            ):
                continue
            mode, stamp = _MODES.get(name.mode), name.stamp or 0
            if mode == "iter" and not stamp:
                raise DataError(
                    f"{key}: the name of an incremental file does not say when it was sent",
                    "have <TIMESTAMP> in the template of names, in Audience Manager and in project.yaml",
                )
            if mode is None or (stamp and stamp < min(taken, default=0)):
                continue
            if key.endswith(ENDING):
                announced.add((stamp, mode))
            else:
                parts.setdefault((stamp, mode), {})[name.split] = key
        found = [
            Transfer(
                stamp=stamp, mode=mode, keys=tuple(key for _, key in sorted(files.items())),
                is_complete=stamp in taken or self._is_complete(files, keys, needs_control=templates.transfer_control),
            )
            for (stamp, mode), files in parts.items()
        ]  # fmt: skip
        stamps = {stamp for stamp, _ in parts}
        absent = [
            Transfer(stamp=stamp, mode=mode, keys=(), is_complete=False)
            for stamp, mode in announced
            if stamp not in stamps
        ]
        return [*found, *absent]

    def _is_complete(self, parts: Mapping[int, str], keys: Sequence[str], *, needs_control: bool) -> bool:
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

"""The files Experience Cloud leaves: which of them are the newest and complete, each held against its transfer control file.

Adobe, Audience Manager documentation, "Receive Audience Data": names, and "Transfer-Control Files".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from activities.connectors.audience_manager.lines import Unpackable
from activities.connectors.audience_manager.outbound import DEFAULT_NAME, read_outbound_name
from activities.connectors.audience_manager.transfer_control import (
    ENDING,
    Transfer,
    differences,
    read_transfer_control,
    root,
)
from activities.connectors.object_store import ForwardingStore
from engine.kit.connector import ObjectStore
from engine.kit.errors import DataError


class OutboundFiles(ForwardingStore):
    """The store they lie in. A fetched file whose transfer control file says something else of it is not given."""

    def __init__(self, store: ObjectStore) -> None:
        super().__init__(lambda: store)

    def fetch(self, key: str, to: Path) -> Path:
        path = self._store.fetch(key, to)
        control = _control_of(key, self._store.list(key.rpartition("/")[0]))
        told = {file.name: file for file in self._read(control).files} if control else {}
        name = key.rpartition("/")[2]
        try:
            wrong = [problem.message for problem in differences(told[name], path)] if name in told else []
        except Unpackable as problem:
            wrong = [f"the file cannot be unpacked to its end: {problem}"]
        if wrong:
            path.unlink()
            raise DataError(f"{key}: {'; '.join(wrong)}", "have it sent again")
        return path

    def newest(self, destination: str | None, data_source: str, template: str | None) -> Sequence[str]:
        """Give the keys of the newest full transfer to a destination that is complete, its parts in their order.

        It is complete when all files of its transfer control file are there; without one, when its parts are numbered without a gap,
        from 0 or 1. What the names do not say is not asked of them. Raises DataError where there is none.
        """
        keys = self._store.list()
        transfers: dict[int, dict[int, str]] = {}
        for key in keys:
            name = read_outbound_name(key, template or DEFAULT_NAME)
            if name is None or name.mode not in (None, "full"):
                continue
            if name.destination in (None, destination) and name.data_source in (None, data_source):
                transfers.setdefault(name.stamp or 0, {})[name.split] = key
        for _, parts in sorted(transfers.items(), reverse=True):
            if self._is_complete(parts, keys):
                return [key for _, key in sorted(parts.items())]
        raise DataError(
            f"no complete file of destination {destination} and data source {data_source} lies in the import_store",
            "wait for Experience Cloud's next export, or correct 'import_store' and 'destination' in project.yaml",
        )

    def _is_complete(self, parts: Mapping[int, str], keys: Sequence[str]) -> bool:
        control = _control_of(next(iter(parts.values())), keys)
        if control is not None:
            return not self._read(control).missing(key.rpartition("/")[2] for key in parts.values())
        first = min(parts)
        return first <= 1 and sorted(parts) == list(range(first, first + len(parts)))

    def _read(self, key: str) -> Transfer:
        with TemporaryDirectory(prefix="audienceflow-") as folder:
            transfer, problems = read_transfer_control(self._store.fetch(key, Path(folder) / key.rpartition("/")[2]))
        if transfer is None:
            raise DataError(f"{key}: {problems[0].message}", "have the transfer sent again")
        return transfer


def _control_of(key: str, keys: Iterable[str]) -> str | None:
    """Give the transfer control file of a file: beside it, and named as it but for mode and number."""
    folder, _, name = key.rpartition("/")
    for other in keys:
        beside, _, control = other.rpartition("/")
        if beside == folder and control.endswith(ENDING) and root(name).startswith(root(control)):
            return other
    return None

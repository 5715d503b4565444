"""Any file that goes to Audience Manager or comes from it: what it is, what it says, and all that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import Enum
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeAlias

from activities.connectors.audience_manager.declared_id import NAMES, read_declared_ids
from activities.connectors.audience_manager.id_sync import IdSyncName, read_id_sync, read_id_sync_name
from activities.connectors.audience_manager.inbound import InboundName, read_inbound, read_inbound_name
from activities.connectors.audience_manager.lines import Unpackable, chunks, count_lines, is_packed, raw_lines
from activities.connectors.audience_manager.outbound import (
    DEFAULT_NAME,
    Content,
    DefaultContent,
    OutboundName,
    Templates,
    by_template,
    read_outbound_lines,
    read_outbound_name,
)
from activities.connectors.audience_manager.problem import Parsed, Problem, Severity
from activities.connectors.audience_manager.receipt import Receipt, is_receipt, read_receipt
from activities.connectors.audience_manager.transfer_control import (
    ENDING,
    Transfer,
    differences,
    read_transfer_control,
    root,
)
from activities.connectors.conventions import CONVENTIONS, Conventions

Name: TypeAlias = InboundName | IdSyncName | OutboundName | None

MOST_PROBLEMS = 1_000
"""So many problems are told, of a file that has more with how many they are."""
OTHER_NAMES = (
    "<SYNC_TYPE>_<ORDER_ID>_<MASTER_DPID>_<PID_ALIAS>_<SYNC_MODE>_<TIMESTAMP>SPLITNUM.sync",
    "<SYNC_TYPE>_<ORDER_ID>_<DPID>_<MASTER_DPID>_<SYNC_MODE>_<TIMESTAMP>SPLITNUM.sync",
)
"""Outbound names that Adobe's pages print beside the default."""
_TRAITS = re.compile(r"[^\t]*\t.*\bd_(?:un)?sid\s*=")


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What a file was found to be. It is valid when none of its problems is an error."""

    file: str
    kind: str | None
    name: Name = None
    lines: int | None = None
    problems: tuple[Problem, ...] = ()
    records: tuple[Any, ...] = ()
    parsed: Transfer | Receipt | None = field(default=None, repr=False)

    @property
    def is_valid(self) -> bool:
        return not any(problem.severity == "error" for problem in self.problems)

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON has it."""
        return {
            "file": self.file, "kind": self.kind, "valid": self.is_valid, "name": _plain(self.name), "lines": self.lines,
            "problems": _plain(self.problems), "records": _plain(self.records),
        }  # fmt: skip


def inspect(
    path: Path,
    *,
    name: str | None = None,
    templates: Templates | None = None,
    against: Path | None = None,
    records: int = 5,
    conventions: Conventions = CONVENTIONS,
) -> Inspection:
    """Read a file as what it is; `name` is judged in place of its own, and may be an object key.

    `against` is what it must agree with. An .info or a receipt: what that says of this file. For an .info: one of its files, or the folder
    where all of them must be. Any other file: its lines, unpacked, must be the same. Of the records the first ones are kept.
    """
    try:
        path.stat()
        found = _inspected(path, name or path.name, templates or Templates(), records, conventions)
        compared = list(_compared(found, path, against, conventions)) if against is not None else []
    except OSError as problem:
        unread = Problem(code="unreadable", message=f"the file cannot be read: {problem.strerror or problem}")
        return Inspection(file=str(path), kind=None, problems=(unread,))
    return replace(found, file=str(path), problems=_limited([*found.problems, *compared]))


def _inspected(path: Path, name: str, templates: Templates, most: int, conventions: Conventions) -> Inspection:
    last = name.rpartition("/")[2]
    problems = list(_about_size(path, last, conventions))
    try:
        beginning = next(chunks(path), b"")[:4096].decode("utf-8", "replace")
        first = next((line for line in beginning.splitlines() if line.strip()), "")
        if last.endswith(ENDING):
            return _transfer(path, problems)
        if is_receipt(beginning):
            return _receipt(path, problems)
        for kind, read in _KINDS:
            found = read(path, name, first, templates, conventions)
            if found is not None:
                return _of_lines(path, kind, found, problems, most)
    except Unpackable as problem:
        problems.append(Problem(code="packing", message=f"the file cannot be unpacked to its end: {problem}"))
        return Inspection(file=last, kind=_kind_of(name), problems=tuple(problems))
    problems.append(
        Problem(
            code="unknown",
            message="this is no name of a file for Audience Manager or from it, and the lines are of none",
        )
    )
    return Inspection(file=last, kind=None, lines=count_lines(path), problems=tuple(problems))


@dataclass(frozen=True, kw_only=True)
class _Found:
    """A file of lines: what its name says, what is wrong with that, and its lines; none where they are encrypted."""

    name: Name
    problems: tuple[Problem, ...]
    lines: Iterator[Parsed] | None


def _inbound(path: Path, name: str, first: str, _templates: Templates, conventions: Conventions) -> _Found | None:
    last = name.rpartition("/")[2]
    if not last.startswith("ftp_dpm_") and not (_TRAITS.match(first) and _kind_of(name) is None):
        return None
    found, problems = read_inbound_name(name)
    if found is not None and found.packing in ("pgp", "gpg"):
        message = "the file is encrypted: its lines cannot be looked at"
        return _Found(
            name=found, problems=(*problems, Problem(code="encrypted", message=message, severity="warning")), lines=None
        )
    mode = "overwrite" if ".overwrite" in last else "sync"
    read_as = found or InboundName(data_source="", second=0, mode=mode)  # type: ignore[arg-type]  # one of the two words
    return _Found(name=found, problems=problems, lines=read_inbound(path, read_as, conventions))


def _id_sync(path: Path, name: str, _first: str, _templates: Templates, _conventions: Conventions) -> _Found | None:
    found, problems = read_id_sync_name(name)
    if found is None:
        is_meant = name.rpartition("/")[2].startswith(("adobe_id_", "c2c_id_"))
        return _Found(name=None, problems=problems, lines=iter(())) if is_meant else None
    return _Found(name=found, problems=problems, lines=read_id_sync(path, found))


def _declared(path: Path, name: str, first: str, _templates: Templates, _conventions: Conventions) -> _Found | None:
    is_meant = _kind_of(name) is None and re.search(rf"(?:^|[?&])(?:{'|'.join(NAMES)})=", first.strip())
    return _Found(name=None, problems=(), lines=read_declared_ids(path)) if is_meant else None


def _outbound(path: Path, name: str, _first: str, templates: Templates, conventions: Conventions) -> _Found | None:
    found = _outbound_name(name, templates, conventions)
    problems: list[Problem] = []
    if found is None:
        if templates == Templates():
            return None
        message = f"the name is not of the template {templates.name or DEFAULT_NAME}"
        problems.append(Problem(code="name", message=message))
    content: Content = by_template(templates.content) if templates.content else DefaultContent()
    lines = read_outbound_lines(path, content, found.data_source if found else None, templates.header_lines)
    return _Found(name=found, problems=tuple(problems), lines=lines)


_KINDS: tuple[tuple[str, Callable[[Path, str, str, Templates, Conventions], _Found | None]], ...] = (
    ("inbound", _inbound), ("id_sync", _id_sync), ("declared_id", _declared), ("outbound", _outbound),
)  # fmt: skip


def _outbound_name(name: str, templates: Templates, conventions: Conventions) -> OutboundName | None:
    if templates.name is not None:
        return read_outbound_name(name, templates.name, conventions)
    in_seconds = conventions.model_copy(update={"timestamp": "seconds"})
    tries = (
        read_outbound_name(name, each, way)
        for way in (conventions, in_seconds)
        for each in (DEFAULT_NAME, *OTHER_NAMES)
    )
    return next((found for found in tries if found is not None), None)


def _kind_of(name: str) -> str | None:
    """Say what a name alone makes of a file."""
    last = name.rpartition("/")[2]
    if last.startswith("ftp_dpm_"):
        return "inbound"
    if read_id_sync_name(last)[0] is not None:
        return "id_sync"
    if _outbound_name(last, Templates(), CONVENTIONS) is not None:
        return "outbound"
    return "transfer_control" if last.endswith(ENDING) else None


def _of_lines(path: Path, kind: str, found: _Found, problems: list[Problem], most: int) -> Inspection:
    told = [*problems, *found.problems]
    records: list[Any] = []
    taken, untold = 0, _Untold()
    for parsed in found.lines or ():
        taken += parsed.record is not None
        if parsed.record is not None and len(records) < most:
            records.append({"line": parsed.line, **_plain_record(parsed.record)})
        for problem in parsed.problems:
            if len(told) < MOST_PROBLEMS:
                told.append(problem)
            else:
                untold.add(problem)
    lines = None if found.lines is None else count_lines(path)
    is_read = found.lines is not None and (found.name is not None or kind != "id_sync")
    if is_read and not taken and not any(problem.line for problem in told) and kind != "outbound":
        told.append(Problem(code="empty_file", message="the file has no lines, and is not processed"))
    told += untold.as_problem()
    return Inspection(
        file=path.name, kind=kind, name=found.name, lines=lines, problems=tuple(told), records=tuple(records)
    )


class _Untold:
    """Counts the problems that are too many to tell."""

    def __init__(self) -> None:
        self._count = 0
        self._severity: Severity = "warning"

    def add(self, problem: Problem) -> None:
        self._count += 1
        if problem.severity == "error":
            self._severity = "error"

    def as_problem(self) -> Iterator[Problem]:
        if self._count:
            yield Problem(code="more", message=f"and {self._count:,} more problems", severity=self._severity)


def _transfer(path: Path, problems: list[Problem]) -> Inspection:
    transfer, found = read_transfer_control(path)
    records = tuple(asdict(file) for file in transfer.files) if transfer else ()
    return Inspection(
        file=path.name,
        kind="transfer_control",
        lines=count_lines(path),
        problems=(*problems, *found),
        records=records,
        parsed=transfer,
    )


def _receipt(path: Path, problems: list[Problem]) -> Inspection:
    receipt, found = read_receipt(path)
    return Inspection(
        file=path.name,
        kind="receipt",
        lines=count_lines(path),
        problems=(*problems, *found),
        records=(_plain(receipt),),
        parsed=receipt,
    )


def _about_size(path: Path, name: str, conventions: Conventions) -> Iterator[Problem]:
    size, is_gzip = path.stat().st_size, is_packed(path)
    if name.endswith(".gz") != is_gzip and size:
        what = (
            "the name ends with .gz, and the file is not packed"
            if not is_gzip
            else "the file is packed, and its name does not end with .gz"
        )
        yield Problem(code="packing", message=what)
    most = conventions.packed_bytes if is_gzip else conventions.plain_bytes
    if name.startswith(("ftp_dpm_", "adobe_id_", "c2c_id_")) and size > most:
        yield Problem(code="large_file", message=f"the file has {size:,} bytes, and {most:,} are taken")


def _compared(found: Inspection, path: Path, against: Path, conventions: Conventions) -> Iterator[Problem]:
    """Hold a file against another."""
    try:
        if against.is_dir() and isinstance(found.parsed, Transfer):
            yield from _complete(found.parsed, against, conventions)
            return
        other = _inspected(against, against.name, Templates(), 0, conventions)
        match found.parsed, other.parsed:
            case Transfer() as transfer, _:
                yield from _told_of(transfer, against.name, against, conventions)
            case _, Transfer() as transfer:
                yield from _told_of(transfer, path.name, path, conventions)
            case _, Receipt() as receipt:
                yield from _received(receipt, path.name, found.lines)
            case _:
                yield from _same_lines(path, against)
    except Unpackable:
        yield Problem(code="against", message=f"{against.name} cannot be unpacked to its end")
    except OSError as problem:
        yield Problem(code="against", message=f"{against.name} cannot be read: {problem.strerror or problem}")


def _complete(transfer: Transfer, folder: Path, conventions: Conventions) -> Iterator[Problem]:
    """Look whether all files of a transfer are in a folder, each as it was sent."""
    for name in transfer.missing(item.name for item in folder.iterdir()):
        yield Problem(code="missing", message=f"{name} is not there yet")
    for file in transfer.files:
        if (folder / file.name).is_file():
            found = differences(file, folder / file.name, conventions)
            yield from (replace(problem, message=f"{file.name}: {problem.message}") for problem in found)


def _told_of(transfer: Transfer, name: str, path: Path, conventions: Conventions) -> Iterator[Problem]:
    file = next((each for each in transfer.files if each.name == name), None)
    if file is None:
        yield Problem(code="not_listed", message=f"the transfer '{root(transfer.name)}' has no file of the name {name}")
    else:
        yield from differences(file, path, conventions)


def _received(receipt: Receipt, name: str, lines: int | None) -> Iterator[Problem]:
    if name not in receipt.files:
        yield Problem(code="not_listed", message="the receipt does not name this file")
    count = receipt.counts.get("Records received")
    if receipt.files == (name,) and count is not None and lines is not None and count != lines:
        yield Problem(
            code="line_count", message=f"the receipt has {count:,} records received, and the file {lines:,} lines"
        )


def _same_lines(path: Path, against: Path) -> Iterator[Problem]:
    for number, (ours, theirs) in enumerate(zip_longest(raw_lines(path), raw_lines(against)), start=1):
        if ours != theirs:
            yield Problem(
                line=number,
                code="different",
                message=f"the line is not the one of {against.name}, and the first that is not",
            )
            return


def _limited(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Sort problems by line, those of the file first."""
    return tuple(sorted(problems, key=lambda problem: problem.line or 0))


def _plain_record(record: Any) -> dict[str, Any]:
    if isinstance(record, tuple):
        return {"declared_ids": [_plain(each) for each in record]}
    return _plain(record)  # type: ignore[no-any-return]


def _plain(value: Any) -> Any:
    """Give a value as JSON has it; an identifier stays a text."""
    match value:
        case None | str() | bool():
            return value
        case Enum():
            return value.value
        case int():
            return int(value)
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case tuple() | list():
            return [_plain(item) for item in value]
        case _:
            return {key: _plain(item) for key, item in asdict(value).items() if key != "fields"}

"""Inbound files: traits given to the identifiers of a data source, or taken from them.

Adobe, Audience Manager documentation, "Send Audience Data" (names, contents, lines), inbound data ingestion FAQ (limits).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from activities.connectors.audience_manager.identifiers import (
    GLOBAL_DATA_SOURCES,
    damage,
    fault,
    shape,
    wrong_identifiers,
)
from activities.connectors.audience_manager.lines import LINES_PER_USER, Line, crowds, read_lines
from activities.connectors.audience_manager.problem import Parsed, Problem, dropped
from activities.connectors.audience_manager.writing import WrittenFile, write_lines
from activities.connectors.conventions import CONVENTIONS, Conventions
from engine.kit.errors import DataError, EngineBug

if TYPE_CHECKING:  # Arrow is heavy, and naming a file needs none
    import pyarrow as pa

Mode = Literal["sync", "overwrite"]

_NAME = re.compile(
    r"ftp_dpm_(?P<odc>odc_)?(?P<data_source>[0-9]+)(?:_(?P<target>[0-9]+))?_(?P<second>[0-9]{1,20})"
    r"\.(?P<mode>sync|overwrite)(?:\.(?P<split>[0-9]{1,9}))?(?P<packing>(?:\.[A-Za-z]+)*)"
)
_DATE = re.compile(r"date=([0-9]{4}-[0-9]{2}-[0-9]{2})")
_REMOVAL = re.compile(r"([0-9]+):(?:0|-1)")


@dataclass(frozen=True, kw_only=True)
class InboundName:
    """What the name of an inbound file says. `second` is UNIX time; `target` owns the traits where `data_source` does not."""

    data_source: str
    second: int
    target: str | None = None
    mode: Mode = "sync"
    split: int | None = None
    packing: Literal["gz", "pgp", "gpg"] | None = "gz"
    is_of_oracle: bool = False

    def __str__(self) -> str:
        odc = "odc_" if self.is_of_oracle else ""
        target = f"_{self.target}" if self.target else ""
        split = f".{self.split}" if self.split is not None else ""
        packing = f".{self.packing}" if self.packing else ""
        return f"ftp_dpm_{odc}{self.data_source}{target}_{self.second:010d}.{self.mode}{split}{packing}"


@dataclass(frozen=True, kw_only=True, slots=True)
class InboundRecord:
    """A line: the identifier, the traits it gets and loses, and what trait rules look at."""

    identifier: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    signals: tuple[tuple[str, str], ...] = ()


def inbound_name(data_source: str, second: int, target: str | None = None, mode: Mode = "sync") -> str:
    """Name an inbound file for the ids of a data source; `second` is UNIX time, ten digits.

    `target` is the data source of the traits, where it is another; a global data source has none of its own, so it must be named.
    """
    if data_source in GLOBAL_DATA_SOURCES and target is None:
        raise EngineBug(f"the data source {data_source} is everybody's: the owner of the traits must be named")
    return str(InboundName(data_source=data_source, second=second, target=target, mode=mode))


def inbound_key(name: str, sent_at: datetime) -> str:
    """Give the object key: the UTC date of sending is a folder of it."""
    return f"date={sent_at.astimezone(UTC):%Y-%m-%d}/{name}"


def write_inbound(
    path: Path,
    batches: Iterable[pa.RecordBatch],
    trait: str,
    *,
    is_visitor_id: bool,
    conventions: Conventions = CONVENTIONS,
) -> tuple[WrittenFile, ...]:
    """Write a line an identifier: the identifier, a tab, the trait to add; in parts where it grows too large.

    The batches' first column is the identifiers: text, not null, each once, ascending by code point, so that nobody has two lines.
    A second column of booleans says who has the trait; from the others it is taken. The bytes depend on nothing else.
    Raises DataError, with nothing at `path`, when identifiers are such as Adobe drops in silence, or there are none.
    """
    from activities.connectors.files.records import done_ahead  # numpy is heavy, and naming a file needs none

    def lines() -> Iterator[pa.LargeStringArray]:
        wrong, ascends, last = 0, True, ""
        tasks = (partial(_compose, each, trait, is_visitor_id) for each in batches if each.num_rows)
        for number, block in enumerate(done_ahead(tasks)):
            wrong += block.wrong
            ascends = ascends and block.ascends and (number == 0 or last < block.first)
            last = block.last
            yield block.lines
        if wrong:
            raise DataError(
                f"{wrong:,} identifiers are not {shape(is_visitor_id=is_visitor_id)}; Experience Cloud would drop them in silence",
                "correct the column of the data source's key, or leave these rows out before the share",
            )
        if not ascends:
            raise EngineBug("identifiers to be written stand twice, or not in their order")

    return write_lines(path, lines(), conventions)


@dataclass(frozen=True, kw_only=True)
class _Block:
    """The lines of a batch; how many of its identifiers are wrong, whether they ascend, and from which to which."""

    lines: pa.LargeStringArray
    wrong: int
    ascends: bool
    first: str
    last: str


def _compose(batch: pa.RecordBatch, trait: str, is_visitor_id: bool) -> _Block:
    import pyarrow as pa
    import pyarrow.compute as pc

    identifiers = batch.column(0).cast(pa.large_string())
    ending, nothing, removal = (
        pa.scalar(text, pa.large_string()) for text in (f"\td_sid={trait}\n", "", f"\td_unsid={trait}\n")
    )
    if batch.num_columns > 1:
        ending = pc.if_else(batch.column(1), ending, removal)
    count = len(identifiers)
    return _Block(
        lines=pc.binary_join_element_wise(identifiers, ending, nothing),
        wrong=wrong_identifiers(identifiers, is_visitor_id=is_visitor_id),
        ascends=pc.all(pc.less(identifiers.slice(0, count - 1), identifiers.slice(1)), min_count=0).as_py(),
        first=identifiers[0].as_py(), last=identifiers[count - 1].as_py(),
    )  # fmt: skip


def read_inbound_name(name: str) -> tuple[InboundName | None, tuple[Problem, ...]]:
    """Read the name of an inbound file, or its object key; with what is wrong with it. None when it is no such name."""
    *folders, last = name.split("/")
    match = _NAME.fullmatch(last)
    if match is None:
        message = "the name is not ftp_dpm_<data source>[_<target>]_<10 digits>.sync|.overwrite[.<part>][.gz]"
        return None, (Problem(code="name", message=message),)
    packings = match["packing"].strip(".").split(".") if match["packing"] else []
    problems = [*_about_key(folders), *_about_packing(packings)]
    if len(match["second"]) != 10:
        problems.append(
            Problem(code="timestamp", message=f"the time has {len(match['second'])} digits, and must have 10")
        )
    if match["data_source"] in GLOBAL_DATA_SOURCES and not match["target"]:
        message = f"{match['data_source']} is a global data source: the data source of the traits must follow it"
        problems.append(Problem(code="target", message=message))
    packing = next((word for word in ("gz", "pgp", "gpg") if word in packings), None)
    found = InboundName(
        data_source=match["data_source"], target=match["target"], second=int(match["second"]),
        mode="sync" if match["mode"] == "sync" else "overwrite", split=int(match["split"]) if match["split"] else None,
        packing=packing, is_of_oracle=bool(match["odc"]),  # type: ignore[arg-type]  # one of the three words
    )  # fmt: skip
    return found, tuple(problems)


def _about_key(folders: list[str]) -> Iterator[Problem]:
    if not folders:
        return
    match = _DATE.fullmatch(folders[-1])
    try:
        date.fromisoformat(match[1] if match else "")
    except ValueError:
        yield Problem(
            code="key_date", message="the folder above the file must be date=yyyy-mm-dd, the UTC date of sending"
        )


def _about_packing(packings: list[str]) -> Iterator[Problem]:
    if len(packings) > 1:
        yield Problem(code="packing", message="a file is either packed (.gz) or encrypted (.pgp, .gpg), and once")
    elif packings and packings[0] not in ("gz", "pgp", "gpg"):
        yield Problem(code="packing", message="only .gz, .pgp and .gpg may end the name")


def read_inbound(path: Path, name: InboundName, conventions: Conventions = CONVENTIONS) -> Iterator[Parsed]:
    """Read the lines of an inbound file. Raises Unpackable when it is packed and damaged."""
    counted = crowds(path, LINES_PER_USER)
    for line in read_lines(path):
        if line.problem is not None:
            yield Parsed(line=line.number, problems=(line.problem,))
            continue
        parsed = parse_line(line, name, conventions)
        if parsed.record is not None and counted.is_beyond(parsed.record.identifier):
            yield dropped(
                line.number,
                "lines_per_user",
                f"the identifier has {LINES_PER_USER} lines before this one, and no more are read",
            )
        else:
            yield parsed


def parse_line(line: Line, name: InboundName, conventions: Conventions = CONVENTIONS) -> Parsed:
    """Read one line."""
    number = line.number
    columns = line.text.split("\t")
    if name.is_of_oracle and len(columns) == 3:
        columns = columns[1:]
    if len(columns) < 2:
        return dropped(number, "no_tab", "no tab stands between the identifier and the traits")
    if len(columns) > 2:
        return dropped(number, "tabs", f"the line has {line.text.count(chr(9))} tabs, and must have one")
    identifier, said = columns
    wrong = fault(identifier, name.data_source)
    if wrong is not None:
        return dropped(number, *wrong)
    items = _Items(number, name.mode)
    damaged = damage(identifier)
    if damaged is not None:
        items.problems.append(Problem(line=number, code=damaged[0], message=damaged[1]))
    if said.strip():
        for item in _split(said):
            items.take(item.strip())
    elif name.mode == "sync" or not conventions.clears:
        return dropped(number, "no_items", "the line names no trait and no signal")
    if not (said.strip() == "" or items.added or items.removed or items.signals):
        return Parsed(line=number, problems=tuple(items.problems))
    record = InboundRecord(
        identifier=identifier, added=tuple(items.added), removed=tuple(items.removed), signals=tuple(items.signals)
    )
    return Parsed(line=number, record=record, problems=tuple(items.problems))


def _split(said: str) -> list[str]:
    """Split at commas outside quotes; a quote that is not closed goes to the end."""
    items = [""]
    pieces = said.split('"')
    for place, piece in enumerate(pieces):
        if place % 2:
            items[-1] += f'"{piece}"' if place + 1 < len(pieces) else f'"{piece}'
        else:
            first, *others = piece.split(",")
            items[-1] += first
            items += others
    return items


def _signal(item: str) -> tuple[str, str] | None:
    """Give a key and its value, each without its quotes; None when the item is no such pair."""
    item = item.removeprefix("-")
    end = item.find('"', 1) + 1 if item.startswith('"') else 0
    key, equals, value = item[end:].partition("=")
    sides = [_unquoted((item[:end] + key).strip()), _unquoted(value.strip())]
    return (sides[0], sides[1]) if equals and sides[0] and sides[1] is not None else None


def _unquoted(text: str) -> str | None:
    """Take the quotes off; None when others are in it."""
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    return None if '"' in text else text


class _Items:
    """What a line says behind its tab."""

    def __init__(self, line: int, mode: Mode) -> None:
        self._line, self._mode = line, mode
        self.added: list[str] = []
        self.removed: list[str] = []
        self.signals: list[tuple[str, str]] = []
        self.problems: list[Problem] = []

    def take(self, item: str) -> None:
        """Take one item: a trait, a trait to remove, or a signal."""
        removal, signal = _REMOVAL.fullmatch(item), _signal(item)
        if not item:
            self._wrong("empty_item", "an item is empty", is_taken=True)
        elif removal:
            self._remove(removal[1])
        elif item.isascii() and item.isdigit():
            self.signals.append(("ic", item))
        elif signal is None:
            self._wrong("item", "an item is neither a trait, nor a number, nor key=value")
        else:
            self._take_signal(*signal)

    def _take_signal(self, key: str, value: str) -> None:
        if key in ("d_sid", "d_unsid"):
            if not (value.isascii() and value.isdigit()):
                self._wrong("trait", f"the trait of a {key} is not digits")
            elif key == "d_sid":
                self.added.append(value)
            else:
                self._remove(value)
        elif not value:
            self._wrong("empty_value", "a key has no value")
        else:
            if any(letter < " " for letter in key + value):
                self._wrong("control_character", "a key or value holds a control character")
            if "@" in value:
                self._wrong("email", "a value holds '@': no e-mail address may be sent")
            self.signals.append((key, value))

    def _remove(self, trait: str) -> None:
        if self._mode == "overwrite":
            self._wrong("removal_in_overwrite", "a removal means nothing in an overwrite file, which lists what stays")
        else:
            self.removed.append(trait)

    def _wrong(self, code: str, message: str, *, is_taken: bool = False) -> None:
        severity: Literal["error", "warning"] = "warning" if is_taken else "error"
        self.problems.append(Problem(line=self._line, code=code, message=message, severity=severity))

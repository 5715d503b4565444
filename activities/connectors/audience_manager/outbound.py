"""Outbound files: who is in a segment, as a destination is sent it; each destination has templates of its own.

Adobe, Audience Manager documentation, "Receive Audience Data" (names, contents, macros).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from activities.connectors.audience_manager.identifiers import fault
from activities.connectors.audience_manager.lines import Line, Unpackable, chunks, read_lines
from activities.connectors.audience_manager.problem import Parsed, Problem, dropped
from activities.connectors.audience_manager.template import (
    CONTENT_MACROS,
    Template,
    content_template,
    is_of_content,
    name_template,
)
from activities.connectors.conventions import CONVENTIONS, Conventions
from engine.kit.errors import DataError

if TYPE_CHECKING:  # Arrow is heavy, and naming a file needs none
    import pyarrow as pa

DEFAULT_NAME = "<SYNC_TYPE>_<ORDER_ID>_<MASTER_DPID>_<SYNC_MODE>_<TIMESTAMP>SPLITNUM.sync"
DEFAULT_CONTENT = '<DP_UUID><TAB><SEGMENT_LIST; separator=","><TAB><REMOVED_SEGMENT_LIST; separator=",">'
IDENTIFIERS = ("DP_UUID", "MCID", "UUID")
"""The macros of an identifier; of several the first is meant."""
_LISTS = ("SEGMENT_LIST", "REMOVED_SEGMENT_LIST")
_DIGITS = {"milliseconds": 13, "seconds": 10}
_SEGMENTS = "^(?: *[0-9]+ *(?:, *[0-9]+ *)*)?$"
_BLANKS = re.compile(
    r"(?P<id>[^ \t]+)(?P<first> {1,2})(?P<segments>[0-9]+(?:,[0-9]+)*)?(?:(?P<second> {1,2})(?P<removed>[0-9]+(?:,[0-9]+)*)?)? *"
)


@dataclass(frozen=True, kw_only=True)
class OutboundName:
    """What the name of an outbound file says, as far as its template has it.

    `stamp` is in milliseconds; `split` is 0 for an unsplit file or the first part. `fields` are all macros, as they stand there.
    """

    destination: str | None
    data_source: str | None
    mode: str | None
    stamp: int | None
    split: int
    is_compressed: bool
    fields: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class OutboundRecord:
    """A line: an identifier, the segments it is in, those it left, and the rest by macro."""

    identifier: str | None
    segments: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    others: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Templates:
    """The templates of a destination: of its files' names, and of their lines; none where it is not known.

    `header_lines` stand above the first line. With `transfer_control` files count only once a transfer control file tells of them.
    """

    name: str | None = None
    content: str | None = None
    header_lines: int = 0
    transfer_control: bool = False

    @classmethod
    def of(cls, texts: Iterable[str]) -> Templates:
        """Tell templates of names from those of lines. Raises WrongTemplate."""
        found = cls()
        for text in texts:
            if is_of_content(text):
                by_template(text)
                found = replace(found, content=text)
            else:
                read_outbound_name("", text)
                found = replace(found, name=text)
        return found


class Content(Protocol):
    """How lines are read."""

    def read(self, line: Line, data_source: str | None) -> Parsed:
        """Read one line."""


def read_outbound_name(
    name: str, template: str = DEFAULT_NAME, conventions: Conventions = CONVENTIONS
) -> OutboundName | None:
    """Read a name by a template; None when it is another kind of file. `.gz` may follow whatever the template says."""
    last = name.rpartition("/")[2]
    made = _name_template(template.removesuffix(".gz"), _DIGITS[conventions.timestamp])
    found = made.read(last.removesuffix(".gz"))
    if found is None:
        return None
    fields = {key: str(value) for key, value in found.items()}
    try:
        stamp = _milliseconds(fields.get("TIMESTAMP"), made.time_format)
    except ValueError:  # there is no such day, or no such hour
        return None
    return OutboundName(
        destination=fields.get("ORDER_ID"), data_source=fields.get("MASTER_DPID") or fields.get("DPID"),
        mode=fields.get("SYNC_MODE"), stamp=stamp,
        split=int((fields.get("SPLITNUM") or "0").strip("-")), is_compressed=last.endswith(".gz"), fields=fields,
    )  # fmt: skip


def read_outbound_lines(
    path: Path, content: Content, data_source: str | None, header_lines: int = 0
) -> Iterator[Parsed]:
    """Read the lines of an outbound file below its header. Raises Unpackable when it is packed and damaged."""
    for line in read_lines(path):
        if line.number <= header_lines:
            continue
        yield Parsed(line=line.number, problems=(line.problem,)) if line.problem else content.read(line, data_source)


def read_outbound(
    path: Path, segment: str, template: str = DEFAULT_CONTENT, header_lines: int = 0
) -> Iterator[pa.RecordBatch]:
    """Give the identifiers that an outbound file says are in the segment, in batches with the column `identifier`.

    Memory does not grow with the file. Raises DataError for a line that is not of the template.
    """
    import pyarrow as pa

    for members, _ in _read_blocks(path, segment, template, header_lines):
        yield pa.record_batch({"identifier": members})


def read_outbound_changes(
    path: Path, segment: str, number: int, template: str = DEFAULT_CONTENT, header_lines: int = 0
) -> Iterator[pa.RecordBatch]:
    """Give what an incremental file says of the segment, in batches with the columns `identifier` and `mark`.

    A mark is twice the file's number where the identifier is in the segment, and one more where it has left it. Raises DataError
    for a template that does not say who has left, and for a line that is not of it.
    """
    import pyarrow as pa

    if _LISTS[1] not in by_template(template).template.lists:
        raise DataError(
            f"{path.name}: an incremental file by the template {template} does not say who has left a segment",
            "have <REMOVED_SEGMENT_LIST> in it, in Audience Manager and in project.yaml, or have full files sent",
        )
    for members, gone in _read_blocks(path, segment, template, header_lines):
        marks = [
            pa.repeat(pa.scalar(2 * number + left, pa.int64()), len(found)) for left, found in ((0, members), (1, gone))
        ]
        yield pa.record_batch({"identifier": pa.concat_arrays([members, gone]), "mark": pa.concat_arrays(marks)})


def _read_blocks(path: Path, segment: str, template: str, header_lines: int) -> Iterator[tuple[pa.Array, pa.Array]]:
    from activities.connectors.files.records import done_ahead  # numpy is heavy, and naming a file needs none

    content = by_template(template)
    try:
        yield from done_ahead(
            partial(_read_block, path, content, segment, block, line) for block, line in _blocks(path, header_lines)
        )
    except Unpackable as problem:
        raise DataError(f"{path}: the file cannot be unpacked to its end: {problem}", "have it sent again") from None


@cache
def by_template(text: str) -> TemplateContent:
    """Give how lines of a template are read. Raises WrongTemplate."""
    return TemplateContent(template=content_template(text))


@dataclass(frozen=True, kw_only=True)
class TemplateContent:
    """Lines of a template."""

    template: Template

    def read(self, line: Line, data_source: str | None) -> Parsed:
        found = self.template.read(line.text)
        problems: tuple[Problem, ...] = ()
        if found is None and self.template.columns:  # an empty list at the end may have lost its tab
            found = self.template.read(line.text + "\t")
        if found is None:
            return dropped(line.number, "template", f"the line is not of the template {self.template.text}")
        identifier = next((str(found[name]) for name in IDENTIFIERS if name in found), None)
        wrong = fault(identifier, data_source or "") if identifier is not None else None
        if wrong is not None:
            problems = (Problem(line=line.number, code=wrong[0], message=wrong[1], severity="warning"),)
        record = OutboundRecord(
            identifier=identifier, segments=tuple(found.get(_LISTS[0], ())), removed=tuple(found.get(_LISTS[1], ())),
            others={name: value for name, value in found.items() if name not in (*_LISTS, *IDENTIFIERS)},
        )  # fmt: skip
        return Parsed(line=line.number, record=record, problems=problems)


class DefaultContent:
    """Lines of no known template: separated by tabs, or as Adobe's page on contents has them, by one blank or two."""

    def read(self, line: Line, data_source: str | None) -> Parsed:
        if "\t" in line.text:
            return by_template(DEFAULT_CONTENT).read(line, data_source)
        match = _BLANKS.fullmatch(line.text)
        if match is None:
            return dropped(
                line.number, "template", "the line is not an identifier, segments by comma, and segments left by comma"
            )
        if len(match["first"]) > 1 and match["segments"] and not match["removed"]:
            message = "after two blanks the segments may be those the identifier is in, or those it left: have tabs in the template"
            return dropped(line.number, "ambiguous_blanks", message)
        segments, removed = (
            tuple((match[name] or "").split(",")) if match[name] else () for name in ("segments", "removed")
        )
        return Parsed(
            line=line.number, record=OutboundRecord(identifier=match["id"], segments=segments, removed=removed)
        )


@cache
def _name_template(text: str, digits: int) -> Template:
    return name_template(text, digits)


def _milliseconds(stamp: str | None, format: str | None) -> int | None:
    if stamp is None:
        return None
    if format is None:
        return int(stamp) * (1000 if len(stamp) == _DIGITS["seconds"] else 1)
    return int(datetime.strptime(stamp, format).replace(tzinfo=UTC).timestamp()) * 1000


def _blocks(path: Path, header_lines: int) -> Iterator[tuple[bytes, int]]:
    """Give blocks of whole lines below the header, and the number of the first line of each."""
    for block, number in _whole_blocks(path):
        above = max(0, header_lines - number + 1)
        yield block.split(b"\n", above)[-1] if above <= block.count(b"\n") else b"", number + above


def _whole_blocks(path: Path) -> Iterator[tuple[bytes, int]]:
    rest, number = b"", 1
    for chunk in chunks(path):
        whole, newline, behind = chunk.rpartition(b"\n")
        if not newline:
            rest += chunk
            continue
        block = rest + whole + newline
        yield block, number
        number, rest = number + block.count(b"\n"), behind
    if rest:
        yield rest + b"\n", number


def _read_block(
    path: Path, content: TemplateContent, segment: str, block: bytes, first: int
) -> tuple[pa.Array, pa.Array]:
    """Give the identifiers of a block that are in the segment, and those that have left it."""
    import pyarrow as pa

    found = _columns_of(content.template.columns, block)
    if found is None:
        records = [*_line_by_line(path, content, block, first)]
        members, gone = (
            [record.identifier for record in records if segment in getattr(record, name)] for name in ("segments", "removed")
        )  # fmt: skip
        return pa.array(members, pa.string()), pa.array(gone, pa.string())
    identifiers, segments, removed = found
    return identifiers.filter(_names(segments, segment)), identifiers.filter(_names(removed, segment))


def _columns_of(columns: tuple[str, ...], block: bytes) -> tuple[pa.Array, pa.Array, pa.Array] | None:
    """Read a block whose lines are columns between tabs: identifiers, segments, segments left.

    None where a line is none of the template, and must be looked at alone.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv

    name = next((each for each in IDENTIFIERS if each in columns), None)
    if name is None or not {name, _LISTS[0]} <= set(columns) <= {name, *_LISTS}:
        return None
    try:
        table = csv.read_csv(
            pa.BufferReader(block),
            csv.ReadOptions(column_names=columns, use_threads=False, block_size=len(block)),
            csv.ParseOptions(delimiter="\t", quote_char=False, double_quote=False, ignore_empty_lines=True),
            csv.ConvertOptions(column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=False),
        ).combine_chunks()
    except pa.ArrowInvalid:
        return None
    if not table.num_rows:
        nothing = pa.array([], pa.string())
        return nothing, nothing, nothing
    none = pa.repeat("", table.num_rows)
    identifiers, segments, removed = (
        table.column(each).chunk(0) if each in columns else none for each in (name, *_LISTS)
    )
    digits = CONTENT_MACROS.get(name)
    is_right = pc.match_substring_regex(identifiers, f"^(?:{digits})$") if digits else pc.not_equal(identifiers, "")
    if not (_are_all(is_right) and _is_list(segments) and _is_list(removed)):
        return None
    return identifiers, segments, removed


def _is_list(lists: pa.Array) -> bool:
    import pyarrow.compute as pc

    return _are_all(pc.match_substring_regex(lists, _SEGMENTS))


def _names(lists: pa.Array, segment: str) -> pa.Array:
    """Mark the lists that name the segment."""
    import pyarrow.compute as pc

    return pc.match_substring_regex(lists, f"(?:^|,) *{segment} *(?:,|$)")


def _are_all(marks: pa.Array) -> bool:
    import pyarrow.compute as pc

    return bool(pc.all(marks, min_count=0).as_py())


def _line_by_line(path: Path, content: TemplateContent, block: bytes, first: int) -> Iterator[OutboundRecord]:
    for number, raw in enumerate(block.split(b"\n")[:-1], start=first):
        try:
            text = raw.decode().removesuffix("\r")
        except UnicodeDecodeError:
            text = "\0"
        if not text.strip():
            continue
        record = content.read(Line(number=number, text=text), None).record
        if record is None or record.identifier is None:
            raise DataError(
                f"{path.name}:{number}: this is no line of an outbound file: it is not of the template {content.template.text}",
                "check the destination's template in Audience Manager, and write it to the data source in project.yaml",
            )
        yield record

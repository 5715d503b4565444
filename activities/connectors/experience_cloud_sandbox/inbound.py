"""Inbound files as the cloud reads them (§A): first the key, then the bytes, then line by line."""

import gzip
import io
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Literal

from .line import GLOBAL_DATA_SOURCES, FindFault, Item, MalformedError, read_items, split_line
from .receipt import Fault, Tally

LONGEST_LINE = 102_400
"""Bytes of a line without its end (§A3)."""

UNMATCHED = "the cloud does not know this id"
"""What `find_fault` says of an identifier that is sound, and nobody's (§A4)."""

Statement = tuple[int, str, str | None, bool | None]
"""Line, identifier, trait, added. Without a trait: False takes all traits away, None only fills the line."""

_KEY = re.compile(r"(?:.+/)?date=(?P<date>[^/]*)/(?P<name>[^/]+)")
_NAME = re.compile(
    r"ftp_dpm_(?P<data_source>[0-9]+)(?:_(?P<target>[0-9]+))?_(?P<stamp>[0-9]{10})"
    r"\.(?P<mode>sync|overwrite)(?:\.(?P<split>[0-9]+))?(?P<gz>\.gz)?"
)
_NAME_FAULTS = (
    (r"(?!ftp_dpm_).*", "begins with something else than ftp_dpm_"),
    (r"ftp_dpm_odc_.*", "is an Oracle Data Cloud file, which this stand-in does not read"),
    (r".*\.(pgp|gpg)", "is encrypted, which this stand-in does not read"),
    (r".*\.(zip|bz2|xz|zst|Z)", "is compressed with something else than gzip"),
    (r".*\.gz\.[0-9]+", "has its split number after .gz instead of before it"),
    (r"ftp_dpm_([0-9]+_)*[0-9]+\.(?!sync|overwrite).*", "has a mode that is neither .sync nor .overwrite"),
    (r"ftp_dpm_([0-9]+_){1,2}(?![0-9]{10}\.)[0-9]*\..*", "has a stamp that is not 10 digits (UNIX seconds)"),
    (r"ftp_dpm_[0-9]{10}\..*", "has no data source"),
)
_GRAMMAR = "ftp_dpm_<data source>[_<target>]_<10 digits>(.sync|.overwrite)[.<split>][.gz]"


@dataclass(frozen=True, kw_only=True)
class InboundName:
    """What the name of an inbound file says."""

    data_source: str
    target: str
    mode: Literal["sync", "overwrite"]
    gzipped: bool


def judge_key(key: str, *, today: date | None, data_sources: frozenset[str], tally: Tally) -> InboundName | None:
    """Read `[<folders>/]date=yyyy-mm-dd/<name>`; give none on a fault, and tell the tally all.

    Without a date of today the folder is not judged: nothing says that Adobe leaves a file out for it.
    """
    located = _KEY.fullmatch(key)
    if today is None:
        pass
    elif located is None:
        tally.refuse("key: no folder date=yyyy-mm-dd before the name")
    elif located["date"] != today.isoformat():
        tally.refuse(f"key: date={located['date']} is not the UTC date of sending, {today.isoformat()}")
    name = read_name(key.rpartition("/")[2], tally=tally)
    if name is None:
        return None
    for data_source in sorted({name.data_source, name.target} - data_sources):
        known = ", ".join(sorted(data_sources - GLOBAL_DATA_SOURCES.keys(), key=int)) or "none"
        tally.refuse(f"name: data source {data_source} is unknown; known: {known}")
    if name.target in GLOBAL_DATA_SOURCES:
        tally.refuse(f"name: {name.target} is a global data source; say after it who owns the traits")
    return None if tally.is_faulty else name


def read_name(name: str, *, tally: Tally) -> InboundName | None:
    """Read the whole name by §A1, or tell the tally what is wrong with it."""
    read = _NAME.fullmatch(name)
    if read is None:
        faults = (fault for shape, fault in _NAME_FAULTS if re.fullmatch(shape, name))
        tally.refuse(f"name: {next(faults, 'does not follow the grammar')}: {name}; expected {_GRAMMAR}")
        return None
    return InboundName(
        data_source=read["data_source"],
        target=read["target"] or read["data_source"],
        mode="sync" if read["mode"] == "sync" else "overwrite",
        gzipped=read["gz"] is not None,
    )


def judge_file(
    file: Path, name: InboundName, *, find_fault: FindFault, traits: Mapping[str, str], tally: Tally
) -> Iterator[Statement]:
    """Give what the sound parts of the lines say, in their order, and tell the tally what is wrong.

    `traits` maps every trait that counts to the data source that owns it. Memory does not grow with the file.
    """
    with file.open("rb") as raw:
        beginning = raw.read(2)
        raw.seek(0)
        packed = beginning == b"\x1f\x8b"
        if beginning and packed != name.gzipped:
            tally.refuse("file: named .gz but not gzip" if name.gzipped else "file: gzip but not named .gz")
            return
        try:
            stream: BinaryIO = io.BufferedReader(gzip.GzipFile(fileobj=raw), 1 << 18) if packed else raw
            yield from _judge_lines(stream, name, find_fault, traits, tally)
        except (gzip.BadGzipFile, EOFError, zlib.error):
            tally.refuse("file: not a valid gzip, broken or cut off")
    if not tally.received and not tally.is_faulty:
        tally.refuse("file: empty")


def _judge_lines(
    stream: BinaryIO, name: InboundName, find_fault: FindFault, traits: Mapping[str, str], tally: Tally
) -> Iterator[Statement]:
    @lru_cache(maxsize=512)  # a file says the same few things about many people
    def understand(items: str) -> _Meaning:
        return _understand(read_items(items), name, traits)

    for line, raw in _number_lines(stream):
        tally.received += 1
        try:
            if len(raw) > LONGEST_LINE:
                raise MalformedError(f"longer than {LONGEST_LINE} bytes")
            if not raw:
                raise MalformedError("a blank line before the end")
            identifier, items = split_line(raw)
            meaning = understand(items)
        except MalformedError as fault:
            tally.note(Fault.FORMAT, line, str(fault))
            continue
        if fault_of_identifier := find_fault(identifier):
            unknown = fault_of_identifier is UNMATCHED
            tally.note(Fault.UNMATCHED if unknown else Fault.IDENTIFIER, line, fault_of_identifier)
            continue
        tally.signals += meaning.signals
        tally.unused_signals += meaning.unused
        tally.lines_failed += bool(meaning.failures)
        for failure in meaning.failures:
            tally.note(Fault.TRAIT, line, failure)
        if meaning.unrealized:
            tally.note(Fault.UNREALIZED, line, "no item matches a trait")
        for trait, added in meaning.effects:
            yield line, identifier, trait, added


def _number_lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Number the lines from 1, without their ends; blank lines at the end of the file are left out.

    Of a line beyond the limit only so much is kept as shows that it is too long.
    """
    blank = 0
    number = 0
    while raw := stream.readline(LONGEST_LINE + 2):
        number += 1
        line = raw.removesuffix(b"\n").removesuffix(b"\r")
        if not raw.endswith(b"\n"):
            line = raw
            while raw and not raw.endswith(b"\n"):
                raw = stream.readline(LONGEST_LINE)
        if not line:
            blank += 1
            continue
        while blank:
            yield number - blank, b""
            blank -= 1
        yield number, line


@dataclass(frozen=True, kw_only=True)
class _Meaning:
    effects: tuple[tuple[str | None, bool | None], ...]
    failures: tuple[str, ...] = ()
    unrealized: bool = False
    signals: int = 0
    unused: int = 0


def _understand(items: tuple[Item, ...], name: InboundName, traits: Mapping[str, str]) -> _Meaning:
    """Match the items with the catalogue; every trait of ours has the rule `ic == "<its id>"` (§A2, §D)."""
    if not items:
        if name.mode == "sync":
            raise MalformedError("no item after the TAB")
        return _Meaning(effects=((None, False),))  # an id alone clears the user (§A4)
    effects: list[tuple[str | None, bool | None]] = []
    failures = []
    unused_signals = 0
    for item in items:
        ignored = item.verb == "unset" and name.mode == "overwrite"
        unused = item.verb == "signal" and item.code not in traits
        if item.code is None or ignored or unused:
            unused_signals += 1
            continue
        owner = traits.get(item.code)
        if owner is None:
            failures.append(f"trait {item.code} is unknown")
        elif owner != name.target:
            failures.append(f"trait {item.code} is of data source {owner}, not {name.target}")
        else:
            effects.append((item.code, item.verb in ("add", "signal")))
    return _Meaning(
        effects=tuple(effects or [(None, None)]),
        failures=tuple(failures),
        unrealized=not effects and not failures,
        signals=len(items),
        unused=unused_signals,
    )

"""The bytes of a file: unpacked, and as UTF-8, chunk by chunk."""

from __future__ import annotations

import codecs
import hashlib
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from isal import igzip, igzip_lib

from engine.kit.errors import DataError

CHUNK_BYTES = 4 << 20

_GZIP = b"\x1f\x8b"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # an archive without a file begins with its end
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16's, which it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UTF_8 = codecs.lookup("utf-8").name
_BROKEN: tuple[type[Exception], ...] = (
    EOFError, OSError, NotImplementedError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, igzip.BadGzipFile,
    igzip_lib.IsalError,  # type: ignore[assignment]  # isal's stub takes it for a value
)  # fmt: skip
"""What is raised of files that break off or are broken, and of ways of packing that nobody knows."""


def chunks(path: Path, encoding: str | None) -> Iterator[bytes]:
    """Give the content in UTF-8, without a byte order mark.

    What is not of the encoding is given as bytes that are no UTF-8 either, so that whoever reads lines finds it in its line. Raises
    DataError where lines cannot be told apart, because the file is of another encoding as a whole.
    """
    with opened(path) as file:
        first = file.read(CHUNK_BYTES)
        name = codecs.lookup(encoding or _marked(first)).name
        if first.startswith(codecs.BOM_UTF8) and not name.startswith(_UTF_8):
            raise _of_another(path, name, "it begins with the mark of UTF-8")
        if name == _UTF_8:
            yield first.removeprefix(codecs.BOM_UTF8)
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
            return
        errors = "surrogatepass" if name.startswith(("utf-16", "utf-32")) else "surrogateescape"
        decoder = codecs.getincrementaldecoder(name)(errors)
        try:
            text = decoder.decode(first).removeprefix("\ufeff")
            while chunk := file.read(CHUNK_BYTES):
                yield _utf_8(text)
                text = decoder.decode(chunk)
        except UnicodeError as problem:  # UTF-16 and UTF-32 out of step
            raise _of_another(path, name, str(problem)) from None
        yield _utf_8(text + _rest(decoder))


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a file, unpacked where it is packed. Raises DataError where it cannot be read, or unpacked."""
    try:
        with path.open("rb") as file:
            beginning = file.read(4)
        if beginning.startswith(_GZIP):
            with igzip.open(path, "rb") as unpacked:
                yield unpacked
        elif beginning in _ZIP:
            with zipfile.ZipFile(path) as archive, archive.open(_member(path, archive)) as unpacked:
                yield unpacked
        else:
            with path.open("rb") as file:
                yield file
    except _BROKEN as problem:
        raise DataError(
            f"{path}: the file cannot be read to its end: {problem}", "have it written or sent again"
        ) from None


def md5_of(path: Path) -> str:
    """Give the md5 of a file as it lies there, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _member(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [item for item in archive.infolist() if not item.is_dir()]
    if len(members) != 1:
        names = ", ".join(item.filename for item in members[:5])
        raise DataError(f"{path}: the archive holds {len(members)} files: {names}", "pack each file alone")
    if members[0].flag_bits & 1:
        raise DataError(f"{path}: the archive is locked with a password", "pack the file without one")
    return members[0]


def _marked(beginning: bytes) -> str:
    return next((name for mark, name in _MARKS if beginning.startswith(mark)), "utf-8")


def _of_another(path: Path, encoding: str, why: str) -> DataError:
    fix = "say with 'format: {encoding: …}' how it is written, or leave 'encoding' out where it begins with a mark"
    return DataError(f"{path}: the file is not written in {encoding}: {why}", fix)


def _utf_8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _rest(decoder: codecs.IncrementalDecoder) -> str:
    """Give what the last bytes are; half a character is none."""
    try:
        return decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "\udcff"

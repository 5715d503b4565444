"""Transfers as Experience Cloud sends them, written for tests."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping


def transfer_control(name: str, files: Mapping[str, bytes]) -> bytes:
    """Write a transfer control file, its keys without quotes as Adobe writes them."""
    lines = [_lines(content) for content in files.values()]
    said = ",\n".join(
        f'{{FileByteSize: {len(content)}, FileLineCount: {count}, FileName: "{file}", FileSequenceNumber: {number}, md5: "{_md5(content)}"}}'
        for number, ((file, content), count) in enumerate(zip(files.items(), lines, strict=True), start=1)
    )
    size = sum(map(len, files.values()))
    totals = (
        f'{{FileName: "{name}", TotalByteSize: {size}, TotalNumberFiles: {len(files)}, TotalNumberLines: {sum(lines)}}}'
    )
    return f"{{Files: [{said}],\nTotals: {totals}}}\n".encode()


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _lines(content: bytes) -> int:
    return (gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content).count(b"\n")

"""Transfer control files as the cloud writes them (§C3): what files a batch has, keys without quotation marks."""

import gzip
from hashlib import md5
from pathlib import Path


def write(folder: Path, files: tuple[str, ...], *, is_wrong: bool = False) -> str:
    """Write the control file of a batch beside its files; give its name, which is the first's without the ending.

    Sizes and sums are of the files as they are delivered, lines of what is in them. A wrong one names another md5
    for its first file.
    """
    entries, size, lines = [], 0, 0
    for number, name in enumerate(files, start=1):
        content = (folder / name).read_bytes()
        count = gzip.decompress(content).count(b"\n")
        digest = md5(content[1:] if is_wrong and number == 1 else content, usedforsecurity=False).hexdigest()
        entries.append(
            f'    {{\n      FileByteSize: {len(content)},\n      FileLineCount: {count},\n      FileName: "{name}",\n'
            f'      FileSequenceNumber: {number},\n      md5: "{digest}"\n    }}'
        )
        size, lines = size + len(content), lines + count
    root = files[0].removesuffix(".sync.gz")
    totals = (
        f'    FileName: "{root}.sync",\n    TotalByteSize: {size},\n    TotalNumberFiles: {len(files)},\n'
        f"    TotalNumberLines: {lines}\n"
    )
    text = "{\n  Files: [\n" + ",\n".join(entries) + "\n  ],\n  Totals: {\n" + totals + "  }\n}\n"
    (folder / f"{root}.info").write_text(text, encoding="utf-8")
    return f"{root}.info"

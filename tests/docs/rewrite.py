"""Write into pages what their commands print now, where that is not what they show: `python -m tests.docs.rewrite docs/tutorial.md …`."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.docs.pages import Reader, pictures

PASSING = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|\b\d{12}[0-9a-f]{8}\b|(?<=\()\d+\.\d\d(?= s\))")
"""What differs with every run: times, names of runs without a key, seconds."""


def rewrite(page: Path) -> None:
    with TemporaryDirectory() as folder:
        reader, text, place = Reader(Path(folder)), page.read_text(encoding="utf-8"), 0
        for typed in reader.follow(page):
            shown = f"$ {typed.command}\n{typed.expected}"
            place = text.index(shown, place)
            now = shown if typed.is_as_shown else f"$ {typed.command}\n{PASSING.sub('…', typed.printed)}"
            text = text[:place] + now + text[place + len(shown) :]
            place += len(now)
        page.write_text(text, encoding="utf-8")
        for picture in pictures(page):
            if (drawn := reader.folder / picture.name).exists():
                shutil.copy(drawn, picture)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        rewrite(Path(name))

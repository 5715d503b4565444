"""Coverage-guided fuzzing of one reader of text, with atheris (`pip install audienceflow[fuzz]`).

    python tests/attacks/fuzz/run.py expression FOLDER -max_total_time=600

The corpus is kept in FOLDER, begun with what the tests and the examples write; further words are options of libFuzzer. A text that
crashes the reader is written beside it, and becomes a test in tests/attacks/test_random_text.py.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

import atheris

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

with atheris.instrument_imports(include=["engine", "activities", "lark", "jinja2"], enable_loader_override=False):
    from tests.attacks.fuzz.targets import TARGETS

import yaml  # noqa: E402 - after what is instrumented


def seeds(name: str) -> Iterator[str]:
    """Give valid texts to begin with."""
    vectors = yaml.safe_load((ROOT / "tests" / "data" / "expressions.yaml").read_text(encoding="utf-8"))
    match name:
        case "expression":
            yield from (row[0] for kind in ("answers", "errors") for row in vectors[kind])
        case "yaml":
            yield from (file.read_text(encoding="utf-8") for file in (ROOT / "workflows").glob("*.yaml"))
        case "project":
            yield (ROOT / "workflows" / "project.yaml").read_text(encoding="utf-8")
        case "template":
            yield from (
                "{{ vars.city }}",
                "{% if vars.n > 2 %}a{% else %}b{% endif %}",
                "{{ run.date.strftime('%Y') | upper }}",
            )
        case "csv":
            yield from ("id,name\n1,a\n", "\ufeffid\r\n1\r\n", 'id,"a b"\n1,"x\ny"\n')


def main() -> None:
    """Feed the reader named first until libFuzzer's options end it."""
    name, folder, *options = sys.argv[1:]
    corpus = Path(folder)
    corpus.mkdir(parents=True, exist_ok=True)
    for text in seeds(name):
        data = text.encode()
        (corpus / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    feed = TARGETS[name]
    arguments = [sys.argv[0], str(corpus), f"-artifact_prefix={folder}_", *options]
    atheris.Setup(arguments, lambda data: feed(data.decode("utf-8", "replace")))
    atheris.Fuzz()


if __name__ == "__main__":
    main()

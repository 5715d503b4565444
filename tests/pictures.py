"""The drawings under docs/pictures: `python -m tests.pictures` draws them anew."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import engine
from engine import registry
from engine.app.demo import prepare
from engine.app.pictures import figure as figures
from engine.app.pictures.figure import Figure
from engine.app.pictures.svg import svg
from engine.app.result import RunResult
from engine.lang import graph as graphs
from engine.lang import loader
from tests.demo_data import WORKFLOWS, workflow_folder

ROOT = Path(__file__).parents[1]
DOCUMENTED = ROOT / "docs" / "pictures"
REFERENCES = ROOT / "tests" / "data" / "pictures"

LOYAL = "share_loyal_households"


def figure(file: Path, result: RunResult | None = None) -> Figure:
    spec = loader.load(file.read_text(encoding="utf-8"), file.name, registry.load().activities)
    return figures.figure(spec, graphs.build(spec), result)


def drawn_for_docs(demo: Path, scratch: Path) -> Mapping[str, str]:
    """Draw what docs/pictures holds; the first workflow after a run on the demo data."""
    folder = workflow_folder(scratch / "pictures", f"duckdb:///{demo}")
    result = engine.run(folder / f"{LOYAL}.yaml", at=datetime(2018, 1, 1, tzinfo=UTC), key="new-year-2018")
    return {
        f"{LOYAL}.svg": svg(replace(figure(WORKFLOWS / f"{LOYAL}.yaml", result), direction="down")),
        "share_list.svg": svg(figure(WORKFLOWS / "share_list.yaml")),
        "import_shared_audience.svg": svg(figure(WORKFLOWS / "import_shared_audience.yaml")),
        "sixty_activities.svg": svg(figure(REFERENCES / "sixty_activities.yaml")),
    }


def main() -> None:
    """Write the drawings."""
    with tempfile.TemporaryDirectory() as scratch:
        demo = Path(scratch) / "demo.duckdb"
        prepare(demo, lambda _step, _done, _total: None)
        DOCUMENTED.mkdir(parents=True, exist_ok=True)
        for name, text in drawn_for_docs(demo, Path(scratch)).items():
            (DOCUMENTED / name).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()

"""Files that are wrong, as tests/data/schema/broken.yaml lists them, and what we say against a file ourselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from activities import COMPONENTS
from engine.app import project as projects
from engine.app.testing import reading
from engine.kit.errors import AuthorError, Diagnostic
from engine.lang import loader
from engine.registry import Registry

BUILT_IN = Registry(COMPONENTS, {}, {})
FIXTURES = dict(BUILT_IN.of("fixture"))
BROKEN: Sequence[Mapping[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "data" / "schema" / "broken.yaml").read_text(encoding="utf-8")
)


def refused(kind: str, text: str) -> tuple[Diagnostic, ...]:
    """Give what we say against a file, without looking at any other."""
    try:
        match kind:
            case "workflow":
                loader.load(text, "w.yaml", BUILT_IN.activities)
            case "project":
                projects.read(Path("project.yaml"), text, BUILT_IN, environment=None, surroundings={})
            case _:
                reading.read(text, Path("w_test.yaml"), "w_test.yaml", FIXTURES)
    except AuthorError as problem:
        return tuple(problem.diagnostics)
    return ()

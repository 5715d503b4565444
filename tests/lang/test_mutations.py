"""Workflows that were right, or broken in one way, damaged at random: each is read, and whatever is wrong has a place and a fix."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import yaml

from engine import registry
from engine.lang import graph as graphs
from engine.lang import loader

ROOT = Path(__file__).parents[2]
BITS = ["'", '"', "{", "}", "[", "]", ": ", " #", "- ", "\t", "\n", "*", "&a", "!x ", "vars.x", "{{ vars.q }}", ",", "null", "|", ">",
        "<<: ", "? ", "é", "\x85", "\u2028", "\r", "-", "enabled: false", "%", "@", "---\n", "\ufeff"]  # fmt: skip


def texts() -> list[str]:
    examples = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "workflows").glob("share_*.yaml"))]
    broken = sorted(path for path in (ROOT / "tests" / "data" / "broken").glob("*.yaml") if path.name != "project.yaml")
    cases = [case for path in broken for case in yaml.safe_load(path.read_text(encoding="utf-8"))]
    return [*examples, *(case["workflow"].replace("»", "") for case in cases)]


def damaged(text: str, chance: random.Random) -> str:
    """Give the text with a few places changed: something put in, something taken out, a line repeated or moved to the right."""
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(text) + 1)
        lines = text.split("\n")
        line = chance.randrange(len(lines))
        match chance.randrange(4):
            case 0:
                text = text[:at] + chance.choice(BITS) + text[at:]
            case 1:
                text = text[:at] + text[at + chance.randint(1, 12) :]
            case 2:
                text = "\n".join([*lines[:line], lines[chance.randrange(len(lines))], *lines[line:]])
            case _:
                text = "\n".join([*lines[:line], " " * chance.randint(1, 3) + lines[line], *lines[line + 1 :]])
    return text


@pytest.mark.shows("a fix prints the author's line as it should be, here those of a test with stand-ins")
@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_workflow_is_read_as_far_as_it_goes(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  (no secret hangs on it)
    known = registry.load()
    originals = texts()
    for _ in range(60):
        text = damaged(chance.choice(originals), chance)
        reading = loader.read(text, "flow.yaml", known.activities)
        lines = len(text.splitlines()) + 1
        assert all(1 <= problem.span.line <= lines and problem.span.column >= 1 for problem in reading.problems), text
        assert all(problem.fix and problem.code for problem in reading.problems), text
        assert reading.spec is not None or reading.problems
        if reading.spec is not None:
            sound = graphs.sound(reading.spec)
            assert set(graphs.order(graphs.build(sound))) == set(sound.activities)

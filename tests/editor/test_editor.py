"""What an editor shows: the schemas as yaml-language-server understands them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import pytest

from activities import COMPONENTS
from engine.app import schema as schemas
from engine.kit.activity import Transform
from engine.kit.catalog import Catalog
from engine.kit.component import Component
from engine.kit.option import Flag, option
from engine.kit.population import Inputs, Population
from tests.broken_files import BROKEN, BUILT_IN, refused
from tests.editor.server import Document, Server

ROOT = Path(__file__).parent.parent.parent
WORKFLOWS = ROOT / "workflows"
CURSOR = "▌"
NUMBERS = count()
PAGE = ROOT / "docs" / "editor.md"

ABOVE = """\
# yaml-language-server: $schema=schema/workflow.json
workflow: w
activities:
  buyers: {type: query}
  groups:
"""


def place(text: str) -> tuple[str, int, int]:
    """Give a text without its cursor, and the cursor's line and column from 0."""
    before, _, after = text.partition(CURSOR)
    return before + after, before.count("\n"), len(before.rpartition("\n")[2])


def opened(server: Server, text: str, folder: Path = WORKFLOWS) -> tuple[Document, int, int]:
    """Open a text as a new file that is not saved."""
    bare, line, column = place(text)
    return server.open(folder / f"unsaved_{next(NUMBERS)}.yaml", bare), line, column


def completion(server: Server, text: str) -> dict[str, dict[str, Any]]:
    document, line, column = opened(server, text)
    return document.completion(line, column)


def hover(server: Server, text: str) -> str:
    document, line, column = opened(server, text)
    return document.hover(line, column)


def documentation(item: dict[str, Any]) -> str:
    found = item.get("documentation") or ""
    return str(found["value"]) if isinstance(found, dict) else str(found)


def test_inside_an_activity_the_options_of_its_type_are_proposed(server: Server) -> None:
    of_split = completion(server, f"{ABOVE}    type: split\n    from: buyers\n    {CURSOR}\n")
    assert {"subsets", "overlap", "seed", "after", "label", "guard"} <= set(of_split)
    assert not {"where", "add", "type", "from", "when_missing"} & set(of_split)
    assert documentation(of_split["subsets"]) == "The subsets, in order."
    of_query = completion(server, f"{ABOVE}    type: query\n    {CURSOR}\n")
    assert {"where", "add", "dimension", "from"} <= set(of_query)
    assert not {"subsets", "overlap"} & set(of_query)


def test_inside_an_option_its_own_are_proposed(server: Server) -> None:
    text = f"{ABOVE}    type: split\n    from: buyers\n    subsets:\n      vip:\n        limit:\n          {CURSOR}\n"
    assert {"count", "percent", "of", "by", "per", "sticky", "seed"} <= set(completion(server, text))


def test_types_are_proposed_with_what_they_do(server: Server) -> None:
    proposed = completion(server, f"{ABOVE}    type: {CURSOR}\n")
    assert set(proposed) == set(BUILT_IN.activities)
    assert documentation(proposed["union"]).startswith("Bring populations together;")


def test_choices_are_proposed_as_they_are_written(server: Server) -> None:
    assert set(completion(server, f"{ABOVE}    type: query\n    enabled: {CURSOR}\n")) == {"true", "false", "hold"}
    assert set(completion(server, f"{ABOVE}    type: query\n    on_error: {CURSOR}\n")) == {
        "suspend",
        "ignore",
        "abort",
    }
    assert set(completion(server, f"{ABOVE}    type: query\n    label: {CURSOR}\n")) == {"Who bought lately"}


def test_an_option_says_what_it_is(server: Server) -> None:
    text = f"{ABOVE}    type: deduplication\n    from: buyers\n    by: email\n    ke{CURSOR}ep: 1\n"
    shown = hover(server, text)
    assert shown.startswith("Records kept per group; 0 keeps all.\n\nDefault: `1`\n")
    assert "Example:\n\n```yaml\n1\n```" in shown


def test_a_type_says_what_it_does(server: Server) -> None:
    shown = hover(server, f"{ABOVE}    type: spl{CURSOR}it\n    from: buyers\n    subsets: {{a: {{where: b > 1}}}}\n")
    assert shown.startswith("Divide a population into subsets, in their order:")
    assert "With `overlap` each subset sees the whole inbound" in shown.replace("\n", " ")


def test_an_unknown_option_is_marked_at_its_place(server: Server) -> None:
    text = f"{ABOVE}    type: union\n    from: [buyers]\n    whre: age > 18\n"
    document, _, _ = opened(server, text)
    assert document.problems() == [(8, 5, "Property whre is not allowed.")]


def test_a_value_is_told_what_is_wanted(server: Server) -> None:
    text = f"{ABOVE}    type: query\n    retry: {{delay: soon}}\n"
    document, _, _ = opened(server, text)
    wanted = "a duration such as 90s, 15m, 2h or 3d is wanted here, or an expression of vars and run"
    assert document.problems() == [(7, 20, wanted)]


@pytest.mark.parametrize("path", sorted(WORKFLOWS.glob("*.yaml")), ids=lambda path: path.name)
def test_our_own_files_are_clean(server: Server, path: Path) -> None:
    assert server.open(path, path.read_text(encoding="utf-8")).problems() == []


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case["what"])
def test_a_broken_file_is_marked_in_the_line_that_check_names(server: Server, case: Mapping[str, str]) -> None:
    text = f"# yaml-language-server: $schema=schema/{case.get('kind', 'workflow')}.json\n{case['text']}"
    document, _, _ = opened(server, text)
    marked = {line - 1 for line, _, _ in document.problems()}
    assert marked != set()
    if "elsewhere" not in case:
        ours = {problem.span.line for problem in refused(case.get("kind", "workflow"), case["text"])}
        assert marked & ours != set(), "an editor marks another line than check does"


class Forecast(Transform):
    """Keep those for whom the weather is right."""

    type: ClassVar[str] = "forecast"
    example: ClassVar[Mapping[str, object]] = {}

    sunshine: Flag = option("Only where the sun shines.", default=True)

    def select(self, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        return {"result": inputs["from"]}


def test_an_activity_of_a_plugin_is_proposed_with_its_options(server: Server, tmp_path: Path) -> None:
    plugin = Component("activity", "forecast", f"{__name__}:Forecast")
    made = schemas.text("workflow", replace(BUILT_IN, components=(*COMPONENTS, plugin)))
    (tmp_path / "mine.json").write_text(made, encoding="utf-8")
    head = "# yaml-language-server: $schema=mine.json\nworkflow: w\nactivities:\n  a:\n"
    document, line, column = opened(server, f"{head}    type: {CURSOR}\n", tmp_path)
    types = document.completion(line, column)
    assert documentation(types["forecast"]) == "Keep those for whom the weather is right."
    document, line, column = opened(server, f"{head}    type: forecast\n    {CURSOR}\n", tmp_path)
    assert {"from", "sunshine", "after"} <= set(document.completion(line, column))


# the page


def screens() -> list[tuple[str, str, list[str]]]:
    """Give the pictures of docs/editor.md: a file, what is asked, and what is answered."""
    found = []
    for block in re.findall(r"^```text\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        above, question, below = re.split(r"^(completion|hover|problems)$", block, flags=re.MULTILINE)
        file = re.sub(r"^ *[0-9]+ │ ?", "", above, flags=re.MULTILINE)
        found.append((file, question, [" ".join(line.split()) for line in below.splitlines() if line]))
    return found


def answer(server: Server, text: str, question: str) -> list[str]:
    document, line, column = opened(server, text)
    match question:
        case "completion":
            found = [f"{label} {documentation(item)}" for label, item in document.completion(line, column).items()]
            return [line.partition("\n")[0] for line in found]
        case "hover":
            shown = document.hover(line, column).partition("\n\nSource: ")[0]
            return [line for line in shown.splitlines() if line]
        case _:
            return [f"{line}:{column} {message}" for line, column, message in document.problems()]


def test_the_page_shows_what_the_server_says(server: Server) -> None:
    assert len(screens()) == 4
    for text, question, shown in screens():
        said = answer(server, text, question)
        if shown[-1] == "…":  # the page shows some of them
            said = [*(line for line in said if line in shown), "…"]
        assert said == shown

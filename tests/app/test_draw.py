"""Pictures of workflows in words."""

import pytest

from engine import registry
from engine.app import draw
from engine.app.result import Activity, RunResult
from engine.lang import graph as graphs
from engine.lang import loader
from engine.lang.graph import Graph
from engine.lang.spec import WorkflowSpec

TEXT = """
workflow: flow
label: A flow
dimension: person
activities:
  end:
    type: query
    where: age > 18
    label: 'Say "hi" <b>`x`</b> #1'
    outputs: {result: {label: All of them}}
  sides:
    type: split
    from: end
    subsets:
      left: {where: age > 30}
  style:
    type: list_update
    from: sides.left
    list: a
  rest:
    type: list_update
    from: sides.complement
    after: style
    list: b
canvas:
  direction: down
  lanes:
    "the end": {label: 'Lane "one"', activities: [end, sides, nobody]}
  notes:
    - {at: rest, text: What is "left"}
    - {at: nobody, text: Nowhere}
"""

RESULT = RunResult(
    run="r1",
    workflow="flow",
    status="suspended",
    activities={
        "end": Activity(status="succeeded", seconds=1, outputs={"result": 12345}),
        "sides": Activity(status="succeeded", seconds=1, outputs={"left": 45, "complement": 12300}),
        "style": Activity(status="succeeded", seconds=1, outputs={"result": 45}),
        "rest": Activity(status="suspended", seconds=1, outputs={}),
    },
    transitions=(),
    errors=(),
)


@pytest.fixture
def flow() -> tuple[WorkflowSpec, Graph]:
    spec = loader.load(TEXT, "flow.yaml", registry.load().activities)
    return spec, graphs.build(spec)


def test_text_goes_from_the_first_to_the_last_with_counts(flow: tuple[WorkflowSpec, Graph]) -> None:
    assert draw.text(*flow, RESULT).splitlines() == [
        "flow: A flow",
        "run r1, suspended",
        "",
        '[end]  query  “Say "hi" <b>`x`</b> #1”  succeeded',
        "  └─ result  12,345  ──▶ sides  (All of them)",
        "",
        "[sides]  split  succeeded",
        "  ├─ left            45  ──▶ style",
        "  └─ complement  12,300  ──▶ rest",
        "",
        "[style]  list_update  succeeded",
        "  ├─ result  45  ■",
        "  └─ done        ┄┄▶ rest",
        "",
        "[rest]  list_update  suspended",
    ]


def test_text_without_a_run_has_no_counts(flow: tuple[WorkflowSpec, Graph]) -> None:
    assert "  ├─ left        ──▶ style" in draw.text(*flow).splitlines()
    assert "45" not in draw.text(*flow)


def test_mermaid_escapes_words_and_keeps_off_its_keywords(flow: tuple[WorkflowSpec, Graph]) -> None:
    assert draw.mermaid(*flow, RESULT).splitlines() == [
        "flowchart TD",
        '    subgraph lane_the_end["Lane #quot;one#quot;"]',
        '        _end["Say #quot;hi#quot; #lt;b#gt;#96;x#96;#lt;/b#gt; #35;1<br>query"]',
        '        sides["sides<br>split"]',
        "    end",
        '    _style["style<br>list_update"]',
        '    rest["rest<br>list_update<br>suspended"]',
        '    _end -->|"All of them<br>12,345"| sides',
        '    sides -->|"left<br>45"| _style',
        '    sides -->|"complement<br>12,300"| rest',
        "    _style -.-> rest",
        '    note_1>"What is #quot;left#quot;"] -.- rest',
    ]


def test_a_canvas_that_is_nonsense_draws_the_workflow_all_the_same() -> None:
    canvas = "canvas:\n  direction: [up]\n  lanes: many\n  notes: [a, {text: b}]\n"
    text = TEXT[: TEXT.index("canvas:")] + canvas
    spec = loader.load(text, "flow.yaml", registry.load().activities)
    assert draw.mermaid(spec, graphs.build(spec)).splitlines()[0] == "flowchart LR"

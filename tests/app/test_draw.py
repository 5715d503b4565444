"""Pictures of workflows in words."""

from datetime import UTC, datetime

from engine import registry
from engine.app.pictures import figure as figures
from engine.app.pictures import words
from engine.app.pictures.figure import Figure
from engine.app.result import Activity, RunResult
from engine.lang import graph as graphs
from engine.lang import loader

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

MOMENT = datetime(2026, 11, 23, tzinfo=UTC)
RESULT = RunResult(
    run="r1",
    workflow="flow",
    key=None,
    started_at=MOMENT,
    time=MOMENT,
    variables={},
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


def drawn(result: RunResult | None = None, text: str = TEXT) -> tuple[Figure, list[str]]:
    spec = loader.load(text, "flow.yaml", registry.load().activities)
    graph = graphs.build(spec)
    return figures.figure(spec, graph, result), figures.order(spec, graph)


def test_text_goes_from_the_first_to_the_last_with_counts() -> None:
    assert words.text(*drawn(RESULT)).splitlines() == [
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


def test_text_without_a_run_has_no_counts() -> None:
    assert "  ├─ left        ──▶ style" in words.text(*drawn()).splitlines()
    assert "45" not in words.text(*drawn())


def test_mermaid_escapes_words_and_keeps_off_its_keywords() -> None:
    assert words.mermaid(drawn(RESULT)[0]).splitlines() == [
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
    figure, _ = drawn(text=text)
    assert words.mermaid(figure).splitlines()[0] == "flowchart LR"
    assert (figure.lanes, figure.notes) == ((), ())

from collections.abc import Mapping
from typing import ClassVar, Literal

import pytest

from engine import registry
from engine.kit.activity import FROM, RESULT, Port, Transform
from engine.kit.catalog import Catalog
from engine.kit.errors import AuthorError
from engine.kit.expression import Expr, SortKey
from engine.kit.option import Duration, Flag, Integer, Many, option
from engine.kit.population import Inputs, Population
from engine.lang import graph as graphs
from engine.lang import loader
from engine.lang.loader import load
from engine.lang.spec import WorkflowSpec


class Toy(Transform):
    """A toy."""

    type: ClassVar[str] = "toy"
    inputs: ClassVar[tuple[Port, ...]] = (
        Port(name="from", optional=True),
        Port(name="others", many=True, optional=True),
    )

    where: Expr | None = option("A condition.", default=None)
    order: Many[SortKey] = option("An order.", default=(), example=["-spend"])
    keep: Integer = option("How many.", default=1, ge=0)
    strict: Flag = option("Whether.", default=False)
    pause: Duration | None = option("How long.", default=None)
    mode: Literal["append", "replace"] = option("How.", default="append")

    def outputs(self) -> tuple[Port, ...]:
        return (RESULT, Port(name="complement"))

    def select(self, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        return {"result": inputs[FROM.name]}


def read(text: str) -> WorkflowSpec:
    return load(text, "w.yaml", {"toy": Toy})


def problems(body: str) -> list[str]:
    """Load a workflow with these activities and give 'line:column code' of every problem, the graph's too."""
    text = f"workflow: w\nactivities:\n{body}"
    try:
        spec = read(text)
    except AuthorError as error:
        found = list(error.diagnostics)
    else:
        found = sorted(graphs.problems(spec, graphs.build(spec)))
    return [f"{problem.span.line}:{problem.span.column} {problem.code}" for problem in found]


def test_options_are_read_by_their_types() -> None:
    spec = read(
        "workflow: w\nactivities:\n  a: {type: toy, where: x > 1, order: -spend, keep: 2, strict: true, pause: 90s, mode: replace}\n"
    )
    toy = spec.activities["a"].activity
    assert isinstance(toy, Toy)
    assert toy.where == Expr("x > 1")
    assert toy.order == (SortKey("-spend"),)
    assert toy.keep == 2
    assert toy.strict is True
    assert toy.pause is not None
    assert toy.pause.total_seconds() == 90
    assert toy.mode == "replace"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("  a: {type: toi}\n", ["3:13 E109"]),
        ("  a: {}\n", ["3:3 E109"]),
        ("  A: {type: toy}\n", ["3:3 E106"]),
        ("  a: {type: toy, kep: 1}\n", ["3:18 E102"]),
        ("  a: {type: toy, keep: many}\n", ["3:24 E105"]),
        ("  a: {type: toy, keep: -1}\n", ["3:24 E105"]),
        ("  a: {type: toy, strict: yes}\n", ["3:26 E105"]),
        ("  a: {type: toy, keep: 1_000}\n", ["3:24 E105"]),
        ("  a: {type: toy, keep: 012}\n", ["3:24 E105"]),
        ("  a: {type: toy, pause: soon}\n", ["3:25 E105"]),
        ("  a: {type: toy, mode: replce}\n", ["3:24 E104"]),
        ("  a: {type: toy, from: [b]}\n  b: {type: toy}\n", ["3:24 E111"]),
        ("  a: {type: toy, from: b}\n", ["3:24 E113"]),
        ("  a: {type: toy, from: b.complment}\n  b: {type: toy}\n", ["3:24 E114"]),
        ("  a: {type: toy, from: b}\n  b: {type: toy, from: a}\n", ["3:24 E115"]),
        ("  a: {type: toy, from: a}\n", ["3:24 E115"]),
        ("  a: {type: toy, where: x >}\n  b: {type: toy, kep: 1}\n", ["3:28 X003", "4:18 E102"]),
        ("  a: {type: toy, on_error: stop}\n", ["3:28 E104"]),
        ("  a: {type: toy, retry: {attempt: 3}}\n", ["3:26 E102"]),
        ("  a: {type: toy, after: b}\n", ["3:25 E113"]),
    ],
)
def test_every_problem_has_its_place(body: str, expected: list[str]) -> None:
    assert problems(body) == expected


def test_an_unknown_option_is_answered_with_the_near_miss_and_what_exists() -> None:
    with pytest.raises(AuthorError) as caught:
        read("workflow: w\nactivities:\n  a: {type: toy, kep: 1}\n")
    assert str(caught.value).startswith("w.yaml:3:18: E102 unknown option 'kep'\n  fix: write 'keep' (options: after, ")


def test_all_problems_come_at_once_in_the_order_of_the_file() -> None:
    text = "workflow: W\ntimezone: Mars\nvariables:\n  v: {type: int}\nactivities:\n  a: {type: toy, kep: 1}\n  b: {}\nextra: 1\n"
    with pytest.raises(AuthorError) as caught:
        read(text)
    assert [(item.span.line, item.code) for item in caught.value.diagnostics] == [
        (1, "E106"), (2, "E107"), (4, "E104"), (6, "E102"), (7, "E109"), (8, "E102"),
    ]  # fmt: skip


def test_the_order_of_a_graph_follows_its_arrows_and_otherwise_the_file() -> None:
    body = (
        "  c: {type: toy, others: [a, b.complement]}\n  b: {type: toy}\n  a: {type: toy}\n  d: {type: toy, after: c}\n"
    )
    spec = read(f"workflow: w\nactivities:\n{body}")
    graph = graphs.build(spec)
    assert graphs.order(graph) == ("b", "a", "c", "d")
    assert graphs.used_ports(graph, "b") == {"complement"}
    assert graphs.used_ports(graph, "c") == {"result"}


def test_an_expression_cut_by_a_comment_is_shown_as_it_should_be() -> None:
    with pytest.raises(AuthorError) as caught:
        read("workflow: w\nactivities:\n  a:\n    type: toy\n    where: name = 'a #b'\n")
    (problem,) = caught.value.diagnostics
    assert (problem.code, problem.span.line, problem.fix) == ("Y011", 5, "where: \"name = 'a #b'\"")


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("x > 1 and\n      y >\n", "6:10 X003"),
        (">\n      x > 1\n      and y >\n", "7:14 X003"),
        ("|\n      x > 1\n        and y >\n", "7:16 X003"),
        ("'x > 1\n\n      and y >'\n", "7:14 X003"),
        ("'x = ''a'' and\n      y >'\n", "6:10 X003"),
        ('"x > 1 and\n      y >"\n', "6:10 X003"),
    ],
)
def test_a_problem_of_a_text_over_several_lines_is_told_on_its_line(where: str, expected: str) -> None:
    assert problems(f"  a:\n    type: toy\n    where: {where}") == [expected]


def test_what_is_wrong_with_options_does_not_hide_what_is_wrong_with_arrows() -> None:
    body = "  a: {type: toy, kep: 1}\n  b: {type: toy, from: x}\n  c: {type: toy, from: a.nothing}\n  d: {type: toy, from: d}\n"
    assert problems(body) == ["3:18 E102", "4:24 E113", "5:24 E114", "6:24 E115"]


def test_an_output_that_a_wrong_option_may_give_is_not_missed() -> None:
    body = "  a: {type: toy, kep: {late: 1}}\n  b: {type: toy, from: a.complement}\n  c: {type: toy, from: a.late}\n"
    assert problems(body) == ["3:18 E102"]


def test_what_yaml_misread_does_not_hide_what_is_wrong_with_options() -> None:
    body = "  a: {type: toy, mode: !x replace}\n  a: {type: toy}\n  b: {type: toy, kep: 1}\n  c: {type: toy, where: f(x, y), keep: no}\n"
    assert problems(body) == ["3:24 Y002", "4:3 Y004", "5:18 E102", "6:30 Y010", "6:40 E105"]


def test_a_line_to_paste_has_no_mistake_of_its_own() -> None:
    text = "workflow: w\nactivities:\n  a: {type: toy, where: f(x, y), keep: 1}\n  b: {type: toy, where: f(x where x > 1, y), keep: 1}\n"
    written = loader.read(text, "w.yaml", {"toy": Toy}).written
    assert {problem.span.line: problem.fix for problem in written if problem.code == "Y010"} == {
        3: "on a line of its own, write where: f(x, y)",
        4: "write it on a line of its own, and mend its expression as is said here",
    }
    assert [problem.fix for problem in written if problem.code == "X002"] == ["write 'and' between two conditions"]


@pytest.mark.parametrize(("written", "meant"), [("yes", "true"), ("no", "false"), ("Off", "false"), ("1", "true")])
def test_a_flag_in_other_words_is_answered_with_the_right_one(written: str, meant: str) -> None:
    activities = registry.load().activities
    body = f"  a: {{type: query, dimension: d}}\n  s: {{type: split, from: a, subsets: {{x: {{skip_empty: {written}}}}}}}\n"
    (problem,) = loader.read(f"workflow: w\nactivities:\n{body}", "w.yaml", activities).written
    assert f"write 'skip_empty: {meant}'" in problem.fix


def partly(body: str) -> WorkflowSpec:
    spec = loader.read(f"workflow: w\nvariables:\n  v: {{type: int}}\nactivities:\n{body}", "w.yaml", {"toy": Toy}).spec
    assert spec is not None
    return spec


def test_an_activity_is_read_without_the_options_that_are_wrong() -> None:
    spec = partly("  a: {type: toy, kep: 1, where: x > 1, keep: many, mode: replace, order: [x, -]}\n")
    toy = spec.activities["a"].activity
    assert isinstance(toy, Toy)
    assert (str(toy.where), toy.keep, toy.mode, toy.order) == ("x > 1", 1, "replace", ())
    assert spec.unreadable == {"a", "vars.v"}


def test_what_can_be_judged_is_what_stands_on_nothing_wrong() -> None:
    spec = partly(
        "  wrong: {type: toy, kep: 1}\n  right: {type: toy}\n  behind: {type: toy, from: wrong}\n  far: {type: toy, from: behind}\n"
        "  ring: {type: toy, from: gnir}\n  gnir: {type: toy, from: ring}\n  lost: {type: toy, from: right.nothing}\n"
        "  known: {type: toy, from: right, after: waits}\n  waits: {type: toy, after: known}\n  asks: {type: toy, where: x > vars.v}\n"
    )
    assert list(graphs.sound(spec).activities) == ["wrong", "right", "known", "waits"]


def test_an_option_knows_its_place() -> None:
    activity = partly("  a:\n    type: toy\n    retry:\n      delay: 3s\n    keep: 3\n").activities["a"]
    places = [
        activity.place(*path) for path in (("keep",), ("retry",), ("retry", "delay"), ("retry", "backoff"), ("no",))
    ]
    assert [(place.line, place.column) for place in places] == [(9, 11), (7, 5), (8, 14), (7, 5), (5, 3)]

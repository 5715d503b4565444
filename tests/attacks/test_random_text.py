"""Random text never crashes a reader: it is read, or refused as an author's error. What the fuzzers found stands here too."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml as pyyaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.attacks.fuzz import targets

ROOT = Path(__file__).parents[2]
VECTORS = pyyaml.safe_load((ROOT / "tests" / "data" / "expressions.yaml").read_text(encoding="utf-8"))
EXPRESSIONS = [row[0] for kind in ("answers", "errors") for row in VECTORS[kind]]
WORKFLOWS = [file.read_text(encoding="utf-8") for file in sorted((ROOT / "workflows").glob("*.yaml"))]
PROJECT = (ROOT / "workflows" / "project.yaml").read_text(encoding="utf-8")
TEMPLATES = [
    "{{ vars.city|upper }}",
    "{% if vars.n > 2 %}a{% else %}b{% endif %}",
    "{{ run.date.strftime('%Y') ~ vars.rate }}",
]
FILES = ["id,name\n1,a\n2,b\n", '\ufeffid,"a ""b"""\r\n1,"x\ny"\r\n']

bounded = settings(
    max_examples=150, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


@st.composite
def mutations(draw: st.DrawFn, originals: list[str], pieces: list[str]) -> str:
    """Give a valid text with a few parts cut, doubled, or replaced by pieces of the language or any character."""
    text = draw(st.sampled_from(originals))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        middle = draw(st.one_of(st.sampled_from(["", text[start:end] * 2, *pieces]), st.text(max_size=3)))
        text = text[:start] + middle + text[end:]
    return text


def soup(words: str) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(words.split(" ")), max_size=30).map(" ".join)


WORDS = (
    "a b.c id name born 'x' \"q\" 1 2.5 ( ) ( ) , + - * / % || = != < >= and or not in between like is null true case when then else "
    "end exists( count( sum( lower( days_ago( iif( bucket( of where over( partition by order by desc nulls first vars.days vars.x "
    "run.date date'2026-01-01' timestamp'2026-01-01' interval'1 day' row.id target.id inputs.from.count '' 99999999999999999999"
)
YAML = [
    "\n", "\n  ", ": ", "- ", "? ", "{", "}", "[", "]", ", ", "&a ", "*a ", "!!int ", "|\n", ">-\n", "'", '"', "# ", "---\n", "%TAG ! x\n", "<<: ",
    "\t", "null", "\\",
]  # fmt: skip


@bounded
@given(st.one_of(st.text(max_size=80), soup(WORDS), mutations(EXPRESSIONS, WORDS.split(" "))))
def test_an_expression(text: str) -> None:
    targets.expression(text)


@bounded
@given(
    st.one_of(
        st.text(max_size=80),
        st.lists(st.sampled_from([*YAML, "a", "workflow", "activities", "type"]), max_size=40).map("".join),
    )
)
def test_yaml(text: str) -> None:
    targets.yaml(text)


@pytest.mark.shows("a fix prints the author's line as it should be, here those of a test with stand-ins")
@bounded
@given(mutations(WORKFLOWS, YAML))
def test_a_workflow_that_was_damaged(text: str) -> None:
    targets.yaml(text)


@bounded
@given(mutations([PROJECT], [*YAML, "${", "${A}", "${B:-", "environments:"]))
def test_a_project_that_was_damaged(text: str) -> None:
    targets.project(text)


@bounded
@given(
    st.one_of(
        st.text(max_size=80),
        mutations(TEMPLATES, ["{{", "}}", "{%", "%}", "{#", "|", "~", ".", "__class__", "(", ")", "'", "%"]),
    )
)
def test_a_template(text: str) -> None:
    targets.template(text)


@bounded
@given(
    st.one_of(
        st.binary(max_size=80),
        mutations(FILES, ['"', ",", "\r", "\n", "\0", "id"]).map(lambda text: text.encode("utf-8", "surrogatepass")),
    )
)
def test_a_file_of_a_list(data: bytes) -> None:
    targets.csv(data)


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("expression", "to_string\u0601rue) || to_stnr1i( g= 2)"),
        ("yaml", "a: {b: 1, crm_id\ud800: x\u07fc}"),
        ("yaml", "a: {household_id: 1, crm_id\U000e0001\u07fc}"),
        ("yaml", "a: {b: 1, [c]}"),
        ("yaml", "*a : b"),
        ("yaml", "? *a\n: b"),
        ("yaml", "workflow: w\nvariables: {v: {default: [1]}}\nactivities: {a: {type: query}}"),
        ("yaml", "tests:\n- {name: x, expect: {a: {count: " + "9" * 5_000 + "}}}"),
        ("project", "environments: [dev]"),
        ("project", "environments: dev"),
        ("template", "{{s \x0b}}'\x00"),
        ("template", "{{ " + "9" * 3_000 + "}}" + "{{ 1 }}"),
        ("csv", "id\r1\r"),
        ("csv", "id," + "x" * 200_000),
        ("csv", 'id\n"' + "x" * 200_000),
        ("csv", "id\n\0"),
    ],
)
def test_what_was_found(target: str, text: str) -> None:
    targets.TARGETS[target](text)

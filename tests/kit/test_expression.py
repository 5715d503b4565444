"""Expressions and sort keys as values: parsing, places, names, bound values, pydantic."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from engine.kit.errors import AuthorError, Span
from engine.kit.expression import Bound, Expr, SortKey, tree
from engine.kit.expression.parser import DEEPEST, LONGEST
from engine.kit.option import Scalar
from engine.kit.types import DATE, INTEGER

SAME = [
    ("a or b and not c = 1", "a or (b and (not (c = 1)))"),
    ("a + b * c || d", "(a + (b * c)) || d"),
    ("a - b - c", "(a - b) - c"),
    ("-a * b", "(-a) * b"),
    ("a <> 1", "a != 1"),
    ("a not in (1, 2) AND x NOT LIKE 'a'", "not a in (1,2) and not (x like 'a')"),
    ("a not between 1 and 2 and b", "(not (a between 1 and 2)) and b"),
    ("a is not null", "not (a is null)"),
    ("a is  not\ndistinct from b", "not a is distinct from b"),
    ("EXISTS(l)", "exists(l)"),
    ("Lower(a)", "lower(a)"),
    ('"a".b', "a . b"),
    ("((((a))))", "a"),
    ("count(*)", "count()"),
]  # fmt: skip
"""Pairs that mean the same."""


@pytest.mark.parametrize(("one", "other"), SAME)
def test_precedence_and_sugar(one: str, other: str) -> None:
    assert Expr(one).tree == Expr(other).tree


@pytest.mark.parametrize(
    "name", ["date", "order", "desc", "of", "partition", "nulls", "first", "where", "row.order", "t.case", "é_1"]
)
def test_a_word_is_a_keyword_only_where_one_can_stand(name: str) -> None:
    assert isinstance(Expr(name).tree, tree.Name)


@pytest.mark.parametrize(
    "text", ["case", "not", "'x", '""', "a.", ".a", "a.1", "a in ()", "f(,)", "a b", "1a", "case end"]
)
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(AuthorError) as caught:
        Expr(text)
    assert all(problem.code.startswith("X") for problem in caught.value.diagnostics)


@pytest.mark.parametrize(
    ("text", "operand", "descending", "nulls_first"),
    [
        ("spend", "spend", False, False),
        ("spend asc", "spend", False, False),
        ("spend DESC", "spend", True, False),
        ("-spend", "spend", True, False),
        ("-lower(a.b) nulls first", "lower(a.b)", True, True),
        ("-sum(x of y)", "sum(x of y)", True, False),
        ("-spend desc", "-spend", True, False),
        ("-(a + 1)", "-(a + 1)", False, False),
        ("a + 1 desc nulls last", "a + 1", True, False),
        ("desc", "desc", False, False),
    ],
)
def test_a_sort_key(text: str, operand: str, descending: bool, nulls_first: bool) -> None:
    sort = SortKey(text).sort
    assert (sort.operand, sort.descending, sort.nulls_first) == (Expr(operand).tree, descending, nulls_first)


def test_equality_is_by_text_and_the_text_is_kept() -> None:
    assert Expr("a  = 1", Span("f", 1, 1)) == Expr("a  = 1")
    assert Expr("a = 1") != Expr("a  = 1")
    assert len({Expr("a"), Expr("a", Span("f", 2, 2)), Expr("b")}) == 2
    assert str(Expr("a  = 1")) == "a  = 1"


def test_names_are_told_with_their_kind_and_place() -> None:
    text = "exists(purchases where at >= days_ago(vars.days)) and city.name = run.id"
    mentions = list(Expr(text, Span("f", 1, 1)).names())
    found = {(each.kind, each.name, each.span.column if each.span else 0) for each in mentions}
    assert found == {
        ("function", "exists", 1), ("link", "purchases", 8), ("column", "at", 24), ("function", "days_ago", 30),
        ("value", "vars.days", 39), ("column", "city.name", 55), ("value", "run.id", 67),
    }  # fmt: skip


def test_bound_values_are_added_and_the_original_stays() -> None:
    plain = Expr("vars.days")
    bound = plain.bound({"vars.days": Bound(1, INTEGER)}).bound({"run.date": Bound(date(2026, 1, 1), DATE)})
    assert set(bound.values) == {"vars.days", "run.date"}
    assert plain.values == {}
    assert bound == plain


def test_values_that_python_holds_equal_are_different_parts() -> None:
    assert repr(Expr("1").tree) != repr(Expr("true").tree)
    assert repr(Expr("1").tree) != repr(Expr("1.0").tree)
    assert repr(Expr("  a").tree) == repr(Expr("a").tree)


def test_a_deep_or_long_text_is_refused_and_a_wide_one_is_not() -> None:
    for text in (
        "-" * 3000 + "a",
        "not " * 3000 + "a",
        "+".join("a" * 3000),
        "f(" * 3000 + ")" * 3000,
        "a" * (LONGEST + 1),
    ):
        with pytest.raises(AuthorError, match=r"X00[38]"):
            Expr(text)
    Expr(" or ".join(["a = 1"] * 1000))
    Expr("(" * 5000 + "a" + ")" * 5000)
    Expr("-" * (DEEPEST - 1) + "a")


class Options(BaseModel):
    where: Expr
    by: SortKey | None = None


def test_pydantic_reads_a_text_with_its_place() -> None:
    options = Options.model_validate({"where": Scalar.at("a = 1", Span("f.yaml", 3, 9)), "by": "-a"})
    assert options.where.span == Span("f.yaml", 3, 9)
    assert options.by is not None
    assert options.by.sort.descending
    assert Options.model_validate({"where": options.where}).where is options.where
    assert options.model_dump() == {"where": "a = 1", "by": "-a"}


def test_pydantic_collects_what_is_wrong() -> None:
    with pytest.raises(ValidationError) as caught:
        Options.model_validate({"where": Scalar.at("a == 1", Span("f.yaml", 3, 9)), "by": 3})
    first, second = caught.value.errors()
    assert first["type"] == "author"
    (problem,) = first["ctx"]["diagnostics"]
    assert (problem.code, problem.span) == ("X002", Span("f.yaml", 3, 11))
    assert second["loc"] == ("by",)


VOCABULARY = """
a b.c 'x' "q" 1 2.5 ( ) , + - * / % || = != < and or not in between like is null case when then else end exists( count( sum(
of where over partition by order desc nulls first vars.x date'2026-01-01' interval'1day' interval'1'
"""
WORDS = st.sampled_from(VOCABULARY.split())


@given(st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=25).map(" ".join)))
def test_no_text_crashes_the_parser(text: str) -> None:
    for kind in (Expr, SortKey):
        try:
            parsed: Any = kind(text, Span("f", 1, 1))
        except AuthorError as problem:
            for diagnostic in problem.diagnostics:
                assert diagnostic.message
                assert diagnostic.fix
                assert 1 <= diagnostic.span.column <= len(text) + 1
        else:
            assert repr(parsed.tree)

import pytest

from engine.kit.errors import AuthorError, Span
from engine.lang.source import read, span_of


def codes(text: str) -> list[tuple[str, int, int]]:
    with pytest.raises(AuthorError) as caught:
        read(text, "w.yaml")
    return [(problem.code, problem.span.line, problem.span.column) for problem in caught.value.diagnostics]


def test_scalars_are_text_whatever_yaml_would_make_of_them() -> None:
    assert read("{a: no, b: 012, c: 1_000, d: 1:30, e: true, f: 2026-11-23}", "w.yaml") == {
        "a": "no", "b": "012", "c": "1_000", "d": "1:30", "e": "true", "f": "2026-11-23",
    }  # fmt: skip


def test_an_empty_value_is_none() -> None:
    assert read("a:\nb: ''\n", "w.yaml") == {"a": None, "b": ""}


def test_every_value_knows_its_place() -> None:
    value = read('a:\n  b: [x, "yz"]\n', "w.yaml")
    places = [span_of(value, path, Span("w.yaml", 0, 0)) for path in (("a", "b"), ("a", "b", 0), ("a", "b", 1))]
    assert [(place.line, place.column) for place in places] == [(2, 6), (2, 7), (2, 11)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", [("Y004", 3, 1)]),
        ("a: !!int 1\n", [("Y002", 1, 4)]),
        ("base: &b {x: y}\nc:\n  <<: *b\n", [("Y003", 3, 3)]),
        ("a: [1, 2\n", [("Y001", 1, 4)]),
        ("a: b: c\n", [("Y001", 1, 5)]),
        ("a: 'x' = y\n", [("Y001", 1, 4)]),
        ("? [a]\n: b\n", [("Y008", 1, 3)]),
        ("{where: sum(a, b) > 3}\n", [("Y010", 1, 16)]),
        ("a: &a [*a]\n", [("Y005", 1, 8)]),
        ("\ta: 1\n", [("Y001", 1, 1)]),
    ],
)
def test_what_yaml_allows_and_we_do_not_is_named_with_its_place(
    text: str, expected: list[tuple[str, int, int]]
) -> None:
    assert codes(text) == expected


def test_the_fix_for_a_cut_value_quotes_it() -> None:
    with pytest.raises(AuthorError) as caught:
        read("where: 'a' = b\n", "w.yaml")
    assert caught.value.diagnostics[0].fix == """where: "'a' = b\""""


def test_an_alias_bomb_is_refused() -> None:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 9)]
    text = "\n".join(["l0: &l0 [x, x]", *levels])
    assert [code for code, _, _ in codes(text)] == ["Y007"]


def test_nesting_without_end_is_refused() -> None:
    assert codes("[" * 100 + "]" * 100)[0][0] == "Y005"


def test_the_fix_for_a_comma_inside_braces_gives_the_whole_value() -> None:
    with pytest.raises(AuthorError) as caught:
        read("a: {x: 1, where: iif(x > 1, 'é, b', c) = 3}\n", "w.yaml")
    (problem,) = caught.value.diagnostics
    assert problem.fix == "on a line of its own, write where: iif(x > 1, 'é, b', c) = 3"

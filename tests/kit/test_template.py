"""Text options: filled in, in a sandbox, and never silently empty."""

from __future__ import annotations

from datetime import date

import pytest

from engine.kit.errors import AudienceflowError, AuthorError, DataError, Span
from engine.kit.template import Template

NAMES = {"vars": {"city": "Besançon", "n": 3}, "run": {"date": date(2026, 11, 23)}}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("plain", "plain"),
        ("", ""),
        ("{ not a template }", "{ not a template }"),
        ("list_{{ vars.city }}", "list_Besançon"),
        ("{{ run.date }}", "2026-11-23"),
        ("{{ run.date.year }}", "2026"),
        ("{% if vars.n > 2 %}many{% else %}few{% endif %}", "many"),
        ("a{# never seen #}b", "ab"),
        ("{{ '<b>' }}", "<b>"),
    ],
)
def test_a_template_is_filled_in(source: str, text: str) -> None:
    assert Template(source).render(NAMES) == text


def test_an_unknown_name_is_an_error_at_its_place() -> None:
    with pytest.raises(AuthorError) as caught:
        Template("a {{ vars.nmae }}", Span("w.yaml", 4, 9)).render(NAMES)
    assert str(caught.value).startswith("w.yaml:4:9: T002 the template 'a {{ vars.nmae }}' asks for what is not there")


def test_a_template_that_cannot_be_read_is_an_error_when_it_is_made() -> None:
    with pytest.raises(AuthorError) as caught:
        Template("{{ vars. }}", Span("w.yaml", 4, 9))
    assert str(caught.value).startswith("w.yaml:4:9: T001 the template cannot be read")


@pytest.mark.parametrize(
    "source",
    [
        "{{ vars.__class__.__mro__ }}",
        "{{ ''.__class__ }}",
        "{{ run.date.__init__.__globals__ }}",
        "{{ vars.update({'city': 'x'}) }}",
        "{% include 'secrets.txt' %}",
        "{{ 1 / 0 }}",
        "{{ vars.city + 1 }}",
        "{{ range(99999999) | list }}",
    ],
)
def test_the_sandbox_keeps_a_template_to_its_text(source: str) -> None:
    with pytest.raises(AudienceflowError):
        Template(source).render(NAMES)


def test_what_goes_wrong_in_a_template_quotes_it() -> None:
    with pytest.raises(DataError, match=r"the template '\{\{ 1 / 0 \}\}' cannot be rendered: division by zero"):
        Template("{{ 1 / 0 }}").render(NAMES)


def test_templates_are_equal_by_their_text() -> None:
    assert Template("a", Span("x", 1, 1)) == Template("a", Span("y", 2, 2))
    assert str(Template("{{ vars.n }}")) == "{{ vars.n }}"

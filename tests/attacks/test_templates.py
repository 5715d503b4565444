"""Hostile templates: what leads out of a template, or makes it run or grow without end, is refused; the rest is harmless."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from engine.kit.errors import AudienceflowError, AuthorError, Span
from engine.kit.template import Template
from tests.attacks.fuzz.targets import NAMES

BIG = 10**9
ESCAPES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ vars.city.__class__ }}",
    "{{ vars['__class__'] }}",
    "{{ vars.city['__class__'] }}",
    "{{ vars.city['__cla' ~ 'ss__'] }}",
    "{{ vars|attr('__class__') }}",
    "{{ vars.city|attr('__init__') }}",
    "{{ ['__class__']|map('upper') }}",
    "{{ '{0.__class__}'.format(vars) }}",
    "{{ '{a.__class__}'.format_map({'a': 1}) }}",
    "{{ vars.city.format }}",
    "{{ '%s'|format(vars) }}",
    "{{ vars }}",
    "{{ run }}",
    "{{ vars.items() }}",
    "{{ vars.update({'city': 'x'}) }}",
    "{{ vars.pop('city') }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ lipsum.__globals__.os }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ url_for.__globals__ }}",
    "{{ config.items() }}",
    "{{ request.application }}",
    "{{ get_flashed_messages.__globals__ }}",
    "{{ dict(a=1) }}",
    "{{ run.date.__reduce__ }}",
    "{{ run.date.replace }}",
    "{{ run.date.strftime.__self__ }}",
    "{{ run.date.replace(year=1) }}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{% from 'os' import system %}",
    "{% extends 'x' %}",
    "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}",
    "{% block b %}{{ self.b() }}{% endblock %}",
    "{% call x() %}{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% set x = vars.city %}{{ x }}",
    "{% with x = 1 %}{{ x }}{% endwith %}",
    "{% autoescape false %}x{% endautoescape %}",
    "{% debug %}",
    "{% do 1 %}",
    "{{ lambda: 1 }}",
    "{{ [1, 2] }}",
    "{{ {'a': 1} }}",
    "{{ (1, 2) }}",
]
ENDLESS = [
    f"{{{{ range({BIG}) }}}}",
    f"{{% for x in range({BIG}) %}}x{{% endfor %}}",
    "{% for a in 'xxxxxxxxxx' %}{% for b in 'xxxxxxxxxx' %}x{% endfor %}{% endfor %}",
    "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    f"{{{{ 'a' * {BIG} }}}}",
    f"{{{{ {BIG} * 'a' }}}}",
    f"{{{{ vars.city * {BIG} }}}}",
    f"{{{{ 2 ** {BIG} }}}}",
    "{{ 9 ** 9 ** 9 }}",
    f"{{{{ 'a'|center({BIG}) }}}}",
    f"{{{{ 'a'.ljust({BIG}) }}}}",
    f"{{{{ 'a'.zfill({BIG}) }}}}",
    f"{{{{ 'a'|indent({BIG}, true) }}}}",
    f"{{{{ '%{BIG}d' % 1 }}}}",
    f"{{{{ '%{BIG}d'|format(1) }}}}",
    f"{{{{ '{{:{BIG}}}'.format(1) }}}}",
    f"{{{{ 5|round(-{BIG}) }}}}",
    f"{{{{ lipsum(n={BIG}) }}}}",
    "{{ 'a'|wordwrap(1, true, 'x' * 1000000) }}",
    "{{ " + "'aaaaaaaaaa'" + ".replace('a', 'aaaaaaaaaa')" * 12 + " }}",
    "{{ " + "'aaaaaaaaaa'" + "|replace('a', 'aaaaaaaaaa')" * 12 + " }}",
    "{{ 'aaaaaaaaaa'|join('aaaaaaaaaa')|join('aaaaaaaaaa') }}",
    "{{ 'a'|random }}",
    "{{ " + "9" * 3_900 + " }}{{ " + "(" * 20 + "1",
    "{{ " + "(" * 1_900 + "1" + ")" * 1_900 + " }}",
    "{{ " + "-" * 3_900 + "1 }}",
    "{{ " + "not " * 900 + "1 }}",
    "{{ 1" + " + 1" * 900 + " }}",
    "{{ vars.city" + "|upper" * 600 + " }}",
    "{{ " + "1 if 1 else " * 300 + "1 }}",
    "{% if 1 %}" * 300 + "{% endif %}" * 300,
    "{{ vars.city }}" * 1_000,
]


@pytest.mark.parametrize("source", ESCAPES)
def test_an_escape_is_refused(source: str) -> None:
    with pytest.raises(AudienceflowError) as caught:
        Template(source, Span("w.yaml", 3, 5)).render(NAMES)
    assert caught.value.args
    assert "fix: " in str(caught.value)


@pytest.mark.parametrize("source", ENDLESS, ids=lambda source: source[:40])
def test_what_would_have_no_end_is_refused_at_its_place_at_once(source: str) -> None:
    begin = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(AudienceflowError):
            Template(source, Span("w.yaml", 3, 5)).render(NAMES)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert time.process_time() - begin < 2
    assert peak < 50_000_000


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ vars.city|upper }}", "BESANÇON"),
        ("{{ vars.city[:3] ~ '_' ~ vars.n }}", "Bes_3"),
        ("{{ vars.nothing|default('none', true) }}", "none"),
        ("{{ vars.n * 2 + 1 }}", "7"),
        ("{{ vars.rate }}", "0.25"),
        ("{{ run.date.strftime('%Y-%m') }}", "2026-11"),
        ("{{ run.time.isoformat() }}", "2026-11-23T08:30:00"),
        ("{{ 'even' if vars.n is even else 'odd' }}", "odd"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("{{ '{{ vars.city }}' }}", "{{ vars.city }}"),
    ],
)
def test_what_a_label_needs_is_there(source: str, text: str) -> None:
    assert Template(source).render(NAMES) == text


def test_a_value_that_looks_like_a_template_is_not_filled_in() -> None:
    names = {"vars": {"city": "{{ run.date }}"}, "run": {"date": "x"}}
    assert Template("{{ vars.city }}").render(names) == "{{ run.date }}"


def test_a_part_that_is_refused_is_named_with_its_place() -> None:
    with pytest.raises(AuthorError) as caught:
        Template("{% for x in vars %}x{% endfor %}", Span("w.yaml", 3, 5))
    assert str(caught.value).startswith("w.yaml:3:5: T001 the template cannot be read: 'for' is not part of it")

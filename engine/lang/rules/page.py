"""The rules' page, written from their docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping

from engine.kit.component import Component

HEAD = """\
# Lint rules

What `audienceflow check` warns of. A warning stops nothing; each has a stable code, its place, and what to type instead. Rules W101 to
W129 need the file alone, rules from W131 on what the database says of its columns.

| code | what is found |
|---|---|
"""
PARTS = ("What", "Why", "Instead")


def page(components: Iterable[Component]) -> str:
    """Give the page as Markdown: a table, then a section for each rule."""
    rules = {component.name: parts(component) for component in components}
    table = "".join(f"| [{code}](#{code.lower()}) | {told['title']} |\n" for code, told in rules.items())
    return HEAD + table + "".join(_section(code, told) for code, told in rules.items())


def parts(component: Component) -> Mapping[str, str]:
    """Give what a rule's docstring says: `title`, `What`, `Why` and `Instead`, each as one paragraph; a plugin's may say less."""
    return dict(_paragraphs(inspect.getdoc(inspect.getmodule(component.load())) or ""))


def _paragraphs(text: str) -> Iterator[tuple[str, str]]:
    title, *rest = text.split("\n\n")
    yield "title", re.sub(r"^[A-Z][0-9]+: ", "", title).removesuffix(".").replace("\n", " ")
    for paragraph in rest:
        name, _, told = re.sub(r"\s+", " ", paragraph).partition(": ")
        yield name, told.strip()


def _section(code: str, told: Mapping[str, str]) -> str:
    told = {name: text[:1].upper() + text[1:] for name, text in told.items()}
    return f"\n## {code}\n\n**{told['title']}.**\n" + "".join(
        f"\n*{part}.* {told[part]}\n" for part in PARTS if part in told
    )

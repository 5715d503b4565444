"""What the codes of diagnostics are about: a lint rule's from its own page, all others' from their family."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from inspect import getmodule

from engine.kit.component import Component
from engine.registry import Registry

FAMILIES: Mapping[str, str] = {
    "A": "What a workflow shares, and what the project says about it, do not fit together.",
    "C": "A CSV file cannot be used as it is.",
    "E1": "A workflow is not written as the language wants it.",
    "E2": "A dimension, table or column does not exist.",
    "E3": "An expression does not fit the columns, links and functions there are.",
    "E4": "Populations, or their columns, do not go together.",
    "L": "A list does not fit what it is filled from, or what the project says of it.",
    "P": "The project file cannot be used as it is.",
    "T": "A text with {{ … }} cannot be filled in.",
    "U": "A test is not written as it should be, or does not fit its workflow.",
    "V": "A variable has no value, or one that does not fit.",
    "W1": "A lint: the workflow can run, and probably does not do what its author wants.",
    "W8": "A comment that begins with noqa silences nothing.",
    "W9": "Something could not be checked.",
    "X": "An expression cannot be read.",
    "Y": "A file cannot be read as YAML, or its YAML says less than its author believes.",
}
"""Every code begins with one of these."""
OTHER = "A problem that a plugin reports."


@dataclass(frozen=True, kw_only=True)
class Description:
    """What a code stands for: a sentence, and the page where there is one."""

    sentence: str
    page: str


def lint_rules(registry: Registry) -> Mapping[str, Component]:
    """Give the lint rules there are, of every kind, by their codes."""
    return {component.name: component for component in registry.components if component.kind.endswith("rule")}


def describe(code: str, rules: Mapping[str, Component]) -> Description:
    """Describe a code. Of a lint rule the first line of its module says what it finds; the rest explains it."""
    if code in rules:
        page = getattr(getmodule(rules[code].load()), "__doc__", None) or ""
        first, _, rest = page.strip().partition("\n\n")
        sentence = first.removeprefix(f"{code}:").strip().replace("\n", " ")
        if sentence:
            return Description(sentence=sentence[:1].upper() + sentence[1:], page=rest.strip() or sentence)
    family = max((prefix for prefix in FAMILIES if code.startswith(prefix)), key=len, default="")
    sentence = FAMILIES.get(family, OTHER)
    return Description(sentence=sentence, page=sentence)

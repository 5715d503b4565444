"""The built-in functions (reference/campaign-workflows.md §5.3), by section."""

from __future__ import annotations

from collections.abc import Mapping

from engine.kit.expression.catalogue.choices import CHOICES
from engine.kit.expression.catalogue.numbers import NUMERICS
from engine.kit.expression.catalogue.strings import STRINGS
from engine.kit.expression.catalogue.times import DATES
from engine.kit.expression.functions import Function

SECTIONS: Mapping[str, tuple[Function, ...]] = {
    "Strings": STRINGS,
    "Dates and times": DATES,
    "Numbers": NUMERICS,
    "Choices": CHOICES,
}

FUNCTIONS: Mapping[str, Function] = {each.name: each for section in SECTIONS.values() for each in section}

__all__ = ["FUNCTIONS", "SECTIONS"]

"""Exclusion: a population without the people of others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import sqlalchemy as sa
from pydantic import model_validator

from engine.kit.activity import FROM, RESULT, Port, Transform
from engine.kit.catalog import Catalog
from engine.kit.errors import AuthorError, suggestion
from engine.kit.frame import Frame
from engine.kit.linking import leads_to
from engine.kit.matching import MATCH, JoinPairs, Match, joined, sides
from engine.kit.option import Name, Options, option, wrong
from engine.kit.population import Inputs, Outputs, Population


class Rule(Options):
    """How the rows of one excluded population find those to leave out."""

    on: JoinPairs | None = option(
        "Expressions of ours by expressions of theirs, all of which are equal.", default=None, example={"email": "mail"}
    )
    link: Name | None = option(
        "A link of our dimension, or a path of links, that leads to their dimension.", default=None, example="household"
    )

    @model_validator(mode="after")
    def _is_one_way(self) -> Rule:
        if (self.on is None) == (self.link is None):
            fix = "write either 'on: {email: mail}' or 'link: household'"
            raise wrong("a rule has either 'on' or 'link'", fix)
        return self


class Exclusion(Transform):
    """Leave out the rows that at least one of the excluded populations holds.

    With `match: key` a row is left out when its key is held, with `match: columns`, or by expressions, when a row with equal values is.
    A rule says it otherwise for one excluded population, by the name it has in `exclude`: one of another dimension by `link`, which
    leaves out a row when any row behind the link is excluded, or any population by `on`, pairs of expressions (the identifier of
    Campaign is a pair with their key). A null matches nothing, so such a row stays.

    Columns are those of `from`. The complement is the rows of `from` that were left out, and nobody else. An excluded population
    that did not come fails the activity: a do-not-share list that is missing never means that nobody is excluded.
    (Campaign: Exclusion.)
    """

    type: ClassVar[str] = "exclusion"
    inputs: ClassVar[tuple[Port, ...]] = (
        FROM,
        Port(name="exclude", doc="Whom to leave out.", many=True, missing="fail"),
    )
    example: ClassVar[Mapping[str, object]] = {}

    match: Match = MATCH
    rules: dict[Name, Rule] = option(
        "By the name of an excluded population, how its rows find ours; `match` holds for those without.",
        default={},
        example={"do_not_mail": {"on": {"lower(email)": "lower(mail)"}}},
    )

    @property
    def is_partition(self) -> bool:
        return True

    def outputs(self) -> tuple[Port, ...]:
        return (RESULT, Port(name="complement", doc="The rows that were left out."))

    def select(self, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        self._check_names([name for name, _ in inputs.named("exclude")])
        main = Frame(inputs[FROM.name], catalog)
        conditions = list(self._conditions(main, inputs, catalog))
        return Outputs({
            "result": lambda: main.where(*(~is_held for is_held in conditions)),  # each becomes an anti-join, `not (… or …)` none
            "complement": lambda: main.where(sa.or_(sa.false(), *conditions)),
        })  # fmt: skip

    def _conditions(self, main: Frame, inputs: Inputs, catalog: Catalog) -> Iterator[sa.ColumnElement[bool]]:
        """Say of a row, for each excluded population, that it holds it."""
        unruled = []
        for name, other in inputs.named("exclude"):
            rule = self.rules.get(name)
            if rule is None:
                unruled.append(Frame(other, catalog))
            elif rule.link:
                yield leads_to(main, rule.link, other)
            elif rule.on:
                ours, theirs = joined(main, Frame(other, catalog), rule.on)
                yield ours.is_in(theirs)
        if unruled:
            ours, *others = sides(self.match, [main, *unruled])
            yield from (ours.is_in(other) for other in others)

    def _check_names(self, names: list[str]) -> None:
        for name in self.rules:
            if name not in names:
                raise AuthorError.at(
                    getattr(name, "span", None),
                    "E409",
                    f"'exclude' names no population '{name}'",
                    suggestion(name, names, "excluded populations"),
                )

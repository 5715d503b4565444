"""Frequency cap: leave out whoever has got enough messages."""

from collections.abc import Mapping
from typing import ClassVar

import sqlalchemy as sa

from engine.kit.activity import RESULT, Port, Transform
from engine.kit.catalog import Catalog
from engine.kit.errors import AuthorError, suggestion
from engine.kit.expression import Expr
from engine.kit.frame import Frame
from engine.kit.option import Integer, Name, option
from engine.kit.population import Inputs, Population


class FrequencyCap(Transform):
    """Keep the rows that got fewer messages than they may; send the others to the complement.

    Columns are those of `from`. A number of messages that is null is none.
    """

    type: ClassVar[str] = "frequency_cap"
    example: ClassVar[Mapping[str, object]] = {"messages": "count(purchases)", "most": "2"}

    messages: Expr = option("How many messages a row got.", example="count(messages)")
    most: Integer | None = option("How many it may get; else `cap` says so.", default=None, example="3", ge=0)
    cap: Name | None = option("A cap of the project's section `caps`.", default=None, example="newsletter")

    @property
    def is_partition(self) -> bool:
        return True

    def outputs(self) -> tuple[Port, ...]:
        return (RESULT, Port(name="complement", doc="The rows that got enough."))

    def select(self, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        main = inputs["from"]
        frame = Frame(main, catalog)
        got = sa.func.coalesce(frame.value(self.messages).sql, 0)
        statement = frame.select(*(main.column(name) for name in main.columns))
        is_kept = got < self._most(catalog)
        return {"result": main.of(statement.where(is_kept)), "complement": main.of(statement.where(~is_kept))}

    def _most(self, catalog: Catalog) -> int:
        if self.most is not None:
            return self.most
        caps = catalog.sections.get("caps") or {}
        if self.cap not in caps:
            fix = suggestion(self.cap or "", caps, "caps")
            raise AuthorError.at(getattr(self.cap, "span", None), "S001", f"the project has no cap '{self.cap}'", fix)
        most: int = caps[self.cap].most
        return most

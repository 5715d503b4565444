"""Leave note: write into a file who came."""

from collections.abc import Mapping
from typing import ClassVar

from engine.kit.activity import Effect, EffectPlan
from engine.kit.catalog import Catalog
from engine.kit.context import Context
from engine.kit.option import Name, option
from engine.kit.population import Inputs, Population


class LeaveNote(Effect):
    """Leave a note of how many rows came, by the connector `pigeonhole`, and give them on."""

    type: ClassVar[str] = "leave_note"
    example: ClassVar[Mapping[str, object]] = {"note": "came"}

    note: Name = option("The note's name.", example="came")

    def plan(self, inputs: Inputs, catalog: Catalog) -> EffectPlan:
        return EffectPlan(outputs={"result": inputs["from"]}, sentences=(f"leave the note '{self.note}'",))

    def perform(self, inputs: Inputs, ctx: Context) -> Mapping[str, Population]:
        kept = ctx.keep("result", inputs["from"])
        ctx.guard(kept)

        def leave() -> Mapping[str, object]:
            place = ctx.connect("pigeonhole") / f"{self.note}.txt"
            with place.open("a", encoding="utf-8") as file:
                file.write(f"{kept.count} rows\n")
            return {"path": str(place)}

        ctx.step("delivered", leave)
        return {"result": kept}

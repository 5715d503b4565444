"""The colours of drawings, for light and for dark surroundings, and the style sheet made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Theme = Literal["auto", "light", "dark"]

FONTS = "Roboto, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"

COLOURS: Mapping[str, tuple[str, str]] = {
    "page": ("#fbfcfe", "#0d131c"),
    "lane": ("#eef2f7", "#151d29"),
    "edge_of_lane": ("#d5dde8", "#2b3748"),
    "box": ("#ffffff", "#1c2634"),
    "edge_of_box": ("#c3cddb", "#3c4a5e"),
    "ink": ("#0f172a", "#edf2f8"),
    "muted": ("#526074", "#a3b1c4"),
    "arrow": ("#64748b", "#8494aa"),
    "quiet": ("#7d8ba0", "#6c7b90"),
    "note": ("#fef6d8", "#3a3115"),
    "edge_of_note": ("#e0c158", "#7d6925"),
    "ink_of_note": ("#5c410a", "#f5e6b5"),
    "transform": ("#1d4ed8", "#93bbfd"),
    "tile_of_transform": ("#e0eaff", "#1d335c"),
    "effect": ("#0b6b50", "#6ee7b7"),
    "tile_of_effect": ("#d6f5e8", "#123f33"),
    "control": ("#6d28d9", "#c9b8fd"),
    "tile_of_control": ("#ece5ff", "#35275f"),
    "good": ("#15803d", "#4ade80"),
    "bad": ("#c01c1c", "#ff8a8a"),
    "guarded": ("#a21caf", "#f0abfc"),
    "held": ("#a3480a", "#fbbf24"),
    "busy": ("#0369a1", "#5cc8fb"),
    "idle": ("#5f6c80", "#98a6ba"),
}
"""Light and dark, by what is painted."""

STATUSES: Mapping[str, str] = {
    "succeeded": "good", "running": "busy", "waiting": "held", "pending": "idle", "not_started": "idle", "skipped": "idle",
    "ignored": "held", "suspended": "bad", "guarded": "guarded", "failed": "bad", "stopped": "held",
}  # fmt: skip
"""The colour of every status of a run or an activity."""

PAINT: Mapping[str, Mapping[str, str]] = {
    ".page": {"fill": "page"},
    ".lane": {"fill": "lane", "stroke": "edge_of_lane"},
    ".card": {"fill": "box", "stroke": "edge_of_box"},
    ".sheet": {"fill": "note", "stroke": "edge_of_note"},
    ".fold": {"fill": "edge_of_note"},
    ".pin": {"stroke": "edge_of_note"},
    ".shaft": {"stroke": "arrow"},
    ".head": {"fill": "arrow"},
    ".quiet .shaft": {"stroke": "quiet"},
    ".quiet .head": {"fill": "quiet"},
    ".words": {"stroke": "page"},
    ".words.laned": {"stroke": "lane"},
    ".strong": {"fill": "ink"},
    ".weak": {"fill": "muted"},
    ".remark": {"fill": "ink_of_note"},
    **{f".tile.{kind}": {"fill": f"tile_of_{kind}"} for kind in ("transform", "effect", "control")},
    **{f".mark.{kind}": {"stroke": kind} for kind in ("transform", "effect", "control")},
    **{f".solid.{kind}": {"fill": kind} for kind in ("transform", "effect", "control")},
    **{f".word.{colour}": {"fill": colour} for colour in dict.fromkeys(STATUSES.values())},
    **{f".disc.{colour}": {"fill": colour} for colour in dict.fromkeys(STATUSES.values())},
    **{f".card.{colour}": {"stroke": colour} for colour in dict.fromkeys(STATUSES.values()) if colour != "idle"},
    ".tick": {"stroke": "box"},
}
"""What is painted with which colour; a later rule wins."""

SHAPES: Mapping[str, str] = {
    "text": f"font-family:{FONTS}",
    ".bold": "font-weight:600",
    ".lane": "stroke-width:1",
    ".card": "stroke-width:1.25",
    ".card.off": "stroke-dasharray:5 4",
    ".sheet": "stroke-width:1",
    ".pin": "fill:none;stroke-width:1.25;stroke-dasharray:1.5 3;stroke-linecap:round",
    ".shaft": "fill:none;stroke-width:1.5;stroke-linecap:round",
    ".after .shaft": "stroke-dasharray:0.1 4.5;stroke-width:2",
    ".words": "stroke-width:3;stroke-linejoin:round;paint-order:stroke",
    ".mark": "fill:none;stroke-width:1.7;stroke-linecap:round;stroke-linejoin:round",
    ".solid": "fill-opacity:0.35",
    ".tick": "fill:none;stroke-width:1.8;stroke-linecap:round;stroke-linejoin:round",
}


def style_sheet(theme: Theme) -> str:
    """Give the style sheet; `auto` is light, and dark where the reader's surroundings are."""
    shapes = "".join(f".flow {selector}{{{rule}}}\n" for selector, rule in SHAPES.items())
    dark = _painted(1)
    match theme:
        case "light":
            return shapes + _painted(0)
        case "dark":
            return shapes + dark
        case "auto":
            return f"{shapes}{_painted(0)}@media (prefers-color-scheme:dark){{\n{dark}}}\n"


def _painted(theme: int) -> str:
    rules = (
        (selector, ";".join(f"{name}:{COLOURS[colour][theme]}" for name, colour in paint.items()))
        for selector, paint in PAINT.items()
    )
    return "".join(f".flow {selector}{{{rule}}}\n" for selector, rule in rules)

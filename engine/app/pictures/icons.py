"""The icons of boxes: lines on a grid of 24 by 24, by type of activity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

TWO_CIRCLES = "M15 12A6 6 0 1 1 3 12A6 6 0 1 1 15 12ZM21 12A6 6 0 1 1 9 12A6 6 0 1 1 21 12Z"
LINES = "M4 6H14M4 11H11M4 16H9"
SHEET = "M6 3H14L18 7V21H6ZM14 3V7H18"
CYLINDER = "M5 6C5 4.3 8.1 3 12 3S19 4.3 19 6 15.9 9 12 9 5 7.7 5 6ZM5 6V18C5 19.7 8.1 21 12 21S19 19.7 19 18V6"
CLOCK = "M20 12A8 8 0 1 1 4 12A8 8 0 1 1 20 12ZM12 7.5V12L15 14"
DISC = "M20 12A8 8 0 1 1 4 12A8 8 0 1 1 20 12Z"


@dataclass(frozen=True)
class Icon:
    """Lines, and under them the area that is tinted."""

    lines: str
    area: str = ""


GENERIC = Icon("M12 3L20 7.5V16.5L12 21L4 16.5V7.5ZM4 7.5L12 12L20 7.5M12 12V21")

ICONS: Mapping[str, Icon] = {
    "query": Icon("M16.5 10.5A6 6 0 1 1 4.5 10.5A6 6 0 1 1 16.5 10.5ZM15 15L20 20"),
    "union": Icon(TWO_CIRCLES, "M12 6.8A6 6 0 1 0 12 17.2A6 6 0 1 0 12 6.8Z"),
    "intersection": Icon(TWO_CIRCLES, "M12 6.8A6 6 0 0 1 12 17.2A6 6 0 0 1 12 6.8Z"),
    "exclusion": Icon(TWO_CIRCLES, "M12 6.8A6 6 0 1 0 12 17.2A6 6 0 0 1 12 6.8Z"),
    "split": Icon("M3 12H20M8 12C11.5 12 11 5.5 15 5.5H20M8 12C11.5 12 11 18.5 15 18.5H20"),
    "deduplication": Icon("M9 9H20V20H9ZM15 9V4H4V15H9", "M9 9H20V20H9Z"),
    "read_list": Icon("M4 6H4.01M8.5 6H20M4 12H4.01M8.5 12H20M4 18H4.01M8.5 18H20"),
    "list_update": Icon(f"{LINES}M12.5 17L15.5 20L21 12.5"),
    "list_import": Icon(f"{LINES}M17 8V19M13 15.5L17 19.5L21 15.5"),
    "share": Icon(
        "M8.3 10.8L15.7 7M8.3 13.2L15.7 17M8.6 12A2.6 2.6 0 1 1 3.4 12A2.6 2.6 0 1 1 8.6 12ZM20.6 5.8A2.6 2.6 0 1 1 15.4 5.8"
        "A2.6 2.6 0 1 1 20.6 5.8ZM20.6 18.2A2.6 2.6 0 1 1 15.4 18.2A2.6 2.6 0 1 1 20.6 18.2Z"
    ),
    "enrichment": Icon("M4 5H20V19H4ZM4 10H20M12 12.5V16.5M10 14.5H14", "M4 5H20V10H4Z"),
    "reconciliation": Icon("M4 9H19M15.5 5.5L19 9L15.5 12.5M20 16H5M8.5 12.5L5 16L8.5 19.5"),
    "load_file": Icon(f"{SHEET}M12 10V17M9 14L12 17L15 14"),
    "extract_file": Icon(f"{SHEET}M12 17V10M9 13L12 10L15 13"),
    "transfer_file": Icon(f"{SHEET}M9 14H15M12.5 11.5L15 14L12.5 16.5"),
    "sql": Icon(f"{CYLINDER}M5 12C5 13.7 8.1 15 12 15S19 13.7 19 12"),
    "wait": Icon(CLOCK),
    "test": Icon("M12 3L21 12L12 21L3 12ZM12 8V12.5M12 16H12.01"),
    "and_join": Icon("M3 6C9 6 8 12 13 12M3 18C9 18 8 12 13 12M13 12H20M17 9L20 12L17 15"),
    "jump": Icon("M4 17V12C4 8 7 7 10 7H19M15 3L19 7L15 11"),
    "signal": Icon("M13 3L5 14H11L10 21L19 10H12.5Z"),
    "approval": Icon(f"{DISC}M8.5 12.5L11 15L15.5 9.5"),
    "alert": Icon("M12 4L21 20H3ZM12 10V14.5M12 17H12.01"),
    "sub_workflow": Icon("M3 5H10V11H3ZM14 13H21V19H14ZM10 8H17V13", "M14 13H21V19H14Z"),
    "for_each": Icon("M19 8A8 8 0 1 0 20 12M20 4V8.5H15.5"),
    "end": Icon(DISC, "M16 8V16H8V8Z"),
}

SAME: Mapping[str, str] = {
    "incremental_query": "query",
    "update_shared_audience": "share",
    "sync_ids": "reconciliation",
    "update_data": "sql",
    "collect_file": "load_file",
    "web_download": "load_file",
    "scheduler": "wait",
}
"""Types that look like another."""


def icon(name: str, type: str) -> Icon:
    """Give the icon of this name, else of the type, else the one of everything else."""
    names = (name, SAME.get(name, ""), type, SAME.get(type, ""))
    return next((ICONS[key] for key in names if key in ICONS), GENERIC)

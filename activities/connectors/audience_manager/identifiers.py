"""What an identifier must be, and the count of those that Adobe would drop in silence.

Adobe, Audience Manager documentation, "Send Audience Data" (onboarding files: the user id), "Global data sources".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # Arrow is heavy, and a plan needs none
    import pyarrow as pa

AUDIENCE_MANAGER = "0"
"""The data source of Audience Manager's own ids, in ID-sync files."""
VISITOR_ID = "^[0-9]{38}$"
WRONG_DECLARED_ID = r"(?i)[:@\x00-\x1f\x7f]|%3A|[\s\p{Z}\x{85}]$|^$"
_UUID = "[0-9{0}]{{8}}-[0-9{0}]{{4}}-[0-9{0}]{{4}}-[0-9{0}]{{4}}-[0-9{0}]{{12}}"
_LOWER, _UPPER = _UUID.format("a-f"), _UUID.format("A-F")
GLOBAL_DATA_SOURCES = {
    "20914": (_LOWER, "a UUID in lower case (Android)"),
    "20915": (_UPPER, "a UUID in upper case (iOS)"),
    "121963": (_LOWER, "a UUID in lower case (Roku)"),
    "488258": (_LOWER, "a UUID in lower case (Fire TV)"),
    "1171485": (_LOWER, "a UUID in lower case (webOS)"),
    "389146": ("[0-9A-Za-z-]+", "letters and digits (MAID)"),
    "963906": ("[0-9A-Za-z-]+", "letters and digits (TIFA)"),
    "1171489": ("[0-9A-Za-z-]+", "letters and digits (Vizio)"),
}
"""Data sources of devices: what their identifiers match, and that in words."""
_DEVICE = {number: re.compile(pattern) for number, (pattern, _) in GLOBAL_DATA_SOURCES.items()}
_FAULTS = tuple(
    (code, re.compile(pattern), message)
    for code, pattern, message in (
        ("empty_identifier", r"\s*", "the identifier is empty"),
        ("email", r".*@.*", "the identifier holds '@': no e-mail address may be sent"),
        ("colon", r"(?i).*(:|%3A).*", "the identifier holds ':' or '%3A'"),
        ("control_character", r".*[\x00-\x1f\x7f].*", "the identifier holds a control character"),
        ("trailing_blank", r".*[\s\x85]", "the identifier ends with a blank"),
    )
)


_NUMBER = re.compile(r"[0-9][.,][0-9]+[eE]\+?[0-9]+")
_NEARLY_VISITOR_ID = re.compile("[0-9]{30,37}|[0-9]{39,45}")


def damage(identifier: str) -> tuple[str, str] | None:
    """Give the code and the words of what looks like a visitor ID that lost digits, though any text may be a customer's own id."""
    if _NUMBER.fullmatch(identifier):
        return "number", "the identifier was made a number: its digits are lost"
    if _NEARLY_VISITOR_ID.fullmatch(identifier):
        return "digits", "the identifier looks like a visitor ID, which has 38 digits"
    return None


def fault(identifier: str, data_source: str) -> tuple[str, str] | None:
    """Give the code and the words of what is wrong with an identifier of a data source; None when nothing is."""
    if data_source == AUDIENCE_MANAGER:
        is_fine = re.fullmatch("[0-9]{38}", identifier) is not None
        return None if is_fine else ("digits", "an Audience Manager id has 38 digits")
    if data_source in _DEVICE:
        is_fine = _DEVICE[data_source].fullmatch(identifier) is not None
        return (
            None if is_fine else ("device", f"an identifier of {data_source} is {GLOBAL_DATA_SOURCES[data_source][1]}")
        )
    if identifier.isascii() and identifier.isalnum() and len(identifier) < 30:
        return None
    found = ((code, message) for code, pattern, message in _FAULTS if pattern.fullmatch(identifier))
    return next(found, None)


def wrong_identifiers(identifiers: pa.Array, *, is_visitor_id: bool) -> int:
    """Count the identifiers that Adobe would drop in silence."""
    import pyarrow.compute as pc

    is_wrong = pc.match_substring_regex(identifiers, WRONG_DECLARED_ID)
    if is_visitor_id:
        is_wrong = pc.invert(pc.match_substring_regex(identifiers, VISITOR_ID))
    return int(pc.sum(is_wrong).as_py() or 0)


def shape(*, is_visitor_id: bool) -> str:
    """Say what an identifier must be."""
    return "38 digits" if is_visitor_id else "free of ':', '%3A', '@', control characters and blanks at the end"

"""What an identifier must be, and the count of those that Adobe would drop in silence.

Adobe, Audience Manager documentation, "Send Audience Data" (onboarding files: the user id).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # Arrow is heavy, and a plan needs none
    import pyarrow as pa

VISITOR_ID = "^[0-9]{38}$"
WRONG_DECLARED_ID = r"(?i)[:@\x00-\x1f\x7f]|%3A|[\s\p{Z}\x{85}]$|^$"


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

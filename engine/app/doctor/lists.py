"""The lists of a project: of a dimension that is still there, in a table that is still there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from engine.app.session import Session
from engine.kit.errors import suggestion
from engine.kit.examination import Finding


def examined(session: Session) -> Iterator[Finding]:
    """Look at each list."""
    found = session.ledger.list_rows()
    if not found:
        yield Finding("ok", "there are no lists yet")
    for row in found:
        yield _list(row, session)


def _list(row: Mapping[str, Any], session: Session) -> Finding:
    name, of, definitions = row["name"], row["dimension"], session.definitions
    again = f"fill '{name}' again with 'mode: replace'"
    if of is not None and of not in definitions:
        return Finding(
            "problem",
            f"list '{name}' is of the dimension '{of}', which the project has not got",
            suggestion(of, definitions, "dimensions"),
        )
    key = tuple(json.loads(row["key"]))
    if of is not None and key != definitions[of].key:
        said = f"list '{name}' is by {', '.join(key)}, the dimension '{of}' by {', '.join(definitions[of].key)}"
        return Finding("problem", said, again)
    rows = session.db.rows_of(session.db.named(row["stored_in"]))
    if rows is None:
        return Finding("problem", f"list '{name}': its table {row['stored_in']} is gone", again)
    if rows != row["rows"]:
        return Finding("problem", f"list '{name}' was written with {row['rows']:,} rows and has {rows:,}", again)
    return Finding("ok", f"list '{name}': {rows:,} rows{f' of {of}' if of else ''}")

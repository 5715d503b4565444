"""Declared IDs as they stand in a request: `d_cid`, `d_cid_ic`, and the older `d_dpid` with `d_dpuuid`.

Adobe, Audience Manager documentation, "Declared IDs"; Experience Cloud ID Service, "Direct integration".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

from activities.connectors.audience_manager.identifiers import fault
from activities.connectors.audience_manager.lines import Line, read_lines
from activities.connectors.audience_manager.problem import Parsed, Problem, dropped
from engine.kit.errors import DataError

SEPARATOR = "%01"
"""Stands between the parts, which are encoded before; it is not encoded itself."""
MOST_IDS, MOST_OF_NAMESPACE = 10, 3
NAMES = ("d_cid", "d_cid_ic", "d_dpid", "d_dpuuid")
_FIXED_CODES = {"DSID_20914": "20914", "DSID_20915": "20915"}
_ENCODED = re.compile(r"(?:[A-Za-z0-9._~!$'()*,;:@/?-]|%[0-9A-Fa-f]{2})*")


class AuthenticationState(IntEnum):
    """Whether the person has logged in."""

    UNKNOWN = 0
    AUTHENTICATED = 1
    LOGGED_OUT = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class DeclaredId:
    """An identifier of a data source, which is named by its number or by its integration code."""

    identifier: str
    data_source: str | None = None
    integration_code: str | None = None
    state: AuthenticationState | None = None

    def __str__(self) -> str:
        """Write the parameter. Raises DataError where Adobe would refuse it."""
        if (self.data_source is None) == (self.integration_code is None):
            raise DataError("a declared ID is of a data source or of an integration code", "give one of them")
        wrong = fault(self.identifier, _source(self))
        if wrong is not None:
            raise DataError(f"a declared ID cannot be sent: {wrong[1]}", "correct the key of the data source")
        name, of = ("d_cid", self.data_source) if self.data_source else ("d_cid_ic", self.integration_code)
        state = [] if self.state is None else [str(int(self.state))]
        return f"{name}={SEPARATOR.join([quote(str(of), safe=''), quote(self.identifier, safe=''), *state])}"


def read_declared_ids(path: Path) -> Iterator[Parsed]:
    """Read requests or their parameters, one a line; a record is the declared IDs of a line."""
    for line in read_lines(path):
        if line.problem is not None:
            yield Parsed(line=line.number, problems=(line.problem,))
        else:
            yield parse_request(line)


def parse_request(line: Line) -> Parsed:
    """Read the declared IDs of a request: a URL, or its parameters alone."""
    query = line.text.strip().partition("#")[0].rpartition("?")[2]
    pairs = [(name, value) for name, _, value in (part.partition("=") for part in query.split("&")) if name in NAMES]
    if not pairs:
        return dropped(line.number, "no_declared_id", "the line has neither d_cid nor d_cid_ic")
    found: list[DeclaredId] = []
    problems: list[Problem] = []
    older: dict[str, str] = {}
    for name, value in pairs:
        if name in ("d_dpid", "d_dpuuid"):
            older[name] = value
            continue
        made = _read(name, value, line.number)
        (found if isinstance(made, DeclaredId) else problems).append(made)  # type: ignore[arg-type]
    if older:
        problems.append(
            Problem(
                line=line.number,
                code="deprecated",
                message="d_dpid and d_dpuuid are deprecated: write d_cid",
                severity="warning",
            )
        )
        made = _read("d_cid", SEPARATOR.join([older.get("d_dpid", ""), older.get("d_dpuuid", "")]), line.number)
        (found if isinstance(made, DeclaredId) else problems).append(made)  # type: ignore[arg-type]
    problems += _about(found, line.number)
    return Parsed(line=line.number, record=tuple(found) or None, problems=tuple(problems))


def _read(name: str, value: str, line: int) -> DeclaredId | Problem:
    def wrong(code: str, message: str) -> Problem:
        return Problem(line=line, code=code, message=message)

    parts = value.split(SEPARATOR)
    if not 2 <= len(parts) <= 3 or not all(parts):
        return wrong("parts", f"{name} is not <data source>%01<id>[%01<state>], the parts encoded and %01 not")
    if not all(_ENCODED.fullmatch(part) for part in parts):
        return wrong("encoding", f"a part of {name} is not percent-encoded")
    try:
        of, identifier = (unquote_to_bytes(part).decode() for part in parts[:2])
    except UnicodeDecodeError:
        return wrong("encoding", f"a part of {name} is encoded, but not from UTF-8")
    if len(parts) == 3 and parts[2] not in ("0", "1", "2"):
        return wrong("state", "the authentication state is not 0, 1 or 2")
    if name == "d_cid" and not (of.isascii() and of.isdigit()):
        return wrong("data_source", "the data source of d_cid is not digits; an integration code is for d_cid_ic")
    state = AuthenticationState(int(parts[2])) if len(parts) == 3 else None
    made = DeclaredId(
        identifier=identifier, state=state,
        data_source=of if name == "d_cid" else None, integration_code=of if name == "d_cid_ic" else None,
    )  # fmt: skip
    fault_ = fault(identifier, _source(made))
    return made if fault_ is None else wrong(*fault_)


def _source(declared: DeclaredId) -> str:
    return declared.data_source or _FIXED_CODES.get(declared.integration_code or "", "")


def _about(found: list[DeclaredId], line: int) -> Iterator[Problem]:
    if len(found) > MOST_IDS:
        yield Problem(
            line=line,
            code="too_many",
            message=f"the request has {len(found)} declared IDs, and {MOST_IDS} are taken (309)",
        )
    spaces = [each.data_source or each.integration_code for each in found]
    if any(spaces.count(space) > MOST_OF_NAMESPACE for space in set(spaces)):
        message = f"more than {MOST_OF_NAMESPACE} declared IDs are of one data source (310)"
        yield Problem(line=line, code="too_many_of_one", message=message)

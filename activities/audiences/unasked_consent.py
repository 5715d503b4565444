"""W136: an audience is shared without asking for consent.

What: a share names an audience that says `purpose: none`.

Why: whoever refused, or never answered, is shared like everybody else. That may be right, where the basis is a contract or a legal
obligation; where it is advertising, the law asks for consent, or at least for a way to object.

Instead: write the purpose as the dimension's `consent` names it. Where no consent is needed, say why: write the audience's
`legal_basis`, and silence this rule at the share.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from activities.connectors.experience_cloud.law import NO_PURPOSE
from engine.kit.errors import Diagnostic


def check(spec: Any, graph: Any, known: Any) -> Iterator[Diagnostic]:  # noqa: ARG001  (all rules are called alike)
    audiences = known.catalog.sections.get("audiences") or {}
    for share in spec.activities.values():
        audience = audiences.get(getattr(share.activity, "audience", None))
        if share.activity.type == "update_shared_audience" and audience is not None and audience.purpose == NO_PURPOSE:
            name = share.activity.audience
            yield Diagnostic(
                share.place("audience"),
                "W136",
                f"'{share.id}' asks nobody for consent: the audience '{name}' says 'purpose: {NO_PURPOSE}'",
                f"write the purpose of '{name}' as the dimension's 'consent' names it",
                "warning",
            )

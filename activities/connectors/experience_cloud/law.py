"""What the project, Audience Manager's export controls and the law forbid before anybody is shared into an audience."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from activities.connectors.experience_cloud.settings import AudienceSettings, DataSourceSettings, SharingSettings
from engine.kit.catalog import Catalog
from engine.kit.errors import AuthorError, Diagnostic, Span, suggestion

NO_PURPOSE = "none"
"""Written by an author who means that no consent is to be asked."""

COUNTS = ("matched", "unmatched", "opted_out", "identifiers", "ambiguous", "duplicate", "added", "removed", "kept")
"""What is told of a share in numbers."""


def hold_to_law(name: str, audience: AudienceSettings, catalog: Catalog) -> None:
    """Hold a declared audience to the law. AuthorError, at the audience in the project, with all that forbids sharing it.

    A use is forbidden where a label of the audience's destinations meets a control of the same name: of the trait's data source, of
    the profile merge rule, or of a data source that the rule reads. A control on the segment's own data source does nothing, so the
    project has no word for it. (Audience Manager: data export controls.)
    """
    place = getattr(audience.name, "span", None) or Span("", 0, 0)
    problems = [*_missing(name, audience, catalog, place), *_forbidden(name, audience, catalog, place)]
    if problems:
        raise AuthorError(*problems)


def disclosure(name: str, audience: AudienceSettings, catalog: Catalog, said: Mapping[str, Any]) -> dict[str, Any]:
    """Say for the audit log what a share came to (`said`): of which audience, how many, to whom, on what basis, what was waived."""
    source: DataSourceSettings = catalog.sections["data_sources"][audience.data_source]
    settings = catalog.sections.get("experience_cloud")
    dimension = catalog.dimension(source.dimension)
    is_asked = bool(dimension.consent) and audience.purpose not in (None, NO_PURPOSE)
    waived = {"consent": is_asked, "suppression": bool(dimension.suppress)}
    return {
        "audience": name,
        "trait": audience.trait,
        "segment": audience.segment,
        "data_source": audience.data_source,
        "data_source_id": source.id,
        "purpose": audience.purpose,
        "legal_basis": audience.legal_basis,
        "service": settings.service if settings else None,
        "organization": settings.organization if settings else None,
        "is_local": bool(settings and settings.sandbox),
        "counts": {count: said[count] for count in COUNTS if count in said},
        "waived": [protection for protection, is_on in waived.items() if not is_on],
    }


def _missing(name: str, audience: AudienceSettings, catalog: Catalog, place: Span) -> Iterator[Diagnostic]:
    sharing: SharingSettings = catalog.sections.get("sharing") or SharingSettings()
    if "purpose" in sharing.require and audience.purpose is None:
        fix = f"add 'purpose: …' to the audience, or 'purpose: {NO_PURPOSE}' to ask for no consent"
        yield Diagnostic(place, "A040", f"the project requires a purpose, and the audience '{name}' says none", fix)
    if "legal_basis" in sharing.require and audience.legal_basis is None:
        message = f"the project requires a legal basis, and the audience '{name}' says none"
        yield Diagnostic(place, "A041", message, "add 'legal_basis: consent', or what else it is")
    if audience.legal_basis == "consent" and audience.purpose in (None, NO_PURPOSE):
        message = f"the legal basis of the audience '{name}' is consent, and nobody's consent is asked"
        yield Diagnostic(place, "A042", message, "write 'purpose: …' as the dimension's 'consent' names it")


def _forbidden(name: str, audience: AudienceSettings, catalog: Catalog, place: Span) -> Iterator[Diagnostic]:
    controls = list(_controls(audience, catalog))
    for label in audience.labels:
        for holder, forbidden in controls:
            if label in forbidden:
                yield Diagnostic(
                    place,
                    "A043",
                    f"{holder} forbids {label} by an export control, and the destinations of the audience '{name}' are labelled so",
                    f"unmap those destinations and take '{label}' out of its 'labels', or share by a data source without the control",
                )


def _controls(audience: AudienceSettings, catalog: Catalog) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Give whose controls count, each with the uses it forbids."""
    sources: dict[str, DataSourceSettings] = catalog.sections.get("data_sources") or {}
    rule = audience.merge_rule
    for name in dict.fromkeys((audience.data_source, *(rule.data_sources if rule else ()))):
        if name not in sources:
            fix = suggestion(name, sources, "data sources")
            raise AuthorError.at(getattr(name, "span", None), "A002", f"the project has no data source '{name}'", fix)
        yield f"the data source '{name}'", sources[name].export_controls
    if rule:
        yield "the profile merge rule", rule.export_controls

"""What `doctor` says of Experience Cloud: what the project declares, and what Adobe must have set up for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from activities.connectors.experience_cloud import AudienceSettings, DataSourceSettings
from activities.connectors.experience_cloud.connection import STORES, store_settings
from activities.connectors.object_store import open_store
from engine.kit.connector import Surroundings
from engine.kit.errors import AudienceflowError, AuthorError, suggestion
from engine.kit.examination import Finding

WAIT_AFTER_TRAIT = "4 hours"
NOWHERE = "doctor/"
"""To list what is below is enough to be let in, and little to answer."""


class ExperienceCloudExamination:
    """See `engine.kit.examination.Examination`. Facts: Adobe, Audience Manager documentation; Campaign, shared audiences."""

    def findings(self, surroundings: Surroundings) -> Iterator[Finding]:
        sources, audiences = _sources(surroundings), _audiences(surroundings)
        settings = surroundings.sections.get("experience_cloud")
        if audiences and settings is None:
            yield Finding(
                "problem",
                "the project declares audiences and says nothing of Experience Cloud",
                f"write 'experience_cloud: {{sandbox: true}}' below 'environments: {surroundings.environment}'",
            )
        elif settings is not None and not settings.sandbox:
            yield from _of_stores(surroundings)
        elif settings is not None:
            yield Finding("ok", f"the environment '{surroundings.environment}' shares with the local Experience Cloud")
        for name, audience in audiences.items():
            yield from _of_audience(name, audience, sources)
        for name, source in sources.items():
            yield _of_source(name, source)

    def checklist(self, surroundings: Surroundings) -> Iterator[str]:
        sources, audiences = _sources(surroundings), _audiences(surroundings)
        for name, source in sources.items():
            yield from _asked_of_source(name, source)
        for name, audience in audiences.items():
            yield from _asked_of_audience(name, audience, sources)
        if audiences:
            yield (
                "Segments: a profile merge rule that reads every data source above, and no export control on the traits' data sources "
                "or on the merge rule that the destination's labels forbid"
            )
            yield (
                "Login: a technical account for OAuth server-to-server with the scopes Adobe names for Audience Manager, "
                "and a product profile that may read and write traits and segments"
            )


EXPERIENCE_CLOUD = ExperienceCloudExamination()


def _sources(surroundings: Surroundings) -> Mapping[str, DataSourceSettings]:
    return surroundings.sections.get("data_sources") or {}


def _audiences(surroundings: Surroundings) -> Mapping[str, AudienceSettings]:
    return surroundings.sections.get("audiences") or {}


def _of_stores(surroundings: Surroundings) -> Iterator[Finding]:
    """Say whether the doors of the real Experience Cloud open; they are knocked at where the command line names the environment."""
    environment = surroundings.environment
    if not surroundings.is_environment_named:
        yield Finding(
            "warning",
            f"the environment '{environment}' means the real Experience Cloud, and is not named: shares are refused, its stores not looked at",
            f"add '--env {environment}'",
        )
        return
    for name in STORES:
        try:
            settings = store_settings(name, surroundings)
            open_store(settings, surroundings).list(NOWHERE)
            yield Finding("ok", f"{name}: {settings.url} is reached")
        except AuthorError as problem:
            yield from (Finding("warning", item.message, item.fix) for item in problem.diagnostics)
        except AudienceflowError as problem:
            yield Finding("problem", f"{name}: {problem.message}", problem.fix)


def _of_audience(name: str, audience: AudienceSettings, sources: Mapping[str, DataSourceSettings]) -> Iterator[Finding]:
    if audience.data_source not in sources:
        yield Finding(
            "problem",
            f"audience '{name}': there is no data source '{audience.data_source}'",
            suggestion(audience.data_source, sources, "data sources"),
        )
        return
    missing = [word for word in ("trait", "segment") if getattr(audience, word) is None]
    if missing:
        yield Finding(
            "warning",
            f"audience '{name}' has no {' and no '.join(missing)}, so nobody can be shared into it",
            f"'audienceflow audiences create {name}' makes them in the local Experience Cloud; else ask Adobe's administrator",
        )
    else:
        yield Finding(
            "ok", f"audience '{name}': trait {audience.trait}, segment {audience.segment}, by {audience.data_source}"
        )
    if audience.purpose is None:
        yield Finding(
            "warning",
            f"audience '{name}' says no purpose, so nobody's consent can be asked",
            "write 'purpose: …' as the dimension's 'consent' names it",
        )
    if sources[audience.data_source].destination is None:
        yield Finding(
            "warning",
            f"audience '{name}' cannot be imported: its data source '{audience.data_source}' has no destination",
            "write 'destination: …', the id of the destination that sends its segments back",
        )


def _of_source(name: str, source: DataSourceSettings) -> Finding:
    if source.kind == "visitor_id":
        return Finding("ok", f"data source '{name}': the visitor id travels as it is")
    done = ", ".join([*(source.normalise or ()), *([source.hash] if source.hash not in (None, "none") else [])])
    if source.hash in (None, "none"):
        return Finding(
            "warning",
            f"data source '{name}': {source.key} travels unhashed{f' ({done})' if done else ''}; Adobe forbids what identifies a person directly",
            "write 'hash: sha256' if the web site hashes it before setCustomerIDs",
        )
    return Finding("ok", f"data source '{name}': {source.key} travels after {done}")


def _asked_of_source(name: str, source: DataSourceSettings) -> Iterator[str]:
    id_type = "Experience Cloud ID" if source.kind == "visitor_id" else "Customer ID"
    yield f"Data source {source.id} ('{name}'): inbound on, with the ID type {id_type}"
    if source.integration_code is not None:
        yield f"Data source {source.id}: the integration code {source.integration_code}, the one the web site gives to setCustomerIDs"
    elif source.kind == "declared_id":
        yield f"Data source {source.id}: an integration code, the one the web site gives to setCustomerIDs (the project names none)"
    if source.destination is not None:
        yield f"Destination {source.destination}: server-to-server, its user id key data source {source.id}, the segments to import mapped by id"


def _asked_of_audience(
    name: str, audience: AudienceSettings, sources: Mapping[str, DataSourceSettings]
) -> Iterator[str]:
    source = sources.get(audience.data_source)
    of = f", in data source {source.id}" if source else ""
    yield (
        f"Trait {audience.trait or '(no id yet)'} ('{name}'): onboarded{of}, time to live 0 (else members are lost after 120 days); "
        f"made {WAIT_AFTER_TRAIT} before the first file"
    )
    rule = f"{audience.trait}T" if audience.trait else "the trait alone"
    yield f"Segment {audience.segment or '(no id yet)'} ('{audience.name}'): rule {rule}"

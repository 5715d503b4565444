"""The way to Experience Cloud: the real one, or the local one that stands in for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from activities.connectors import audience_manager
from activities.connectors.conventions import CONVENTIONS, Conventions
from activities.connectors.delivery import Destination
from activities.connectors.experience_cloud.local import LocalStore, local
from activities.connectors.experience_cloud.outbound_files import OutboundFiles
from activities.connectors.experience_cloud.settings import AudienceSettings, DataSourceSettings, of_project
from activities.connectors.experience_cloud.transfers import Transfer
from activities.connectors.object_store import ForwardingStore, StoreSettings, open_store
from engine.kit.connector import ObjectStore, Surroundings
from engine.kit.errors import AuthorError, DataError, Refused

STORES = ("export_store", "import_store")


@dataclass(frozen=True, kw_only=True)
class ExperienceCloud:
    """The way to Experience Cloud: where files are handed over, where they are fetched, and what was sent together."""

    export_store: ObjectStore
    import_store: ObjectStore
    transfers: Callable[[str, DataSourceSettings, Sequence[int]], Sequence[Transfer]]
    """Gives the transfers with a segment to a data source's destination, from the first of those on that were taken before."""
    conventions: Conventions = CONVENTIONS

    def destination(self, audience: AudienceSettings, source: DataSourceSettings) -> Destination:
        """Give who takes the identifiers of a data source into an audience that has a trait."""
        return audience_manager.InboundFiles(
            store=self.export_store, data_source=source.id, trait=str(audience.trait),
            is_visitor_id=source.kind == "visitor_id", created=audience.created_at, conventions=self.conventions,
        )  # fmt: skip


def connect(surroundings: Surroundings) -> ExperienceCloud:
    """Open the way to Experience Cloud.

    Refused when it would be the real one and the command line names no environment. AuthorError, when a store is used, where the
    project does not say where it is.
    """
    settings = of_project(surroundings)
    if settings.service != "audience_manager":
        raise Refused("the service 'people' cannot be reached yet", "write 'service: audience_manager'")
    if settings.sandbox:
        return _local(surroundings)
    hold_named(surroundings)
    export_store, import_store = (_declared_store(name, surroundings) for name in STORES)
    outbound = OutboundFiles(import_store, settings.conventions)

    def transfers(_segment: str, source: DataSourceSettings, taken: Sequence[int]) -> Sequence[Transfer]:
        return outbound.transfers(source.destination, source.id, source.came_back, taken)  # a file holds all segments

    return ExperienceCloud(
        export_store=export_store, import_store=outbound, transfers=transfers, conventions=settings.conventions
    )


def hold_named(surroundings: Surroundings) -> None:
    """Refuse to go to the real Experience Cloud where the command line names no environment."""
    if not surroundings.is_environment_named:
        raise Refused(
            f"the environment '{surroundings.environment}' shares with the real Experience Cloud, and the command line does not name it",
            f"add '--env {surroundings.environment}', or write 'experience_cloud: {{sandbox: true}}' for this environment",
        )


def store_settings(name: str, surroundings: Surroundings) -> StoreSettings:
    """Give the settings of `export_store` or `import_store`; AuthorError where the project has not got them."""
    found: StoreSettings | None = getattr(of_project(surroundings), name)
    if found is None:
        raise AuthorError.at(
            None,
            "A020",
            f"the environment '{surroundings.environment}' does not say where the {name} of Experience Cloud is",
            f"write '{name}: {{url: \"s3://bucket/prefix\"}}' below its 'experience_cloud'",
        )
    return found


def _declared_store(name: str, surroundings: Surroundings) -> ObjectStore:
    """Give a store that is opened when it is used first: a share needs no import_store, and none of its secrets."""
    return ForwardingStore(lambda: open_store(store_settings(name, surroundings), surroundings))


def _local(surroundings: Surroundings) -> ExperienceCloud:
    sandbox = local(surroundings)
    folders = LocalStore(sandbox)

    def transfers(segment: str, source: DataSourceSettings, _taken: Sequence[int]) -> Sequence[Transfer]:
        try:  # it has no schedule: it writes the state of now
            keys = sandbox.export(segment, destination=str(source.destination))
        except ValueError as problem:
            raise DataError(
                f"the local Experience Cloud cannot export the segment {segment}: {problem}",
                "write the audience's 'trait' beside its 'segment' in project.yaml: it knows an audience by both",
            ) from None
        name = audience_manager.read_outbound_name(keys[0])
        return [Transfer(stamp=name.stamp or 0 if name else 0, mode="full", keys=tuple(keys))]

    conventions = of_project(surroundings).conventions
    return ExperienceCloud(export_store=folders, import_store=folders, transfers=transfers, conventions=conventions)

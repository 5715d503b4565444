"""Where audiences are made: Audience Manager, or the local Experience Cloud that stands in for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from activities.connectors.audience_manager import catalog
from activities.connectors.audience_manager.catalog import Address, CatalogClient
from activities.connectors.experience_cloud.connection import hold_named
from activities.connectors.experience_cloud.local import local
from activities.connectors.experience_cloud.settings import AudienceSettings, DataSourceSettings, of_project
from activities.connectors.experience_cloud_sandbox import Audience, ExperienceCloudSandbox
from activities.connectors.http import Http
from activities.connectors.ims import AccessTokens, Account
from engine.kit.connector import Surroundings
from engine.kit.errors import AuthorError, Refused

FIRST_ID = 10_000_001


@dataclass(frozen=True, kw_only=True)
class MadeAudience:
    """An audience that is there: its ids, and when its trait was made where that matters."""

    trait: str
    segment: str
    created: datetime | None = None


class AudienceCatalog(Protocol):
    """Where audiences are made."""

    def create(self, name: str, audience: AudienceSettings, source: DataSourceSettings) -> MadeAudience:
        """Make the trait and the segment of an audience of project.yaml, whichever is not there; ids the project gives are kept.

        Again, after a crash or a lost answer in the middle too, gives what was made first. Refused where what is there is not what
        members can be sent to for ever.
        """


def open_catalog(surroundings: Surroundings) -> AudienceCatalog:
    """Give the place where the environment's audiences are made. Refused when it is the real one and the command line names none."""
    if of_project(surroundings).sandbox:
        return LocalCatalog(local(surroundings))
    return AudienceManagerCatalog(open_client(surroundings))


def open_client(surroundings: Surroundings) -> CatalogClient:
    """Give the way to Audience Manager's REST API; nothing is asked before it is used. DataError where the secret is missing."""
    settings = of_project(surroundings)
    hold_named(surroundings)
    if settings.ims is None:
        raise AuthorError.at(
            None,
            "A030",
            f"the environment '{surroundings.environment}' does not say who logs in to Experience Cloud",
            "write 'ims: {client_id: …, client_secret: {env: NAME}, scopes: […]}' below its 'experience_cloud'",
        )
    variables, ims, api = surroundings.variables, settings.ims, settings.catalog
    http = Http(proxy=variables.get("HTTPS_PROXY") or variables.get("https_proxy"))
    secret = ims.client_secret.reveal(variables, surroundings.folder)
    account = Account(client_id=ims.client_id, client_secret=secret, scopes=ims.scopes, url=ims.url)
    address = Address(
        url=api.url, client_id=ims.client_id, organization=settings.organization,
        trait_folder=api.trait_folder, segment_folder=api.segment_folder, merge_rule=api.merge_rule,
    )  # fmt: skip
    return CatalogClient(address, AccessTokens(account, http, surroundings.clock), http)


class AudienceManagerCatalog:
    """See `AudienceCatalog`. What is made bears the integration code `audienceflow_<data source>_<name>`."""

    def __init__(self, client: CatalogClient) -> None:
        self._client = client

    def create(self, name: str, audience: AudienceSettings, source: DataSourceSettings) -> MadeAudience:
        _hold_name(audience)
        client, code = self._client, f"audienceflow_{source.id}_{name}"
        client.log_in()
        if audience.trait is None:
            trait = client.make_trait(audience.name, code, source.id)
        elif (known := client.trait(audience.trait)) is not None:
            trait = known
        else:
            raise Refused(f"Audience Manager has no trait {audience.trait}", "correct 'trait', or take it out")
        for what, fix in catalog.faults(trait, source.id):
            raise Refused(f"the trait {trait.id} {what}", fix)
        if audience.segment:
            return MadeAudience(trait=trait.id, segment=audience.segment, created=trait.created)
        segment = client.make_segment(audience.name, code, source.id, trait.id)
        if segment.rule.replace(" ", "") != catalog.rule(trait.id):
            raise Refused(
                f"the segment {segment.id} has the rule '{segment.rule}', and is not who has the trait {trait.id}",
                f"have its rule set to {catalog.rule(trait.id)} in Audience Manager, or rename the audience in project.yaml",
            )
        return MadeAudience(trait=trait.id, segment=segment.id, created=trait.created)


class LocalCatalog:
    """See `AudienceCatalog`. An audience is known by its name and its data source."""

    def __init__(self, sandbox: ExperienceCloudSandbox) -> None:
        self._sandbox = sandbox

    def create(self, name: str, audience: AudienceSettings, source: DataSourceSettings) -> MadeAudience:
        for known in self._sandbox.audiences():
            if (known.name, known.data_source) == (audience.name, source.id):
                return MadeAudience(trait=known.trait, segment=known.segment)
        trait, segment = self._free_ids(audience)
        made = Audience(name=audience.name, data_source=source.id, trait=trait, segment=segment, ttl=0)
        self._sandbox.provision(data_sources=(), audiences=[made])
        return MadeAudience(trait=trait, segment=segment)

    def _free_ids(self, audience: AudienceSettings) -> tuple[str, str]:
        """Choose numbers above all that are taken; an id that the project gives is kept."""
        taken = [int(number) for known in self._sandbox.audiences() for number in (known.trait, known.segment)]
        free = max([FIRST_ID - 1, *taken, int(audience.trait or 0), int(audience.segment or 0)]) + 1
        return audience.trait or str(free), audience.segment or str(free + 1)


def _hold_name(audience: AudienceSettings) -> None:
    """Refuse a name that Audience Manager does not take, or advises against: it takes such names apart elsewhere."""
    unwanted = sorted(set(audience.name) & set(",-–—\t|"))
    if unwanted or len(audience.name) > catalog.LONGEST_NAME:
        what = (
            f"has {' '.join(map(repr, unwanted))} in it"
            if unwanted
            else f"is longer than {catalog.LONGEST_NAME} characters"
        )
        raise AuthorError.at(
            getattr(audience.name, "span", None),
            "A031",
            f"the name '{audience.name}' {what}, which Audience Manager asks to leave out of names",
            "write another 'name'",
        )

"""Experience Cloud as a project knows it: its data sources, its audiences, and the way to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import field_validator

from activities.connectors.audience_manager.outbound import DEFAULT_CONTENT, Templates
from activities.connectors.audience_manager.template import WrongTemplate
from activities.connectors.experience_cloud_sandbox import Audience, DataSource, ExperienceCloudSandbox
from activities.connectors.object_store import StoreSettings, open_store
from activities.connectors.outbound_files import OutboundFiles
from engine.kit.catalog import Catalog
from engine.kit.connector import ObjectStore, Surroundings
from engine.kit.errors import AuthorError, DataError, Refused, Span, suggestion
from engine.kit.expression import Expr, SortKey
from engine.kit.option import Flag, Integer, Many, Name, Options, option, wrong
from engine.kit.section import Section


def _is_number(value: str | None) -> str | None:
    if value is not None and not (value.isascii() and value.isdigit()):
        raise wrong(f"'{value}' is no id of Experience Cloud: digits only", "copy the id from Audience Manager")
    return value


class OutboundTemplates(Options):
    """How a destination names and writes its files: the templates that Audience Manager has for it, as they stand there."""

    name: Name | None = option(
        "The template of file names; .gz may follow.",
        default=None,
        example="<SYNC_TYPE>_<ORDER_ID>_<SYNC_MODE>_<TIMESTAMP>SPLITNUM.sync",
    )
    content: Name | None = option(
        "The template of lines.", default=None, example='<MCID><TAB><SEGMENT_LIST; separator=",">'
    )

    header_lines: Integer = option("How many lines of a header stand above the first.", default=0, example="1", ge=0)

    @field_validator("name", "content")
    @classmethod
    def _can_be_read(cls, value: str | None) -> str | None:
        try:
            Templates.of([value] if value else [])
        except WrongTemplate as problem:
            raise wrong(str(problem), "copy the template from the destination in Audience Manager") from None
        return value


class DataSourceSettings(Options):
    """Which identifier is exchanged, what the web site does to it before, and where it goes."""

    kind: Literal["visitor_id", "declared_id"] = option(
        "A visitor id travels as it is; a declared id as the web site declares it."
    )
    dimension: Name = option("The dimension whose rows bear the identifier.")
    key: Expr = option(
        "The identifier, an expression over the dimension. A path whose first link is to many gives a row several.",
        example="crm_id",
    )
    keep: Literal["all", "1"] = option(
        "How many of a row's identifiers are exchanged, where it has several.", default="all", example="1"
    )
    order: Many[SortKey] = option(
        "Which of them is the one, over the columns behind the link; the link's key ends it.",
        default=(),
        example=["-seen_at"],
    )
    id: Name = option("The data source's id in Audience Manager.", example="1234")
    destination: Name | None = option("The destination's id, for what comes back.", default=None, example="91012")
    template: OutboundTemplates | None = option(
        "How the destination names and writes its files; an identifier, a tab, segments by comma, a tab, segments left when not written.",
        default=None,
    )
    normalise: Many[Literal["trim", "lower"]] | None = option(
        "What is done to a declared id first, in order; [] for nothing. lower makes one letter of one: İ gives i.",
        default=None,
    )
    hash: Literal["none", "sha256", "md5"] | None = option("How a declared id is hashed then.", default=None)
    integration_code: Name | None = option("The code under which the web site declares the id.", default=None)
    valid_for: Many[Name] = option(
        "The solutions for which Adobe has provisioned the id; another one is refused. When not written, all.",
        default=(),
        example=["audience_manager"],
    )

    _numbers = field_validator("id", "destination")(_is_number)

    @property
    def came_back(self) -> Templates:
        """Give the templates of the files that come back; that of lines is the default where none is written."""
        written = self.template or OutboundTemplates()
        content = written.content or DEFAULT_CONTENT
        return Templates(name=written.name, content=content, header_lines=written.header_lines)

    @field_validator("normalise")
    @classmethod
    def _only_changed_if_declared(cls, value: tuple[str, ...] | None, info: Any) -> tuple[str, ...] | None:
        if info.data.get("kind") == "visitor_id" and value:
            raise wrong("a visitor id travels as it is; only a declared id is normalised")
        return value

    @field_validator("hash")
    @classmethod
    def _only_declared(cls, value: str | None, info: Any) -> str | None:
        if info.data.get("kind") == "visitor_id" and value not in (None, "none"):
            raise wrong("a visitor id is never hashed", "take 'hash' out")
        return value

    @field_validator("order")
    @classmethod
    def _only_where_one_is_kept(cls, value: tuple[SortKey, ...], info: Any) -> tuple[SortKey, ...]:
        if value and info.data.get("keep") != "1":
            raise wrong("an order decides nothing where all identifiers are kept", "write 'keep: 1' before it")
        return value

    def model_post_init(self, _context: Any) -> None:
        if self.kind == "declared_id" and (self.hash is None or self.normalise is None):
            raise wrong(
                "a declared id says what the web site does before setCustomerIDs: both 'normalise' and 'hash', there is no default",
                "write, for example, 'normalise: [trim, lower]' and 'hash: sha256'; 'normalise: []' and 'hash: none' do nothing",
            )


class AudienceSettings(Options):
    """A shared audience: a segment over one onboarded trait."""

    name: Name = option("Its name in Experience Cloud.", example="Loyal VIP households")
    data_source: Name = option("Which identifier it is shared by.", example="crm_id")
    purpose: Name | None = option(
        "What it is used for; decides which consent is asked.", default=None, example="advertising"
    )
    trait: Name | None = option(
        "The onboarded trait's id, written into inbound files.", default=None, example="10603116"
    )
    segment: Name | None = option("The segment's id, read from outbound files.", default=None, example="10603117")

    _numbers = field_validator("trait", "segment")(_is_number)


class ExperienceCloudSettings(Options):
    """How Experience Cloud is reached."""

    service: Literal["audience_manager", "people"] = option(
        "Which service keeps the audiences.", default="audience_manager"
    )
    organization: Name | None = option(
        "The organisation's id.", default=None, example="0123456789ABCDEF01234567@AdobeOrg"
    )
    sandbox: Flag = option("Use the local Experience Cloud instead of the real one.", default=False, example="true")
    export_store: StoreSettings | None = option(
        "Where files are handed over: for Audience Manager the bucket with the folder and the partner name it gave.",
        default=None,
        example={"url": "s3://bucket/folder/partner"},
    )
    import_store: StoreSettings | None = option(
        "Where Experience Cloud leaves its files.", default=None, example={"url": "s3://bucket/prefix"}
    )


STORES = ("export_store", "import_store")
DATA_SOURCES = Section(model=DataSourceSettings, many=True)
AUDIENCES = Section(model=AudienceSettings, many=True)
EXPERIENCE_CLOUD = Section(model=ExperienceCloudSettings)


@dataclass(frozen=True, kw_only=True)
class ExperienceCloud:
    """The way to Experience Cloud: where files are handed over, where they are fetched, and which are the newest."""

    export_store: ObjectStore
    import_store: ObjectStore
    newest: Callable[[str, DataSourceSettings], Sequence[str]]
    """Gives the keys of the newest complete state of a segment for a data source's destination."""


def audience(catalog: Catalog, name: str, span: Span | None = None) -> tuple[AudienceSettings, DataSourceSettings]:
    """Give a declared audience and its data source; AuthorError when the project has not got them."""
    audiences, sources = catalog.sections.get("audiences") or {}, catalog.sections.get("data_sources") or {}
    if name not in audiences:
        raise AuthorError.at(
            span, "A001", f"the project has no audience '{name}'", suggestion(name, audiences, "audiences")
        )
    found = audiences[name]
    if found.data_source not in sources:
        raise AuthorError.at(
            getattr(found.data_source, "span", span),
            "A002",
            f"the project has no data source '{found.data_source}'",
            suggestion(found.data_source, sources, "data sources"),
        )
    source = sources[found.data_source]
    settings = catalog.sections.get("experience_cloud")
    if settings is not None and source.valid_for and settings.service not in source.valid_for:
        raise AuthorError.at(
            getattr(source.valid_for[0], "span", span),
            "A011",
            f"the data source '{found.data_source}' is valid for {', '.join(source.valid_for)}, and the audience '{name}' goes to {settings.service}",
            f"add '{settings.service}' to 'valid_for' once Adobe has provisioned the id for it, or share by another data source",
        )
    return found, source


def connect(surroundings: Surroundings) -> ExperienceCloud:
    """Open the way to Experience Cloud.

    Refused when it would be the real one and the command line names no environment. AuthorError, when a store is used, where the
    project does not say where it is.
    """
    settings = _settings(surroundings)
    if settings.service != "audience_manager":
        raise Refused("the service 'people' cannot be reached yet", "write 'service: audience_manager'")
    if settings.sandbox:
        return _local(surroundings)
    if not surroundings.is_environment_named:
        raise Refused(
            f"the environment '{surroundings.environment}' shares with the real Experience Cloud, and the command line does not name it",
            f"add '--env {surroundings.environment}', or write 'experience_cloud: {{sandbox: true}}' for this environment",
        )

    export_store, import_store = (_Declared(name, surroundings) for name in STORES)
    outbound = OutboundFiles(import_store)

    def newest(
        _segment: str, source: DataSourceSettings
    ) -> Sequence[str]:  # a file holds all segments of its destination
        return outbound.newest(source.destination, source.id, source.template.name if source.template else None)

    return ExperienceCloud(export_store=export_store, import_store=outbound, newest=newest)


def store_settings(name: str, surroundings: Surroundings) -> StoreSettings:
    """Give the settings of `export_store` or `import_store`; AuthorError where the project has not got them."""
    found: StoreSettings | None = getattr(_settings(surroundings), name)
    if found is None:
        raise AuthorError.at(
            None,
            "A020",
            f"the environment '{surroundings.environment}' does not say where the {name} of Experience Cloud is",
            f"write '{name}: {{url: \"s3://bucket/prefix\"}}' below its 'experience_cloud'",
        )
    return found


def _settings(surroundings: Surroundings) -> ExperienceCloudSettings:
    settings: ExperienceCloudSettings | None = surroundings.sections.get("experience_cloud")
    if settings is None:
        raise AuthorError.at(
            None, "A003", "the project says nothing of Experience Cloud", "write 'experience_cloud: {sandbox: true}'"
        )
    return settings


def _local(surroundings: Surroundings) -> ExperienceCloud:
    sandbox = local(surroundings)
    folders = _Folders(sandbox)

    def newest(segment: str, source: DataSourceSettings) -> Sequence[str]:
        try:  # it has no schedule: it writes the state of now
            return sandbox.export(segment, destination=str(source.destination))
        except ValueError as problem:
            raise DataError(
                f"the local Experience Cloud cannot export the segment {segment}: {problem}",
                "write the audience's 'trait' beside its 'segment' in project.yaml: it knows an audience by both",
            ) from None

    return ExperienceCloud(export_store=folders, import_store=folders, newest=newest)


def local(surroundings: Surroundings) -> ExperienceCloudSandbox:
    """Open the local Experience Cloud, and make known to it what the project declares with ids, as Adobe's provisioning would have.

    Raises AuthorError where it knows an id as something else: an id means one thing for ever. Refused where the real one is meant.
    """
    if not _settings(surroundings).sandbox:
        raise Refused(
            f"the environment '{surroundings.environment}' means the real Experience Cloud, which shows nobody's members",
            "write 'experience_cloud: {sandbox: true}' for this environment, or name another with '--env'",
        )
    sandbox = ExperienceCloudSandbox(surroundings.state_folder / "experience_cloud", clock=surroundings.clock)
    sources = surroundings.sections.get("data_sources") or {}
    audiences = surroundings.sections.get("audiences") or {}
    try:
        sandbox.provision(
            data_sources=[DataSource(id=source.id, name=name, kind=source.kind) for name, source in sources.items()],
            audiences=[
                Audience(
                    name=found.name, data_source=sources[found.data_source].id, trait=found.trait, segment=found.segment
                )
                for found in audiences.values()
                if found.trait and found.segment and found.data_source in sources
            ],
        )
    except ValueError as problem:
        raise AuthorError.at(
            None,
            "A010",
            f"the local Experience Cloud knows these ids by other names: {problem}",
            "give what is new ids of its own in project.yaml, or take the old name back",
        ) from None
    return sandbox


class _Declared:
    """A store of the project, opened when it is used first: a share needs no import_store, and none of its secrets."""

    def __init__(self, name: str, surroundings: Surroundings) -> None:
        self._name = name
        self._surroundings = surroundings

    @cached_property
    def _store(self) -> ObjectStore:
        return open_store(store_settings(self._name, self._surroundings), self._surroundings)

    def put(self, file: Path, key: str) -> Mapping[str, Any]:
        return self._store.put(file, key)

    def exists(self, key: str) -> bool:
        return self._store.exists(key)

    def list(self, prefix: str = "") -> Sequence[str]:
        return self._store.list(prefix)

    def fetch(self, key: str, to: Path) -> Path:
        return self._store.fetch(key, to)


class _Folders:
    """Where the local Experience Cloud takes files, which it judges at once, and leaves its own."""

    def __init__(self, sandbox: ExperienceCloudSandbox) -> None:
        self._sandbox = sandbox

    def put(self, file: Path, key: str) -> Mapping[str, Any]:
        receipt = self._sandbox.put(file, key)
        if not receipt.accepted:
            raise Refused(
                f"the local Experience Cloud refused {key}: {'; '.join(receipt.reasons[:3])}",
                "correct the data source or the audience in project.yaml",
            )
        counts = asdict(receipt)
        return {
            name: counts[name] for name in ("records_received", "stored_records", "realized_traits", "removed_traits")
        }

    def exists(self, key: str) -> bool:
        return self._sandbox.has_accepted(key)

    def list(self, prefix: str = "") -> Sequence[str]:
        return self._sandbox.list(prefix)

    def fetch(self, key: str, to: Path) -> Path:
        return self._sandbox.fetch(key, to)

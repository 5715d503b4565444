"""What a project says of Experience Cloud: its data sources, its audiences, and how it is reached."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa
from pydantic import PrivateAttr, field_validator

from activities.connectors.conventions import CONVENTIONS, Conventions
from activities.connectors.encryption import EncryptionSettings
from activities.connectors.object_store import StoreSettings
from engine.kit.catalog import Catalog
from engine.kit.connector import Surroundings
from engine.kit.errors import AuthorError, Span, suggestion
from engine.kit.expression import Expr, SortKey
from engine.kit.option import Flag, Integer, Many, Name, Options, Secret, Some, option, wrong
from engine.kit.section import Section

if TYPE_CHECKING:  # the codecs are heavy, and most projects write no template
    from activities.connectors.audience_manager.outbound import Templates


ExportUse = Literal["pii", "on_site_ads", "off_site_ads", "on_site_personalization"]
"""What a control forbids and a label admits to; in Experience Platform C3, C6, C5 and C7."""

LegalBasis = Literal[
    "consent", "contract", "legal_obligation", "vital_interests", "public_task", "legitimate_interests"
]

EXPORT_USES = (
    "pii: combined with what identifies a person (C3 in Experience Platform); on_site_ads (C6); off_site_ads (C5); "
    "on_site_personalization (C7)."
)


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
    transfer_control: Flag = option(
        "The destination sends a transfer control file (.info) with every transfer, which counts only once that is there.",
        default=False,
        example="true",
    )

    @field_validator("name", "content")
    @classmethod
    def _can_be_read(cls, value: str | None) -> str | None:
        from activities.connectors.audience_manager.outbound import Templates
        from activities.connectors.audience_manager.template import WrongTemplate

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
    encrypt: EncryptionSettings | None = option(
        "How a declared id is encrypted instead of hashed; the encrypted value is what travels and is remembered.",
        default=None,
    )
    integration_code: Name | None = option("The code under which the web site declares the id.", default=None)
    valid_for: Many[Name] = option(
        "The solutions for which Adobe has provisioned the id; another one is refused. When not written, all.",
        default=(),
        example=["audience_manager"],
    )

    export_controls: Many[ExportUse] = option(
        f"The data export controls it has in Audience Manager: uses its traits must not reach. {EXPORT_USES}",
        default=(),
        example=["off_site_ads"],
    )

    _codes: sa.FromClause | None = PrivateAttr(default=None)
    _numbers = field_validator("id", "destination")(_is_number)

    @property
    def codes(self) -> sa.FromClause | None:
        """Give the table of `plain` identifiers and the `code` of each, where they have been encrypted."""
        return self._codes

    def with_codes(self, codes: sa.FromClause) -> DataSourceSettings:
        """Give the same data source with the codes of its identifiers."""
        coded = self.model_copy()
        coded._codes = codes
        return coded

    @property
    def sent_as(self) -> str:
        """Give how files of its identifiers are named."""
        from activities.connectors.audience_manager.inbound import inbound_name

        return inbound_name(self.id, 0).replace("0" * 10, "<second>")

    @property
    def came_back(self) -> Templates:
        """Give the templates of the files that come back; that of lines is the default where none is written."""
        from activities.connectors.audience_manager.outbound import DEFAULT_CONTENT, Templates

        written = self.template or OutboundTemplates()
        content = written.content or DEFAULT_CONTENT
        return Templates(
            name=written.name,
            content=content,
            header_lines=written.header_lines,
            transfer_control=written.transfer_control,
        )

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

    @field_validator("encrypt")
    @classmethod
    def _instead_of_a_hash(cls, value: EncryptionSettings | None, info: Any) -> EncryptionSettings | None:
        if value is not None and info.data.get("kind") == "visitor_id":
            raise wrong("a visitor id is never encrypted", "take 'encrypt' out")
        if value is not None and info.data.get("hash") in ("sha256", "md5"):
            raise wrong("an identifier is either hashed or encrypted", "write 'hash: none' beside 'encrypt'")
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


class MergeRule(Options):
    """What the profile merge rule of a segment brings in."""

    export_controls: Many[ExportUse] = option(
        "The data export controls of the rule itself.", default=(), example=["pii"]
    )
    data_sources: Many[Name] = option(
        "The project's data sources that the rule reads; their controls count, too.", default=(), example=["ecid"]
    )


class AudienceSettings(Options):
    """A shared audience: a segment over one onboarded trait."""

    name: Name = option("Its name in Experience Cloud.", example="Loyal VIP households")
    data_source: Name = option("Which identifier it is shared by.", example="crm_id")
    purpose: Name | None = option(
        "What it is used for; decides which consent is asked.", default=None, example="advertising"
    )
    legal_basis: LegalBasis | None = option(
        "Why it may be shared (GDPR, article 6); written to the audit log.", default=None, example="consent"
    )
    labels: Many[ExportUse] = option(
        "The data export labels of the destinations its segment is mapped to. A share is refused where a control of the trait's data "
        f"source, of the merge rule or of a data source the rule reads forbids one of them. {EXPORT_USES}",
        default=(),
        example=["off_site_ads"],
    )
    merge_rule: MergeRule | None = option(
        "The profile merge rule of its segment.", default=None, example={"data_sources": "ecid"}
    )
    trait: Name | None = option(
        "The onboarded trait's id, written into inbound files.", default=None, example="10603116"
    )
    segment: Name | None = option("The segment's id, read from outbound files.", default=None, example="10603117")

    created: Name | None = option(
        "When the trait was made. Audience Manager asks for about 4 hours before the first file; until then a share waits.",
        default=None,
        example="2026-11-24 07:50Z",
    )

    _numbers = field_validator("trait", "segment")(_is_number)

    @property
    def created_at(self) -> datetime | None:
        return None if self.created is None else datetime.fromisoformat(self.created)

    @field_validator("created")
    @classmethod
    def _is_a_moment(cls, value: str | None) -> str | None:
        try:
            is_one = value is None or datetime.fromisoformat(value).tzinfo is not None
        except ValueError:
            is_one = False
        if not is_one:
            raise wrong(f"'{value}' is no time with a time zone", "write, for example, '2026-11-24 07:50Z'")
        return value


class AccountSettings(Options):
    """The technical account of Adobe's IMS that logs in: OAuth server-to-server, as the developer console shows it."""

    client_id: Name = option("The account's client id.", example="${IMS_CLIENT}")
    client_secret: Secret = option("Its client secret.", secret=True, example={"env": "IMS_SECRET"})
    scopes: Some[Name] = option("The scopes it asks for.", example=["openid", "AdobeID", "read_organizations"])
    url: Name = option(
        "Where tokens come from.", default="https://ims-na1.adobelogin.com/ims/token/v3", example="http://127.0.0.1:8080/ims/token/v3"
    )  # fmt: skip


class CatalogSettings(Options):
    """Where audiences are made: Audience Manager's REST API."""

    url: Name = option(
        "The address of the API.", default="https://aam.adobe.io/v1", example="https://aam-beta.adobe.io/v1"
    )
    trait_folder: Name = option("The id of the folder in which traits are made.", default="0", example="4711")
    segment_folder: Name = option("The id of the folder in which segments are made.", default="0", example="4712")
    merge_rule: Name | None = option(
        "The id of the profile merge rule of new segments; as Audience Manager decides when not written.",
        default=None,
        example="77",
    )

    _numbers = field_validator("trait_folder", "segment_folder", "merge_rule")(_is_number)


class ExperienceCloudSettings(Options):
    """How Experience Cloud is reached."""

    service: Literal["audience_manager", "people"] = option(
        "Which service keeps the audiences.", default="audience_manager"
    )
    organization: Name | None = option(
        "The organisation's id.", default=None, example="0123456789ABCDEF01234567@AdobeOrg"
    )
    ims: AccountSettings | None = option("The technical account that makes audiences.", default=None)
    catalog: CatalogSettings = option("Where audiences are made.", default=CatalogSettings())
    conventions: Conventions = option("What is chosen where Adobe's pages are silent.", default=CONVENTIONS)
    sandbox: Flag = option("Use the local Experience Cloud instead of the real one.", default=False, example="true")
    export_store: StoreSettings | None = option(
        "Where files are handed over: for Audience Manager the bucket with the folder and the partner name it gave.",
        default=None,
        example={"url": "s3://bucket/folder/partner"},
    )
    import_store: StoreSettings | None = option(
        "Where Experience Cloud leaves its files.", default=None, example={"url": "s3://bucket/prefix"}
    )


class SharingSettings(Options):
    """What every audience must say before anybody is shared into it."""

    require: Many[Literal["purpose", "legal_basis"]] = option(
        "Options no shared audience may leave out.", default=(), example=["purpose", "legal_basis"]
    )


DATA_SOURCES = Section(model=DataSourceSettings, many=True)
AUDIENCES = Section(model=AudienceSettings, many=True)
EXPERIENCE_CLOUD = Section(model=ExperienceCloudSettings)
SHARING = Section(model=SharingSettings)


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


def of_project(surroundings: Surroundings) -> ExperienceCloudSettings:
    """Give what the project says of Experience Cloud; AuthorError where it says nothing."""
    settings: ExperienceCloudSettings | None = surroundings.sections.get("experience_cloud")
    if settings is None:
        raise AuthorError.at(
            None, "A003", "the project says nothing of Experience Cloud", "write 'experience_cloud: {sandbox: true}'"
        )
    return settings

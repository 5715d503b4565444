"""Audiences are made once, whatever is cut or lost on the way, and no error tells a secret."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from activities.connectors.audience_manager.catalog import Address, CatalogClient
from activities.connectors.experience_cloud import AudienceSettings, DataSourceSettings, ExperienceCloudSettings
from activities.connectors.experience_cloud.catalog import AudienceManagerCatalog, MadeAudience, open_catalog
from activities.connectors.http import ATTEMPTS, Http
from activities.connectors.ims import AccessTokens, Account
from engine.app.cli import app
from engine.kit.connector import Surroundings
from engine.kit.errors import AudienceflowError, AuthorError, DataError, Refused, RetryLater
from tests.audience_manager_api import CLIENT, MADE_AT, ORGANIZATION, SCOPES, SECRET, AudienceManager, settings
from tests.audience_manager_api import audience_manager as audience_manager

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
SOURCE = DataSourceSettings.model_validate(
    {"kind": "visitor_id", "dimension": "person", "key": "ecid", "id": "1234", "destination": "91012"}
)
VIP = AudienceSettings.model_validate({"name": "Loyal VIP", "data_source": "crm"})
MADE = MadeAudience(trait="20000001", segment="20000002", created=datetime.fromtimestamp(MADE_AT / 1000, UTC))


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def catalog(audience_manager: AudienceManager, clock: Clock) -> AudienceManagerCatalog:
    return AudienceManagerCatalog(client(audience_manager, clock))


def client(service: AudienceManager, clock: Clock, secret: str = SECRET, **others: Any) -> CatalogClient:
    http = Http(pause_seconds=0, **others)
    account = Account(client_id=CLIENT, client_secret=secret, scopes=SCOPES, url=service.token_url)
    address = Address(url=service.url, client_id=CLIENT, organization=ORGANIZATION)
    return CatalogClient(address, AccessTokens(account, http, clock), http)


def create(catalog: AudienceManagerCatalog, **changed: Any) -> MadeAudience:
    return catalog.create("vip", VIP.model_copy(update=changed), SOURCE)


def told(problem: AudienceflowError) -> str:
    """Give all that a person could see of an error, which holds no secret."""
    text = (
        f"{problem} {problem!r} {problem.__cause__!r} {problem.__context__ if not problem.__suppress_context__ else ''}"
    )
    assert SECRET not in text
    assert "-of-tests" not in text.replace(CLIENT, "")
    return text


def posted(service: AudienceManager) -> list[str]:
    return [each for each in service.asked if each.startswith("POST /v1")]


@pytest.mark.contract("A4", "a trait's time to live is 0, else members are lost after 120 days")
@pytest.mark.contract("B3", "organisation ids are case sensitive")
def test_an_audience_is_a_trait_for_ever_and_the_segment_of_who_has_it(
    audience_manager: AudienceManager, catalog: AudienceManagerCatalog
) -> None:
    assert create(catalog) == MADE
    ((trait,), (segment,)) = audience_manager.traits, audience_manager.segments
    assert {name: trait[name] for name in ("name", "traitType", "ttl", "dataSourceId", "folderId", "integrationCode")} == {
        "name": "Loyal VIP", "traitType": "ON_BOARDED_TRAIT", "ttl": 0, "dataSourceId": 1234, "folderId": 0,
        "integrationCode": "audienceflow_1234_vip",
    }  # fmt: skip
    assert (segment["name"], segment["segmentRule"], segment["dataSourceId"]) == ("Loyal VIP", "20000001T", 1234)
    assert "mergeRuleDataSourceId" not in segment
    assert audience_manager.asked[:2] == ["POST /ims/token/v3", "GET /v1/users/self"]
    assert {each.get("x-gw-ims-org-id", ORGANIZATION) for each in audience_manager.headers} == {ORGANIZATION}


def test_a_second_create_finds_the_first(audience_manager: AudienceManager, catalog: AudienceManagerCatalog) -> None:
    create(catalog)
    assert create(catalog) == MADE
    assert posted(audience_manager) == ["POST /v1/traits/", "POST /v1/segments/"]


@pytest.mark.parametrize("request_", ["POST /v1/traits", "POST /v1/segments"])
def test_an_answer_that_is_lost_leaves_one_trait_and_one_segment(
    audience_manager: AudienceManager, catalog: AudienceManagerCatalog, request_: str
) -> None:
    audience_manager.fail(request_, "lost")
    assert create(catalog) == MADE
    assert (len(audience_manager.traits), len(audience_manager.segments)) == (1, 1)


@pytest.mark.parametrize("request_", ["POST /v1/traits", "POST /v1/segments"])
def test_what_was_cut_before_it_was_done_is_done_by_the_next_create(
    audience_manager: AudienceManager, catalog: AudienceManagerCatalog, request_: str
) -> None:
    audience_manager.fail(request_, "cut")
    with pytest.raises(RetryLater, match="its answer did not come") as caught:
        create(catalog)
    assert "nothing is made twice" in told(caught.value)
    assert create(catalog) == MADE


def test_an_error_after_which_it_is_there_is_none(
    audience_manager: AudienceManager, catalog: AudienceManagerCatalog
) -> None:
    audience_manager.fail("GET /v1/traits/ic:", 404)  # it came in between
    audience_manager._make("traits", {**_body("traits"), "integrationCode": "audienceflow_1234_vip", "ttl": 0})
    assert create(catalog) == MADE
    assert len(audience_manager.traits) == 1


def test_what_may_be_asked_twice_is_asked_again_while_the_service_is_busy(
    audience_manager: AudienceManager, catalog: AudienceManagerCatalog
) -> None:
    audience_manager.fail("POST /ims", 503, "cut")
    audience_manager.fail("GET /v1/traits", 500, "lost", 429)
    audience_manager.fail("POST /v1/traits", 429)
    audience_manager.fail("GET /v1/segments", "cut")
    assert create(catalog) == MADE
    assert (audience_manager.faults, len(posted(audience_manager))) == ([], 3)


@pytest.mark.parametrize(
    ("request_", "times"), [("GET /v1/traits", ATTEMPTS), ("POST /ims", ATTEMPTS), ("POST /v1/traits", 1)]
)
def test_a_service_that_stays_broken_is_left_for_later(
    audience_manager: AudienceManager, catalog: AudienceManagerCatalog, request_: str, times: int
) -> None:
    audience_manager.fail(request_, *[500] * 9)
    with pytest.raises(RetryLater, match="HTTP 500") as caught:
        create(catalog)
    told(caught.value)
    assert len([each for each in audience_manager.asked if each.startswith(request_)]) == times


def test_a_token_serves_until_it_is_nearly_spent(
    audience_manager: AudienceManager, catalog: AudienceManagerCatalog, clock: Clock
) -> None:
    create(catalog)
    clock.now += timedelta(seconds=86_399 - 601)
    create(catalog)
    assert audience_manager.tokens == 1
    clock.now += timedelta(seconds=2)
    create(catalog)
    assert audience_manager.tokens == 2


def test_a_token_taken_for_spent_is_replaced_once(
    audience_manager: AudienceManager, catalog: AudienceManagerCatalog
) -> None:
    audience_manager.spent = {"token-1-of-tests"}
    assert create(catalog) == MADE
    assert audience_manager.tokens == 2
    audience_manager.spent |= {"token-2-of-tests", "token-3-of-tests"}
    with pytest.raises(Refused, match="did not log in: HTTP 401") as caught:
        create(catalog)
    assert "correct 'ims'" in told(caught.value)
    assert audience_manager.tokens == 3


@pytest.mark.parametrize(
    ("status", "fix"),
    [(400, "correct the audience"), (403, "product profile"), (409, "rename the audience"), (302, "'catalog'")],
)
def test_a_refusal_says_what_to_do_and_shows_no_token_that_the_service_repeats(
    audience_manager: AudienceManager, catalog: AudienceManagerCatalog, status: int, fix: str
) -> None:
    audience_manager.fail("POST /v1/traits", status)
    with pytest.raises(Refused, match=f"did not make the trait: HTTP {status}, the service said no") as caught:
        create(catalog)
    assert "***" in told(caught.value)
    assert fix in caught.value.fix


def test_a_wrong_secret_is_not_repeated_by_the_error(audience_manager: AudienceManager, clock: Clock) -> None:
    with pytest.raises(Refused, match=r"the login of the technical account client-of-tests failed: HTTP 401") as caught:
        client(audience_manager, clock, secret="another-secret-of-tests").log_in()  # noqa: S106
    assert "'client_secret'" in told(caught.value)


def test_a_service_that_stays_silent_is_left_after_a_while(audience_manager: AudienceManager, clock: Clock) -> None:
    impatient = client(audience_manager, clock, read_seconds=0.05)
    audience_manager.fail("GET /v1/users/self", *["silent"] * ATTEMPTS)
    with pytest.raises(RetryLater, match=r"127\.0\.0\.1: it did not answer in time"):
        impatient.log_in()


def test_a_service_that_is_not_there_is_named(audience_manager: AudienceManager, clock: Clock) -> None:
    nowhere = replace(audience_manager, port=1)
    with pytest.raises(RetryLater, match=r"127\.0\.0\.1: it cannot be reached"):
        client(nowhere, clock).log_in()


@pytest.mark.parametrize(
    ("changed", "what"),
    [({"ttl": 120}, "loses its members after 120 days"), ({"dataSourceId": 9}, "data source 9"), ({"traitType": "RULE_BASED_TRAIT"}, "no onboarded")],
)  # fmt: skip
def test_a_trait_that_loses_members_or_counts_none_is_refused(
    audience_manager: AudienceManager, catalog: AudienceManagerCatalog, changed: dict[str, Any], what: str
) -> None:
    create(catalog)
    audience_manager.traits[0] |= changed
    with pytest.raises(Refused, match=f"the trait 20000001 .*{what}"):
        create(catalog, trait="20000001")


def test_a_segment_of_others_is_refused(audience_manager: AudienceManager, catalog: AudienceManagerCatalog) -> None:
    create(catalog)
    audience_manager.segments[0]["segmentRule"] = "1T OR 20000001T"
    with pytest.raises(Refused, match="the segment 20000002 has the rule '1T OR 20000001T'"):
        create(catalog)


def test_ids_that_the_project_gives_are_kept(
    audience_manager: AudienceManager, catalog: AudienceManagerCatalog
) -> None:
    audience_manager._make("traits", {**_body("traits"), "ttl": 0})
    assert create(catalog, trait="20000001", name="Another") == MADE
    assert posted(audience_manager) == ["POST /v1/segments/"]
    with pytest.raises(Refused, match="Audience Manager has no trait 7"):
        create(catalog, trait="7")


@pytest.mark.parametrize("name", ["Loyal, VIP", "Loyal-VIP", "Loyal\tVIP", "Loyal|VIP", "x" * 256])
def test_a_name_that_audience_manager_takes_apart_is_refused(
    audience_manager: AudienceManager, catalog: AudienceManagerCatalog, name: str
) -> None:
    with pytest.raises(AuthorError, match="A031 the name"):
        create(catalog, name=name)
    assert audience_manager.asked == []


def world(folder: Path, service: AudienceManager, **changed: Any) -> Surroundings:
    read = ExperienceCloudSettings.model_validate({**settings(service), **changed})
    return Surroundings(
        sections={"experience_cloud": read}, folder=folder, state_folder=folder / ".audienceflow", clock=Clock(),
        environment="prod", is_environment_named=True, variables={"IMS_SECRET": SECRET},
    )  # fmt: skip


def test_a_project_says_who_logs_in_and_where_what_is_made_lies(
    audience_manager: AudienceManager, tmp_path: Path
) -> None:
    placed = {"url": audience_manager.url, "trait_folder": "7", "segment_folder": "8", "merge_rule": "9"}
    found = open_catalog(world(tmp_path, audience_manager, catalog=placed)).create("vip", VIP, SOURCE)
    assert found == MADE
    ((trait,), (segment,)) = audience_manager.traits, audience_manager.segments
    assert (trait["folderId"], segment["folderId"], segment["mergeRuleDataSourceId"]) == (7, 8, 9)


def test_nobody_logs_in_without_a_named_environment_an_account_and_its_secret(
    audience_manager: AudienceManager, tmp_path: Path
) -> None:
    there = world(tmp_path, audience_manager)
    with pytest.raises(Refused, match="does not name it"):
        open_catalog(replace(there, is_environment_named=False))
    with pytest.raises(AuthorError, match="A030 the environment 'prod' does not say who logs in"):
        open_catalog(world(tmp_path, audience_manager, ims=None))
    with pytest.raises(DataError, match="IMS_SECRET, which holds a secret, is missing"):
        open_catalog(replace(there, variables={}))
    assert audience_manager.asked == []


def _body(kind: str) -> dict[str, Any]:
    common = {"name": "Loyal VIP", "integrationCode": "theirs", "dataSourceId": 1234, "folderId": 0}
    return {**common, "traitType": "ON_BOARDED_TRAIT"} if kind == "traits" else {**common, "segmentRule": "1T"}


def test_the_command_prints_the_ids_and_when_the_first_file_may_come(
    audience_manager: AudienceManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = {
        "databases": {"default": {"url": "sqlite:///data.sqlite"}},
        "data_sources": {
            "crm": SOURCE.model_dump(mode="json", include={"kind", "dimension", "key", "id", "destination"})
        },
        "audiences": {"vip": {"name": "Loyal VIP", "data_source": "crm"}},
        "environments": {"prod": {"experience_cloud": settings(audience_manager)}},
    }
    (tmp_path / "project.yaml").write_text(yaml.safe_dump(project))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMS_SECRET", SECRET)
    made = CliRunner().invoke(app, ["--env", "prod", "audiences", "create", "vip"])
    assert made.exit_code == 0, made.stderr
    assert (
        made.stdout
        == 'audiences:\n  vip:\n    trait: "20000001"\n    segment: "20000002"\n    created: "'
        + f'{MADE.created:%Y-%m-%d %H:%MZ}"\n'
    )
    assert f"Share from {MADE.created + timedelta(hours=4):%Y-%m-%d %H:%M} UTC on" in made.stderr

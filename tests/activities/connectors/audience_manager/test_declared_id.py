"""Declared IDs in requests."""

from __future__ import annotations

import pytest

from activities.connectors.audience_manager.declared_id import AuthenticationState, DeclaredId, parse_request
from activities.connectors.audience_manager.lines import Line
from activities.connectors.audience_manager.problem import Parsed
from engine.kit.errors import DataError

WRITTEN = [
    (DeclaredId(identifier="x", data_source="1234"), "d_cid=1234%01x"),
    (DeclaredId(identifier="x", data_source="1234", state=AuthenticationState.AUTHENTICATED), "d_cid=1234%01x%011"),
    (DeclaredId(identifier="a b&é/%", integration_code="my code"), "d_cid_ic=my%20code%01a%20b%26%C3%A9%2F%25"),
    (DeclaredId(identifier="007", integration_code="AdobeCampaignID", state=AuthenticationState.UNKNOWN), "d_cid_ic=AdobeCampaignID%01007%010"),
    (DeclaredId(identifier="%01", data_source="1", state=AuthenticationState.LOGGED_OUT), "d_cid=1%01%2501%012"),
]  # fmt: skip


def parsed(text: str) -> Parsed:
    return parse_request(Line(number=4, text=text))


@pytest.mark.contract("B2", "id and code are encoded first, then joined with %01")
@pytest.mark.contract("B2", "states are 0, 1 and 2")
@pytest.mark.parametrize(("declared", "text"), WRITTEN)
def test_a_declared_id_is_written_and_read_alike(declared: DeclaredId, text: str) -> None:
    assert str(declared) == text
    assert parsed(text) == Parsed(line=4, record=(declared,))


@pytest.mark.contract("B2", "d_cid and d_cid_ic may be repeated")
def test_a_request_has_several() -> None:
    found = parsed("https://dpm.demdex.net/id?d_visid_ver=1&d_cid=1%01a&d_cid_ic=c%01b%011&d_cid=2%01c#end")
    assert found.problems == ()
    assert [each.identifier for each in found.record] == ["a", "b", "c"]


@pytest.mark.contract("B2", "d_dpid with d_dpuuid is deprecated")
def test_the_older_form_is_read_with_a_warning() -> None:
    found = parsed("d_dpid=12&d_dpuuid=a%20b")
    assert found.record == (DeclaredId(identifier="a b", data_source="12"),)
    assert [(problem.code, problem.severity) for problem in found.problems] == [("deprecated", "warning")]


@pytest.mark.contract("B2", "states are 0, 1 and 2")
@pytest.mark.contract("B2", "DSID_20914 and DSID_20915 are codes of devices")
@pytest.mark.contract("B2", "ten ids, three of a namespace")
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("d_cid=1", "parts"),
        ("d_cid=1%01", "parts"),
        ("d_cid=1%2501x", "parts"),
        ("d_cid=1%01x%011%01", "parts"),
        ("d_cid=1%01x%013", "state"),
        ("d_cid=code%01x", "data_source"),
        ("d_cid=1%01a b", "encoding"),
        ("d_cid=1%01%E9", "encoding"),
        ("d_cid=1%01a%3Ab", "colon"),
        ("d_cid_ic=DSID_20915%0197987bca-ae59-4c7d-94ba-ee4f19ab8c21", "device"),
        ("&".join(f"d_cid={number}%01x" for number in range(1, 12)), "too_many"),
        ("&".join(f"d_cid=1%01{letter}" for letter in "abcd"), "too_many_of_one"),
        ("d_cts=2", "no_declared_id"),
    ],
)
def test_what_would_be_refused_is_told(text: str, code: str) -> None:
    assert [(problem.line, problem.code) for problem in parsed(text).problems] == [(4, code)]


@pytest.mark.parametrize(
    "declared",
    [
        DeclaredId(identifier="x"),
        DeclaredId(identifier="x", data_source="1", integration_code="c"),
        DeclaredId(identifier="a:b", data_source="1"),
        DeclaredId(identifier="", data_source="1"),
        DeclaredId(identifier="x", integration_code="DSID_20914"),
    ],
)
def test_what_would_be_refused_is_not_written(declared: DeclaredId) -> None:
    with pytest.raises(DataError):
        str(declared)

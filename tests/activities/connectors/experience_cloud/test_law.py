"""Which combinations of export controls and labels forbid sharing an audience."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, get_args

import pytest

from activities.connectors.experience_cloud import AudienceSettings, DataSourceSettings, hold_to_law
from activities.connectors.experience_cloud.settings import ExportUse, MergeRule
from engine.kit.catalog import Catalog
from engine.kit.errors import AuthorError
from engine.sql.dialects import DIALECTS

USES = get_args(ExportUse)


def source(*controls: str) -> DataSourceSettings:
    return DataSourceSettings.model_validate(
        {"kind": "visitor_id", "dimension": "person", "key": "id", "id": "1", "export_controls": list(controls)}
    )


def forbidden(trait: DataSourceSettings, *labels: str, rule: MergeRule | None = None, **others: Any) -> list[str]:
    """Say what is told of an audience over a trait, mapped to destinations with these labels; `others` are further data sources."""
    catalog = replace(Catalog(dialect=DIALECTS["sqlite"]), sections={"data_sources": {"of_trait": trait, **others}})
    audience = AudienceSettings(name="VIP", data_source="of_trait", labels=labels, merge_rule=rule)
    try:
        hold_to_law("vip", audience, catalog)
    except AuthorError as problem:
        return [each.message.partition(" by an export control")[0] for each in problem.diagnostics]
    return []


@pytest.mark.contract("F", "a control and a label of the same pair forbid, another pair does not")
@pytest.mark.parametrize("label", USES)
def test_a_control_forbids_the_label_of_its_own_pair_alone(label: str) -> None:
    assert USES == ("pii", "on_site_ads", "off_site_ads", "on_site_personalization")
    assert forbidden(source(label), *USES) == [f"the data source 'of_trait' forbids {label}"]
    assert forbidden(source(*(use for use in USES if use != label)), label) == []


@pytest.mark.contract("F", "a control alone, or a label alone, forbids nothing")
def test_a_control_without_a_label_forbids_nothing() -> None:
    assert forbidden(source(*USES)) == []
    assert forbidden(source(), *USES) == []


@pytest.mark.contract("F", "controls count on the trait's data source, on the merge rule and on what it reads")
def test_the_merge_rule_and_what_it_reads_count_too() -> None:
    rule = MergeRule(export_controls=("pii",), data_sources=("read",))
    found = forbidden(source(), "pii", "off_site_ads", rule=rule, read=source("off_site_ads"))
    assert sorted(found) == ["the data source 'read' forbids off_site_ads", "the profile merge rule forbids pii"]


@pytest.mark.contract("F", "controls count on the trait's data source, on the merge rule and on what it reads")
def test_a_data_source_that_no_rule_reads_does_not_count() -> None:
    assert forbidden(source(), *USES, other=source(*USES)) == []
    assert forbidden(source(), *USES, rule=MergeRule(data_sources=("read",)), other=source(*USES), read=source()) == []


@pytest.mark.contract("F", "Experience Platform calls the pairs C3, C6, C5 and C7")
def test_the_reference_says_what_experience_platform_calls_them() -> None:
    names = {"pii": "C3", "on_site_ads": "C6", "off_site_ads": "C5", "on_site_personalization": "C7"}
    told = str(AudienceSettings.model_fields["labels"].description)
    assert [use for use, name in names.items() if not re.search(rf"{use}\b[^;]*\({name}\b", told)] == []

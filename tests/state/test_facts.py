import json
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.kit.errors import DataError
from engine.state import facts as f

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)

any_json = st.dictionaries(
    st.text(),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


def through_text(fact: f.Fact) -> f.Fact:
    return f.from_json(json.loads(json.dumps(f.to_json(fact))))


def test_every_kind_of_fact_survives_json_text(one_of_each: tuple[f.Fact, ...]) -> None:
    assert {type(fact) for fact in one_of_each} == set(f.KINDS.values())
    assert tuple(map(through_text, one_of_each)) == one_of_each


@given(at=st.datetimes(timezones=st.just(UTC)), outcome=any_json, step=st.text())
def test_whatever_json_an_effect_reports_comes_back_as_it_was(at: datetime, outcome: dict[str, Any], step: str) -> None:
    fact = f.EffectDelivered(at=at, activity="upload", arrival="1", step=step, outcome=outcome)
    assert through_text(fact) == fact


def test_the_json_of_a_fact_names_its_kind_and_writes_times_as_iso_8601() -> None:
    fact = f.TaskWaiting(at=NOON, activity="pause", arrival="1", until=NOON + timedelta(hours=1), reason="wait")
    assert f.to_json(fact) == {
        "kind": "TaskWaiting",
        "at": "2026-11-23T12:00:00+00:00",
        "activity": "pause",
        "arrival": "1",
        "until": "2026-11-23T13:00:00+00:00",
        "reason": "wait",
    }


def test_a_time_of_another_zone_is_the_same_moment_after_json() -> None:
    fact = f.RunFinished(at=NOON.astimezone(timezone(timedelta(hours=5, minutes=30))), status="succeeded")
    assert through_text(fact).at == NOON


def test_any_mapping_can_be_written() -> None:
    fact = f.TaskFinished(at=NOON, activity="a", arrival="1", seconds=1.0, details=MappingProxyType({"rows": 3}))
    assert through_text(fact) == f.TaskFinished(at=NOON, activity="a", arrival="1", seconds=1.0, details={"rows": 3})


def test_a_fact_written_before_a_field_existed_gets_its_default() -> None:
    written = {
        "kind": "TaskFinished",
        "at": "2026-11-23T12:00:00+00:00",
        "activity": "a",
        "arrival": "1",
        "seconds": 2.0,
    }
    assert f.from_json(written) == f.TaskFinished(at=NOON, activity="a", arrival="1", seconds=2.0, details={})


def test_a_field_that_only_a_newer_release_knows_is_passed_over() -> None:
    written = {"kind": "RunFinished", "at": "2026-11-23T12:00:00+00:00", "status": "failed", "mood": "sad"}
    assert f.from_json(written) == f.RunFinished(at=NOON, status="failed")


def test_a_kind_that_only_a_newer_release_knows_is_refused_with_a_fix() -> None:
    with pytest.raises(DataError) as refused:
        f.from_json({"kind": "TaskDreamt", "at": "2026-11-23T12:00:00+00:00"})
    assert refused.value.message == "a fact of the kind 'TaskDreamt' was written by a newer audienceflow"
    assert refused.value.fix == "pip install --upgrade audienceflow"

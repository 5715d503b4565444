"""The technical workflows, run behind a share against the local Experience Cloud."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree

import duckdb
import pytest

import engine
from activities.connectors.experience_cloud_sandbox import ExperienceCloudSandbox
from tests.demo_data import WORKFLOWS, demo_file, small_demo_file, workflow_folder

AT = datetime(2018, 1, 1, tzinfo=UTC)
SEGMENTS = {"loyal_vip": "10603117", "loyal_others": "10603119"}


@pytest.fixture
def shared(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder whose audiences have been shared."""
    data = small_demo_file(demo_file(tmp_path_factory), tmp_path / "small.duckdb")
    folder = workflow_folder(tmp_path / "workflows", f"duckdb:///{data}")
    copytree(WORKFLOWS / "technical", folder / "technical")
    assert engine.run(folder / "share_loyal_households.yaml", at=AT).status == "succeeded"
    return folder


def members(folder: Path) -> dict[str, set[str]]:
    cloud = ExperienceCloudSandbox(folder / ".audienceflow" / "experience_cloud", clock=lambda: datetime.now(UTC))
    return {name: set(cloud.members(segment)) for name, segment in SEGMENTS.items()}


def first(db: duckdb.DuckDBPyConnection, identifier: str, among: set[str]) -> str:
    found = db.table("households").project(identifier).fetchall()
    return min(each for (each,) in found if each in among)


def test_who_withdrew_or_is_gone_is_taken_out_of_every_audience(shared: Path) -> None:
    before = members(shared)
    assert min(map(len, before.values())) > 5
    with duckdb.connect(shared.parent / "small.duckdb") as db:
        withdrawn = first(db, "ecid", before["loyal_others"])
        gone = first(db, "sha256(crm_id)", before["loyal_vip"])
        db.execute("UPDATE households SET share_consent = false WHERE ecid = ?", [withdrawn])
        db.execute("DELETE FROM households WHERE sha256(crm_id) = ?", [gone])

    monday = engine.run(shared / "technical" / "remove_withdrawn.yaml", key="monday")
    assert monday.status == "succeeded"
    assert members(shared) == {
        "loyal_vip": before["loyal_vip"] - {gone},
        "loyal_others": before["loyal_others"] - {withdrawn},
    }
    assert {name: done.details["removed"] for name, done in monday.activities.items() if done.details} == {
        "loyal_vip": 1,
        "loyal_others": 1,
    }

    tuesday = engine.run(shared / "technical" / "remove_withdrawn.yaml", key="tuesday")
    assert (tuesday.status, [name for name, done in tuesday.activities.items() if done.details]) == ("succeeded", [])


def test_the_members_of_every_audience_come_home(shared: Path) -> None:
    done = engine.run(shared / "technical" / "import_shared_audiences.yaml", key="first hour")
    assert done.status == "succeeded"
    known = {name: len(identifiers) for name, identifiers in members(shared).items()}
    assert {name: each.outputs["result"] for name, each in done.activities.items()} == known
    assert {name: each.outputs["unmatched"] for name, each in done.activities.items()} == dict.fromkeys(known, 0)

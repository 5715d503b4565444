"""What a project chooses where Adobe's pages are silent, written in project.yaml: each choice does something."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import timedelta
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from activities.connectors.conventions import Conventions
from activities.connectors.experience_cloud import DataSourceSettings, ExperienceCloudSettings
from activities.connectors.experience_cloud.connection import ExperienceCloud, connect
from activities.connectors.experience_cloud.transfers import Transfer, choose
from engine.app.cli import app
from engine.kit.errors import NotYet, RetryLater
from tests.activities.audiences.test_update_shared_audience import PLAIN, people, sent
from tests.activities.connectors.object_store.conftest import surroundings
from tests.contract.world import World
from tests.transfers import transfer_control

PROJECT = "databases: {default: {url: 'sqlite:///data.sqlite'}}\n"
SOURCE = {"kind": "visitor_id", "dimension": "household", "key": "ecid", "id": "5678"}
INBOUND = "ftp_dpm_21_1795422600"


def choosing(world: World, **choices: Any) -> World:
    """Give the world in which the project writes these conventions."""
    settings = world.project.sections["experience_cloud"]
    written = settings.model_copy(update={"conventions": Conventions.model_validate(choices)})
    world.project = replace(world.project, sections={**world.project.sections, "experience_cloud": written})
    return world


def reached(folder: Path, **choices: Any) -> ExperienceCloud:
    """Open a real service whose files lie in a folder."""
    stores = {name: {"url": "files"} for name in ("export_store", "import_store")}
    settings = ExperienceCloudSettings.model_validate({**stores, "conventions": choices})
    (folder / "files").mkdir()
    return connect(replace(surroundings(folder), folder=folder, sections={"experience_cloud": settings}))


def inspected(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, conventions: str) -> dict[str, Any]:
    monkeypatch.chdir(folder)
    (folder / "project.yaml").write_text(f"{PROJECT}experience_cloud: {{sandbox: true, conventions: {conventions}}}\n")
    found: dict[str, Any] = json.loads(CliRunner().invoke(app, ["inspect", name, "--format", "json"]).stdout)
    return found


def test_files_are_split_at_part_bytes(offline_world: World) -> None:
    choosing(offline_world, part_bytes=20).run(PLAIN, people(offline_world, 1, 5, 8))
    assert [len(lines) for lines in sent(offline_world).values()] == [1, 1, 1]


def test_a_new_trait_is_waited_for_as_long_as_trait_wait(offline_world: World) -> None:
    offline_world.declare("audiences", "by_plain", created="2026-11-23 08:00Z")
    with pytest.raises(NotYet) as waits:
        choosing(offline_world, trait_wait="31m").run(PLAIN, people(offline_world, 5))
    assert waits.value.pause == timedelta(minutes=1)
    choosing(offline_world, trait_wait="30m").run(PLAIN, people(offline_world, 5))
    assert len(sent(offline_world)) == 1


@pytest.mark.parametrize(("unit", "stamps"), [("milliseconds", []), ("seconds", [1795422600000])])
def test_a_time_in_a_name_is_in_the_unit_of_timestamp(tmp_path: Path, unit: str, stamps: list[int]) -> None:
    cloud = reached(tmp_path, timestamp=unit)
    (tmp_path / "files" / "S3_91011_5678_full_1795422600.sync").write_bytes(b"x\t1\t\n")
    source = DataSourceSettings.model_validate({**SOURCE, "destination": "91011"})
    assert [each.stamp for each in cloud.transfers("1", source, ())] == stamps


@pytest.mark.parametrize(("measured", "is_right"), [("delivered", False), ("unpacked", True)])
def test_a_control_file_is_held_against_what_is_measured(tmp_path: Path, measured: str, is_right: bool) -> None:
    cloud, name, content = reached(tmp_path, measured=measured), "S3_91011_5678_full_1795422600000", b"x\t1\t\n" * 90
    (tmp_path / "files" / f"{name}.sync.gz").write_bytes(gzip.compress(content, mtime=0))
    told = transfer_control(f"{name}.info", {f"{name}.sync.gz": content})
    assert md5(content, usedforsecurity=False).hexdigest().encode() in told
    (tmp_path / "files" / f"{name}.info").write_bytes(told)
    if is_right:
        assert cloud.import_store.fetch(f"{name}.sync.gz", tmp_path / "here").is_file()
    else:
        with pytest.raises(RetryLater, match="of 450 bytes are there"):
            cloud.import_store.fetch(f"{name}.sync.gz", tmp_path / "here")


def test_the_first_increment_alone_is_everybody_or_is_not(tmp_path: Path) -> None:
    increment = Transfer(stamp=1, mode="iter", keys=("one",), is_complete=True)
    chosen = [
        choose([increment], (), reached(folder, first_is_everybody=says).conventions).changes
        for folder, says in ((made(tmp_path / "a"), True), (made(tmp_path / "b"), False))
    ]
    assert chosen == [("one",), ()]


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    ("name", "content", "conventions", "code"),
    [
        (f"{INBOUND}.sync", b"a\td_sid=1\n", "{plain_bytes: 9}", "large_file"),
        (f"{INBOUND}.sync.gz", gzip.compress(b"a\td_sid=1\n", mtime=0), "{packed_bytes: 9}", "large_file"),
        (f"{INBOUND}.overwrite", b"a\t\n", "{clears: false}", "no_items"),
    ],
)
def test_inspect_holds_files_against_the_projects_conventions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes, conventions: str, code: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert [each["code"] for each in inspected(tmp_path, monkeypatch, name, conventions)["problems"]] == [code]
    assert inspected(tmp_path, monkeypatch, name, "{}")["problems"] == []

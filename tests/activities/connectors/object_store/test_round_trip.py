"""People shared by a workflow through real stores, and back: Experience Cloud reads the files, writes its own, and the same people return."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from textwrap import indent

import pytest
import yaml
from typer.testing import CliRunner

import engine
from activities.connectors.experience_cloud_sandbox import Audience, DataSource, ExperienceCloudSandbox
from engine.app.cli import app
from engine.app.options import Options
from engine.app.result import RunResult
from tests.activities.connectors.object_store.conftest import s3_settings, sftp_settings
from tests.object_stores import BUCKET, VARIABLES, S3Server, SftpServer, cutting_http

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
PEOPLE = {1: "0" * 37 + "7", 2: "59767559181262060060278870901087098252", 3: "9" * 38, 4: "0" * 38, 5: None}
"""Visitor ids that no number holds: zeros before, and more digits than a float has."""

PROJECT = """\
databases: {default: {url: "sqlite:///people.sqlite"}}
dimensions: {person: {table: people, key: id}}
data_sources: {ecid: {kind: visitor_id, dimension: person, key: ecid, id: "5678", destination: "91011"}}
audiences: {all: {name: Everybody, data_source: ecid, purpose: none, trait: "101", segment: "102"}}
environments:
  prod:
    experience_cloud:
      sandbox: false
"""
SHARE = """\
workflow: share
dimension: person
activities:
  some: {type: query, where: id != 3}
  share: {type: update_shared_audience, from: some, audience: all}
"""
RETURN = "workflow: return\ndimension: person\nactivities:\n  back: {type: list_import, list: back, audience: all}\n"


@dataclass(frozen=True)
class Partner:
    """A project on one side, and Experience Cloud behind the stores on the other."""

    folder: Path
    received: Callable[[], dict[str, bytes]]
    leave: Callable[[str, bytes], None]
    close: Callable[[], None]
    """Take the export store away, empty."""
    reopen: Callable[[], None]

    def run(self, workflow: str, text: str, key: str | None = None) -> RunResult:
        (self.folder / f"{workflow}.yaml").write_text(text)
        options = Options(environment="prod", surroundings=VARIABLES, clock=lambda: NOW)
        return engine.run(self.folder / f"{workflow}.yaml", options=options, key=key)

    def cloud(self) -> ExperienceCloudSandbox:
        cloud = ExperienceCloudSandbox(self.folder / "cloud", clock=lambda: NOW)
        source = DataSource(id="5678", name="ecid", kind="visitor_id")
        audience = Audience(name="Everybody", data_source="5678", trait="101", segment="102")
        cloud.provision(data_sources=[source], audiences=[audience])
        return cloud

    def judge(self) -> None:
        """Let Experience Cloud take what lies in the export store."""
        for key, content in self.received().items():
            (self.folder / "taken").write_bytes(content)
            receipt = self.cloud().put(self.folder / "taken", key)
            assert receipt.accepted, receipt.reasons

    def export(self) -> None:
        """Let Experience Cloud write its members, two a file, and leave them in the import store, the last file first."""
        cloud = self.cloud()
        for key in reversed(cloud.export("102", destination="91011", lines_per_file=2)):
            self.leave(key, cloud.fetch(key, self.folder / "leaving").read_bytes())

    def listed(self) -> list[int]:
        shown = CliRunner().invoke(app, ["--project", str(self.folder / "project.yaml"), "lists", "show", "back", "--format", "csv"])  # fmt: skip
        return [int(line) for line in shown.stdout.splitlines()[1:]]


def lay_out(folder: Path, export_store: object, import_store: object) -> None:
    stores = yaml.safe_dump({"export_store": export_store, "import_store": import_store})
    (folder / "project.yaml").write_text(PROJECT + indent(stores, "      "))
    with sqlite3.connect(folder / "people.sqlite") as db:
        db.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, ecid TEXT)")
        db.executemany("INSERT INTO people VALUES (?, ?)", PEOPLE.items())
    db.close()


@pytest.fixture(params=["s3", "sftp", "folder"])
def partner(request: pytest.FixtureRequest, tmp_path: Path) -> Partner:
    """Give a project that exports to, and imports from, each kind of store in turn."""
    if request.param == "s3":
        s3: S3Server = request.getfixturevalue("s3_server")
        back = s3_settings(s3, url=f"s3://{BUCKET}/outbound")
        lay_out(tmp_path, s3_settings(s3), back)

        def received() -> dict[str, bytes]:
            return s3.objects("folder/partner/")

        def leave(key: str, content: bytes) -> None:
            s3.client.put_object(Bucket=BUCKET, Key=f"outbound/{key}", Body=content)

        def close() -> None:
            s3.client.delete_bucket(Bucket=BUCKET)

        def reopen() -> None:
            s3.client.create_bucket(Bucket=BUCKET)

        return Partner(tmp_path, received, leave, close, reopen)
    root, stores = tmp_path, [{"url": "in"}, {"url": "out"}]
    if request.param == "sftp":
        sftp: SftpServer = request.getfixturevalue("sftp_server")
        root = sftp.folder
        urls = (f"sftp://partner@127.0.0.1:{sftp.port}/{name}" for name in ("in", "out"))
        stores = [sftp_settings(sftp, tmp_path, url=url) for url in urls]
    for name in ("in", "out"):
        (root / name).mkdir()
    lay_out(tmp_path, *stores)

    def found() -> dict[str, bytes]:
        files = (path for path in (root / "in").rglob("*") if path.is_file())
        return {path.relative_to(root / "in").as_posix(): path.read_bytes() for path in files}

    def put_down(key: str, content: bytes) -> None:
        (root / "out" / key).write_bytes(content)

    return Partner(tmp_path, found, put_down, (root / "in").rmdir, (root / "in").mkdir)


def test_the_people_who_left_come_back_to_the_last_digit(partner: Partner) -> None:
    shared = partner.run("share", SHARE)
    assert (shared.status, shared.errors) == ("succeeded", ())
    assert shared.activities["share"].outputs == {"result": 3, "complement": 1, "suppressed": 0}
    (key,) = partner.received()
    assert key.removeprefix("folder/partner/") == "date=2026-11-23/ftp_dpm_5678_1795428000.sync.gz"

    partner.judge()
    assert list(partner.cloud().members("102")) == sorted(str(PEOPLE[person]) for person in (1, 2, 4))
    partner.export()
    returned = partner.run("return", RETURN)
    assert (returned.status, returned.errors) == ("succeeded", ())
    assert returned.activities["back"].outputs == {"result": 3, "unmatched": 0, "ambiguous": 0}
    assert partner.listed() == [1, 2, 4]
    state = (partner.folder / ".audienceflow" / "state.sqlite").read_bytes()
    assert [secret for secret in VARIABLES.values() if secret.encode() in state] == []


def test_the_newest_complete_files_are_those_that_count(partner: Partner) -> None:
    partner.run("share", SHARE)
    partner.judge()
    partner.export()
    line = f"{PEOPLE[3]}\t102\t\n".encode()
    older, newer = "S3_91011_5678_full_1000000000000", "S3_91011_5678_full_1999999999999"
    for name in (older, f"{newer}002", f"{newer}004", newer.replace("91011", "91012"), older.replace("full", "iter")):
        partner.leave(f"{name}.sync", line)
    partner.run("return", RETURN)
    assert partner.listed() == [1, 2, 4]


def test_without_a_complete_file_the_list_stays_as_it_is(partner: Partner) -> None:
    returned = partner.run("return", RETURN)
    assert returned.status == "suspended"
    assert "no complete file of destination 91011 and data source 5678 lies in the import_store" in str(returned.errors)


def test_a_share_cut_at_every_request_sends_each_person_once(s3_server: S3Server, tmp_path: Path) -> None:
    with cutting_http(s3_server.endpoint) as (endpoint, cut):
        lay_out(tmp_path, s3_settings(s3_server, endpoint=endpoint), None)
        partner = Partner(tmp_path, lambda: s3_server.objects("folder/partner/"), print, print, print)
        assert partner.run("share", SHARE).status == "succeeded"
    assert len(cut) == 1
    partner.judge()
    assert list(partner.cloud().members("102")) == sorted(str(PEOPLE[person]) for person in (1, 2, 4))


def test_a_share_that_was_refused_is_sent_once_when_it_is_resumed(partner: Partner) -> None:
    partner.close()
    refused = partner.run("share", SHARE, key="today")
    assert refused.status == "suspended"
    said = str(refused.errors)
    assert "NoSuchBucket" in said or "no such folder" in said
    assert "project.yaml:" in said
    assert [secret for secret in VARIABLES.values() if secret in said] == []
    partner.reopen()
    assert partner.run("share", SHARE, key="today").status == "succeeded"
    partner.judge()
    assert len(list(partner.cloud().members("102"))) == 3
    assert partner.run("share", SHARE, key="today").status == "succeeded"
    assert len(partner.received()) == 1


def test_doctor_says_whether_the_stores_let_us_in(partner: Partner) -> None:
    def stores(*words: str) -> list[tuple[str, str]]:
        line = ["--project", str(partner.folder / "project.yaml"), *words, "doctor", "--format", "json"]
        found = json.loads(CliRunner(env=VARIABLES).invoke(app, line).stdout)["findings"]
        return [(each["status"], each["what"]) for each in found if "_store" in each["what"]]

    reached = stores("--env", "prod")
    assert [status for status, _ in reached] == ["ok", "ok"]
    assert [what.partition(":")[0] for _, what in reached] == ["export_store", "import_store"]
    assert all(what.endswith(" is reached") for _, what in reached)
    assert partner.received() == {}
    partner.close()
    (status, what), *_ = stores("--env", "prod")
    assert status == "problem"
    assert what.startswith("export_store: ")
    assert "NoSuchBucket" in what or "no such folder" in what


def test_doctor_asks_no_real_store_unless_the_environment_is_named(partner: Partner) -> None:
    partner.close()
    line = ["--project", str(partner.folder / "project.yaml"), "doctor", "--format", "json"]
    found = CliRunner(env={**VARIABLES, "AUDIENCEFLOW_ENV": "prod"}).invoke(app, line).stdout
    assert "is not named: shares are refused, its stores not looked at" in found
    assert "add '--env prod'" in found

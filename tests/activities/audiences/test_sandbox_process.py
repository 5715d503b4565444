"""The local Experience Cloud as a process: people leave by S3 and by SFTP, days pass, and the same people come back."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

import engine
from engine.app.cli import app
from engine.app.options import Options
from engine.app.result import RunResult
from tests.object_stores import VARIABLES

PEOPLE = {1: "0" * 37 + "7", 2: "59767559181262060060278870901087098252", 3: "9" * 38, 4: "0" * 38, 5: None}
PROJECT = """\
databases: {{default: {{url: "sqlite:///people.sqlite"}}}}
dimensions: {{person: {{table: people, key: id}}}}
data_sources: {{ecid: {{kind: visitor_id, dimension: person, key: ecid, id: "5678", destination: "91011"}}}}
audiences: {{all: {{name: Everybody, data_source: ecid, purpose: none, trait: "101", segment: "102"}}}}
environments:
  dev: {{experience_cloud: {{sandbox: true}}}}
  prod:
    experience_cloud:
      export_store: {export}
      import_store: {back}
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
class Process:
    """The process, and the project beside it."""

    folder: Path
    doors: dict[str, str]
    process: subprocess.Popen[str]

    def use(self, export: str, back: str) -> None:
        (self.folder / "project.yaml").write_text(PROJECT.format(export=export, back=back))

    def type(self, *words: str) -> str:
        result = CliRunner().invoke(app, ["--project", str(self.folder / "project.yaml"), *words])
        assert result.exit_code == 0, result.output
        return result.stdout

    def run(self, workflow: str, text: str) -> RunResult:
        (self.folder / f"{workflow}.yaml").write_text(text)
        options = Options(environment="prod", surroundings=VARIABLES, clock=lambda: datetime.now(UTC))
        return engine.run(self.folder / f"{workflow}.yaml", options=options)

    def page(self, place: str = "/", **others: object) -> str:
        request = urllib.request.Request(self.doors["page"] + place, **others)  # type: ignore[arg-type]  # noqa: S310
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return str(answer.read().decode())


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Process]:
    (tmp_path / "project.yaml").write_text(PROJECT.format(export="{url: out}", back="{url: back}"))
    with sqlite3.connect(tmp_path / "people.sqlite") as db:
        db.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, ecid TEXT)")
        db.executemany("INSERT INTO people VALUES (?, ?)", PEOPLE.items())
    db.close()
    words = ["sandbox", "--port", "0", "--lines-per-file", "2", "--info", "before"]
    command = [sys.executable, "-m", "engine", "--project", str(tmp_path / "project.yaml"), *words]
    root = Path(__file__).parents[3]
    with subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, text=True, cwd=root, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        doors = dict(line.split()[:2] for line in lines)
        yield Process(tmp_path, doors, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def stores(sandbox: Process, kind: str) -> tuple[str, str]:
    if kind == "s3":
        keys = "access_key_id: {env: STORE_ID}, secret_access_key: {env: STORE_SECRET}, region: us-east-1"
        one, two = (
            f'{{url: "s3://{name}", endpoint: "{sandbox.doors["S3"]}", {keys}}}' for name in ("inbound/us", "outbound")
        )
    else:
        cloud = sandbox.folder / ".audienceflow" / "experience_cloud"
        keys = f'known_hosts: "{cloud}/known_hosts", private_key: {{file: "{cloud}/id_ed25519"}}'
        one, two = (f'{{url: "{sandbox.doors["SFTP"]}/{name}", {keys}}}' for name in ("inbound", "outbound"))
    return one, two


@pytest.mark.parametrize("kind", ["s3", "sftp"])
def test_the_people_who_left_come_back_after_some_days(sandbox: Process, kind: str) -> None:
    sandbox.use(*stores(sandbox, kind))
    sandbox.type("sandbox", "advance", "4h")
    for fault in ("cut_upload", "cut_download", "server_error"):
        sandbox.type("sandbox", "fail", fault)
    shared = sandbox.run("share", SHARE)
    assert (shared.status, shared.errors) == ("succeeded", ())
    assert re.fullmatch(r"It is \d{4}-\d\d-\d\d \d\d:\d\d UTC there\.\n", sandbox.type("sandbox", "advance", "2d"))
    assert sandbox.type("audiences", "show", "all").split() == sorted(str(PEOPLE[person]) for person in (1, 2, 4))
    sandbox.type("sandbox", "advance", "1d")
    sandbox.type("sandbox", "advance", "1h")
    returned = sandbox.run("return", RETURN)
    assert (returned.status, returned.errors) == ("succeeded", ())
    assert sandbox.type("lists", "show", "back", "--format", "csv").split()[1:] == ["1", "2", "4"]
    page = sandbox.page()
    assert "Everybody" in page
    assert "3 of 3 records stored" in page
    assert "× 1" not in page  # each fault that was asked for has happened
    assert [person for person in PEOPLE.values() if person and person in page] == []
    receipt = re.search(r'href="(/receipts/[^"]+)"', page)
    assert receipt is not None
    assert "Stored Records: 3\n" in sandbox.page(receipt[1])


def test_the_page_lets_time_pass_and_listens_to_itself_alone(sandbox: Process) -> None:
    sandbox.page("/advance", data=b"hours=48", method="POST")
    sandbox.page("/fail", data=b"kind=losses&times=2", method="POST")
    assert "losses × 2" in sandbox.page()
    for headers in ({"Origin": "https://elsewhere.example"}, {"Host": "elsewhere.example"}):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            sandbox.page("/advance", data=b"hours=48", method="POST", headers=headers)
    with pytest.raises(urllib.error.HTTPError, match="400"):
        sandbox.page("/advance", data=b"hours=-1", method="POST")


def test_the_servers_give_the_two_folders_and_nothing_beside_them(sandbox: Process) -> None:
    import asyncssh

    async def seen() -> tuple[set[object], list[bool]]:
        cloud = sandbox.folder / ".audienceflow" / "experience_cloud"
        host, _, port = sandbox.doors["SFTP"].rpartition("@")[2].partition(":")
        keys = {"client_keys": [str(cloud / "id_ed25519")], "known_hosts": str(cloud / "known_hosts")}
        async with (
            asyncssh.connect(host, int(port), username="sandbox", config=None, **keys) as connection,
            connection.start_sftp_client() as sftp,
        ):
            hidden = ["experience_cloud.sqlite", "inbound/../id_ed25519", "/receipts"]
            return set(await sftp.listdir("/")) - {".", ".."}, [await sftp.exists(path) for path in hidden]

    assert asyncio.run(seen()) == ({"inbound", "outbound"}, [False] * 3)
    for path in ("/receipts", "/inbound/%2e%2e/experience_cloud.sqlite", "/inbound/missing"):
        with pytest.raises(urllib.error.HTTPError, match=r"40[04]"):
            urllib.request.urlopen(sandbox.doors["S3"] + path)  # noqa: S310

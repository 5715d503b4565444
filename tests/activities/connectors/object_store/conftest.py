"""Every kind of store, empty, with a way to look behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from activities.connectors.object_store import StoreSettings, open_store
from engine.kit.connector import ObjectStore, Surroundings
from tests.object_stores import BUCKET, VARIABLES, S3Server, SftpServer


def surroundings(folder: Path) -> Surroundings:
    return Surroundings(
        sections={}, folder=folder, state_folder=folder / ".audienceflow", clock=lambda: datetime(2026, 11, 23, tzinfo=UTC),
        environment="prod", is_environment_named=True, variables=VARIABLES,
    )  # fmt: skip


def opened(folder: Path, **settings: Any) -> ObjectStore:
    """Open a store by what a project file says of it."""
    return open_store(StoreSettings.model_validate(settings), surroundings(folder))


def s3_settings(server: S3Server, **others: Any) -> dict[str, Any]:
    keys = {"access_key_id": {"env": "STORE_ID"}, "secret_access_key": {"env": "STORE_SECRET"}}
    return {
        "url": f"s3://{BUCKET}/folder/partner",
        "region": "us-east-1",
        "endpoint": server.endpoint,
        **keys,
        **others,
    }


def sftp_settings(server: SftpServer, folder: Path, **others: Any) -> dict[str, Any]:
    (folder / "known_hosts").write_text(server.known_hosts)
    (folder / "id_ed25519").write_text(server.private_key)
    url = f"sftp://partner@127.0.0.1:{server.port}/exchange"
    return {"url": url, "known_hosts": "known_hosts", "private_key": {"file": "id_ed25519"}, **others}


@dataclass(frozen=True)
class Kept:
    """A store, and what lies behind it: objects by key."""

    kind: str
    store: ObjectStore
    objects: Callable[[], Mapping[str, bytes]]
    plant: Callable[[str, bytes], None]


def _in_folder(kind: str, store: ObjectStore, folder: Path) -> Kept:
    def plant(key: str, content: bytes) -> None:
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(content)

    def objects() -> Mapping[str, bytes]:
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    return Kept(kind, store, objects, plant)


@pytest.fixture(params=["folder", "s3", "sftp"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    """Give each kind of store in turn."""
    kind = str(request.param)
    if kind == "folder":
        (tmp_path / "exchange").mkdir()
        return _in_folder(kind, opened(tmp_path, url="exchange"), tmp_path / "exchange")
    if kind == "sftp":
        sftp: SftpServer = request.getfixturevalue("sftp_server")
        return _in_folder(kind, opened(tmp_path, **sftp_settings(sftp, tmp_path)), sftp.folder / "exchange")
    s3: S3Server = request.getfixturevalue("s3_server")
    prefix = "folder/partner/"

    def objects() -> Mapping[str, bytes]:
        return {key.removeprefix(prefix): content for key, content in s3.objects(prefix).items()}

    def plant(key: str, content: bytes) -> None:
        s3.plant(prefix + key, content)

    return Kept(kind, opened(tmp_path, **s3_settings(s3)), objects, plant)


@pytest.fixture
def big(tmp_path: Path) -> Path:
    """Give a file that S3 takes in parts."""
    path = tmp_path / "big.gz"
    path.write_bytes(bytes(range(256)) * 4 * 9_000)  # 9 MB
    return path

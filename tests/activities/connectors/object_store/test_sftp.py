"""SFTP as a real client sees it: who is trusted, who is let in, what is tried again, what is refused at once."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from activities.connectors.object_store.place import Place
from activities.connectors.object_store.settings import SftpAddress
from activities.connectors.object_store.sftp import PAUSES, Credentials, SftpStore
from engine.kit.errors import Refused, RetryLater
from tests.activities.connectors.object_store.conftest import opened, sftp_settings
from tests.object_stores import LOOPBACK, VARIABLES, SftpServer, cutting_tcp

KEY = "date=2026-11-23/ftp_dpm_1234_1795422600.sync.gz"


def small(folder: Path) -> Path:
    (folder / "small").write_bytes(b"one\n")
    return folder / "small"


def refusal(folder: Path, settings: Mapping[str, Any]) -> str:
    """Put a file where it cannot be put, and give what is said; it is said at once."""
    begun = time.monotonic()
    with pytest.raises(Refused) as caught:
        opened(folder, **settings).put(small(folder), KEY)
    assert time.monotonic() - begun < sum(PAUSES)  # what another attempt after another would take
    said = str(caught.value)
    assert VARIABLES["STORE_PASSWORD"] not in said
    return said


def files(server: SftpServer) -> list[str]:
    return sorted(path.relative_to(server.folder).as_posix() for path in server.folder.rglob("*") if path.is_file())


def store_at(server: SftpServer, port: int, folder: Path, pauses: Sequence[float]) -> SftpStore:
    """Give the store as it is seen through another port."""
    (folder / "known_hosts").write_text(server.known_as(port))
    credentials = Credentials(known_hosts=folder / "known_hosts", private_key=server.private_key, passphrase=None, password=None)  # fmt: skip
    address = SftpAddress("partner", LOOPBACK, port, "/exchange")
    return SftpStore(address, credentials, Place(url="sftp://proxy/exchange", span=None), pauses=pauses)


def test_a_password_lets_in_too(sftp_server: SftpServer, tmp_path: Path) -> None:
    settings = sftp_settings(sftp_server, tmp_path, password={"env": "STORE_PASSWORD"})
    del settings["private_key"]
    opened(tmp_path, **settings).put(small(tmp_path), KEY)
    assert files(sftp_server) == [f"exchange/{KEY}"]


def test_a_key_under_a_passphrase_lets_in(sftp_server: SftpServer, tmp_path: Path) -> None:
    import asyncssh

    settings = sftp_settings(sftp_server, tmp_path, passphrase={"env": "STORE_PASSWORD"})
    key = asyncssh.import_private_key(sftp_server.private_key)
    locked = key.export_private_key(passphrase=VARIABLES["STORE_PASSWORD"], rounds=50).decode()
    (tmp_path / "id_ed25519").write_text(locked)
    opened(tmp_path, **settings).put(small(tmp_path), KEY)
    assert files(sftp_server) == [f"exchange/{KEY}"]
    del settings["passphrase"]
    assert "the private key cannot be read" in refusal(tmp_path, settings)


@pytest.mark.parametrize("known", ["", "the key of another server"])
def test_a_server_of_an_unknown_key_is_sent_nothing(sftp_server: SftpServer, tmp_path: Path, known: str) -> None:
    import asyncssh

    settings = sftp_settings(sftp_server, tmp_path)
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    (tmp_path / "known_hosts").write_text(f"[{LOOPBACK}]:{sftp_server.port} {other}" if known else "")
    said = refusal(tmp_path, settings)
    assert f"its key is not one of those in {tmp_path / 'known_hosts'}, so nothing was sent" in said
    assert f"run 'ssh-keyscan -p {sftp_server.port} {LOOPBACK}', compare what it prints" in said
    assert files(sftp_server) == []


def test_without_the_file_of_known_keys_nobody_is_trusted(sftp_server: SftpServer, tmp_path: Path) -> None:
    settings = sftp_settings(sftp_server, tmp_path)
    (tmp_path / "known_hosts").unlink()
    assert "there is no file" in refusal(tmp_path, settings)


def test_a_wrong_password_is_refused_at_once(sftp_server: SftpServer, tmp_path: Path) -> None:
    settings = sftp_settings(sftp_server, tmp_path, password={"env": "STORE_ID"})
    del settings["private_key"]
    assert "it does not let the user 'partner' in" in refusal(tmp_path, settings)


def test_a_folder_that_is_not_there_is_not_made(sftp_server: SftpServer, tmp_path: Path) -> None:
    url = f"sftp://partner@{LOOPBACK}:{sftp_server.port}/elsewhere"
    assert "the server has no such folder" in refusal(tmp_path, sftp_settings(sftp_server, tmp_path, url=url))
    with pytest.raises(Refused, match="the server has no such folder"):
        opened(tmp_path, **sftp_settings(sftp_server, tmp_path, url=url)).list()


def test_one_whole_file_comes_of_an_upload_cut_at_every_stage(
    sftp_server: SftpServer, big: Path, tmp_path: Path
) -> None:
    limits = (0, 1_000, 3_000, 4_000_000)  # before and in the handshake, in a request, in the middle of the file
    with cutting_tcp(sftp_server.port, *limits) as (port, cut):
        store_at(sftp_server, port, tmp_path, [0] * len(limits)).put(big, KEY)
    assert cut == list(limits)
    assert files(sftp_server) == [f"exchange/{KEY}"]
    assert (sftp_server.folder / "exchange" / KEY).read_bytes() == big.read_bytes()


def test_an_upload_that_never_ends_shows_no_part_of_the_file(
    sftp_server: SftpServer, big: Path, tmp_path: Path
) -> None:
    with cutting_tcp(sftp_server.port, 4_000_000) as (port, _):
        store = store_at(sftp_server, port, tmp_path, ())
        with pytest.raises(RetryLater, match="try again later"):
            store.put(big, KEY)
        assert store.list() == []
        assert not store.exists(KEY)


def test_a_file_comes_back_whole_through_a_cut_connection(sftp_server: SftpServer, big: Path, tmp_path: Path) -> None:
    (sftp_server.folder / "exchange" / "big.gz").write_bytes(big.read_bytes())
    with cutting_tcp(sftp_server.port, 3_500) as (port, cut):
        store = store_at(sftp_server, port, tmp_path, [0])
        assert store.fetch("big.gz", tmp_path / "back.gz").read_bytes() == big.read_bytes()
    assert cut == [3_500]


def test_a_server_that_is_not_there_may_be_there_later(sftp_server: SftpServer, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        with pytest.raises(RetryLater):
            store_at(sftp_server, free.getsockname()[1], tmp_path, ()).put(small(tmp_path), KEY)


def test_neither_the_user_s_own_keys_nor_their_settings_are_used(
    sftp_server: SftpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home" / ".ssh"
    home.mkdir(parents=True)
    (home / "id_ed25519").write_text(sftp_server.private_key)
    (home / "known_hosts").write_text(sftp_server.known_hosts)
    (home / "config").write_text("Host *\n  StrictHostKeyChecking no\n")
    os.chmod(home / "id_ed25519", 0o600)  # noqa: PTH101
    monkeypatch.setenv("HOME", str(home.parent))
    settings = sftp_settings(sftp_server, tmp_path, password={"env": "STORE_ID"})
    del settings["private_key"]
    assert "it does not let the user 'partner' in" in refusal(tmp_path, settings)

"""S3 as a real client sees it: what is said of an object, what is tried again, what is refused at once."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.kit.errors import Refused, RetryLater
from tests.activities.connectors.object_store.conftest import opened, s3_settings
from tests.object_stores import BUCKET, LOOPBACK, VARIABLES, S3Server, cutting_http

KEY = "date=2026-11-23/ftp_dpm_1234_1795422600.sync.gz"
OBJECT = f"folder/partner/{KEY}"


def small(folder: Path) -> Path:
    (folder / "small").write_bytes(b"one\n")
    return folder / "small"


def refusal(folder: Path, settings: Mapping[str, Any]) -> str:
    """Put a file where it cannot be put, and give what is said; it is asked once."""
    sent: list[Any] = []
    store = opened(folder, **settings)
    store._client.meta.events.register("before-send.s3", lambda request, **_: sent.append(request))  # type: ignore[attr-defined]
    with pytest.raises(Refused) as caught:
        store.put(small(folder), KEY)
    assert len(sent) <= 1
    said = str(caught.value)
    assert not [secret for secret in VARIABLES.values() if secret in said]
    return said


def test_the_bucket_s_owner_may_do_with_an_object_what_they_like(s3_server: S3Server, tmp_path: Path) -> None:
    sent: list[Any] = []
    store = opened(tmp_path, **s3_settings(s3_server, encryption="aws:kms", kms_key="alias/audiences"))
    store._client.meta.events.register("before-send.s3", lambda request, **_: sent.append(request))  # type: ignore[attr-defined]
    store.put(small(tmp_path), KEY)
    (put,) = (request for request in sent if request.method == "PUT")
    headers = {name.lower(): value for name, value in put.headers.items()}
    assert headers["x-amz-acl"] == b"bucket-owner-full-control"
    head = s3_server.client.head_object(Bucket=BUCKET, Key=OBJECT)
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", "alias/audiences")


def test_nothing_is_said_of_who_may_read_where_nothing_should_be(s3_server: S3Server, tmp_path: Path) -> None:
    sent: list[Any] = []
    store = opened(tmp_path, **s3_settings(s3_server, acl="private"))
    store._client.meta.events.register("before-send.s3", lambda request, **_: sent.append(request))  # type: ignore[attr-defined]
    store.put(small(tmp_path), KEY)
    assert [name for request in sent for name in request.headers if "acl" in name.lower()] == []


def test_a_big_file_goes_up_in_parts(s3_server: S3Server, big: Path, tmp_path: Path) -> None:
    opened(tmp_path, **s3_settings(s3_server)).put(big, KEY)
    assert s3_server.client.head_object(Bucket=BUCKET, Key=OBJECT)["ETag"].endswith('-2"')


def test_one_whole_object_comes_of_an_upload_cut_at_every_request(
    s3_server: S3Server, big: Path, tmp_path: Path
) -> None:
    with cutting_http(s3_server.endpoint) as (endpoint, cut):
        opened(tmp_path, **s3_settings(s3_server, endpoint=endpoint)).put(big, KEY)
    assert sorted(request.split()[0] for request in cut if "list-type" not in request) == ["POST", "POST", "PUT", "PUT"]
    assert s3_server.objects() == {OBJECT: big.read_bytes()}


def test_a_file_comes_back_whole_through_cut_connections(s3_server: S3Server, big: Path, tmp_path: Path) -> None:
    s3_server.client.put_object(Bucket=BUCKET, Key=OBJECT, Body=big.read_bytes())
    with cutting_http(s3_server.endpoint) as (endpoint, cut):
        store = opened(tmp_path, **s3_settings(s3_server, endpoint=endpoint))
        assert store.list() == [KEY]
        assert store.fetch(KEY, tmp_path / "back").read_bytes() == big.read_bytes()
    assert len(cut) >= 2


def test_a_missing_bucket_is_refused_at_once(s3_server: S3Server, tmp_path: Path) -> None:
    said = refusal(tmp_path, s3_settings(s3_server, url="s3://nobodys/folder"))
    assert said.startswith("the store s3://nobodys/folder: NoSuchBucket: ")
    assert said.endswith("fix: correct the bucket in 'url', or have it made")


def test_wrong_credentials_are_refused_at_once(s3_server: S3Server, tmp_path: Path) -> None:
    s3_server.demand_keys()
    said = refusal(tmp_path, s3_settings(s3_server))
    assert "InvalidAccessKeyId" in said
    assert said.endswith("fix: correct what 'access_key_id' leads to")


def test_no_credentials_are_refused_at_once(
    s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"AWS_EC2_METADATA_DISABLED": "true", "AWS_SHARED_CREDENTIALS_FILE": "none", "AWS_CONFIG_FILE": "none"}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    settings = s3_settings(s3_server)
    del settings["access_key_id"], settings["secret_access_key"]
    assert "there are no credentials for it" in refusal(tmp_path, settings)


def test_a_service_that_is_not_there_may_be_there_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activities.connectors.object_store.s3.ATTEMPTS", 1)
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        settings = s3_settings(S3Server(f"http://{LOOPBACK}:{free.getsockname()[1]}", None))
        with pytest.raises(RetryLater, match="Could not connect"):
            opened(tmp_path, **settings).put(small(tmp_path), KEY)

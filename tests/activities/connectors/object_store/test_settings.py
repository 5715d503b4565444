"""What a project file says of a store: read strictly, each mistake at its place, and no secret in any of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from activities.connectors import experience_cloud
from activities.connectors.experience_cloud.connection import connect
from activities.connectors.experience_cloud.local import local
from activities.connectors.object_store import StoreSettings, open_store
from activities.connectors.object_store.settings import FolderAddress, S3Address, SftpAddress
from engine import registry
from engine.app import project as projects
from engine.kit.errors import AuthorError, DataError, Refused
from tests.activities.connectors.object_store.conftest import surroundings
from tests.object_stores import VARIABLES

KEYS = "access_key_id: {env: STORE_ID}, secret_access_key: {env: STORE_SECRET}"
SFTP = 'url: "sftp://u@h/x", known_hosts: k'


def text_of(written: str) -> str:
    return f"databases: {{default: {{url: 'sqlite://'}}}}\nexperience_cloud:\n  sandbox: false\n  export_store:   {{{written}}}\n"


def read(written: str) -> StoreSettings:
    """Read settings as a project file has them, in line 4."""
    project = projects.read(Path("project.yaml"), text_of(written), registry.load(), environment=None, surroundings={})
    settings: StoreSettings = project.sections["experience_cloud"].export_store
    return settings


@pytest.mark.contract("G", "a store is an S3 bucket with a path")
@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("outbox", FolderAddress("outbox")),
        ("/mnt/out", FolderAddress("/mnt/out")),
        ("s3://bucket", S3Address("bucket", "")),
        ("s3://bucket/", S3Address("bucket", "")),
        ("S3://bucket//folder/partner", S3Address("bucket", "folder/partner/")),
        ("s3://demdex-s2s-clients/a%20b/", S3Address("demdex-s2s-clients", "a%20b/")),
    ],
)
def test_a_url_says_which_store(url: str, address: object) -> None:
    assert read(f'url: "{url}"').address == address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("sftp://u@h", SftpAddress("u", "h", 22, "/")),
        ("sftp://u@h:2222/in/box/", SftpAddress("u", "h", 2222, "/in/box")),
        ("sftp://u%40x@[::1]/a%20b", SftpAddress("u@x", "::1", 22, "/a b")),
    ],
)
def test_a_url_says_which_server(url: str, address: object) -> None:
    assert read(f'url: "{url}", known_hosts: k, password: {{env: P}}').address == address


@pytest.mark.contract("F", "secrets stand outside the YAML")
@pytest.mark.parametrize(
    ("written", "at", "message", "fix"),
    [
        ("url: ftp://h/x", "ftp://h/x", "there is no store for ftp://", "write a path, s3://bucket/prefix or sftp://user@host/folder"),
        ("url: s3:///x", "s3:///x", "there is no bucket in the url", "write s3://bucket/prefix"),
        ("url: s3://key:hunter2@bucket", "s3://key:hunter2@bucket", "a key of S3 does not stand in the url", "write 'access_key_id'"),
        ("url: sftp://u:hunter2@h/x", "sftp://u:hunter2@h/x", "a password does not stand in the url", "write 'password: {env: NAME}'"),
        ("url: sftp://h/x", "sftp://h/x", "names a user, a host and a folder", "write sftp://user@host:port/folder"),
        ("url: sftp://u@h:99999/x", "sftp://u@h:99999/x", "this is no url of a server", "write sftp://user@host:port/folder"),
        ("url: sftp://u@h/x", "sftp://u@h/x", "an SFTP server is known by its key", "add 'known_hosts: FILE'"),
        (SFTP, "sftp:", "the server will want to know the user", "add 'private_key: {file: PATH}'"),
        ("url: outbox, region: eu-west-1", "eu-west-1", "'region' is nothing a folder has", "remove 'region'"),
        (f"url: s3://bucket, known_hosts: k, {KEYS}", "k,", "'known_hosts' is nothing a bucket of S3 has", "remove 'known_hosts'"),
        (f"{SFTP}, password: {{env: P}}, acl: private", "private", "'acl' is nothing an SFTP server has", "remove 'acl'"),
        ("url: s3://bucket, access_key_id: {env: A}", "s3:", "an access key has an id and a secret", "add 'secret_access_key: {env: NAME}'"),
        ("url: s3://bucket, kms_key: k", "k}", "a key of KMS is for 'encryption: aws:kms'", "add it, or remove 'kms_key'"),
        ("url: s3://bucket, endpoint: minio:9000", "minio", "the endpoint is no address", "write 'endpoint: https://minio:9000'"),
        (f"{SFTP}, password: {{env: P}}, passphrase: {{env: Q}}", "passphrase", "a passphrase is a private key's", "add 'private_key'"),
        ("url: s3://bucket, secret_access_key: hunter2", "hunter2", "a secret is never written out", "write 'secret_access_key: …'"),
    ],
)  # fmt: skip
def test_a_mistake_has_a_place_and_a_fix(written: str, at: str, message: str, fix: str) -> None:
    with pytest.raises(AuthorError) as caught:
        read(written)
    (problem,) = caught.value.diagnostics
    assert message in problem.message
    assert fix in (problem.fix or problem.message)
    line = text_of(written).splitlines()[3]
    assert (problem.span.line, line[problem.span.column - 1 :][: len(at)]) == (4, at)
    assert "hunter2" not in str(problem)


def test_no_secret_shows_in_what_a_store_is_told(tmp_path: Path) -> None:
    settings = read(f"url: s3://bucket, {KEYS}")
    store = open_store(settings, surroundings(tmp_path))
    said = f"{settings!r} {settings} {surroundings(tmp_path)!r} {store!r} {vars(store)!r} {settings.model_dump_json()}"
    assert [secret for secret in VARIABLES.values() if secret in said] == []


def test_a_secret_that_is_not_there_is_named(tmp_path: Path) -> None:
    settings = read("url: s3://bucket, access_key_id: {env: STORE_ID}, secret_access_key: {file: nothing}")
    with pytest.raises(DataError, match=r"the file nothing, which holds a secret, is missing or empty"):
        open_store(settings, surroundings(tmp_path))


def test_a_store_that_needs_a_library_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activities.connectors.object_store.find_spec", lambda _name: None)
    with pytest.raises(Refused, match=r"project.yaml:4:25: the store s3://bucket: it needs the library 'boto3'") as caught:  # fmt: skip
        open_store(read("url: s3://bucket"), surroundings(tmp_path))
    assert caught.value.fix == "pip install 'audienceflow[s3]'"


def test_a_refusal_names_the_store_and_its_place_in_the_project(tmp_path: Path) -> None:
    store = open_store(read("url: nowhere"), surroundings(tmp_path))
    with pytest.raises(Refused) as caught:
        store.list()
    assert str(caught.value) == (
        "project.yaml:4:25: the store nowhere: there is no such folder\n  fix: make it, mount it, or correct 'url'"
    )


def test_nothing_leaves_for_the_real_experience_cloud_unless_the_command_line_names_it(tmp_path: Path) -> None:
    (tmp_path / "outbox").mkdir()
    settings = experience_cloud.ExperienceCloudSettings(sandbox=False, export_store=read("url: outbox"))
    named = replace(surroundings(tmp_path), sections={"experience_cloud": settings})
    with pytest.raises(Refused, match="the command line does not name it") as caught:
        connect(replace(named, is_environment_named=False))
    assert caught.value.fix.startswith("add '--env prod'")
    assert connect(named).export_store.list() == []


def test_the_real_experience_cloud_is_no_local_one(tmp_path: Path) -> None:
    real = {"experience_cloud": experience_cloud.ExperienceCloudSettings(sandbox=False)}
    with pytest.raises(Refused, match="which shows nobody's members"):
        local(replace(surroundings(tmp_path), sections=real))

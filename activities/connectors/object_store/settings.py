"""Where files are handed over and fetched, as a project file says it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic_core import PydanticCustomError

from engine.kit.option import Name, Options, Secret, option

SSH_PORT = 22

_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")

_OF_S3 = ("region", "endpoint", "access_key_id", "secret_access_key", "acl", "encryption", "kms_key")
_OF_SFTP = ("known_hosts", "private_key", "passphrase", "password")
_OPTIONS: Mapping[str, tuple[str, ...]] = {"folder": (), "s3": _OF_S3, "sftp": _OF_SFTP}


@dataclass(frozen=True)
class FolderAddress:
    """A folder; a relative path starts at the project's folder."""

    path: str


@dataclass(frozen=True)
class S3Address:
    """A bucket, and what all keys begin with: empty, or ending in a slash."""

    bucket: str
    prefix: str


@dataclass(frozen=True)
class SftpAddress:
    """A folder of a server, as one of its users sees it."""

    user: str
    host: str
    port: int
    folder: str


Address = FolderAddress | S3Address | SftpAddress


class StoreSettings(Options):
    """A place for files: a folder, a bucket of S3, or a folder of an SFTP server."""

    url: Name = option(
        "`s3://bucket/prefix`, `sftp://user@host:port/folder`, or a folder; a relative one starts at the project's.",
        example="s3://bucket/partner",
    )
    region: Name | None = option("S3: the bucket's region.", default=None, example="eu-west-1")
    endpoint: Name | None = option(
        "S3: the address of a service that is not Amazon's.", default=None, example="https://storage.example.org"
    )
    access_key_id: Secret | None = option(
        "S3: the id of the access key; without it the machine's own credentials are used, as AWS' tools find them.",
        default=None,
        secret=True,
    )
    secret_access_key: Secret | None = option("S3: the secret of the access key.", default=None, secret=True)
    acl: Literal["bucket-owner-full-control", "private"] = option(
        "S3: who may read what was put; another account's bucket wants its owner to.",
        default="bucket-owner-full-control",
        example="private",
    )
    encryption: Literal["AES256", "aws:kms"] | None = option(
        "S3: how the server encrypts what was put; as the bucket says when not written.",
        default=None,
        example="aws:kms",
    )
    kms_key: Name | None = option("S3: the id of the key, for `aws:kms`.", default=None, example="alias/audiences")
    known_hosts: Name | None = option(
        "SFTP: the file with the server's public keys, as `ssh-keyscan` writes it; no other key is trusted.",
        default=None,
        example="known_hosts",
    )
    private_key: Secret | None = option(
        "SFTP: the user's private key, as OpenSSH writes it.", default=None, secret=True
    )
    passphrase: Secret | None = option("SFTP: the passphrase of the private key.", default=None, secret=True)
    password: Secret | None = option("SFTP: the user's password, where there is no key.", default=None, secret=True)

    def model_post_init(self, _context: Any) -> None:
        address = read_address(self.url)
        kind = {FolderAddress: "folder", S3Address: "s3", SftpAddress: "sftp"}[type(address)]
        for name in (*_OF_S3, *_OF_SFTP):
            if name in self.model_fields_set and name not in _OPTIONS[kind]:
                raise _wrong(f"'{name}' is nothing {_NAMES[kind]} has", f"remove '{name}'", name)
        if (self.access_key_id is None) != (self.secret_access_key is None):
            missing = "access_key_id" if self.access_key_id is None else "secret_access_key"
            raise _wrong("an access key has an id and a secret", f"add '{missing}: {{env: NAME}}'", "url")
        if self.endpoint is not None and not self.endpoint.startswith(("https://", "http://")):
            raise _wrong("the endpoint is no address", f"write 'endpoint: https://{self.endpoint}'", "endpoint")
        if self.kms_key is not None and self.encryption != "aws:kms":
            raise _wrong("a key of KMS is for 'encryption: aws:kms'", "add it, or remove 'kms_key'", "kms_key")
        if self.passphrase is not None and self.private_key is None:
            raise _wrong("a passphrase is a private key's", "add 'private_key', or remove 'passphrase'", "passphrase")
        if kind == "sftp":
            self._is_known_and_let_in()

    def _is_known_and_let_in(self) -> None:
        if self.known_hosts is None:
            raise _wrong(
                "an SFTP server is known by its key", "add 'known_hosts: FILE', as ssh-keyscan writes it", "url"
            )
        if self.private_key is None and self.password is None:
            raise _wrong("the server will want to know the user", "add 'private_key: {file: PATH}'", "url")

    @property
    def address(self) -> Address:
        return read_address(self.url)


_NAMES = {"folder": "a folder", "s3": "a bucket of S3", "sftp": "an SFTP server"}


def read_address(url: str) -> Address:
    """Read a url. Raises PydanticCustomError, which shows nothing of one that has a secret in it."""
    found = _SCHEME.fullmatch(url)
    if found is None:
        if not url:
            raise _wrong("a store has a url", "write a path, s3://bucket/prefix or sftp://user@host/folder")
        return FolderAddress(url)
    match found["scheme"].lower():
        case "s3":
            return _s3(found["rest"])
        case "sftp":
            return _sftp(url)
        case scheme:
            raise _wrong(
                f"there is no store for {scheme}://", "write a path, s3://bucket/prefix or sftp://user@host/folder"
            )


def _s3(rest: str) -> S3Address:
    bucket, _, prefix = rest.partition("/")
    if "@" in bucket or ":" in bucket:
        raise _wrong(
            "a key of S3 does not stand in the url", "write 'access_key_id' and 'secret_access_key: {env: NAME}'"
        )
    if not _BUCKET.fullmatch(bucket):
        raise _wrong("there is no bucket in the url", "write s3://bucket/prefix")
    parts = [part for part in prefix.split("/") if part]
    return S3Address(bucket, "".join(f"{part}/" for part in parts))


def _sftp(url: str) -> SftpAddress:
    try:
        parts = urlsplit(url)
        port = parts.port or SSH_PORT
    except ValueError:
        raise _wrong("this is no url of a server", "write sftp://user@host:port/folder") from None
    if parts.password is not None:
        raise _wrong("a password does not stand in the url", "take it out, and write 'password: {env: NAME}'")
    if not parts.hostname or not parts.username or parts.query or parts.fragment:
        raise _wrong(
            "the url of an SFTP server names a user, a host and a folder", "write sftp://user@host:port/folder"
        )
    folder = unquote(parts.path).rstrip("/") or "/"
    return SftpAddress(unquote(parts.username), parts.hostname, port, folder)


def _wrong(message: str, fix: str, at: str = "url") -> PydanticCustomError:
    return PydanticCustomError("option", "{message}", {"message": message, "fix": fix, "at": (at,)})

"""Stores of files by key: a folder, a bucket of S3, a folder of an SFTP server.

What needs a library of its own is imported when a store is opened, and nothing is asked before it is used.
"""

from __future__ import annotations

from importlib.util import find_spec

from activities.connectors.object_store.folder import FolderStore
from activities.connectors.object_store.forwarding import ForwardingStore
from activities.connectors.object_store.place import Place
from activities.connectors.object_store.settings import FolderAddress, S3Address, SftpAddress, StoreSettings
from engine.kit.connector import ObjectStore, Surroundings
from engine.kit.option import Secret

__all__ = ("ForwardingStore", "StoreSettings", "open_store")


def open_store(settings: StoreSettings, surroundings: Surroundings) -> ObjectStore:
    """Give the store that a project declares, without asking it anything. DataError where a secret is missing."""

    def reveal(secret: Secret | None) -> str | None:
        return None if secret is None else secret.reveal(surroundings.variables, surroundings.folder)

    place = Place(url=settings.url, span=getattr(settings.url, "span", None))
    match settings.address:
        case FolderAddress() as address:
            return FolderStore(surroundings.folder / address.path, place)
        case S3Address() as address:
            _require("boto3", "s3", place)
            from activities.connectors.object_store.s3 import Access, S3Store

            access = Access(
                region=settings.region,
                endpoint=settings.endpoint,
                access_key_id=reveal(settings.access_key_id),
                secret_access_key=reveal(settings.secret_access_key),
            )
            return S3Store(address, access, _headers(settings), place)
        case SftpAddress() as address:
            _require("asyncssh", "sftp", place)
            from activities.connectors.object_store.sftp import Credentials, SftpStore

            credentials = Credentials(
                known_hosts=surroundings.folder / str(settings.known_hosts),
                private_key=reveal(settings.private_key),
                passphrase=reveal(settings.passphrase),
                password=reveal(settings.password),
            )
            return SftpStore(address, credentials, place)


def _require(library: str, extra: str, place: Place) -> None:
    if find_spec(library) is None:
        raise place.refused(f"it needs the library '{library}'", f"pip install 'audienceflow[{extra}]'")


def _headers(settings: StoreSettings) -> dict[str, str]:
    """Give what S3 is told about every object, in its own words."""
    said = {"ServerSideEncryption": settings.encryption, "SSEKMSKeyId": settings.kms_key}
    acl = {} if settings.acl == "private" else {"ACL": settings.acl}  # private is what S3 does when nothing is said
    return {**acl, **{name: value for name, value in said.items() if value is not None}}

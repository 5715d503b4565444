"""A bucket of S3 as a store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from activities.connectors.object_store.place import Place, checked, is_sound
from activities.connectors.object_store.settings import S3Address

ATTEMPTS = 6
CONNECT_SECONDS, READ_SECONDS = 10, 60

_GONE = ("404", "NoSuchKey")
_FINISHED = "NoSuchUpload"
"""What finishing an upload in parts a second time is answered; the first answer may be lost on its way."""
_LATER = ("RequestTimeout", "SlowDown", "InternalError", "ServiceUnavailable", "ThrottlingException", "Throttling")
_RIGHTS = "have the bucket's owner allow PutObject, PutObjectAcl, GetObject and ListBucket below this url"
_FIXES: Mapping[str, str] = {
    "NoSuchBucket": "correct the bucket in 'url', or have it made",
    "InvalidAccessKeyId": "correct what 'access_key_id' leads to",
    "SignatureDoesNotMatch": "correct what 'secret_access_key' leads to",
    "ExpiredToken": "renew the machine's credentials",
    "AccessDenied": _RIGHTS,
    "403": _RIGHTS,
    "AllAccessDisabled": "ask the bucket's owner",
    "PermanentRedirect": "write the bucket's 'region'",
    "AuthorizationHeaderMalformed": "write the bucket's 'region'",
    "AccessControlListNotSupported": "write 'acl: private'",
}


@dataclass(frozen=True, kw_only=True)
class Access:
    """Where the service is, and by which key; without one, as AWS' own tools find it."""

    region: str | None
    endpoint: str | None
    access_key_id: str | None = field(repr=False)
    secret_access_key: str | None = field(repr=False)


class S3Store:
    """See `engine.kit.connector.ObjectStore`. A big file goes up in parts; the object is there when the last of them is.

    What a cut connection or a busy server interrupts is done again, part by part, some times with growing pauses; what the server
    refuses is not. The object carries checksums that the server holds against what it received. Of a process that is killed while
    parts go up, the bucket keeps them, unseen, until its lifecycle rule for unfinished uploads takes them away.
    """

    def __init__(self, address: S3Address, access: Access, options: Mapping[str, str], place: Place) -> None:
        self._address = address
        self._access = access
        self._options = dict(options)
        self._place = place

    def put(self, file: Path, key: str) -> Mapping[str, Any]:
        size = file.stat().st_size
        with self._refusals(key):
            try:
                self._client.upload_file(
                    str(file), self._address.bucket, self._key(key), ExtraArgs=self._options, Config=self._transfer
                )
            except self._upload_failed as problem:
                if _code(problem.__context__) != _FINISHED or self._size(key) != size:
                    raise
        return {"bytes": size}

    def exists(self, key: str) -> bool:
        with self._refusals(key):
            return self._size(key) is not None

    def list(self, prefix: str = "") -> Sequence[str]:
        wanted, ours = self._address.prefix + prefix, len(self._address.prefix)
        with self._refusals(prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._address.bucket, Prefix=wanted)
            keys = [each["Key"][ours:] for page in pages for each in page.get("Contents", ())]
        return sorted(key for key in keys if is_sound(key))

    def fetch(self, key: str, to: Path) -> Path:
        to.parent.mkdir(parents=True, exist_ok=True)
        with self._refusals(key):
            self._client.download_file(self._address.bucket, self._key(key), str(to), Config=self._transfer)
        return to

    def _size(self, key: str) -> int | None:
        """Give the size of an object; None where there is none. Listing says more of a refusal than asking for its head."""
        wanted = self._key(key)
        found = self._client.list_objects_v2(Bucket=self._address.bucket, Prefix=wanted, MaxKeys=1)
        return next((int(each["Size"]) for each in found.get("Contents", ()) if each["Key"] == wanted), None)

    def _key(self, key: str) -> str:
        return self._address.prefix + checked(key)

    @cached_property
    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        path_style = {"addressing_style": "path"} if self._access.endpoint else {}
        return boto3.session.Session().client(
            "s3",
            region_name=self._access.region,
            endpoint_url=self._access.endpoint,
            aws_access_key_id=self._access.access_key_id,
            aws_secret_access_key=self._access.secret_access_key,
            config=Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                s3=path_style,
            ),
        )

    @cached_property
    def _transfer(self) -> Any:
        from boto3.s3.transfer import TransferConfig

        return TransferConfig(preferred_transfer_client="classic")

    @cached_property
    def _upload_failed(self) -> type[Exception]:
        from boto3.exceptions import S3UploadFailedError

        return S3UploadFailedError  # type: ignore[no-any-return]  # boto3 ships no types

    @contextmanager
    def _refusals(self, key: str) -> Iterator[None]:
        """Turn what the client raises into what the engine acts on."""
        from boto3.exceptions import Boto3Error
        from botocore import exceptions as core

        try:
            yield
        except core.ClientError as problem:
            raise self._told(problem, key) from None
        except Boto3Error as problem:
            within = problem.__context__
            is_told = isinstance(within, core.ClientError)
            raise (self._told(within, key) if is_told else self._place.later(str(problem))) from None
        except (core.NoCredentialsError, core.PartialCredentialsError, core.ProfileNotFound):
            fix = "write 'access_key_id' and 'secret_access_key', or give the machine a role"
            raise self._place.refused("there are no credentials for it", fix) from None
        except core.SSLError as problem:
            raise self._place.refused(str(problem), "correct 'endpoint', or have its certificate renewed") from None
        except (core.HTTPClientError, core.ConnectionError) as problem:
            raise self._place.later(str(problem)) from None
        except core.BotoCoreError as problem:
            raise self._place.refused(str(problem), "correct the store in project.yaml") from None

    def _told(self, problem: Any, key: str) -> Exception:
        status = int(problem.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        code = _code(problem)
        if code in _GONE:
            return self._place.missing(key)
        said = f"{code}: {problem.response['Error'].get('Message', '')}".rstrip(": .")
        if code in _LATER or status >= 500 or status == 429:
            return self._place.later(said)
        return self._place.refused(said, _FIXES.get(code, "ask the bucket's owner"))


def _code(problem: Any) -> str:
    """Give the code the service told; empty for what it did not tell."""
    return str(getattr(problem, "response", {}).get("Error", {}).get("Code", ""))

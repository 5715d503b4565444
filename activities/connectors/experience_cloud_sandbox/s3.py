"""The folders as buckets of S3, `inbound` and `outbound`: what a client needs to put, list and fetch, of the standard library alone.

Whoever speaks to it is let in: it listens on this machine only, and holds what this machine made.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

from .timed import TimedSandbox

BLOCK = 1 << 20
BUCKETS = ("inbound", "outbound")
LOOPBACK = "127.0.0.1"

_ERRORS = {
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NoSuchUpload": 404,
    "AccessDenied": 403,
    "BadDigest": 400,
    "InvalidURI": 400,
    "NotImplemented": 501,
    "InternalError": 500,
}
_NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


class _Refusal(Exception):
    """The request is refused with a code of S3."""


def s3_server(timed: TimedSandbox, port: int) -> ThreadingHTTPServer:
    """Give a server that waits to be started; port 0 is any free one."""

    class Handler(_Handler):
        cloud = timed

    server = ThreadingHTTPServer((LOOPBACK, port), Handler)
    server.daemon_threads = True
    return server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cloud: TimedSandbox

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: keys and addresses are nobody's business."""

    def _serve(self, act: Callable[[str, str, dict[str, str]], None]) -> None:
        parts = urlsplit(self.path)
        bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        try:
            if self.cloud.fails("server_error"):
                raise _Refusal("InternalError")
            if bucket not in BUCKETS:
                raise _Refusal("NoSuchBucket")
            if any(part in ("", ".", "..") or part.startswith(".") for part in key.split("/") if key):
                raise _Refusal("InvalidURI")
            act(bucket, key, query)
        except _Refusal as refusal:
            self.close_connection = True  # a body that was not read is still in it
            code = str(refusal)
            self._answer(_ERRORS[code], f"<Error><Code>{code}</Code><Message>{code}</Message></Error>")

    def do_PUT(self) -> None:
        self._serve(self._put)

    def do_POST(self) -> None:
        self._serve(self._post)

    def do_GET(self) -> None:
        self._serve(self._get)

    def do_HEAD(self) -> None:
        self._serve(self._get)

    def do_DELETE(self) -> None:
        self._serve(self._delete)

    def _put(self, bucket: str, key: str, query: dict[str, str]) -> None:
        """Take an object, or a part of one."""
        if bucket != "inbound":
            raise _Refusal("AccessDenied")
        if "x-amz-copy-source" in self.headers or not key:
            raise _Refusal("NotImplemented")
        upload = self._upload(query["uploadId"]) if "uploadId" in query else None
        with tempfile.NamedTemporaryFile(dir=self.cloud.folder, prefix=".put-", delete=False) as taken:
            etag = self._take(taken)  # type: ignore[arg-type]  # a wrapper around the file
        received = Path(taken.name)
        if etag is None:
            received.unlink()
            return
        if upload is not None:
            received.replace(upload / f"{int(query['partNumber']):05d}")
        else:
            self._keep(received, key)
        self._answer(200, headers={"ETag": f'"{etag}"'})

    def _take(self, file: BinaryIO) -> str | None:
        """Write the body into a file; give its md5, or None where the connection is cut. Refused when its sums do not agree."""
        length = int(self.headers.get("Content-Length") or 0)
        if self.cloud.fails("cut_upload"):
            self.rfile.read(length // 2)
            self.close_connection = True
            return None
        is_chunked = "aws-chunked" in self.headers.get("Content-Encoding", "") or self.headers.get(
            "x-amz-content-sha256", ""
        ).startswith("STREAMING-")
        digest, crc = md5(usedforsecurity=False), 0
        for block in self._chunks() if is_chunked else self._blocks(length):
            digest.update(block)
            crc = zlib.crc32(block, crc)
            file.write(block)
        told = {
            "Content-MD5": b64encode(digest.digest()).decode(),
            "x-amz-checksum-crc32": b64encode(crc.to_bytes(4, "big")).decode(),
        }
        if any(self.headers.get(name, value) != value for name, value in told.items()):
            raise _Refusal("BadDigest")
        return digest.hexdigest()

    def _blocks(self, length: int) -> Iterator[bytes]:
        while length > 0 and (block := self.rfile.read(min(length, BLOCK))):
            length -= len(block)
            yield block

    def _chunks(self) -> Iterator[bytes]:
        """Read a body in signed chunks: hexadecimal size, extensions, the bytes; then trailers up to a blank line."""
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def _keep(self, received: Path, key: str) -> None:
        target = self.cloud.inbound / key
        target.parent.mkdir(parents=True, exist_ok=True)
        received.replace(target)
        self.cloud.catch_up()

    def _post(self, bucket: str, key: str, query: dict[str, str]) -> None:
        """Begin or complete an upload in parts."""
        if bucket != "inbound":
            raise _Refusal("AccessDenied")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "uploads" in query:
            upload = Path(tempfile.mkdtemp(dir=self.cloud.folder, prefix=".upload-"))
            name = upload.name.removeprefix(".upload-")
            said = f"<Bucket>{bucket}</Bucket><Key>{escape(key)}</Key><UploadId>{name}</UploadId>"
            self._answer(200, f"<InitiateMultipartUploadResult {_NAMESPACE}>{said}</InitiateMultipartUploadResult>")
            return
        upload = self._upload(query.get("uploadId", ""))
        numbers = [int(number) for number in re.findall(rb"<PartNumber>(\d+)</PartNumber>", body)]
        whole, sums = upload / "whole", b""
        with whole.open("wb") as file:
            for number in numbers:
                content = (upload / f"{number:05d}").read_bytes()
                sums += md5(content, usedforsecurity=False).digest()
                file.write(content)
        self._keep(whole, key)
        shutil.rmtree(upload)
        etag = f"{md5(sums, usedforsecurity=False).hexdigest()}-{len(numbers)}"
        said = f"<Bucket>{bucket}</Bucket><Key>{escape(key)}</Key><ETag>&quot;{etag}&quot;</ETag>"
        self._answer(200, f"<CompleteMultipartUploadResult {_NAMESPACE}>{said}</CompleteMultipartUploadResult>")

    def _get(self, bucket: str, key: str, query: dict[str, str]) -> None:
        if not key:
            self._list(bucket, query)
            return
        path = self.cloud.folder / bucket / key
        if not path.is_file():
            raise _Refusal("NoSuchKey")
        size = path.stat().st_size
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        first, last = (int(asked[1]), min(int(asked[2] or size), size - 1)) if asked else (0, size - 1)
        length = last - first + 1
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(length))
        self.send_header("ETag", f'"{md5(path.read_bytes(), usedforsecurity=False).hexdigest()}"')
        self.send_header("Last-Modified", self.date_time_string(int(path.stat().st_mtime)))
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.cloud.fails("cut_download"):
            length, self.close_connection = length // 2, True
        with path.open("rb") as file:
            file.seek(first)
            self.wfile.write(file.read(length))

    def _list(self, bucket: str, query: dict[str, str]) -> None:
        folder, after = self.cloud.folder / bucket, query.get("continuation-token") or query.get("start-after") or ""
        found = sorted(
            (path.relative_to(folder).as_posix(), path.stat().st_size) for path in folder.rglob("*") if path.is_file()
        )
        wanted = [(key, size) for key, size in found if key.startswith(query.get("prefix", "")) and key > after]
        most = min(int(query.get("max-keys", 1000)), 1000)
        page = wanted[:most]
        is_cut = len(page) < len(wanted)
        encode = quote if query.get("encoding-type") == "url" else escape
        contents = "".join(
            f"<Contents><Key>{encode(key)}</Key><LastModified>2000-01-01T00:00:00.000Z</LastModified><Size>{size}</Size></Contents>"
            for key, size in page
        )
        token = f"<NextContinuationToken>{escape(page[-1][0])}</NextContinuationToken>" if is_cut and page else ""
        self._answer(
            200,
            f"<ListBucketResult {_NAMESPACE}><Name>{bucket}</Name><KeyCount>{len(page)}</KeyCount><MaxKeys>{most}</MaxKeys>"
            f"<IsTruncated>{str(is_cut).lower()}</IsTruncated>{token}{contents}</ListBucketResult>",
        )

    def _delete(self, bucket: str, key: str, query: dict[str, str]) -> None:
        """Give an upload in parts up; objects are the cloud's to remove."""
        if "uploadId" not in query:
            raise _Refusal("AccessDenied")
        shutil.rmtree(self._upload(query["uploadId"]))
        self._answer(204)

    def _upload(self, name: str) -> Path:
        upload = self.cloud.folder / f".upload-{name}"
        if not re.fullmatch(r"\w+", name) or not upload.is_dir():
            raise _Refusal("NoSuchUpload")
        return upload

    def _answer(self, status: int, body: str = "", headers: dict[str, str] | None = None) -> None:
        content = f'<?xml version="1.0" encoding="UTF-8"?>{body}'.encode() if body else b""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if body:
            self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

"""Servers for object stores, in this process and of the real protocols: S3 by moto, SFTP by asyncssh; and ways to cut their connections."""

from __future__ import annotations

import asyncio
import http.client
import re
import socket
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

LOOPBACK = "127.0.0.1"
BUCKET = "audiences"
VARIABLES = {"STORE_ID": "AKIA0000EXAMPLE", "STORE_SECRET": "s3-secret-value", "STORE_PASSWORD": "sftp-secret-value"}
"""What the project's secrets are read from; none of the values may show anywhere."""


@dataclass(frozen=True)
class S3Server:
    """Moto's server, and a client of ours to look into it."""

    endpoint: str
    client: Any = field(repr=False)

    def objects(self, prefix: str = "") -> dict[str, bytes]:
        found = self.client.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return {each["Key"]: self.client.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read() for each in found}

    def plant(self, key: str, content: bytes) -> None:
        """Put an object behind the server, which is quicker than through it."""
        from moto.core import DEFAULT_ACCOUNT_ID
        from moto.s3 import s3_backends

        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(BUCKET, key, content)

    def forget(self) -> None:
        """Forget every bucket, and let everybody in again."""
        self._post("reset", b"")
        self._post("reset-auth", b"inf")
        self.client.create_bucket(Bucket=BUCKET)

    def demand_keys(self) -> None:
        """Let only those in who have a key; nobody has."""
        self._post("reset-auth", b"0")

    def _post(self, path: str, body: bytes) -> None:
        plain = {"Content-Type": "text/plain"}
        request = urllib.request.Request(f"{self.endpoint}/moto-api/{path}", body, plain, method="POST")  # noqa: S310  (loopback)
        urllib.request.urlopen(request).close()  # noqa: S310


@pytest.fixture(scope="session")
def s3_process() -> Iterator[S3Server]:
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(LOOPBACK, 0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    endpoint = f"http://{LOOPBACK}:{port}"
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="tests", aws_secret_access_key="tests")  # fmt: skip  # noqa: S106
    yield S3Server(endpoint, client)
    client.close()
    server.stop()


@pytest.fixture
def s3_server(s3_process: S3Server) -> S3Server:
    """Give a server of S3 with one empty bucket."""
    s3_process.forget()
    return s3_process


@dataclass(frozen=True)
class SftpServer:
    """A server with one user, who comes by key or password and sees `folder` as its root."""

    port: int
    folder: Path
    known_hosts: str
    private_key: str

    def known_as(self, port: int) -> str:
        """Give the line of its key for another port, as of a proxy before it."""
        return self.known_hosts.replace(f":{self.port} ", f":{port} ")


@pytest.fixture
def sftp_server(tmp_path: Path) -> Iterator[SftpServer]:
    import asyncssh

    host_key, user_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    folder = tmp_path / "sftp"
    (folder / "exchange").mkdir(parents=True)

    class Server(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == ("partner", VARIABLES["STORE_PASSWORD"])

    async def listen() -> Any:
        return await asyncssh.listen(
            LOOPBACK, 0, server_factory=Server, server_host_keys=[host_key],
            authorized_client_keys=asyncssh.import_authorized_keys(user_key.export_public_key().decode()),
            sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(folder).encode()),
        )  # fmt: skip

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(listen(), loop).result()
    port = server.get_port()
    line = f"[{LOOPBACK}]:{port} {host_key.export_public_key().decode()}"
    yield SftpServer(port, folder, line, user_key.export_private_key().decode())

    async def close() -> None:
        server.close()
        await server.wait_closed()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    asyncio.run_coroutine_threadsafe(close(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@contextmanager
def cutting_http(endpoint: str) -> Iterator[tuple[str, list[str]]]:
    """Stand before a server of S3 and cut the first try of every request, in turn in its middle and after it, before the answer.

    Gives the address, and the list of the requests that were cut.
    """
    cut: list[str] = []
    tried: set[str] = set()
    taken = threading.Lock()

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            self.close_connection = True
            size = int(self.headers.get("Content-Length") or 0)
            request = f"{self.command} {re.sub('uploadId=[^&]*', 'uploadId', self.path)}"
            with taken:
                is_first = request not in tried
                tried.add(request)
                if is_first:
                    cut.append(request)
                is_answered = len(cut) % 2 == 0
            if is_first and not is_answered:
                self.rfile.read(size // 2)
                return
            body = self.rfile.read(size)
            server = http.client.HTTPConnection(endpoint.removeprefix("http://"))
            server.request(self.command, self.path, body, dict(self.headers))
            answer = server.getresponse()
            content = answer.read()
            server.close()
            if is_first:
                return
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "transfer-encoding", "content-length", "server", "date"):
                    self.send_header(name, value)
            length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
            self.send_header("Content-Length", length or "0")
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_one  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer((LOOPBACK, 0), Proxy)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://{LOOPBACK}:{server.server_port}", cut
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def cutting_tcp(port: int, *limits: int) -> Iterator[tuple[int, list[int]]]:
    """Stand before a server and cut one connection after so many bytes to it, the next after so many, and no more.

    Gives the port, and the list of the connections that were cut.
    """
    cut: list[int] = []
    listener = socket.create_server((LOOPBACK, 0))
    threads: list[threading.Thread] = []

    def forward(source: socket.socket, target: socket.socket, limit: int | None) -> None:
        sent = 0
        with suppress(OSError):
            while (limit is None or sent < limit) and (data := source.recv(1 << 16)):
                target.sendall(data[: limit - sent] if limit is not None else data)
                sent += len(data)
        if limit is not None and sent >= limit:
            cut.append(limit)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        waiting = list(limits)
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            limit = waiting.pop(0) if waiting else None
            server = socket.create_connection((LOOPBACK, port))
            ways = ((client, server, limit), (server, client, None))
            pair = [threading.Thread(target=forward, args=way) for way in ways]
            threads.extend(pair)
            for thread in pair:
                thread.start()
            threads.append(threading.Thread(target=_close_after, args=(pair, client, server)))
            threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    yield listener.getsockname()[1], cut
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    accepting.join()
    for thread in threads:
        thread.join()


def _close_after(pair: list[threading.Thread], *sockets: socket.socket) -> None:
    for thread in pair:
        thread.join()
    for each in sockets:
        each.close()

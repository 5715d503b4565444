"""The folders over SFTP: one user, who comes by a key that lies in the cloud's folder."""

from __future__ import annotations

import asyncio
import posixpath
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .timed import TimedSandbox

LOOPBACK = "127.0.0.1"
USER = "sandbox"
FOLDERS = ("inbound", "outbound")


@contextmanager
def sftp_server(timed: TimedSandbox, port: int) -> Iterator[int]:
    """Serve while inside; give the port. `id_ed25519` and `known_hosts` for clients lie in the cloud's folder.

    ImportError where the library `asyncssh` is not installed.
    """
    import asyncssh

    host, user = (_key(timed.folder / name) for name in ("host_ed25519", "id_ed25519"))
    served = _served(timed)

    async def listen() -> Any:
        return await asyncssh.listen(
            LOOPBACK,
            port,
            server_host_keys=[host],
            authorized_client_keys=asyncssh.import_authorized_keys(user.export_public_key().decode()),
            sftp_factory=served,
        )

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        server = asyncio.run_coroutine_threadsafe(listen(), loop).result()
        known = f"[{LOOPBACK}]:{server.get_port()} {host.export_public_key().decode()}"
        (timed.folder / "known_hosts").write_text(known, encoding="utf-8")
        yield server.get_port()
        asyncio.run_coroutine_threadsafe(_close(server), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _key(path: Path) -> Any:
    import asyncssh

    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_private_key())
    return asyncssh.read_private_key(path)


async def _close(server: Any) -> None:
    server.close()
    await server.wait_closed()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _served(timed: TimedSandbox) -> Callable[[Any], Any]:
    import asyncssh

    class Served(asyncssh.SFTPServer):
        """The two folders and nothing beside them; faults happen where they were asked for."""

        def __init__(self, channel: Any) -> None:
            super().__init__(channel, chroot=str(timed.folder).encode())

        def map_path(self, path: bytes) -> bytes:
            first = posixpath.normpath(b"/" + path).lstrip(b"/").partition(b"/")[0].decode(errors="replace")
            if first and first not in FOLDERS:
                raise asyncssh.SFTPNoSuchFile("there are: inbound, outbound")
            return super().map_path(path)

        async def scandir(self, path: bytes) -> AsyncIterator[Any]:
            is_root = not path.strip(b"/.")
            async for entry in super().scandir(path):
                if not is_root or entry.filename in (*FOLDERS, *(name.encode() for name in FOLDERS)):
                    yield entry

        def open(self, path: bytes, pflags: int, attrs: Any) -> object:
            if timed.fails("server_error"):
                raise asyncssh.SFTPFailure("the server has an error")
            return super().open(path, pflags, attrs)

        async def write(self, file_obj: object, offset: int, data: bytes) -> int:
            if timed.fails("cut_upload"):
                self.connection.abort()
            return super().write(file_obj, offset, data)  # type: ignore[return-value]  # the file is ours: no coroutine

        async def read(self, file_obj: object, offset: int, size: int) -> bytes:
            if timed.fails("cut_download"):
                self.connection.abort()
            return bytes(super().read(file_obj, offset, size))  # type: ignore[arg-type]  # as above

    return Served

"""A folder of an SFTP server as a store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from activities.connectors.object_store.place import Place, checked, is_sound, unfinished
from activities.connectors.object_store.settings import SftpAddress
from engine.kit.errors import AudienceflowError

if TYPE_CHECKING:  # heavy, and most runs reach no server
    import asyncssh
    from asyncssh import SFTPClient

T = TypeVar("T")
Do = Callable[["SFTPClient"], Awaitable[T]]

PAUSES = (0.2, 1.0, 3.0, 9.0)
"""Seconds between attempts."""
BLOCK = 4 << 20
CONNECT_SECONDS, LOGIN_SECONDS, SILENT_SECONDS = 10, 30, 15


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """How the server is known, and how it is to know the user."""

    known_hosts: Path
    private_key: str | None = field(repr=False)
    passphrase: str | None = field(repr=False)
    password: str | None = field(repr=False)


class SftpStore:
    """See `engine.kit.connector.ObjectStore`. A file is written under a hidden name beside the right one, and then renamed.

    What a cut connection interrupts is done again from its beginning, some times; what the server refuses is not. Of the user's own
    SSH configuration, keys and agent nothing is read. A file that its receiver took away is not known to have been there.
    """

    def __init__(
        self, address: SftpAddress, credentials: Credentials, place: Place, *, pauses: Sequence[float] = PAUSES
    ) -> None:
        self._address = address
        self._credentials = credentials
        self._place = place
        self._pauses = pauses

    def put(self, file: Path, key: str) -> Mapping[str, Any]:
        target, size = self._path(checked(key)), file.stat().st_size
        folder, _, name = target.rpartition("/")
        part = f"{folder}/{unfinished(file, name)}"

        async def upload(sftp: SFTPClient) -> None:
            await self._require_folder(sftp)
            await sftp.makedirs(folder or "/", exist_ok=True)
            await _write(sftp, file, part)
            if await sftp.getsize(part) != size:
                raise ConnectionError("the server kept another number of bytes than it was sent")
            await self._rename(sftp, part, target, size)

        self._attempt(upload)
        return {"bytes": size}

    def exists(self, key: str) -> bool:
        path = self._path(checked(key))
        return self._attempt(lambda sftp: sftp.isfile(path))

    def list(self, prefix: str = "") -> Sequence[str]:
        below = prefix.rpartition("/")[0]

        async def walk(sftp: SFTPClient) -> list[str]:
            await self._require_folder(sftp)
            return [key async for key in _walk(sftp, self._path(below), f"{below}/" if below else "")]

        return sorted(key for key in self._attempt(walk) if key.startswith(prefix) and is_sound(key))

    def fetch(self, key: str, to: Path) -> Path:
        path = self._path(checked(key))
        part = to.with_name(f".{to.name}.part")
        to.parent.mkdir(parents=True, exist_ok=True)

        async def download(sftp: SFTPClient) -> None:
            if not await sftp.isfile(path):
                raise self._place.missing(key)
            await sftp.get(path, str(part))
            if await sftp.getsize(path) != part.stat().st_size:
                raise ConnectionError("the file changed while it was fetched")

        self._attempt(download)
        part.replace(to)
        return to

    def _path(self, key: str) -> str:
        return f"{self._address.folder.rstrip('/')}/{key}" if key else self._address.folder

    async def _require_folder(self, sftp: SFTPClient) -> None:
        if not await sftp.isdir(self._address.folder):
            raise self._place.refused("the server has no such folder", "make it there, or correct 'url'")

    async def _rename(self, sftp: SFTPClient, part: str, target: str, size: int) -> None:
        """Give a whole file its name; when another put has just done so with the same bytes, all is well."""
        import asyncssh

        try:
            try:
                await sftp.posix_rename(part, target)
            except asyncssh.SFTPOpUnsupported:
                await sftp.rename(part, target)
        except asyncssh.SFTPError:
            if await sftp.getsize(target) != size if await sftp.isfile(target) else True:
                raise
            if await sftp.isfile(part):
                await sftp.remove(part)

    def _attempt(self, do: Do[T]) -> T:
        """Connect and do it; again after a pause where that may help."""
        import asyncssh

        for pause in (*self._pauses, None):
            try:
                return asyncio.run(self._connected(do))
            except AudienceflowError:
                raise
            except (OSError, asyncssh.Error) as problem:
                if (refusal := self._refusal(problem)) is not None:
                    raise refusal from None
                if pause is None:
                    raise self._place.later(_words(problem)) from None
                time.sleep(pause)
        raise AssertionError

    async def _connected(self, do: Do[T]) -> T:
        import asyncssh

        async with (
            asyncssh.connect(
                self._address.host,
                self._address.port,
                username=self._address.user,
                known_hosts=self._trusted(),
                client_keys=self._keys(),
                password=self._credentials.password,
                config=None,
                agent_path=None,
                connect_timeout=CONNECT_SECONDS,
                login_timeout=LOGIN_SECONDS,
                keepalive_interval=SILENT_SECONDS,
            ) as connection,
            connection.start_sftp_client(path_errors="surrogateescape") as sftp,
        ):
            return await do(sftp)

    def _trusted(self) -> bytes:
        path = self._credentials.known_hosts
        if not path.is_file():
            raise self._place.refused(f"there is no file {path}, where its key should be", self._how_to_know())
        return path.read_bytes()

    def _keys(self) -> Sequence[asyncssh.SSHKey] | None:
        import asyncssh

        if self._credentials.private_key is None:
            return None
        try:
            return [asyncssh.import_private_key(self._credentials.private_key, self._credentials.passphrase)]
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
            raise self._place.refused(
                "the private key cannot be read", "give it as ssh-keygen writes it, with its 'passphrase' if it has one"
            ) from None

    def _refusal(self, problem: Exception) -> AudienceflowError | None:
        """Give the error of what will not go away by itself; None for what may."""
        import asyncssh

        match problem:
            case asyncssh.HostKeyNotVerifiable():
                return self._place.refused(
                    f"its key is not one of those in {self._credentials.known_hosts}, so nothing was sent",
                    self._how_to_know(),
                )
            case asyncssh.PermissionDenied():
                return self._place.refused(
                    f"it does not let the user '{self._address.user}' in",
                    "correct the user in 'url', the key or the password",
                )
            case asyncssh.SFTPPermissionDenied() | asyncssh.SFTPWriteProtect():
                return self._place.refused(
                    "permission denied", f"let the user '{self._address.user}' read and write there"
                )
            case asyncssh.KeyExchangeFailed() | asyncssh.ProtocolNotSupported() | asyncssh.IllegalUserName():
                return self._place.refused(_words(problem), "ask the owner of the server which algorithms it takes")
            case _:
                return None

    def _how_to_know(self) -> str:
        return (
            f"run 'ssh-keyscan -p {self._address.port} {self._address.host}', compare what it prints with what the owner of the server "
            f"told you, and write that into {self._credentials.known_hosts}"
        )


async def _write(sftp: SFTPClient, file: Path, path: str) -> None:
    """Write all bytes of a file. The other is not emptied first: another put may write the same bytes there just now."""
    from asyncssh import FXF_CREAT, FXF_WRITE

    with file.open("rb") as content:
        async with sftp.open(path, FXF_WRITE | FXF_CREAT, encoding=None) as copy:
            while block := content.read(BLOCK):
                await copy.write(block)


async def _walk(sftp: SFTPClient, folder: str, before: str) -> AsyncIterator[str]:
    """Give the keys of the files in a folder and below it; a folder that is not there holds none."""
    from asyncssh import FILEXFER_TYPE_DIRECTORY, FILEXFER_TYPE_REGULAR

    if not await sftp.isdir(folder):
        return
    async for entry in sftp.scandir(folder):
        name = str(entry.filename)
        if name.startswith("."):
            continue
        if entry.attrs.type == FILEXFER_TYPE_REGULAR:
            yield f"{before}{name}"
        elif entry.attrs.type == FILEXFER_TYPE_DIRECTORY:
            async for key in _walk(sftp, f"{folder.rstrip('/')}/{name}", f"{before}{name}/"):
                yield key


def _words(problem: Exception) -> str:
    return str(problem) or type(problem).__name__

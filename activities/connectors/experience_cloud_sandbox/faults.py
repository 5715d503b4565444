"""What goes wrong on purpose, so that a client can be seen to bear it: how many times each, kept in the catalogue."""

import sqlite3
from collections.abc import Mapping

KINDS: Mapping[str, str] = {
    "server_error": "a request to a store is answered with an error of the server (S3: 500)",
    "cut_upload": "the connection is cut in the middle of an upload",
    "cut_download": "the connection is cut in the middle of a download",
    "losses": "of a file, each tenth identifier or so is nobody the cloud knows; the receipt says how many",
    "wrong_md5": "the .info of an export has another md5 than its first file",
    "missing_part": "the last file of an export never comes",
    "silent_export": "an export writes nothing and says nothing, as under a merge rule that finds nobody",
}
"""What can be asked for, and what it does, once each time."""


def ask(connection: sqlite3.Connection, kind: str, times: int) -> None:
    """Let a fault happen so many times from now on; 0 takes it back. ValueError on an unknown kind."""
    if kind not in KINDS:
        raise ValueError(f"no fault {kind!r}; there are: {', '.join(KINDS)}")
    if times < 0:
        raise ValueError(f"{times} times: 0 or more")
    connection.execute("INSERT OR REPLACE INTO fault VALUES (?, ?)", (kind, times))


def take(connection: sqlite3.Connection, kind: str) -> bool:
    """Say whether the fault happens now; one time less is left."""
    return connection.execute("UPDATE fault SET times = times - 1 WHERE kind = ? AND times > 0", (kind,)).rowcount > 0


def left(connection: sqlite3.Connection) -> dict[str, int]:
    """Give how often each will still happen, those that will."""
    return dict(connection.execute("SELECT kind, times FROM fault WHERE times > 0 ORDER BY kind"))

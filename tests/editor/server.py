"""yaml-language-server, as an editor talks to it: JSON-RPC over the standard streams of a process."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from queue import Queue
from threading import Thread
from types import TracebackType
from typing import Any, Self

PATIENCE_SECONDS = 60.0

SETTINGS: Mapping[str, Any] = {
    "yaml": {"schemaStore": {"enable": False}, "kubernetesCRDStore": {"enable": False}},
    "http": {},
    "[yaml]": {},
    "editor": {},
    "files": {},
}
"""What an editor says when it is asked for its settings: nothing of ours, and no look at the internet."""


class Server:
    """A running language server, and the files that are open in it."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder)  # noqa: S603
        self._messages: Queue[dict[str, Any] | None] = Queue()
        self._number = 0
        self._diagnostics: dict[str, list[dict[str, Any]]] = {}
        Thread(target=self._read, daemon=True).start()
        self._ask("initialize", {"processId": None, "rootUri": folder.as_uri(), "capabilities": CAPABILITIES,
                                 "workspaceFolders": [{"uri": folder.as_uri(), "name": folder.name}]})  # fmt: skip
        self._tell("initialized", {})
        self._tell("workspace/didChangeConfiguration", {"settings": SETTINGS})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _problem: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def open(self, path: Path, text: str) -> Document:
        """Open a file, once, with this text, which need not be saved."""
        uri = path.as_uri()
        self._tell(
            "textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": "yaml", "version": 1, "text": text}}
        )
        return Document(self, uri, text)

    def ask(self, method: str, uri: str, line: int, character: int) -> Any:
        """Ask about a place in an open file."""
        position = {"line": line, "character": character}
        return self._ask(method, {"textDocument": {"uri": uri}, "position": position})

    def diagnostics(self, uri: str) -> list[dict[str, Any]]:
        """Wait for what is wrong with a file."""
        while uri not in self._diagnostics:
            self._take()
        return self._diagnostics[uri]

    def _ask(self, method: str, parameters: Mapping[str, Any]) -> Any:
        self._number += 1
        self._send({"id": self._number, "method": method, "params": parameters})
        while True:
            message = self._take()
            if message.get("id") == self._number and "method" not in message:
                assert "error" not in message, message["error"]
                return message["result"]

    def _tell(self, method: str, parameters: Mapping[str, Any]) -> None:
        self._send({"method": method, "params": parameters})

    def _take(self) -> dict[str, Any]:
        """Take the next message; a question of the server's is answered on the way."""
        message = self._messages.get(timeout=PATIENCE_SECONDS)
        assert message is not None, "the language server ended"
        match message:
            case {"method": "workspace/configuration", "id": number, "params": {"items": items}}:
                self._send({"id": number, "result": [SETTINGS.get(item.get("section", "")) for item in items]})
            case {"method": str(), "id": number}:
                self._send({"id": number, "result": None})
            case {"method": "textDocument/publishDiagnostics", "params": {"uri": uri, "diagnostics": found}}:
                self._diagnostics[uri] = found
        return message

    def _send(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self._process.stdin.flush()

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        while header := stream.readline():
            length = int(header.partition(b":")[2])
            while stream.readline().strip():
                continue
            self._messages.put(json.loads(stream.read(length)))
        self._messages.put(None)


CAPABILITIES: Mapping[str, Any] = {
    "textDocument": {
        "completion": {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown", "plaintext"]}},
        "hover": {"contentFormat": ["markdown", "plaintext"]},
        "publishDiagnostics": {"relatedInformation": True},
    },
    "workspace": {
        "configuration": True,
        "workspaceFolders": True,
        "didChangeConfiguration": {"dynamicRegistration": True},
    },
}


class Document:
    """An open file."""

    def __init__(self, server: Server, uri: str, text: str) -> None:
        self.server, self.uri, self.text = server, uri, text

    def completion(self, line: int, character: int) -> dict[str, dict[str, Any]]:
        """Give what is proposed at a place, by its label."""
        found = self.server.ask("textDocument/completion", self.uri, line, character)
        return {item["label"]: item for item in found["items"]}

    def hover(self, line: int, character: int) -> str:
        """Give what is shown over a place, as Markdown; nothing where nothing is."""
        found = self.server.ask("textDocument/hover", self.uri, line, character)
        return str(found["contents"]["value"]) if found else ""

    def problems(self) -> list[tuple[int, int, str]]:
        """Give what is wrong: lines and columns from 1, as `audienceflow check` counts them."""
        found = [(item["range"]["start"], item["message"]) for item in self.server.diagnostics(self.uri)]
        return sorted((start["line"] + 1, start["character"] + 1, message) for start, message in found)

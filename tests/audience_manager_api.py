"""A stand-in for Audience Manager's REST API and its login, written from the contract (§D, §E); it shares nothing with the client."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs

import pytest

CLIENT, SECRET, ORGANIZATION = "client-of-tests", "p8e-secret-of-tests", "0123456789ABCDEF01234567@AdobeOrg"
SCOPES = ["openid", "AdobeID", "audiencemanager_api"]
MADE_AT = 1_795_500_000_000
"""2026-11-24 06:00 UTC, in milliseconds."""

Fault = Literal["lost", "cut", "silent"]
"""lost: it is done and the answer ends in its middle; cut: nothing is done, nothing answered; silent: neither, and the line stays open."""


@dataclass
class AudienceManager:
    """What it knows, what it was asked, and what goes wrong next: a fault or a status, by method and the beginning of the path."""

    port: int = 0
    token_seconds: int = 86_399
    traits: list[dict[str, Any]] = field(default_factory=list)
    segments: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    faults: list[tuple[str, str, Fault | int]] = field(default_factory=list)
    spent: set[str] = field(default_factory=set)
    tokens: int = 0
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def token_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/ims/token/v3"

    def fail(self, request: str, *faults: Fault | int) -> None:
        """Let the next requests that begin so ("POST /v1/traits") go wrong, each in its way."""
        method, path = request.split(" ")
        self.faults += [(method, path, fault) for fault in faults]

    def next_fault(self, method: str, path: str) -> Fault | int | None:
        found = next((each for each in self.faults if each[0] == method and path.startswith(each[1])), None)
        if found is None:
            return None
        self.faults.remove(found)
        return found[2]

    def log_in(self, form: dict[str, list[str]]) -> tuple[int, Any]:
        if form.get("client_id") != [CLIENT] or form.get("client_secret") != [SECRET]:
            return 401, {"error": "invalid_client", "error_description": f"no client has {form.get('client_secret')}"}
        if form.get("grant_type") != ["client_credentials"] or form.get("scope") != [",".join(SCOPES)]:
            return 400, {"error": "invalid_scope"}
        self.tokens += 1
        return 200, {
            "access_token": f"token-{self.tokens}-of-tests",
            "token_type": "bearer",
            "expires_in": self.token_seconds,
        }

    def answer(self, method: str, path: str, content: Any) -> tuple[int, Any]:
        match method, path.removeprefix("/v1/").rstrip("/").split("/"):
            case "GET", ["users", "self"]:
                return 200, {"uid": 1, "username": "technical account"}
            case "GET", [("traits" | "segments") as kind, key]:
                found = [
                    each for each in getattr(self, kind) if key in (f"ic:{each['integrationCode']}", str(each["sid"]))
                ]
                return (200, found[0]) if found else (404, {"message": "Not found"})
            case "POST", [("traits" | "segments") as kind]:
                return self._make(kind, content)
        return 404, {"message": "Not found"}

    def _make(self, kind: str, content: dict[str, Any]) -> tuple[int, Any]:
        there: list[dict[str, Any]] = getattr(self, kind)
        needed = {
            "traits": ("name", "traitType", "dataSourceId", "folderId"),
            "segments": ("name", "segmentRule", "folderId", "dataSourceId"),
        }
        missing = [name for name in needed[kind] if name not in content]
        if missing or not all(isinstance(content[name], int) for name in ("dataSourceId", "folderId")):
            return 400, {"message": "Bad request", "childMessages": [f"{name} is required" for name in missing]}
        if kind == "segments" and not re.fullmatch(r"\d+T", content["segmentRule"]):
            return 400, {"message": "Rule is not valid"}
        if any(
            each["name"] == content["name"] or each["integrationCode"] == content["integrationCode"] for each in there
        ):
            return 409, {"message": "Name or integration code is taken"}
        made = {"ttl": 120, **content, "sid": 20_000_001 + len(self.traits) + len(self.segments), "createTime": MADE_AT}
        there.append(made)
        return 201, made


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: two would wait for each other
    service: AudienceManager

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def log_message(self, *arguments: Any) -> None:
        pass

    def _serve(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        service = self.service
        service.asked.append(f"{method} {self.path}")
        service.headers.append(dict(self.headers.items()))
        match service.next_fault(method, self.path):
            case "silent":
                service.released.wait()
                self._hang_up()
            case "cut":
                self._hang_up()
            case int() as status:
                said = [self.headers.get("Authorization", "")]
                self._say(status, {"message": "the service said no", "childMessages": said})
            case fault:
                self._answer(method, body, is_lost=fault == "lost")

    def _answer(self, method: str, body: bytes, *, is_lost: bool) -> None:
        service, token = self.service, self.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.path.startswith("/ims/"):
            self._say(*service.log_in(parse_qs(body.decode())))
        elif token in service.spent or not token:
            told = f'Bearer realm="oauth", error="invalid_token", error_description="Access token expired: {token}"'
            self._say(401, None, {"WWW-Authenticate": told})
        elif self.headers.get("x-api-key") != CLIENT or self.headers.get("x-gw-ims-org-id") != ORGANIZATION:
            self._say(403, {"message": "Forbidden"})
        else:
            self._say(*service.answer(method, self.path, json.loads(body) if body else None), is_lost=is_lost)

    def _say(self, status: int, content: Any, headers: dict[str, str] | None = None, *, is_lost: bool = False) -> None:
        body = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if is_lost else body)
        if is_lost:
            self._hang_up()

    def _hang_up(self) -> None:
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True


@pytest.fixture
def audience_manager() -> Iterator[AudienceManager]:
    """Give the service, which knows nothing yet."""
    service = AudienceManager()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"service": service}))
    server.daemon_threads = True
    service.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield service
    service.released.set()
    server.shutdown()
    server.server_close()
    thread.join()


def settings(service: AudienceManager) -> dict[str, Any]:
    """Give what a project says of Experience Cloud to reach it."""
    ims = {"client_id": CLIENT, "client_secret": {"env": "IMS_SECRET"}, "scopes": SCOPES, "url": service.token_url}
    return {"organization": ORGANIZATION, "ims": ims, "catalog": {"url": service.url}}

"""The page: what time it is, who is in which audience, what came and what left; with buttons for time and for faults."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from jinja2 import Environment, StrictUndefined, Template

from .faults import KINDS
from .s3 import LOOPBACK
from .timed import TimedSandbox

SHOWN_MEMBERS = 8
SHOWN_FILES = 25
STEPS = {"1": "1 hour", "4": "4 hours", "24": "1 day", "48": "2 days", "720": "30 days"}


def page_server(timed: TimedSandbox, port: int) -> ThreadingHTTPServer:
    """Give a server that waits to be started; port 0 is any free one."""

    class Handler(_Handler):
        cloud = timed

    server = ThreadingHTTPServer((LOOPBACK, port), Handler)
    server.daemon_threads = True
    return server


def masked(identifier: str) -> str:
    """Show so much of an identifier as tells two apart, and not whose it is."""
    return (
        f"{identifier[:2]}…{identifier[-2:]} ({len(identifier)})" if len(identifier) > 8 else f"… ({len(identifier)})"
    )


class _Handler(BaseHTTPRequestHandler):
    cloud: TimedSandbox

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        if not self._is_here():
            self._answer(403, "text/plain", b"only this machine")
            return
        place = urlsplit(self.path).path
        if place == "/":
            self.cloud.catch_up()
            self._answer(200, "text/html", _template().render(**_seen(self.cloud)).encode())
        elif (mail := self._mail(place)) is not None:
            self._answer(200, "text/plain", mail.read_bytes())
        else:
            self._answer(404, "text/plain", b"there is no such page")

    def do_POST(self) -> None:
        """Advance the clock (`hours`), or ask for a fault (`kind`, `times`), then show the page."""
        said = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if not self._is_here() or self.headers.get("Origin", self._own()) != self._own():
            self._answer(403, "text/plain", b"only this page")
            return
        form = {name: values[-1] for name, values in parse_qs(said).items()}
        try:
            match urlsplit(self.path).path:
                case "/advance":
                    self.cloud.advance(timedelta(hours=float(form["hours"])))
                case "/fail":
                    self.cloud.fail(form["kind"], int(form.get("times", "1")))
                case _:
                    raise ValueError("there are: /advance, /fail")
        except (ValueError, KeyError, OverflowError) as wrong:
            self._answer(400, "text/plain", str(wrong).encode())
            return
        self.send_response(303)
        self.send_header("Location", "/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _own(self) -> str:
        return f"http://{self.headers.get('Host')}"

    def _is_here(self) -> bool:
        """Say whether the address is this machine's: a name of somebody else's that leads here is none."""
        return str(self.headers.get("Host")).rpartition(":")[0] in (LOOPBACK, "localhost")

    def _mail(self, place: str) -> Path | None:
        folder, _, name = place.lstrip("/").partition("/")
        mails = {path.name: path for path in (self.cloud.folder / "receipts").glob("*.txt")}
        return mails.get(name) if folder == "receipts" else None

    def _answer(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'")
        self.end_headers()
        self.wfile.write(content)


def _seen(timed: TimedSandbox) -> Mapping[str, Any]:
    audiences = []
    for audience in timed.cloud.audiences():
        members = timed.cloud.members(audience.segment)
        first = [masked(member) for member in islice(members, SHOWN_MEMBERS)]
        count = len(first) + sum(1 for _ in members)
        audiences.append({"audience": audience, "count": count, "first": first})
    mails = {
        path.name.partition("_")[2].removesuffix(".txt"): path.name
        for path in (timed.folder / "receipts").glob("*.txt")
    }
    left = sorted(timed.outbound.glob("*"), key=lambda path: path.name, reverse=True)
    return {
        "now": timed.now(),
        "audiences": audiences,
        "arrivals": timed.arrivals()[:SHOWN_FILES],
        "mails": mails,
        "receipts": {receipt.file: receipt for receipt in timed.cloud.receipts()},
        "left": [(path.name, path.stat().st_size) for path in left[:SHOWN_FILES]],
        "faults": timed.faults(),
        "kinds": KINDS,
        "steps": STEPS,
    }


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))

"""Asking a service over HTTP: what is cut or busy is asked again where that is safe, and no error shows a header or a body sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlencode, urlsplit

from engine.kit.errors import Refused, RetryLater

if TYPE_CHECKING:  # most commands ask nobody
    import urllib3

Method = Literal["GET", "POST"]

ATTEMPTS = 4
CONNECT_SECONDS, READ_SECONDS = 10, 60
LONGEST_PAUSE_SECONDS = 30
_BUSY = (429, 500, 502, 503, 504)
_TURNED_AWAY = (429,)
"""With this a service says that it has done nothing, so that even what is not safe to repeat may be asked again."""


@dataclass(frozen=True)
class Answer:
    """What a service said; `content` is None where it is no JSON."""

    status: int
    content: Any = field(repr=False)


class Unanswered(RetryLater):
    """Nobody knows whether the service did what it was asked: the answer did not come, or not whole."""


@dataclass(frozen=True, kw_only=True)
class Http:
    """The way to services. Certificates are verified as the machine says, and a redirection is not followed: a token would go along.

    `proxy` stands between, where there is one; `pause_seconds` is the second pause before asking again, and doubles.
    """

    proxy: str | None = None
    pause_seconds: float = 0.5
    read_seconds: float = READ_SECONDS

    def ask(
        self, method: Method, url: str, *, headers: Mapping[str, str], form: Mapping[str, str] | None = None,
        content: Mapping[str, Any] | None = None, is_repeatable: bool,
    ) -> Answer:  # fmt: skip
        """Ask once, or more often while the service is busy or the connection cut, where asking twice does no more than once.

        Raises Unanswered, and Refused where no other attempt would help.
        """
        pool = self._pool
        from urllib3 import exceptions

        body = urlencode(form) if form is not None else None
        sent = {**headers, **({"Content-Type": "application/x-www-form-urlencoded"} if form is not None else {})}
        try:
            response = pool.request(
                method, url, body=body, json=content, headers=sent, redirect=False, retries=self._retries(is_repeatable),
            )  # fmt: skip
        except exceptions.LocationValueError:
            raise Refused(f"'{url}' is no address", "write 'https://' and the name of the service") from None
        except exceptions.HTTPError as problem:
            raise _unanswered(url, problem) from None
        return Answer(response.status, _parsed(response.data))

    def _retries(self, is_repeatable: bool) -> urllib3.Retry:
        import urllib3

        return urllib3.Retry(
            total=ATTEMPTS - 1, read=None if is_repeatable else False, allowed_methods=None, raise_on_status=False,
            status_forcelist=_BUSY if is_repeatable else _TURNED_AWAY, backoff_factor=self.pause_seconds,
            backoff_max=LONGEST_PAUSE_SECONDS, retry_after_max=LONGEST_PAUSE_SECONDS,
        )  # fmt: skip

    @cached_property
    def _pool(self) -> urllib3.PoolManager:
        if find_spec("urllib3") is None:
            raise Refused("asking a service over HTTP needs the library 'urllib3'", "pip install 'audienceflow[http]'")
        import urllib3

        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=self.read_seconds)
        if self.proxy is not None:
            return urllib3.ProxyManager(self.proxy, timeout=timeout)
        return urllib3.PoolManager(timeout=timeout)


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None


def _unanswered(url: str, problem: Exception) -> Refused | RetryLater:
    """Say what kept the answer away, in words that show nothing of what was sent."""
    from urllib3 import exceptions

    host = urlsplit(url).hostname
    cause = problem.reason if isinstance(problem, exceptions.MaxRetryError) and problem.reason else problem
    match cause:
        case exceptions.SSLError():
            fix = "have this machine trust it: a proxy may stand between"
            return Refused(f"{host} shows no certificate that this machine trusts", fix)
        case exceptions.NameResolutionError():
            what = "its name leads nowhere"
        case exceptions.ConnectTimeoutError() | exceptions.ProxyError():
            what = "it cannot be reached"
        case exceptions.ReadTimeoutError():
            what = "it did not answer in time"
        case _:
            what = "the connection was cut before its answer was whole"
    return Unanswered(f"{host}: {what}", "see whether the network lets you there, and try again")

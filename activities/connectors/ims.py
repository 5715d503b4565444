"""Logging in to Adobe's services: OAuth server-to-server, by which a technical account gets an access token.

Adobe, developer console, "OAuth Server-to-Server credential": the token's lifetime is in seconds, there is no refresh token, and who
asks for a new one with every request may be turned away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from activities.connectors.http import Answer, Http
from engine.kit.errors import Refused, RetryLater

TOKEN_URL = "https://ims-na1.adobelogin.com/ims/token/v3"  # noqa: S105  (an address)
SPENT = timedelta(minutes=10)
"""A token with less time left counts for expired, as in Adobe's own library."""
_FIXES = {
    "invalid_client": "correct 'client_id' and what 'client_secret' leads to; in the developer console secrets can be renewed",
    "invalid_scope": "write the 'scopes' that the developer console shows for this account",
    "unauthorized_client": "have the developer console's project use OAuth server-to-server",
}


@dataclass(frozen=True, kw_only=True)
class Account:
    """A technical account. No representation shows its secret."""

    client_id: str
    client_secret: str = field(repr=False)
    scopes: Sequence[str]
    url: str = TOKEN_URL


class AccessTokens:
    """Gives the account's token, asked for once and kept in memory until it is nearly spent."""

    def __init__(self, account: Account, http: Http, clock: Callable[[], datetime]) -> None:
        self._account = account
        self._http = http
        self._clock = clock
        self._token = ""
        self._ends: datetime | None = None

    def current(self) -> str:
        """Give a token that is good for a while. RetryLater where the service is busy, Refused where it lets the account not in."""
        if self._ends is None or self._clock() >= self._ends - SPENT:
            self._renew()
        return self._token

    def forget(self) -> None:
        """Let the token go that a service took for spent, so that the next one is new."""
        self._ends = None

    def redacted(self, text: str) -> str:
        """Take the account's secret and its token out of what a service said."""
        for secret in (self._account.client_secret, self._token):
            text = text.replace(secret, "***") if secret else text
        return text

    def _renew(self) -> None:
        account, asked_at = self._account, self._clock()
        answer = self._http.ask(
            "POST", account.url, headers={"Accept": "application/json"}, is_repeatable=True, form={
                "client_id": account.client_id, "client_secret": account.client_secret,
                "grant_type": "client_credentials", "scope": ",".join(account.scopes),
            },
        )  # fmt: skip
        token, seconds = _token(answer)
        if answer.status != 200 or token is None or seconds is None:
            raise self._not_let_in(answer)
        self._token, self._ends = token, asked_at + timedelta(seconds=seconds)

    def _not_let_in(self, answer: Answer) -> Refused | RetryLater:
        said = _text(answer, "error")
        more = _text(answer, "error_description")
        what = self.redacted(": ".join(word for word in (said, more) if word)) or "no token came"
        told = f"the login of the technical account {self._account.client_id} failed: HTTP {answer.status}, {what}"
        if answer.status == 429 or answer.status >= 500:
            return RetryLater(told, "try again later")
        return Refused(told, _FIXES.get(said, "correct 'ims' below 'experience_cloud'"))


def _token(answer: Answer) -> tuple[str | None, int | None]:
    content: Any = answer.content if isinstance(answer.content, dict) else {}
    token, seconds = content.get("access_token"), content.get("expires_in")
    return token if isinstance(token, str) and token else None, seconds if isinstance(seconds, int) else None


def _text(answer: Answer, name: str) -> str:
    said = answer.content.get(name) if isinstance(answer.content, dict) else None
    return said if isinstance(said, str) else ""

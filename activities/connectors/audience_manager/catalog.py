"""Audience Manager's REST API, as far as it makes and shows traits and segments.

Adobe, Audience Manager documentation, "REST API": base address, headers, status codes, traits and segments. Their bodies are those of
Adobe's sample application; objects are asked for by id, or by integration code as `ic:<code>`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote

from activities.connectors.http import Answer, Http, Method, Unanswered
from activities.connectors.ims import AccessTokens
from engine.kit.errors import Refused, RetryLater

T = TypeVar("T")

API_URL = "https://aam.adobe.io/v1"
ONBOARDED = "ON_BOARDED_TRAIT"
LONGEST_NAME = 255
LONGEST_REASON = 500


@dataclass(frozen=True, kw_only=True)
class Trait:
    """An onboarded trait as Audience Manager shows it. `ttl` is in days, 0 for ever; None where it is not said."""

    id: str
    kind: str
    data_source: str
    ttl: int | None
    created: datetime | None


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A segment as Audience Manager shows it."""

    id: str
    rule: str


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where the API is, who asks it, and in which folders what is made lies; `merge_rule` is the segments' profile merge rule."""

    url: str
    client_id: str
    organization: str | None = None
    trait_folder: str = "0"
    segment_folder: str = "0"
    merge_rule: str | None = None


class CatalogClient:
    """Finds and makes traits and segments. What is made bears an integration code, by which the next attempt finds it.

    Every call raises RetryLater where the service may answer later, Refused where it said no. No error holds a secret: what the
    service says is shown without the token, and the header with which it turns a spent token away is not shown at all.
    """

    def __init__(self, address: Address, tokens: AccessTokens, http: Http) -> None:
        self._address = address
        self._tokens = tokens
        self._http = http

    def log_in(self) -> None:
        """Show the technical account to the service, which knows it from then on."""
        self._wanted("log in", self._asked("GET", "users/self"))

    def trait(self, id: str) -> Trait | None:
        """Give the trait of an id, or of `ic:` and an integration code; None where there is none."""
        found = self._found("read the trait", f"traits/{id}")
        return None if found is None else _trait(found)

    def make_trait(self, name: str, code: str, data_source: str) -> Trait:
        """Make the onboarded trait of a code that lasts for ever; give the one there is, where there is one."""
        content = {
            "name": name, "traitType": ONBOARDED, "integrationCode": code, "ttl": 0,
            "dataSourceId": int(data_source), "folderId": int(self._address.trait_folder),
        }  # fmt: skip
        return self._made("make the trait", "traits", content, lambda: self.trait(f"ic:{code}"), _trait)

    def make_segment(self, name: str, code: str, data_source: str, trait: str) -> Segment:
        """Make the segment of a code over one trait; give the one there is, where there is one."""
        merge_rule = self._address.merge_rule
        content = {
            "name": name, "segmentRule": rule(trait), "integrationCode": code,
            "dataSourceId": int(data_source), "folderId": int(self._address.segment_folder),
            **({"mergeRuleDataSourceId": int(merge_rule)} if merge_rule is not None else {}),
        }  # fmt: skip
        return self._made("make the segment", "segments", content, lambda: self._segment(code), _segment)

    def _segment(self, code: str) -> Segment | None:
        found = self._found("read the segment", f"segments/ic:{code}")
        return None if found is None else _segment(found)

    def _made(
        self, what: str, path: str, content: Mapping[str, Any], find: Callable[[], T | None], read: Callable[[Any], T]
    ) -> T:
        """Make what is not there. Whoever lost the answer, or came second, looks again."""
        found = find()
        if found is not None:
            return found
        try:
            answer = self._asked("POST", f"{path}/", content)
        except Unanswered:
            answer = None
        if answer is None or answer.status == 409 or answer.status >= 500:
            found = find()
            if found is not None:
                return found
        if answer is None:
            raise RetryLater(f"Audience Manager was asked to {what}, and its answer did not come", _AGAIN)
        return read(self._wanted(what, answer))

    def _found(self, what: str, path: str) -> Mapping[str, Any] | None:
        answer = self._asked("GET", quote(path, safe="/:"))
        return None if answer.status == 404 else self._wanted(what, answer)

    def _asked(self, method: Method, path: str, content: Mapping[str, Any] | None = None) -> Answer:
        """Ask; a token that was taken for spent, with which nothing was done, is replaced once."""
        answer = self._asked_once(method, path, content)
        if answer.status == 401:
            self._tokens.forget()
            answer = self._asked_once(method, path, content)
        return answer

    def _asked_once(self, method: Method, path: str, content: Mapping[str, Any] | None) -> Answer:
        organization = self._address.organization
        headers = {
            "Authorization": f"Bearer {self._tokens.current()}", "x-api-key": self._address.client_id, "Accept": "application/json",
            **({"x-gw-ims-org-id": organization} if organization is not None else {}),
        }  # fmt: skip
        url = f"{self._address.url.rstrip('/')}/{path}"
        return self._http.ask(method, url, headers=headers, content=content, is_repeatable=method == "GET")

    def _wanted(self, what: str, answer: Answer) -> Mapping[str, Any]:
        """Give what came; else raise what kept it from coming."""
        if answer.status in (200, 201) and isinstance(answer.content, dict):
            return answer.content
        reason = self._tokens.redacted(_reason(answer.content))[:LONGEST_REASON]
        told = f"Audience Manager did not {what}: HTTP {answer.status}{f', {reason}' if reason else ''}"
        if answer.status == 429 or answer.status >= 500:
            raise RetryLater(told, _AGAIN)
        raise Refused(told, _FIXES.get(answer.status, "correct 'catalog' below 'experience_cloud'"))


_AGAIN = "try again later; nothing is made twice"
_FIXES = {
    400: "correct the audience, its data source or the folders in project.yaml",
    401: "correct 'ims' below 'experience_cloud': the account, or its scopes, are not those Audience Manager takes",
    403: "have the technical account's product profile let it read and write traits and segments",
    404: "correct 'url' below 'catalog'",
    409: "rename the audience, or have the other one of its name or integration code renamed",
}


def rule(trait: str) -> str:
    """Give the rule of a segment that holds whoever has the trait."""
    return f"{trait}T"


def faults(trait: Trait, data_source: str) -> Iterator[tuple[str, str]]:
    """Say why nobody should be sent to a trait, and what to do."""
    if trait.kind != ONBOARDED:
        yield f"is no onboarded trait but {trait.kind or 'of an unknown type'}", "take another trait, or create one"
    if trait.data_source != data_source:
        yield (
            f"is of the data source {trait.data_source}, and files of {data_source} would not count for it",
            "share the audience by that data source, or take another trait",
        )
    if trait.ttl != 0:
        lasts = "does not say how long it lasts" if trait.ttl is None else f"loses its members after {trait.ttl} days"
        yield lasts, "have its time to live set to 0 in Audience Manager"


def _trait(content: Mapping[str, Any]) -> Trait:
    ttl, created = content.get("ttl"), content.get("createTime")
    return Trait(
        id=_id(content, "sid"), kind=str(content.get("traitType") or ""), data_source=_id(content, "dataSourceId"),
        ttl=ttl if isinstance(ttl, int) else None,
        created=datetime.fromtimestamp(created // 1000, UTC) if isinstance(created, int) else None,
    )  # fmt: skip


def _segment(content: Mapping[str, Any]) -> Segment:
    return Segment(id=_id(content, "sid"), rule=str(content.get("segmentRule") or ""))


def _id(content: Mapping[str, Any], name: str) -> str:
    """Give an id: digits, as a number or a text."""
    id = str(content.get(name) or "")
    if not (id.isascii() and id.isdigit()):
        fix = "look it up in Audience Manager, and write its ids into project.yaml"
        raise Refused(f"what Audience Manager showed has no '{name}'", fix)
    return id


def _reason(content: Any) -> str:
    """Give the sentences of an error's body."""
    said = [content.get("message"), *_listed(content.get("childMessages"))] if isinstance(content, dict) else []
    return "; ".join(each for each in said if isinstance(each, str))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []

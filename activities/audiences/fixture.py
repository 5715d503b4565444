"""The local Experience Cloud in tests: `audiences:` says who is in it before, `sent:` what it received."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from activities.connectors.experience_cloud.local import local
from engine.kit.activity import Activity
from engine.kit.connector import Surroundings
from engine.kit.errors import AuthorError, DataError, suggestion
from engine.kit.fixture import Stage


class AudiencesFixture:
    """See `engine.kit.fixture.Fixture`. A test writes `audiences: {name: [identifiers]}` and expects `share: {sent: [identifiers]}`."""

    expectation = "sent"

    def isolated(self, sections: Mapping[str, Any]) -> Mapping[str, Any]:
        settings = sections.get("experience_cloud")
        return (
            sections
            if settings is None
            else {**sections, "experience_cloud": settings.model_copy(update={"sandbox": True})}
        )

    def prepare(self, written: Mapping[str, Sequence[str]], surroundings: Surroundings) -> None:
        if not written:
            return
        cloud = local(surroundings)
        audiences = surroundings.sections.get("audiences") or {}
        for name, identifiers in written.items():
            span = getattr(name, "span", None)
            if name not in audiences:
                raise AuthorError.at(
                    span, "A001", f"the project has no audience '{name}'", suggestion(name, audiences, "audiences")
                )
            if not (audiences[name].segment and audiences[name].trait):
                raise AuthorError.at(
                    span,
                    "A007",
                    f"the audience '{name}' has no 'trait' and 'segment', so nobody can be in it",
                    "write both into project.yaml",
                )
            try:
                cloud.add_members(audiences[name].segment, map(str, identifiers))
            except ValueError as problem:
                raise AuthorError.at(
                    span,
                    "A008",
                    f"these identifiers cannot be in '{name}': {problem}",
                    "write them as the data source's web site does",
                ) from None

    def observed(self, activity: Activity, surroundings: Surroundings) -> frozenset[str] | None:
        declared = (surroundings.sections.get("audiences") or {}).get(getattr(activity, "audience", None))
        if activity.type != "update_shared_audience" or declared is None:
            return None
        lines = (line for file in _inbound(surroundings) for line in _lines(file))
        added = f"d_sid={declared.trait}"
        return frozenset(identifier for identifier, said in lines if added in said.split(","))


AUDIENCES = AudiencesFixture()


class LocalExperienceCloud:
    """The local Experience Cloud in tests in Python; audiences go by their names in the project file."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def hold(self, audience: str, identifiers: Iterable[str]) -> None:
        """Put people into an audience, as Experience Cloud knows them: when the next workflow begins."""
        self._stage.prepare("audiences", {audience: list(identifiers)})

    def members(self, audience: str) -> set[str]:
        """Give who is in an audience now. DataError when the project of the last workflow declares none of that name."""
        surroundings = self._stage.surroundings
        audiences = surroundings.sections.get("audiences") or {}
        if audience not in audiences:
            fix = suggestion(audience, audiences, "audiences")
            raise DataError(f"the project has no audience '{audience}'", fix)
        segment = audiences[audience].segment
        return set(local(surroundings).members(segment)) if segment else set()

    @property
    def files(self) -> dict[str, list[str]]:
        """The lines of every file that was received, by name."""
        inbound = _inbound(self._stage.surroundings)
        return {file.name: ["\t".join(line) for line in _lines(file)] for file in inbound}


def _inbound(surroundings: Surroundings) -> list[Path]:
    return sorted((surroundings.state_folder / "experience_cloud" / "inbound").rglob("ftp_dpm_*"))


def _lines(file: Path) -> Iterator[tuple[str, str]]:
    raw = file.read_bytes()
    for line in (gzip.decompress(raw) if file.suffix == ".gz" else raw).decode().splitlines():
        identifier, _, said = line.partition("\t")
        yield identifier, said

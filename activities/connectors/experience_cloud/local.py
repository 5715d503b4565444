"""The local Experience Cloud, knowing what the project declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from activities.connectors.experience_cloud.settings import of_project
from activities.connectors.experience_cloud_sandbox import (
    Audience,
    DataSource,
    Destination,
    ExperienceCloudSandbox,
    TimedSandbox,
)
from engine.kit.connector import Surroundings
from engine.kit.errors import AuthorError, Refused

FOLDER = "experience_cloud"
"""Below the project's state."""


def local(surroundings: Surroundings) -> ExperienceCloudSandbox:
    """Open the local Experience Cloud, and make known to it what the project declares with ids, as Adobe's provisioning would have.

    Raises AuthorError where it knows an id as something else: an id means one thing for ever. Refused where the real one is meant.
    """
    if not of_project(surroundings).sandbox:
        raise Refused(
            f"the environment '{surroundings.environment}' means the real Experience Cloud, which shows nobody's members",
            "write 'experience_cloud: {sandbox: true}' for this environment, or name another with '--env'",
        )
    sandbox = ExperienceCloudSandbox(surroundings.state_folder / FOLDER, clock=surroundings.clock)
    _provision(sandbox, surroundings)
    return sandbox


def provide(
    timed: TimedSandbox,
    surroundings: Surroundings,
    *,
    full_every: int,
    info: Literal["none", "before", "after"],
    lines_per_file: int,
) -> None:
    """Make known what the project declares, whatever environment is meant, and serve every destination with all segments of its data source."""
    _provision(timed.cloud, surroundings)
    for source in (surroundings.sections.get("data_sources") or {}).values():
        if source.destination:
            mapped = tuple(each.segment for each in timed.cloud.audiences() if each.data_source == source.id)
            timed.serve(
                Destination(
                    id=source.destination,
                    segments=mapped,
                    full_every=full_every,
                    info=info,
                    lines_per_file=lines_per_file,
                )
            )


def _provision(sandbox: ExperienceCloudSandbox, surroundings: Surroundings) -> None:
    sources = surroundings.sections.get("data_sources") or {}
    audiences = surroundings.sections.get("audiences") or {}
    try:
        sandbox.provision(
            data_sources=[DataSource(id=source.id, name=name, kind=source.kind) for name, source in sources.items()],
            audiences=[
                Audience(
                    name=found.name,
                    data_source=sources[found.data_source].id,
                    trait=found.trait,
                    segment=found.segment,
                    ttl=0,  # as `doctor` asks of Adobe's administrator
                )
                for found in audiences.values()
                if found.trait and found.segment and found.data_source in sources
            ],
        )
    except ValueError as problem:
        raise AuthorError.at(
            None,
            "A010",
            f"the local Experience Cloud knows these ids by other names: {problem}",
            "give what is new ids of its own in project.yaml, or take the old name back",
        ) from None


class LocalStore:
    """Where the local Experience Cloud takes files, which it judges at once, and leaves its own."""

    def __init__(self, sandbox: ExperienceCloudSandbox) -> None:
        self._sandbox = sandbox

    def put(self, file: Path, key: str) -> Mapping[str, Any]:
        receipt = self._sandbox.put(file, key)
        if not receipt.accepted:
            raise Refused(
                f"the local Experience Cloud refused {key}: {'; '.join(receipt.reasons[:3])}",
                "correct the data source or the audience in project.yaml",
            )
        counts = asdict(receipt)
        return {
            name: counts[name] for name in ("records_received", "stored_records", "realized_traits", "removed_traits")
        }

    def exists(self, key: str) -> bool:
        return self._sandbox.has_accepted(key)

    def list(self, prefix: str = "") -> Sequence[str]:
        return self._sandbox.list(prefix)

    def fetch(self, key: str, to: Path) -> Path:
        return self._sandbox.fetch(key, to)

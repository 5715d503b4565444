"""`doctor`: is everything there that a run needs, and what is to be done where it is not."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine import registry
from engine.app.doctor import databases, installation, lists, workflows
from engine.app.options import Options
from engine.app.session import Session
from engine.kit.errors import AuthorError
from engine.kit.examination import Finding


@dataclass(frozen=True)
class Report:
    """What was found, by what was looked at; and, by component, what others must have set up, which nobody here can see."""

    found: Mapping[str, tuple[Finding, ...]]
    checklist: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def count(self, status: str) -> int:
        return sum(finding.status == status for findings in self.found.values() for finding in findings)


def examine(near: Path, options: Options, commands: Container[str] = ()) -> Report:
    """Look at the installation, the project, its databases and lists, and at what components declare. Nothing is changed.

    `commands` are those the command line has of its own.
    """
    found = {"packages": tuple(installation.packages())}
    if any(finding.status == "problem" for finding in found["packages"]):
        return Report(found)  # what another package stands in the way of cannot be looked at
    known = registry.read(is_imported=True)
    found["plugins"] = tuple(installation.plugins(known, commands))
    found["time zones"] = (installation.time_zones(),)
    try:
        session = Session.start(near, known, options, read_only=True)
    except AuthorError as problem:
        return Report({**found, "project": tuple(_faults(problem))})
    with session:
        found["project"] = (Finding("ok", f"{session.project.path}, environment '{session.project.environment}'"),)
        found["databases"] = tuple(databases.examined(session))
        if not any(finding.status == "problem" for finding in found["databases"]):
            found["dimensions"] = tuple(databases.dimensions(session))
            found["lists"] = tuple(lists.examined(session))
        examinations = known.of("examination")
        found |= {name: tuple(each.findings(session.surroundings)) for name, each in examinations.items()}
        checklist = {name: tuple(each.checklist(session.surroundings)) for name, each in examinations.items()}
    if of_workflows := tuple(workflows.examined(session.project.path.parent, known)):
        found["workflows"] = of_workflows
    return Report(found, {name: asked for name, asked in checklist.items() if asked})


def _faults(problem: AuthorError) -> Iterable[Finding]:
    for item in problem.diagnostics:
        if item.code == "P001":
            yield Finding(
                "warning", "there is no project here, so only the installation was looked at", "audienceflow init"
            )
        else:
            place = f"{item.span}: " if item.span.line else ""
            yield Finding("problem", f"{place}{item.code} {item.message}", item.fix)

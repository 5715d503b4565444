"""The world of the contract, with the local Experience Cloud and its sections, and activities written as an author writes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from textwrap import indent
from typing import Any

from activities.connectors.experience_cloud.local import local
from activities.connectors.experience_cloud_sandbox import ExperienceCloudSandbox
from engine import registry
from engine.app.project import Project
from engine.app.testing.contract import world as standard
from engine.app.testing.contract.world import LISTS, NOW, TESTED, day, ecid, lay_out
from engine.kit.activity import Activity
from engine.kit.catalog import Link
from engine.kit.expression import Expr
from engine.kit.population import Inputs, Population
from engine.lang import loader
from engine.lang.spec import WorkflowSpec
from engine.sql.database import Database

__all__ = (
    "LISTS",
    "NOW",
    "PROJECT",
    "REGISTRY",
    "TESTED",
    "World",
    "activity",
    "day",
    "ecid",
    "lay_out",
    "load",
    "opened",
    "read_project",
)

REGISTRY = registry.load()

PROJECT = f"""{standard.DIMENSIONS}
data_sources:
  ecid: {{kind: visitor_id, dimension: household, key: ecid, id: "5678", destination: "91011"}}
  crm_id: {{kind: declared_id, dimension: household, key: crm_id, normalise: [trim, lower], hash: sha256, id: "1234", destination: "91012"}}
  plain: {{kind: declared_id, dimension: household, key: crm_id, normalise: [], hash: none, id: "1235", destination: "91013"}}
  basket: {{kind: declared_id, dimension: purchase, key: to_string(basket_id), normalise: [], hash: none, id: "1236", destination: "91014"}}
audiences:
  loyal_vip: {{name: Loyal VIP, data_source: crm_id, purpose: advertising, trait: "10603116", segment: "10603117"}}
  by_ecid: {{name: By visitor, data_source: ecid, purpose: advertising, trait: "10603118", segment: "10603119"}}
  by_plain: {{name: By plain id, data_source: plain, purpose: none, trait: "10603120", segment: "10603121"}}
  baskets: {{name: Baskets, data_source: basket, trait: "10603122", segment: "10603123"}}
  unborn: {{name: Not created yet, data_source: crm_id, purpose: advertising}}
  silent: {{name: Says no purpose, data_source: crm_id, trait: "10603126", segment: "10603127"}}
  nameless: {{name: Of another purpose, data_source: crm_id, purpose: research, trait: "10603124", segment: "10603125"}}
experience_cloud: {{sandbox: true}}
"""


@dataclass(kw_only=True)
class World(standard.World):
    """A world with a local Experience Cloud."""

    @property
    def cloud(self) -> ExperienceCloudSandbox:
        return local(self.surroundings)

    def identify(self, source: str, by: str, **options: Any) -> None:
        """Change by which expression, and how, a data source identifies its rows."""
        self.declare("data_sources", source, key=Expr(by), **options)

    def declare(self, section: str, name: str, /, **options: Any) -> None:
        """Change what the project says of a data source or an audience."""
        declared = self.project.sections[section]
        changed = {**declared, name: declared[name].model_copy(update=options)}
        sections = {**self.project.sections, section: changed}
        self.project = replace(self.project, sections=sections)
        self._tables = replace(self._tables, sections=sections)

    def link(self, dimension: str, link: Link) -> None:
        """Give a dimension one more link."""
        dimensions = self._tables.dimensions
        more = replace(dimensions[dimension], links={**dimensions[dimension].links, link.name: link})
        self._tables = replace(self._tables, dimensions={**dimensions, dimension: more})

    def load(self, text: str, ports: Mapping[str, int] | None = None) -> WorkflowSpec:
        """Read one activity, written as an author writes it, by the real loader; `ports` says how many arrows end at each."""
        return load(text, ports)

    def run(
        self, text: str, *arrived: Population, run: str = "", **others: Sequence[Population]
    ) -> dict[str, Population]:
        """Run the activity and keep the populations of all its ports. `arrived` come at `from`. Each time is another run.

        The populations of a set port are called `given_1`, `given_2` and so on.
        """
        ports = {"from": arrived, **others} if arrived else others
        names = {port: _names(len(populations)) for port, populations in ports.items()}
        spec = load(text, {port: len(populations) for port, populations in ports.items()})
        return self.perform(spec, Inputs(ports, names), run=run or f"run_{next(self._numbers)}")

    def write(self, file: str, content: str | bytes) -> Path:
        """Write a file into the workflow's folder, byte for byte."""
        path = self.folder / file
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def forget_list(self, name: str) -> None:
        with self.db.transaction() as connection:
            connection.execute(self.ledger.lists.delete().where(self.ledger.lists.c.name == name))

    def list_rows(self, name: str, *columns: str) -> list[Any]:
        """Give the rows of a list."""
        return self.rows(self.ledger.read_lists()[name], *columns)

    def lasting(self) -> dict[str, Any]:
        """Give all that lasts outside the run, of Experience Cloud what it knows rather than how it keeps it."""
        cloud, inbound = self.cloud, self.folder / "state" / "experience_cloud" / "inbound"
        return {
            **super().lasting(),
            "receipts": cloud.receipts(),
            "members": {audience.segment: list(cloud.members(audience.segment)) for audience in cloud.audiences()},
            "files": {path.name: path.read_bytes() for path in sorted(inbound.rglob("*.gz"))},
        }


def load(text: str, ports: Mapping[str, int] | None = None) -> WorkflowSpec:
    """Read one activity by the real loader, as `tested`; `ports` says how many arrows end at each of its inputs."""
    lines = [text.strip("\n")]
    known = REGISTRY.activities
    many = {
        port.name: port.many
        for type_ in known
        if f"type: {type_}" in text.splitlines() or f"type: {type_}," in text
        for port in known[type_].inputs
    }
    for port, arrows in (ports or {}).items():
        lines.append(f"{port}: [{', '.join(_names(arrows))}]" if many[port] else f"{port}: given")
    written = f"workflow: w\ndimension: household\nactivities:\n  {TESTED}:\n{indent(chr(10).join(lines), '    ')}\n"
    return loader.load(written, "w.yaml", known)


def _names(arrows: int) -> list[str]:
    return [f"given_{number}" for number in range(1, arrows + 1)]


def activity(text: str) -> Activity:
    """Read one activity and give its value."""
    return load(text).activities[TESTED].activity


@cache
def read_project(prefix: str = "") -> Project:
    """Read the project of the standard world; `prefix` begins the names of its tables."""
    return standard.read_project(PROJECT, prefix)


@contextmanager
def opened(
    db: Database, folder: Path, prefix: str = "", *, empty: bool = False, lists: Mapping[str, Sequence[int]] = LISTS
) -> Iterator[World]:
    """Open a world with a schema of its own, and throw the schema away afterwards."""
    filled = {name: () if empty else keys for name, keys in lists.items()}
    with standard.opened(World, db, read_project(prefix), folder, filled) as world:
        rows = "" if empty else "3,Frau Müller\n5,Élodie\n999,nobody\n"
        world.write("do_not_share.csv", f"household_id,note\n{rows}")
        yield world

"""Deliveries in several files, to one destination and to another, cut off wherever they can be; each identifier arrives once."""

from __future__ import annotations

import csv
import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from activities.connectors.conventions import Conventions
from activities.connectors.delivery import Destination, Part
from activities.connectors.experience_cloud.connection import connect
from engine.kit.connector import ObjectStore
from engine.kit.errors import DataError
from tests.activities.audiences.test_update_shared_audience import PLAIN, Cut, people, sent
from tests.contract.world import World

EVERYBODY = (1, 3, 4, 5, 6, 7, 8)
BEFORE, AFTER = (1, 3, 4, 5, 6), (4, 5, 6, 7)
ROWS_A_FILE = 2


@pytest.fixture
def plain(offline_world: World) -> World:
    """Give a world in which everybody has an identifier that needs no hash, and may be shared."""
    offline_world.identify("plain", "'c-' || to_string(household_id)")
    return offline_world


@dataclass(kw_only=True)
class Cutting:
    """Passes everything on, and breaks off at a call: before it is done, or after."""

    world: World
    cut_at: int = -1
    is_taken: bool = False
    forgets: bool = False
    """It takes its files away, and knows nothing of them then."""
    calls: int = 0

    def passed(self, do: Callable[[], Any]) -> Any:
        self.calls += 1
        if self.calls - 1 != self.cut_at:
            return do()
        if self.is_taken:
            do()
        raise Cut


@dataclass(kw_only=True)
class InTraits(Cutting):
    """Audience Manager, in small files, which it reads from a store; where none is said, its own."""

    store: ObjectStore | None = None

    def destination(self, audience: Any, source: Any) -> Destination:
        line = len("c-1\td_sid=10603116\n")
        cloud = replace(connect(self.world.surroundings), conventions=Conventions(part_bytes=ROWS_A_FILE * line))
        cloud = cloud if self.store is None else replace(cloud, export_store=self.store)
        return Between(cutting=self, real=cloud.destination(audience, source))

    def members(self) -> set[str]:
        return set(self.world.cloud.members(self.world.project.sections["audiences"]["by_plain"].segment))

    def files(self) -> list[list[str]]:
        return [[identifier for identifier, _ in lines] for lines in sent(self.world).values()]


class InTables(Cutting):
    """Another cloud: it takes tables with a header, and replaces whom it has by what they say."""

    def destination(self, audience: Any, source: Any) -> Destination:
        return Between(cutting=self, real=Tables(folder=self.world.folder / "other_cloud"))

    def members(self) -> set[str]:
        found: set[str] = set()
        for rows in self._tables():
            found = (found | {row["id"] for row in rows if row["in"] == "1"}) - {
                row["id"] for row in rows if row["in"] == "0"
            }
        return found

    def files(self) -> list[list[str]]:
        return [[row["id"] for row in rows] for rows in self._tables()]

    def _tables(self) -> Iterator[list[dict[str, str]]]:
        for path in sorted((self.world.folder / "other_cloud").glob("*.csv")):
            with path.open(encoding="utf-8", newline="") as file:
                yield list(csv.DictReader(file))


@dataclass(frozen=True, kw_only=True)
class Tables:
    """See `activities.connectors.delivery.Destination`: written from its docstrings, and nothing of ours but `Part`."""

    folder: Path

    def identify(self, begun: datetime) -> Iterator[str]:
        return (f"members-{begun + timedelta(microseconds=number):%Y%m%dT%H%M%S%f}.csv" for number in range(1000))

    def encode(self, path: Path, batches: Iterable[pa.RecordBatch], clock: Callable[[], datetime]) -> Sequence[Part]:
        rows = [
            (identifier.as_py(), int(batch.column(1)[index].as_py()) if batch.num_columns > 1 else 1)
            for batch in batches
            for index, identifier in enumerate(batch.column(0))
        ]
        parts = []
        for start in range(0, len(rows), ROWS_A_FILE):
            written = path.with_name(f"{path.stem}-{start:03d}.csv")
            with written.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows([("id", "in"), *rows[start : start + ROWS_A_FILE]])
            content = written.read_bytes()
            parts.append(Part(
                key=written.name, lines=len(rows[start : start + ROWS_A_FILE]), bytes=len(content),
                md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
            ))  # fmt: skip
        return parts

    def deliver(self, file: Path, key: str) -> Mapping[str, Any]:
        self.folder.mkdir(exist_ok=True)
        shutil.copy(file, self.folder / key)
        return {"rows": "taken"}

    def acknowledge(self, key: str) -> bool:
        return (self.folder / key).is_file()


@dataclass(frozen=True, kw_only=True)
class Between:
    """Stands before a destination."""

    cutting: Cutting
    real: Destination

    def identify(self, begun: datetime) -> Iterator[str]:
        return self.cutting.passed(lambda: self.real.identify(begun))  # type: ignore[no-any-return]

    def encode(self, path: Path, batches: Iterable[pa.RecordBatch], clock: Callable[[], datetime]) -> Sequence[Part]:
        return self.cutting.passed(lambda: self.real.encode(path, batches, clock))  # type: ignore[no-any-return]

    def deliver(self, file: Path, key: str) -> Mapping[str, Any]:
        return self.cutting.passed(lambda: self.real.deliver(file, key))  # type: ignore[no-any-return]

    def acknowledge(self, key: str) -> bool:
        return self.cutting.passed(lambda: not self.cutting.forgets and self.real.acknowledge(key))  # type: ignore[no-any-return]


CLOUDS = [InTraits, InTables]
Kind = type[InTraits | InTables]


def share(cloud: Cutting, run: str, *keys: int, replaces: bool = False) -> None:
    cloud.world.connect = lambda _name: cloud
    mode = "\nmode: replace" if replaces else ""
    cloud.world.run(f"{PLAIN}{mode}", people(cloud.world, *keys), run=run)


def remembered(world: World) -> set[str]:
    return {row[1] for row in world.table_rows(world.ledger.memberships)}


def known_as(*keys: int) -> set[str]:
    return {f"c-{key}" for key in keys}


@pytest.mark.contract("A3", "a file is split before it is too large")
@pytest.mark.parametrize("kind", CLOUDS)
def test_a_delivery_goes_in_as_many_files_as_it_needs(plain: World, kind: Kind) -> None:
    cloud = kind(world=plain)
    share(cloud, "one", *EVERYBODY)
    assert [len(lines) for lines in cloud.files()] == [2, 2, 2, 1]
    assert sorted(identifier for lines in cloud.files() for identifier in lines) == sorted(known_as(*EVERYBODY))
    assert cloud.members() == remembered(plain) == known_as(*EVERYBODY)


@pytest.mark.parametrize("is_taken", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kind", CLOUDS)
def test_a_delivery_cut_off_at_any_call_goes_on_with_the_file_that_is_missing(
    plain: World, kind: Kind, is_taken: bool
) -> None:
    """The first share brings everybody in; the second, which takes two out and brings one in, is cut off."""
    first, counted = kind(world=plain), kind(world=plain)
    share(first, "one", *BEFORE)
    before = len(first.files())
    plain.now += timedelta(hours=1)
    share(counted, "whole", *AFTER, replaces=True)
    assert counted.members() == remembered(plain) == known_as(*AFTER)
    whole = counted.files()[before:]

    for number in range(counted.calls):
        plain.now += timedelta(hours=1)
        share(kind(world=plain), f"back {number}", *BEFORE, replaces=True)
        before = len(first.files())
        plain.now += timedelta(hours=1)
        with pytest.raises(Cut):
            share(kind(world=plain, cut_at=number, is_taken=is_taken), f"cut {number}", *AFTER, replaces=True)
        share(kind(world=plain), f"cut {number}", *AFTER, replaces=True)
        assert first.members() == remembered(plain) == known_as(*AFTER)
        assert first.files()[before:] == whole


@pytest.mark.parametrize("run", ["cut", "another"])
@pytest.mark.parametrize("kind", CLOUDS)
def test_whom_a_forgotten_file_brought_in_is_taken_out(plain: World, kind: Kind, run: str) -> None:
    """The receiver put the file away before the run was resumed, or nobody ever resumed it."""
    with pytest.raises(Cut):
        share(kind(world=plain, cut_at=2, is_taken=True), "cut", 1, 3)
    cloud = kind(world=plain, forgets=True)
    assert (cloud.members(), remembered(plain)) == (known_as(1, 3), known_as(1, 3))
    plain.write_list("opted_out", plain.given("household_id integer", [3]))
    plain.now += timedelta(hours=1)
    share(cloud, run, 1, 3)
    assert (cloud.members(), remembered(plain)) == (known_as(1), known_as(1))


@pytest.mark.parametrize(
    ("section", "name", "changed", "told"),
    [
        ("audiences", "by_plain", {"trait": "999"}, "trait 999 by data source 1235"),
        ("data_sources", "plain", {"id": "999"}, "by data source 999"),
        ("data_sources", "plain", {"hash": "sha256"}, "(declared_id, sha256)"),
        ("data_sources", "plain", {"normalise": ("trim",)}, "(declared_id, trim)"),
    ],
)
def test_members_are_not_taken_for_those_of_another_trait_or_data_source(
    plain: World, section: str, name: str, changed: dict[str, Any], told: str
) -> None:
    share(InTables(world=plain), "one", *BEFORE)
    plain.declare(section, name, **changed)
    with pytest.raises(DataError, match="the members of 'by_plain' were sent as trait") as caught:
        share(InTables(world=plain), "two", *AFTER)
    assert told in str(caught.value)
    assert remembered(plain) == known_as(*BEFORE)


def test_an_audience_without_members_may_become_another(plain: World) -> None:
    cloud = InTables(world=plain)
    share(cloud, "one", 1)
    cloud.world.run(f"{PLAIN}\nmode: replace\nguard: {{on_empty: allow}}", people(plain), run="two")
    plain.declare("audiences", "by_plain", trait="999")
    share(cloud, "three", 3)
    assert remembered(plain) == known_as(3)

"""Tests of single activities in Python: a few rows in, the rows of every port out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import sqlalchemy as sa

from engine.app.options import FILE
from engine.app.project import DatabaseSettings, DimensionSettings, Project
from engine.app.testing import tables, values
from engine.app.testing.inputs import fired, stored
from engine.app.testing.outputs import PortRows, port_rows
from engine.app.testing.running import READER
from engine.app.testing.tables import Shape
from engine.app.testing.world import Clock, World, isolated
from engine.kit.activity import Activity, Port, Transform
from engine.kit.catalog import Catalog
from engine.kit.errors import DataError, EngineBug, Span
from engine.kit.population import Inputs, Population
from engine.kit.types import Type
from engine.lang import graph as graphs
from engine.lang.spec import ActivitySpec, Common, Reference, WorkflowSpec
from engine.registry import load as load_registry
from engine.runs.decide import FIRST
from engine.runs.execution import fired_population
from engine.runs.runner import Runner
from engine.state import facts as f

TESTED = "tested"
PLACE = Span("python", 1, 1)

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class GivenPopulation:
    """Rows of Python values, with their types."""

    rows: tuple[Row, ...]
    columns: Mapping[str, Type]
    key: tuple[str, ...]
    dimension: str | None


class Bench:
    """Where activities are tested. Every call of `run_activity` has a database of its own."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._made: list[GivenPopulation] = []

    def population(
        self, rows: Sequence[Row], key: str | Sequence[str] = (), dimension: str | None = None
    ) -> GivenPopulation:
        """Give a population; rows without a column have null there. ValueError when a key repeats or is missing."""
        columns = {
            name: values.infer_python(row.get(name) for row in rows)
            for name in dict.fromkeys(name for row in rows for name in row)
        }
        keys = (key,) if isinstance(key, str) else tuple(key) or tuple(columns)[:1]
        columns = {**{name: columns.get(name, values.infer_python(())) for name in keys}, **columns}
        known = [tuple(row.get(name) for name in keys) for row in rows]
        if not keys or any(None in found for found in known) or len(set(known)) < len(known):
            raise ValueError(f"every row has a key ({', '.join(keys) or 'name it'}), and no two rows have the same")
        made = GivenPopulation(
            rows=tuple({name: row.get(name) for name in columns} for row in rows),
            columns=columns,
            key=keys,
            dimension=dimension,
        )
        self._made.append(made)
        return made

    def run_activity(
        self, activity: Activity, **inputs: GivenPopulation | Sequence[GivenPopulation]
    ) -> dict[str, PortRows]:
        """Run an activity over populations by input port, `from_` for `from`, and give the rows of every output port.

        They come in the order of the key; `columns` gives the types of their columns. DataError when it does not succeed.
        """
        arrived = {
            port.removesuffix("_"): [given] if isinstance(given, GivenPopulation) else list(given)
            for port, given in inputs.items()
        }
        dimensions = {given.dimension: given for given in self._made if given.dimension is not None}
        project = Project(
            path=Path(FILE), text="", environment="dev", is_environment_named=False, sections={},
            databases={"default": DatabaseSettings(url=f"{tables.DEFAULT_DIALECT}:///:memory:")},
            dimensions={name: DimensionSettings(table=name, key=given.key) for name, given in dimensions.items()},
        )  # fmt: skip
        with isolated(project, load_registry(), self._clock, folder=Path.cwd()) as opened:
            self._fill(opened, dimensions)
            runner = _driven(opened, activity, arrived, next(iter(dimensions), None))
            return dict(_outputs(runner))

    def _fill(self, opened: World, dimensions: Mapping[str, GivenPopulation]) -> None:
        """Make the table of every dimension, of all rows that were given of it; of one key the first."""
        shapes, filled = {}, {}
        for name, like in dimensions.items():
            made = [given for given in self._made if given.dimension == name]
            columns = {column: type_ for given in reversed(made) for column, type_ in given.columns.items()}
            rows = {tuple(row[part] for part in like.key): row for given in reversed(made) for row in given.rows}
            shapes[name] = Shape(columns=columns, key=like.key)
            filled[name] = [{column: row.get(column) for column in columns} for row in rows.values()]
        tables.fill(opened.session.db, shapes, filled)


class _Source(Transform):
    """Stands where the populations come from; it has fired already."""

    type: ClassVar[str] = "given"
    inputs: ClassVar[tuple[Port, ...]] = ()
    example: ClassVar[Mapping[str, Any]] = {}

    def select(self, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:  # noqa: ARG002
        raise EngineBug("rows that were given are not computed")


def _driven(
    opened: World, activity: Activity, arrived: Mapping[str, Sequence[GivenPopulation]], dimension: str | None
) -> Runner:
    sources = {Reference(activity=f"{port}_{number}", port="result", span=PLACE): (port, given)
               for port, all_given in arrived.items() for number, given in enumerate(all_given, start=1)}  # fmt: skip
    inputs = {port: tuple(reference for reference, (of, _) in sources.items() if of == port) for port in arrived}
    activities = {
        reference.activity: ActivitySpec(id=reference.activity, span=PLACE, activity=_Source(), common=Common())
        for reference in sources
    }
    tested = ActivitySpec(id=TESTED, span=PLACE, activity=activity, common=Common(), inputs=inputs)
    spec = WorkflowSpec(name=TESTED, span=PLACE, label=TESTED, dimension=dimension, timezone="UTC", on_error="suspend", variables={},
                        activities={**activities, TESTED: tested})  # fmt: skip
    runner = opened.runner(
        spec, graphs.read_by(graphs.build(spec), READER, ((TESTED, port) for port in tested.output_ports)), {}
    )
    execution, now = runner.execution, opened.clock()
    for reference, (_, given) in sources.items():
        like = Population(relation=sa.table("given"), key=given.key, columns=given.columns, dimension=given.dimension)
        population = stored(
            execution.db, execution.work_table(reference.activity, FIRST, reference.port), like, given.rows
        )
        task = reference.activity
        runner.append(f.TaskStarted(at=now, activity=task, arrival=FIRST), fired(execution, reference, population),
                      f.TaskFinished(at=now, activity=task, arrival=FIRST, seconds=0))  # fmt: skip
    runner.drive()
    return runner


def _outputs(runner: Runner) -> Iterator[tuple[str, PortRows]]:
    task = runner.state.task(TESTED)
    if task is None or task.status != "succeeded":
        raise DataError(task.message if task else "the activity did not run", task.fix if task else "")
    for port, fact in task.fired.items():
        population = fired_population(fact, runner.execution.work_table(TESTED, FIRST, port))
        yield port, port_rows(population, runner.execution.db)

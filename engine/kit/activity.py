"""What an activity is: a frozen value with ports, of one of three kinds."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar, Literal

from engine.kit.catalog import Catalog
from engine.kit.context import Context
from engine.kit.option import Options
from engine.kit.population import Inputs, Population
from engine.kit.template import Template

Missing = Literal["skip", "empty", "fail"]


@dataclass(frozen=True, kw_only=True)
class Port:
    """A named input or output. `missing` says what an input does when nothing can arrive any more.

    An output that is `silent` does not fire without a row, and what reads it is skipped. One that is `counted` tells its count even
    where nobody reads it: whoever is there would be lost in silence. With the options as they are, no row ever leaves by one that
    `stays_empty`. One with a `share` gets about so many percent of what arrives, by each row's own hash.
    """

    name: str
    doc: str = ""
    optional: bool = False
    many: bool = False
    missing: Missing = "skip"
    silent: bool = False
    counted: bool = False
    stays_empty: bool = False
    share: Decimal | None = None


FROM = Port(name="from", doc="The population to work on.")
RESULT = Port(name="result", doc="The rows that were kept.")


class Activity(Options):
    """A box of a workflow. Its fields are its options; it has no state.

    A subclass is a `Transform`, an `Effect` or a `Control`, and its docstring is its reference page.
    `example` is a mapping as an author would write it, options only; it is loaded by a test.
    """

    type: ClassVar[str]
    inputs: ClassVar[tuple[Port, ...]] = (FROM,)
    example: ClassVar[Mapping[str, Any]]

    @property
    def is_partition(self) -> bool:
        """The outputs are disjoint, and together hold the rows of `from`, each once."""
        return False

    @property
    def adds_up(self) -> bool:
        """Every row of `from` leaves by one output, be it under another key: outputs nobody reads are counted, too."""
        return self.is_partition

    @property
    def files(self) -> tuple[Template, ...]:
        """Name the files it reads, as written; a relative path starts at the workflow's folder."""
        return ()

    def outputs(self) -> tuple[Port, ...]:
        """Give the output ports; they may depend on the options."""
        return (RESULT,)


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What a transform leaves behind for its later runs, with its success or with its run's: when it ran, and whom it returned."""

    commit: Literal["run", "activity"]
    has_keys: bool
    """The keys of `result` are kept, not only the time of the run."""
    days: int | None = None
    """How long the keys count; for ever when not told."""


class Transform(Activity):
    """An activity that only computes."""

    @property
    def memory(self) -> Memory | None:
        """What the engine keeps for later runs of the activity, whose `select` finds it in `catalog.history`."""
        return None

    def remarks(self, inputs: Inputs, kept: Mapping[str, Population]) -> Mapping[str, str]:  # noqa: ARG002
        """Say what a person should know of the counts of what came and what was kept."""
        return {}

    @abstractmethod
    def select(self, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        """Give the population of every output port. Pure: no connection, no clock, equal SQL for equal arguments."""


class Staged(Transform):
    """A transform whose ports are cut from one population in between, which the engine makes once when several ports are read."""

    @property
    def is_dear(self) -> bool:
        """Making the stage costs less than selecting it again for every port."""
        return True

    @property
    def holds_key(self) -> bool:
        """The stage may have several rows of one key, which is an error whatever port they are cut off from."""
        return False

    @abstractmethod
    def stage(self, inputs: Inputs, catalog: Catalog) -> Population:
        """Give what the ports are cut from. Pure."""

    @abstractmethod
    def cut(self, staged: Population, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        """Give the population of every output port, by `staged` alone as far as it is dear. Pure."""

    def select(self, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        return self.cut(self.stage(inputs, catalog), inputs, catalog)


@dataclass(frozen=True, kw_only=True)
class EffectPlan:
    """What an effect would do: the populations of its ports, as far as they can be known before, and sentences for a person.

    A population whose rows are not known before gives its columns, over a relation that does not exist.
    """

    outputs: Mapping[str, Population] = field(default_factory=dict)
    sentences: tuple[str, ...] = ()


class Effect(Activity):
    """An activity that changes something outside the run, once per run, activity and arrival."""

    @abstractmethod
    def plan(self, inputs: Inputs, catalog: Catalog) -> EffectPlan:
        """Say what would be done. Pure."""

    def disclosed(self, said: Mapping[str, Any], catalog: Catalog) -> Mapping[str, Any] | None:  # noqa: ARG002
        """Say for the audit log what left: of what, to whom, on what basis, how many; never who. None where nothing leaves.

        `said` is what the steps came to, together. Of what it gives, `waived` names the protections that were switched off. Pure.
        """
        return None

    @abstractmethod
    def perform(self, inputs: Inputs, ctx: Context) -> Mapping[str, Population]:
        """Do it through the steps of `ctx`, so that a repetition continues where the last attempt stood."""


class Control(Activity):
    """An activity that decides where to go on: it fires ports, waits or spawns."""

    @abstractmethod
    def decide(self, arrivals: Mapping[str, Population], moment: Any) -> Any:
        """Decide. Pure."""

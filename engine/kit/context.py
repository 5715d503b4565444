"""What an effect may use while it performs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import sqlalchemy as sa

from engine.kit.catalog import Catalog
from engine.kit.population import Population
from engine.kit.types import Type

if TYPE_CHECKING:  # Arrow is heavy, and most commands read no rows
    import pyarrow as pa

Json = Mapping[str, Any]

ListMode = Literal["append", "replace", "remove"]

PREPARED = "prepared"
"""The first step of an effect that sends; a repetition leaves it as it was."""

SENDING = "sending"
"""The step that says under which name rows are about to leave; from then on they are what they were."""


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Which run, which activity, which arrival; and when. Times are aware UTC.

    `time` is what the run is for and never changes; `now` is the wall clock of this attempt.
    """

    run: str
    workflow: str
    activity: str
    arrival: str
    time: datetime
    now: datetime


class Context(Protocol):
    """The steps of one effect. Everything durable goes through here.

    The key of all of it is run + activity + arrival: a repetition after a crash finds what was done and continues.

    Until the step `sending` is in the ledger nothing can have left, so a repetition judges every row again, its consent too, and
    writes the file anew under the name reserved for it. From `sending` on the rows stay as they were, and a repetition asks the
    receiver first: a file it has taken is neither judged nor sent again, and only `delivered` is still to be written. A file it has
    not taken never left, so `sending` is taken back and everything is judged again.
    """

    moment: Moment
    catalog: Catalog
    folder: Path
    """Where relative paths of the workflow start."""

    @property
    def staging(self) -> Path:
        """Give a folder of this task, for files on their way out or in; it survives a crash."""

    def now(self) -> datetime:
        """Read the wall clock; `moment.now` is when the attempt began."""

    def keep(self, port: str, population: Population) -> Population:
        """Make the work table of a port and give the population over it, counted; once `sending` stands, the table there is."""

    def load(
        self, name: str, columns: Mapping[str, Type], key: Sequence[str], batches: Iterable[pa.RecordBatch]
    ) -> Population:
        """Make a work table of rows from outside. A repetition drops and loads it again.

        Named as a port, it is the port's, kept and counted; its key must be unique. Another one is needed on the way, and its key is
        not claimed unique.
        """

    def batches(self, statement: sa.Select[Any]) -> Iterator[pa.RecordBatch]:
        """Read rows at an edge, in Arrow batches of bounded size, in the statement's order."""

    def guard(self, written: Population, *, replaces: bool = False) -> None:
        """Hold the author's guard against what is about to be written; stops the run when it trips."""

    def reserve(self, names: Iterable[str]) -> str:
        """Take the first of the names that nobody ever took; a repetition gets the same one."""

    def step(self, name: str, do: Callable[[], Json]) -> Json:
        """Do something outside once, and write its outcome to the effect ledger.

        When the ledger has the step already, nothing is done and what was written then is given.
        """

    def take_back(self, name: str, has_happened: Callable[[Json], bool]) -> None:
        """Take a step of an earlier attempt out of the ledger unless what it announces, its outcome, has happened.

        Nothing is asked where no attempt came so far. Raises DataError when it has happened and only the facts know of it.
        """

    memberships: sa.Table
    """The membership ledger (audience, identifier, run, sent_at): whom we sent to which shared audience, and did not take out again.

    Whom we were about to send is in it, too: what was announced may have left, whatever became of us then.
    """

    def sent_as(self, audience: str) -> str | None:
        """Give what the members that the ledger has of an audience were sent as; None where it has none, or nobody knows."""

    def announce_members(self, audience: str, joining: sa.Select[Any], sent_as: str, do: Callable[[], Json]) -> Json:
        """Say who is about to join, as the step `sending`, and add them to the membership ledger in the step's transaction.

        The select gives identifiers, which are texts and not null; `sent_as` says what they mean outside. The step `prepared` must
        have been done.
        """

    def confirm_members(self, audience: str, leaving: sa.Select[Any], do: Callable[[], Json]) -> Json:
        """Do something outside once, as the step `delivered`, and take out of the membership ledger who left, in the step's transaction.

        Nobody who leaves was announced to join. Gives what `do` says and, of the ledger's members, how many were `added` by this task,
        how many `removed`, and how many of those before were `kept`.
        """

    def write_list(
        self,
        name: str,
        population: Population,
        mode: ListMode,
        *,
        expires: timedelta | None = None,
        beside: Mapping[str, Population] | None = None,
        said: Json | None = None,
    ) -> Json:
        """Write a list, as the step `delivered`; gives its rows, those it had before, and what else is `said`.

        Appending keeps the first row of a key. `expires`: how long it may be read from now on. `beside`: lists that are replaced in
        the same transaction.
        """

    def filled(self, name: str) -> Json | None:
        """Give what the effect said that wrote a list last; None when there is no such list, or nobody knows who wrote it."""

    def connect(self, connector: str) -> Any:
        """Open the connector of that name with its settings from the project."""

"""Ctrl-C and SIGTERM during a run: the run stops where it is, and can be resumed."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """A person, or the system, wants the process to end."""


class Interruption:
    """While inside, the first signal raises `Interrupted` in the main thread and is kept in `received`; a second one acts as ever.

    A database driver may turn what is raised in the middle of a query into an error of its own, so `received` is what counts.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._former: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._former = {number: signal.signal(number, self._receive) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    @property
    def exit_code(self) -> int:
        return 128 + (self.received or signal.SIGINT)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        self.received = signal.Signals(number)
        self._restore()
        raise Interrupted

    def _restore(self) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # as signal gave it
        self._former = {}

"""Ctrl-C and SIGTERM during a run: the run stops where it is, and can be resumed."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)
PATIENCE_SECONDS = 5.0
"""How long a query that a signal finds under way may take to notice it."""


class Interrupted(KeyboardInterrupt):
    """A person, or the system, wants the process to end."""


class Interruption:
    """While inside, the first signal raises `Interrupted` in the main thread and is kept in `received`; a second one acts as ever.

    A database driver may turn what is raised in the middle of a query into an error of its own, so `received` is what counts.
    Python's handlers run between instructions, and one query may be a single, long one. If the main thread has not left in
    time, `give_up` is called in another thread and the process ends there; to the run that is a crash, which it survives.
    """

    def __init__(self, give_up: Callable[[], None]) -> None:
        self.received: signal.Signals | None = None
        self._give_up = give_up
        self._former: dict[signal.Signals, object] = {}
        self._has_left = threading.Event()
        self._bell, self._listener = socket.socketpair()

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._former = {number: signal.signal(number, self._receive) for number in SIGNALS}
            self._bell.setblocking(False)
            signal.set_wakeup_fd(self._bell.fileno(), warn_on_full_buffer=False)
            threading.Thread(target=self._wait, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._has_left.set()
        if threading.current_thread() is threading.main_thread():
            signal.set_wakeup_fd(-1)
        self._restore()
        self._bell.close()

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

    def _wait(self) -> None:
        """Wait for a signal, whose number the interpreter writes to the bell at once, whatever the main thread is doing."""
        with self._listener:
            while heard := self._listener.recv(1):
                if heard[0] in SIGNALS and not self._has_left.wait(PATIENCE_SECONDS):
                    self._give_up()
                    os._exit(128 + heard[0])

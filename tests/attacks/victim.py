"""A process that reads one hostile file, and is measured while it does."""

from __future__ import annotations

import json
import multiprocessing
import resource
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from engine.app.session import Options, read_project, read_text, read_workflow
from engine.app.testing import reading
from engine.kit.errors import AuthorError
from engine.registry import load

MOST_SECONDS = 2.0
"""Of processor time, from the open file to its problems, or to its specification and graph; imports are not counted."""
MOST_MEMORY_MB = 200
"""By how much the process may grow at its peak over what it held before it opened the file."""
MOST_WALL_SECONDS = 30
GUARD_MB = 1_500
"""What no attack may take from the machine it is tested on."""

REGISTRY = load()
KNOWN = (REGISTRY.activities, REGISTRY.of("section"), REGISTRY.of("fixture"))
"""Imported once, in the process that the measured ones are forked from."""

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.attacks.victim"])


@dataclass(frozen=True, kw_only=True)
class Damage:
    """What a file did: its problems as (code, line, column, message), seconds of processor time, MB at the peak."""

    problems: tuple[tuple[str, int, int, str], ...]
    seconds: float
    memory_mb: float


def suffer(path: Path) -> Damage:
    """Let a process read a file as what its name says it is; AssertionError when it dies of it."""
    ours, theirs = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=_read, args=(path, theirs))
    process.start()
    theirs.close()
    try:
        if not ours.poll(MOST_WALL_SECONDS):
            process.kill()
            raise AssertionError(f"the process was still at it after {MOST_WALL_SECONDS} s")
        problems, seconds, memory_mb = json.loads(ours.recv())
    except EOFError:
        process.join()
        raise AssertionError(f"the process died: exit code {process.exitcode}") from None
    process.join()
    return Damage(problems=tuple(map(tuple, problems)), seconds=seconds, memory_mb=memory_mb)


def _read(path: Path, theirs: Connection) -> None:
    before = _peak_mb(forget=True)
    limit = int((_size_mb() + GUARD_MB) * 1e6)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    begin = time.process_time()
    problems = _problems(path)
    seconds = time.process_time() - begin
    theirs.send(json.dumps((problems, seconds, _peak_mb() - before)))


def _problems(path: Path) -> list[tuple[str, int, int, str]]:
    try:
        text = read_text(path)
        if path.name == "project.yaml":
            read_project(path, text, REGISTRY, Options())
        elif path.name.endswith("_test.yaml"):
            reading.read(text, path, str(path), REGISTRY.of("fixture"))
        else:
            read_workflow(path, text, REGISTRY)
    except AuthorError as problem:
        return [(item.code, item.span.line, item.span.column, str(item)) for item in problem.diagnostics]
    return []


def _peak_mb(*, forget: bool = False) -> float:
    """Give the most memory this process held, since its peak was last forgotten (`ru_maxrss` cannot forget the parent's)."""
    if forget:
        Path("/proc/self/clear_refs").write_text("5")
    return _status_mb("VmHWM")


def _size_mb() -> float:
    return _status_mb("VmSize")


def _status_mb(what: str) -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{what}:")[2].split()[0]) * 1024 / 1e6

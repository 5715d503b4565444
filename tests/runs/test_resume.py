"""A run that dies at any moment is resumed, and comes to what it would have come to: real processes, killed with SIGKILL."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from shutil import copy
from typing import Any

import pytest

from tests.databases import DATABASES
from tests.demo_data import copy_to_postgres, copy_to_sqlite, demo_file, small_demo_file, workflow_folder

ROOT = Path(__file__).parents[2]
DRIVER = Path(__file__).with_name("crash_driver.py")
PROCESSES = 2
EVERY = {"duckdb": 1, "sqlite": 3, "postgres": 3}
"""Each moment on DuckDB, every third one elsewhere; all everywhere with AUDIENCEFLOW_TEST_CRASHES=all."""
TIMES = {"at": "2018-01-01T00:00:00+00:00", "now": "2026-11-23T12:00:00+00:00", "resumed_at": "2026-11-23T13:00:00+00:00"}


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """Makes folders to crash in, each with the demo's workflows over data of its own."""

    name: str
    prepare: Callable[[Path], Path]

    def order(self, folder: Path, moment: int, **times: str) -> dict[str, Any]:
        return {"folder": str(self.prepare(folder)), "workflow": "share_loyal_households.yaml", "moment": moment, **TIMES, **times}

    def drive(self, orders: Sequence[dict[str, Any]], scratch: Path, warm_up: dict[str, Any]) -> list[dict[str, Any]]:
        """Do the orders, a few processes at a time, and give what came of them, in their order."""
        drivers = []
        for number in range(PROCESSES):
            file = scratch / f"orders_{number}.json"
            folder = {"folder": str(warm_up["prepare"](scratch / f"warm_up_{number}"))}
            first = {**TIMES, **folder, "workflow": "share_loyal_households.yaml"}
            file.write_text(json.dumps([first, *orders[number::PROCESSES]]))
            drivers.append(subprocess.Popen([sys.executable, "-W", "error", DRIVER, file], cwd=ROOT, stdout=subprocess.PIPE, text=True))  # noqa: S603
        answers = [[json.loads(line) for line in driver.communicate()[0].splitlines()] for driver in drivers]
        assert [driver.returncode for driver in drivers] == [0] * PROCESSES
        return [answers[number % PROCESSES][number // PROCESSES] for number in range(len(orders))]

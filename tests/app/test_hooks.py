"""The pre-commit hooks and the GitHub Action, run as their users run them: installed from a copy of this repository."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PARTS = ("engine", "activities", "pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml", ".github")
PROJECT = 'databases:\n  default: {url: "sqlite:///data.sqlite"}\ndimensions:\n  person: {table: people, key: id}\n'
WORKFLOW = """workflow: flow
dimension: person
activities:
  a:
    type: query
    where: age > 18
  keep: {type: list_update, from: a, list: kept}
"""
MISTAKEN = WORKFLOW.replace("a:\n    type: query\n    where: age > 18", "a: {type: query, where: agee > 18}")


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Give the environment: pip installs our package for real, and finds what it depends on in this environment."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PIP_", "AUDIENCEFLOW_"))},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PIP_NO_DEPS": "1",
        "PYTHONPATH": sysconfig.get_paths()["purelib"],
        "PRE_COMMIT_HOME": str(tmp_path_factory.mktemp("pre-commit")),
        "GIT_CONFIG_GLOBAL": os.devnull,
        **{f"GIT_{who}_{what}": "someone@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory, surroundings: Mapping[str, str]) -> Path:
    """Give a repository with what the hooks and the Action are made of, committed."""
    folder = tmp_path_factory.mktemp("copy")
    for name in PARTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    _commit(folder, surroundings)
    return folder


@pytest.fixture
def repository(tmp_path: Path, copy: Path, surroundings: Mapping[str, str]) -> Path:
    """Give a user's repository, committed, with hooks of the copy."""
    data = sqlite3.connect(tmp_path / "data.sqlite")
    data.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, age INTEGER)")
    data.close()
    (tmp_path / "project.yaml").write_text(PROJECT)
    (tmp_path / "flow.yaml").write_text(WORKFLOW)
    rev = _run(copy, surroundings, "git", "rev-parse", "HEAD").stdout.strip()
    hooks = [{"id": "audienceflow-check"}, {"id": "audienceflow-fmt"}]
    config = {"repos": [{"repo": str(copy), "rev": rev, "hooks": hooks}]}
    (tmp_path / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    _commit(tmp_path, surroundings)
    return tmp_path


def _run(folder: Path, surroundings: Mapping[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, env=surroundings, capture_output=True, text=True, check=False)  # noqa: S603


def _commit(folder: Path, surroundings: Mapping[str, str]) -> None:
    for words in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message", "all")):
        done = _run(folder, surroundings, "git", *words)
        assert done.returncode == 0, done.stderr


def test_the_hooks_pass_what_is_right_and_stop_what_is_not(repository: Path, surroundings: Mapping[str, str]) -> None:
    command = (sys.executable, "-m", "pre_commit", "run", "--all-files")
    good = _run(repository, surroundings, *command)
    assert good.returncode == 0, good.stdout + good.stderr
    assert re.findall(r"audienceflow (\w+)\.+(\w+)", good.stdout) == [("check", "Passed"), ("fmt", "Passed")]

    (repository / "flow.yaml").write_text(MISTAKEN)
    _run(repository, surroundings, "git", "add", "--all")
    bad = _run(repository, surroundings, *command)
    assert bad.returncode == 1
    assert re.findall(r"audienceflow (\w+)\.+(\w+)", bad.stdout) == [("check", "Failed"), ("fmt", "Failed")]
    assert "flow.yaml:4:27: E301 there is no column 'agee'\n  fix: write 'age' (columns: age, id)" in bad.stdout
    assert (repository / "flow.yaml").read_text() == WORKFLOW.replace("age >", "agee >")


def _steps(copy: Path) -> list[dict[str, Any]]:
    action = yaml.safe_load((copy / ".github/actions/check/action.yml").read_text())
    assert action["runs"]["using"] == "composite"
    steps: list[dict[str, Any]] = action["runs"]["steps"]
    return steps


def _perform(
    copy: Path,
    repository: Path,
    surroundings: Mapping[str, str],
    temporary: Path,
    inputs: Mapping[str, str],
    skipped: int = 0,
) -> list[tuple[str, subprocess.CompletedProcess[str]]]:
    """Run the Action's own steps as a runner does, up to the first that fails; not those that were done before."""
    action = yaml.safe_load((copy / ".github/actions/check/action.yml").read_text())
    known = {
        **{f"inputs.{name}": inputs.get(name, found["default"]) for name, found in action["inputs"].items()},
        "github.action_path": str(copy / ".github/actions/check"),
        "runner.temp": str(temporary),
    }
    done = []
    for step in _steps(copy)[skipped:]:
        if "run" not in step:
            continue
        filled = {
            name: re.sub(r"\$\{\{ (\S+) \}\}", lambda found: known[found[1]], text)
            for name, text in step["env"].items()
        }
        (temporary / "step.sh").write_text(step["run"])
        command = ("bash", "--noprofile", "--norc", "-eo", "pipefail", str(temporary / "step.sh"))
        done.append((step["name"], _run(repository, {**surroundings, **filled}, *command)))
        if done[-1][1].returncode:
            break
    return done


def test_the_action_writes_sarif_before_it_fails(
    copy: Path, repository: Path, surroundings: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    temporary = tmp_path_factory.mktemp("runner")
    good = _perform(copy, repository, surroundings, temporary, {})
    assert [(name, step.returncode) for name, step in good] == [
        ("Install", 0), ("Write the SARIF log", 0), ("Check", 0),
    ], good  # fmt: skip
    assert good[-1][1].stdout == "1 workflow: nothing is wrong\n"

    (repository / "flow.yaml").write_text(WORKFLOW.replace("age >", "agee >"))
    inputs = {"paths": "flow.yaml ./flow.yaml", "project": "project.yaml", "sarif-file": "my log.sarif"}
    bad = _perform(copy, repository, surroundings, temporary, inputs, skipped=1)
    assert [(name, step.returncode) for name, step in bad] == [("Write the SARIF log", 0), ("Check", 2)], bad
    assert "flow.yaml:6:12: E301" in bad[-1][1].stdout
    found = json.loads((repository / "my log.sarif").read_text())
    assert [result["ruleId"] for result in found["runs"][0]["results"]] == ["E301"]


def test_the_action_uploads_between_writing_and_failing_and_only_when_asked() -> None:
    steps = _steps(ROOT)
    assert [step["name"] for step in steps] == ["Install", "Write the SARIF log", "Upload the SARIF log", "Check"]
    upload = steps[2]
    assert upload["uses"].startswith("github/codeql-action/upload-sarif@v")
    assert (upload["if"], upload["with"]["sarif_file"]) == ("inputs.upload == 'true'", "${{ inputs.sarif-file }}")
    assert [step for step in steps if "${{" in step.get("run", "")] == []

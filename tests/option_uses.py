"""Which test shows what an option does: a table by activity and option, held true by every test that it names.

    pytest tests/activities tests/use_cases tests/runs/test_history.py --write-options

writes it anew; with less to run, the rows of what is run. A test is named when it sets the option and few others; one that is named
and no longer sets it fails.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from activities import COMPONENTS
from engine.app.testing.contract.options import options
from engine.kit.activity import Activity
from engine.kit.option import Options
from engine.lang import loader
from engine.lang.spec import ActivitySpec, WorkflowSpec

Option: TypeAlias = tuple[str, str]
"""An activity's type, and the model and name of an option: ("split", "Limit.per")."""

TABLE = Path(__file__).parent / "contract" / "options.md"
ROW = re.compile(r"\| (\w+) \| `([\w.]+)` \| (.*) \|")
SHOWING = ("tests/activities/", "tests/use_cases/", "tests/runs/test_history.py")
"""Where tests are of what activities do; others set options to look at something else."""
HEAD = """# Options, and the test that shows what each does

Written by `pytest tests/activities tests/use_cases tests/runs/test_history.py --write-options`.

| activity | option | test |
|---|---|---|
"""


@cache
def all_options() -> list[Option]:
    """Give every option of every activity that comes built in, in the order of the reference."""
    return [
        (row.name, f"{owner.__name__}.{option}")
        for row in COMPONENTS
        if row.kind == "activity"
        for owner, option, _ in options(row.load())
    ]


def table() -> dict[Option, str]:
    """Read the table: the test by option."""
    return {(row[1], row[2]): row[3] for line in TABLE.read_text().splitlines() if (row := ROW.fullmatch(line))}


def written(spec: WorkflowSpec, only: str | None = None) -> set[Option]:
    """Give the options that a workflow, or one activity of it, sets itself."""
    return {each for name, activity in spec.activities.items() if only in (None, name) for each in _set_in(activity)}


def _set_in(spec: ActivitySpec) -> Iterator[Option]:
    for model in _models(spec.activity):
        for name in model.model_fields_set:
            if not isinstance(model, Activity) or name in spec.places:  # else it is the workflow's default
                yield spec.activity.type, f"{type(model).__name__}.{name}"


def _models(value: Any) -> Iterator[Options]:
    match value:
        case Options():
            yield value
            for name in type(value).model_fields:
                yield from _models(getattr(value, name))
        case dict():
            for item in value.values():
                yield from _models(item)
        case tuple() | list():
            for item in value:
                yield from _models(item)


class Uses:
    """Looks at the workflows that tests read."""

    def __init__(self, claimed: Mapping[Option, str]) -> None:
        self._claims: dict[str, set[Option]] = defaultdict(set)
        for option, test in claimed.items():
            self._claims[test].add(option)
        self._now: set[Option] = set()
        self._found: dict[str, set[Option]] = {}

    def read(self, spec: WorkflowSpec) -> WorkflowSpec:
        self._now |= written(spec)
        return spec

    def made(self, value: Options) -> None:
        """Look at a part of an activity's options that a test reads by itself."""
        names = {f"{type(model).__name__}.{name}" for model in _models(value) for name in model.model_fields_set}
        if not isinstance(value, Activity):
            self._now |= {option for option in all_options() if option[1] in names}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        self._now = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        yield
        if suite := getattr(item, "_suite", None):  # a workflow's own test reads it when it is collected
            self._now |= written(suite.spec, item._written.activity)  # type: ignore[attr-defined]
        self._found[item.nodeid] = self._now
        if missing := sorted(self._claims[item.nodeid] - self._now):
            pytest.fail(f"{TABLE.name} says that this test sets {missing}, which it does not: write the table anew")

    def write(self) -> None:
        """Write the table: of the tests that set an option those whose name has it, then the one that sets the fewest.

        An option that no test of this session sets keeps the test it has, if that was not run.
        """
        tests = sorted((len(found), name) for name, found in self._found.items() if name.startswith(SHOWING))
        known, rows = table(), []
        for activity, option in all_options():
            setting = [name for _, name in tests if (activity, option) in self._found[name]]
            setting.sort(key=lambda name: option.partition(".")[2] not in name.partition("::")[2])
            before = known.get((activity, option), "")
            shown = setting[0] if setting else before if before not in self._found else ""
            rows.append(f"| {activity} | `{option}` | {shown} |\n")
        TABLE.write_text(HEAD + "".join(rows))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-options", action="store_true", help=f"write {TABLE.name}: which test shows what option")


def pytest_configure(config: pytest.Config) -> None:
    uses, read = Uses(table()), loader.load
    # Nothing that is done is changed: there is no other place that sees all that tests read.
    loader.load = lambda *given, **named: uses.read(read(*given, **named))
    Options.model_validate = classmethod(partial(_validated, uses, Options.model_validate.__func__))
    config.pluginmanager.register(uses, "option_uses")


def _validated(uses: Uses, validate: Callable[..., Any], model: type[Options], *given: Any, **named: Any) -> Any:
    value = validate(model, *given, **named)
    uses.made(value)
    return value


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.getoption("--write-options"):
        session.config.pluginmanager.get_plugin("option_uses").write()

"""All components there are, ours and those of plugins, as one immutable value."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, get_args

from engine.kit.component import Component, ComponentKind
from engine.kit.errors import DataError, EngineBug

GROUP = "audienceflow.components"
OWN = ("activities:COMPONENTS", "engine.lang.rules:COMPONENTS")
REINSTALL = "reinstall or remove the package it comes from"

LAZY: tuple[ComponentKind, ...] = ("command", "connector", "pytest_fixture")
"""Kinds of which a run needs few: a plugin's are imported when they are asked for, all others when the plugin is."""
RESERVED: Mapping[ComponentKind, frozenset[str]] = {"section": frozenset(("databases", "dimensions", "environments"))}
"""Names that are ours without being components."""

_log = logging.getLogger(__name__)


class Loaded(Mapping[str, Any]):
    """The components of one kind by name; each is imported when it is asked for. DataError when it cannot be."""

    def __init__(self, components: Mapping[str, Component]) -> None:
        self._components = components
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = _loaded(self._components[name])
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._components)

    def __len__(self) -> int:
        return len(self._components)

    def __contains__(self, name: object) -> bool:
        return name in self._components

    def component(self, name: str) -> Component:
        """Give the row of a component without importing it."""
        return self._components[name]


@dataclass(frozen=True)
class Registry:
    """Everything registered. `broken` names the plugins that are left out, whole, and says why; `plugins` those that are not."""

    components: tuple[Component, ...]
    broken: Mapping[str, str]
    plugins: Mapping[str, tuple[Component, ...]]

    def of(self, kind: ComponentKind) -> Loaded:
        return Loaded({component.name: component for component in self.components if component.kind == kind})

    @property
    def activities(self) -> Loaded:
        return self.of("activity")


@cache  # what is installed does not change while a process lives
def load() -> Registry:
    """Read our own tables and those of every installed plugin.

    A plugin that cannot be imported, or that takes a name which is taken, is left out whole and logged as a warning: it is not fatal.
    """
    registry = read(is_imported=True)
    for name, why in registry.broken.items():
        _log.warning("the plugin '%s' is left out: %s\n  fix: %s", name, why, REINSTALL)
    return registry


def read(*, is_imported: bool = False) -> Registry:
    """Read the tables of components, for their names and summaries; `is_imported` also imports what plugins offer."""
    found = [row for path in OWN for row in _own(path)]
    if twin := _twin(found, ()):
        raise EngineBug(twin)
    plugins: dict[str, tuple[Component, ...]] = {}
    broken: dict[str, str] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        if point.value in OWN:
            continue
        name = point.name if point.name not in {*plugins, *broken} else f"{point.name} ({point.value})"
        try:
            rows = _rows(point)
            if twin := _twin(rows, found):
                raise Unfit(twin)
            for row in rows if is_imported else ():
                _hold_to_kind(row)
        except Exception as problem:  # a plugin may raise anything
            broken[name] = str(problem) if isinstance(problem, Unfit) else f"{type(problem).__name__}: {problem}"
        else:
            plugins[name] = rows
            found.extend(rows)
    return Registry(tuple(found), broken, plugins)


class Unfit(Exception):
    """A plugin offers what cannot be taken."""


def _own(path: str) -> tuple[Component, ...]:
    try:
        rows: tuple[Component, ...] = Component("command", "", path).load()
    except (ImportError, AttributeError) as problem:
        package = path.partition(":")[0].partition(".")[0]
        raise DataError(
            f"the package '{package}' is not ours, or not whole: {problem}",
            "'audienceflow doctor' says where it is; install audienceflow in a virtual environment of its own",
        ) from None
    return rows


def _rows(point: EntryPoint) -> tuple[Component, ...]:
    rows = point.load()
    if not isinstance(rows, tuple) or not all(isinstance(row, Component) for row in rows):
        raise Unfit(f"{point.value} is no tuple of components")
    for row in rows:
        if row.kind not in get_args(ComponentKind):
            raise Unfit(f"there is no kind of component '{row.kind}' ('{row.name}')")
    return rows


def _twin(rows: Iterable[Component], known: Iterable[Component]) -> str | None:
    """Say which of the rows has a name that another component of its kind, or the engine itself, has."""
    taken = {(row.kind, row.name): row.path for row in known}
    taken |= {(kind, name): "the engine itself" for kind, names in RESERVED.items() for name in names}
    for row in rows:
        if (row.kind, row.name) in taken:
            return f"the name of the {row.kind} '{row.name}' ({row.path}) is taken by {taken[row.kind, row.name]}"
        taken[row.kind, row.name] = row.path
    return None


def _hold_to_kind(row: Component) -> None:
    """Import a component of a plugin, unless its kind is lazy. Unfit when it is not what its row says it is."""
    if row.kind in LAZY:
        return
    from engine.kit.activity import Control, Effect, Transform  # what only plugins need is imported late
    from engine.kit.expression.aggregates import AGGREGATES, WINDOWS
    from engine.kit.expression.catalogue import FUNCTIONS
    from engine.kit.expression.functions import Function
    from engine.kit.section import Section

    found = row.load()
    match row.kind:
        case "activity":
            is_fit = (
                isinstance(found, type) and issubclass(found, (Transform, Effect, Control)) and found.type == row.name
            )
        case "function":
            is_fit = isinstance(found, Function) and found.name == row.name
            if row.name in {*FUNCTIONS, *AGGREGATES, *WINDOWS, "exists"}:
                raise Unfit(f"the name of the function '{row.name}' ({row.path}) is taken by one of the language's own")
        case "section":
            is_fit = isinstance(found, Section)
        case "rule":
            is_fit = callable(found)
        case _:
            is_fit = True
    if not is_fit:
        raise Unfit(f"{row.path} is no {row.kind} that is named '{row.name}'")


def _loaded(component: Component) -> Any:
    try:
        return component.load()
    except (ImportError, AttributeError) as problem:
        raise DataError(
            f"the {component.kind} '{component.name}' ({component.path}) cannot be loaded: {problem}", REINSTALL
        ) from problem

"""All components there are, ours and those of plugins, as one immutable value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

from engine.kit.component import Component, ComponentKind
from engine.kit.errors import EngineBug

GROUP = "audienceflow.components"
OWN = ("activities:COMPONENTS", "engine.lang.rules:COMPONENTS")


class Loaded(Mapping[str, Any]):
    """The components of one kind by name; each is imported when it is asked for."""

    def __init__(self, components: Mapping[str, Component]) -> None:
        self._components = components
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = self._components[name].load()
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
    """Everything registered. `broken` names the plugins that could not be read, and why."""

    components: tuple[Component, ...]
    broken: Mapping[str, str]

    def of(self, kind: ComponentKind) -> Loaded:
        return Loaded({component.name: component for component in self.components if component.kind == kind})

    @property
    def activities(self) -> Loaded:
        return self.of("activity")


def load() -> Registry:
    """Read our own tables and those of every installed plugin; a broken plugin is reported, not fatal."""
    found: list[Component] = []
    broken: dict[str, str] = {}
    for path in OWN:
        found.extend(Component("command", "", path).load())
    for point in entry_points(group=GROUP):
        if point.value in OWN:
            continue
        try:
            found.extend(point.load())
        except Exception as problem:
            broken[point.name] = f"{type(problem).__name__}: {problem}"
    return Registry(_without_twins(found), broken)


def _without_twins(found: Iterable[Component]) -> tuple[Component, ...]:
    known: dict[tuple[str, str], Component] = {}
    for component in found:
        first = known.setdefault((component.kind, component.name), component)
        if first is not component:
            raise EngineBug(
                f"two components are the {component.kind} '{component.name}': {first.path} and {component.path}"
            )
    return tuple(known.values())

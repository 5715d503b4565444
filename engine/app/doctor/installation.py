"""What is installed: our packages, the plugins, the time zones."""

from __future__ import annotations

from collections.abc import Container, Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from importlib.util import find_spec
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.kit.examination import Finding
from engine.registry import REINSTALL, Registry

DISTRIBUTION = "audienceflow"
PACKAGES = ("engine", "activities")
A_ZONE = "Europe/Paris"
ALONE = "install audienceflow in a virtual environment of its own, and start it in a folder without such a folder"


def packages() -> Iterator[Finding]:
    """Say whether our packages are those that are imported, and whether another distribution brings packages of these names."""
    place = Path(__file__).parents[3]
    shadowed = False
    for name in PACKAGES:
        spec = find_spec(name)
        origin = Path(spec.origin).parent if spec is not None and spec.origin else None
        if origin is None or origin.parent != place:
            shadowed = True
            where = f"is imported from {origin}" if origin else "has no module"
            yield Finding("problem", f"the package '{name}' {where}, ours is in {place}", ALONE)
    brought = packages_distributions()
    for name in PACKAGES:
        for other in sorted({*brought.get(name, ())} - {DISTRIBUTION}):
            yield Finding("problem", f"the distribution '{other}' brings a package '{name}' too", ALONE)
    if not shadowed:
        yield Finding("ok", f"audienceflow {_version()}, in {place}")


def plugins(known: Registry, commands: Container[str]) -> Iterator[Finding]:
    """Say what each plugin adds, and why those that are left out are; `commands` are the engine's own, which hide a plugin's."""
    for name, why in known.broken.items():
        yield Finding("problem", f"the plugin '{name}' is left out: {why}", REINSTALL)
    for name, rows in known.plugins.items():
        yield Finding("ok", f"the plugin '{name}' adds {', '.join(f'{row.kind} {row.name}' for row in rows)}")
        for row in rows:
            if row.kind == "command" and row.name in commands:
                said = f"the command '{row.name}' of the plugin '{name}' is hidden by the engine's own"
                yield Finding("problem", said, "ask its author for another name")
    if not known.broken and not known.plugins:
        yield Finding("ok", "no plugin is installed")


def time_zones() -> Finding:
    try:
        ZoneInfo(A_ZONE)
    except ZoneInfoNotFoundError:
        return Finding("problem", f"there is no time zone data ('{A_ZONE}' is not known)", "pip install tzdata")
    return Finding("ok", "time zone data is there")


def _version() -> str:
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "from a checkout"

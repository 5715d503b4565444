"""How the driver of each database is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Driver:
    """`is_file`: the URL names a file, whose folder is made. `begin`: what we say ourselves, where the driver would not."""

    is_file: bool = False
    arguments: Mapping[str, Any] = field(default_factory=dict)
    read_only: Mapping[str, Any] = field(default_factory=dict)
    begin: str = ""


DRIVERS: Mapping[str, Driver] = {
    "duckdb": Driver(is_file=True, read_only={"read_only": True}),
    "sqlite": Driver(is_file=True, arguments={"isolation_level": None, "timeout": 30}, begin="BEGIN IMMEDIATE"),
    "postgresql": Driver(),
}
"""By the URL's backend. SQLite's own driver would commit before DDL; in autocommit, with our BEGIN, it does not."""

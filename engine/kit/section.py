"""A section of the project file that a component registers."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel


@dataclass(frozen=True, kw_only=True)
class Section:
    """What stands under one key of project.yaml: a model, or a mapping from names to models (`many`)."""

    model: type[BaseModel]
    many: bool = False

"""Values written as text, on the command line and in files."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

from engine.kit.option import read_boolean, read_integer, read_number
from engine.kit.types import Kind, Type


def typed(text: str, type_: Type) -> Any:
    """Read a text as a value of a type, strictly; ValueError or ArithmeticError when it is not one."""
    match type_.kind:
        case Kind.INTEGER:
            return read_integer(text)
        case Kind.DECIMAL:
            return read_number(text)
        case Kind.FLOAT:
            return float(read_number(text))
        case Kind.BOOLEAN:
            return read_boolean(text)
        case Kind.DATE:
            return date.fromisoformat(text)
        case Kind.TIMESTAMP:
            return utc(datetime.fromisoformat(text))
        case _:
            if "\0" in text or (not text.isascii() and re.search("[\ud800-\udfff]", text)):
                raise ValueError(text)  # no database holds it
            return text


def utc(moment: datetime) -> datetime:
    """Give a moment as naive UTC, as the databases hold it; a time without a zone is UTC."""
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment

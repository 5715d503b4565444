"""All commands as values: their names, arguments and options, as the command line has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import typer
from typer.main import get_command

from engine.app.cli.group import PANEL, Registered


@dataclass(frozen=True, kw_only=True)
class Word:
    """An argument or an option: how it is written, what it says, and its default."""

    names: str
    doc: str
    default: str
    is_required: bool


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command, by all words of its name."""

    name: str
    doc: str
    arguments: tuple[Word, ...]
    options: tuple[Word, ...]


def commands() -> tuple[Command, ...]:
    """Give every command, and those below it, in the order of `--help`. DataError for one that cannot be imported."""
    return tuple(_below(_root(), ()))


def shared() -> tuple[Word, ...]:
    """Give the options that every command has."""
    return tuple(_word(each) for each in _root().params if _is_shared(each))


def _root() -> Any:
    from engine.app.cli import app

    return get_command(app)


def _below(group: Any, names: tuple[str, ...]) -> Iterator[Command]:
    context = typer.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, Registered):
            command = command.loaded()
        words = (*names, name)
        if not hasattr(command, "commands") or command.invoke_without_command:
            yield _command(command, words)
        if hasattr(command, "commands"):
            yield from _below(command, words)


def _command(command: Any, names: tuple[str, ...]) -> Command:
    own = [each for each in command.params if not _is_shared(each) and not getattr(each, "hidden", False)]
    return Command(
        name=" ".join(names),
        doc=command.help or "",
        arguments=tuple(_word(each) for each in own if each.param_type_name == "argument"),
        options=tuple(_word(each) for each in own if each.param_type_name == "option"),
    )


def _is_shared(parameter: Any) -> bool:
    return getattr(parameter, "rich_help_panel", None) == PANEL


def _word(parameter: Any) -> Word:
    is_argument = parameter.param_type_name == "argument"
    names = (
        parameter.metavar or parameter.name.upper()
        if is_argument
        else parameter.get_help_record(typer.Context(_root()))[0]
    )
    default = parameter.default
    is_told = not is_argument and default not in (None, False, ()) and not callable(default)
    return Word(
        names=names, doc=parameter.help or "", default=str(default) if is_told else "", is_required=parameter.required
    )

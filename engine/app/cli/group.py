"""The group of all commands: registered ones mounted lazily, the options they share, and what becomes of errors."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from engine.app.cli.failures import exit_code_of
from engine.app.cli.invocation import Invocation
from engine.kit.component import Component
from engine.kit.errors import DataError

PANEL = "Options of every command"


class Commands(TyperGroup):
    """The commands of the engine, then those of components, each of which is imported when it is used."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        _share_options(self)

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *sorted(self._registered.keys() - self.commands.keys())]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        found = super().get_command(ctx, cmd_name)
        if found is None and cmd_name in self._registered:
            return Registered(self._registered[cmd_name])
        return found

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BaseException as problem:
            code = exit_code_of(problem, ctx.ensure_object(Invocation))
            if code is None:
                raise
            raise typer.Exit(code) from None

    @cached_property
    def _registered(self) -> dict[str, Component]:
        return registered("")


def registered(above: str) -> dict[str, Component]:
    """Give the commands that components put below a command, by their last words; below none, the others."""
    from engine import registry

    table = registry.read().of("command")
    places = {name: name.rpartition(" ") for name in table}
    return {last: table.component(name) for name, (first, _, last) in places.items() if first == above}


class Registered(TyperCommand):
    """A command of which only the summary is known; its module is imported when it is invoked, or asked for its own help."""

    def __init__(self, component: Component) -> None:
        super().__init__(name=component.name.rpartition(" ")[2], help=component.summary)
        self._component = component

    def make_context(self, *arguments: Any, **extra: Any) -> Any:
        return self.loaded().make_context(*arguments, **extra)

    def loaded(self) -> Any:
        """Import the command, and give it with the options that all share."""
        component = self._component
        try:
            content = component.load()
        except Exception as problem:
            fix = "reinstall or remove the package it comes from"
            raise DataError(
                f"the command '{component.name}' ({component.path}) cannot be loaded: {problem!r}", fix
            ) from problem
        command = _built(str(self.name), content)
        _share_options(command)
        return command


def _built(name: str, content: typer.Typer | Callable[..., Any]) -> Any:
    holder = typer.Typer(add_completion=False)
    if isinstance(content, typer.Typer):
        holder.add_typer(content, name=name)
    else:
        holder.command(name)(content)
    return get_group(holder).commands[name]


def _share_options(command: Any) -> None:
    """Give a command, and all below it, the options that mean the same everywhere, so that they may stand before or behind its name."""
    taken = {option for parameter in command.params for option in parameter.opts}
    command.params.extend(option for option in _shared_parameters() if not taken & set(option.opts))
    for below in getattr(command, "commands", {}).values():
        _share_options(below)


@cache
def _shared_parameters() -> tuple[Any, ...]:
    return tuple(_built("shared", _shared_options).params)


def _set_project(ctx: typer.Context, value: Path | None) -> None:
    invocation = ctx.ensure_object(Invocation)
    invocation.project = value or invocation.project


def _set_environment(ctx: typer.Context, value: str | None) -> None:
    invocation = ctx.ensure_object(Invocation)
    invocation.environment = value or invocation.environment


def _set_debug(ctx: typer.Context, value: bool) -> None:
    invocation = ctx.ensure_object(Invocation)
    invocation.debug = value or invocation.debug


def _shared_options(
    project: Annotated[Path | None, typer.Option("--project", metavar="FILE", callback=_set_project, expose_value=False, rich_help_panel=PANEL,
                                                 help="The project file; else project.yaml beside the workflow or above it.")] = None,
    env: Annotated[str | None, typer.Option("--env", metavar="NAME", callback=_set_environment, expose_value=False, rich_help_panel=PANEL,
                                            help="The environment of the project; else AUDIENCEFLOW_ENV, else dev.")] = None,
    debug: Annotated[bool, typer.Option("--debug", callback=_set_debug, expose_value=False, rich_help_panel=PANEL,
                                        help="Show the traceback of a bug.")] = False,
) -> None:  # fmt: skip
    """Declare what `_share_options` copies."""

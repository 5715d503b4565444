"""`audienceflow caps`"""

import typer

from engine.kit.command import CommandLine


def caps(ctx: typer.Context) -> None:
    """List the caps the project declares."""
    line: CommandLine = ctx.obj
    for name, cap in line.surroundings().sections["caps"].items():
        typer.echo(f"{name}: at most {cap.most}")

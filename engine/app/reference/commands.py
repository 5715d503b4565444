"""The page of the command line, from the commands themselves."""

from __future__ import annotations

from engine.app.cli.failures import EXIT_CODES
from engine.app.cli.listing import Command, Word, commands, shared
from engine.app.reference.markdown import block, cell, code, document, prose, table

_HEAD = """\
`audienceflow …` and `python -m engine …` are the same. Every command has `--help`; all that read have `--format json`."""


def page() -> str:
    """Give the page of all commands, those of components too."""
    exits = table(("exit code", "what it means"), ((str(number), doc) for number, doc in EXIT_CODES.items()))
    return document(
        "Commands", _HEAD, "## Options of every command", _words(shared()), "## Exit codes", exits, *map(_command, commands())
    )  # fmt: skip


def _command(command: Command) -> str:
    line = " ".join(("audienceflow", command.name, *(word.names for word in command.arguments), "[OPTIONS]"))
    parts = [f"## {command.name}", prose(command.doc), block("text", line)]
    if command.arguments:
        parts.append(table(("argument", "what it says"), ((code(word.names), word.doc) for word in command.arguments)))
    if command.options:
        parts.append(_words(command.options))
    return "\n\n".join(parts)


def _words(words: tuple[Word, ...]) -> str:
    return table(
        ("option", "what it says", "default"), ((code(word.names), word.doc, _default(word)) for word in words)
    )


def _default(word: Word) -> str:
    return "required" if word.is_required else cell(code(word.default)) if word.default else "–"

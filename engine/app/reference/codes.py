"""The page of diagnostics: every code the sources name, with what it says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

from engine.app.diagnostics.codes import FAMILIES, OTHER, describe, lint_rules
from engine.app.reference.markdown import code, document, prose, table
from engine.registry import Registry

_CODE = re.compile(r"[A-Z][0-9]{3}")
_MOST = 4
_HEAD = """\
Every problem has a place, a code and a fix. A code never changes its meaning; its first characters tell what it is about. Codes that
begin with `W` are warnings, all others errors. `…` stands for what the message quotes."""


def page(registry: Registry) -> str:
    """Give the page of all codes: a lint rule's sentence, and of the others the messages that the sources hold."""
    packages = {component.path.partition(".")[0].partition(":")[0] for component in registry.components} | {"engine"}
    said: dict[str, list[str]] = {}
    for package in sorted(packages):
        for found, message in _messages(package):
            said.setdefault(found, [])
            if message and message not in said[found]:
                said[found].append(message)
    rules = lint_rules(registry)
    parts = []
    for family, sentence in {**FAMILIES, "": OTHER}.items():
        codes = sorted(each for each in {*said, *rules} if _family(each) == family)
        if codes:
            parts += [f"## {family or 'Of plugins'}", sentence]
            parts += [
                table(("code", "what it says"), ((_name(each, rules), _told(each, said, registry)) for each in codes))
            ]
    return document("Diagnostics", prose(_HEAD), *parts)


def _family(found: str) -> str:
    return max((prefix for prefix in FAMILIES if found.startswith(prefix)), key=len, default="")


def _name(found: str, rules: Mapping[str, object]) -> str:
    return f"[{code(found)}](rules.md#{found.lower()})" if found in rules else code(found)


def _told(found: str, said: Mapping[str, list[str]], registry: Registry) -> str:
    rules = lint_rules(registry)
    if found in rules or not said.get(found):
        return describe(found, rules).sentence
    return " · ".join(sorted(said[found])[:_MOST]) + (" · …" if len(said[found]) > _MOST else "")


@cache
def _messages(package: str) -> tuple[tuple[str, str], ...]:
    """Give every code that a package's sources name in a call, with the message beside it, where that stands there."""
    spec = find_spec(package)
    places = spec.submodule_search_locations if spec and spec.submodule_search_locations else []
    files = sorted(path for place in places for path in Path(place).rglob("*.py"))
    return tuple(pair for path in files for pair in _in_source(path.read_text(encoding="utf-8")))


def _in_source(source: str) -> Iterator[tuple[str, str]]:
    for scope in ast.walk(ast.parse(source)):
        if isinstance(scope, ast.FunctionDef):
            said = {
                name: text for node in ast.walk(scope) if isinstance(node, ast.Assign) for name, text in _assigned(node)
            }
            for node in ast.walk(scope):
                if isinstance(node, ast.Call):
                    yield from ((found, _text(beside, said)) for found, beside in _coded(node))


def _coded(call: ast.Call) -> Iterator[tuple[str, ast.expr | None]]:
    """Give the codes among the arguments of a call, each with the argument behind it."""
    named = {each.arg: each.value for each in call.keywords}
    if isinstance(told := named.get("code"), ast.Constant) and _is_code(told):
        yield str(told.value), named.get("message")
    for found, beside in pairwise((*call.args, ast.Constant(""))):
        for each in (found.body, found.orelse) if isinstance(found, ast.IfExp) else (found,):
            if isinstance(each, ast.Constant) and _is_code(each):
                yield str(each.value), beside


def _assigned(node: ast.Assign) -> Iterator[tuple[str, str]]:
    """Give the names that an assignment gives texts to: `message = …`, and `message, fix = …, …`."""
    for target in node.targets:
        match target, node.value:
            case ast.Tuple(elts=names), ast.Tuple(elts=values):
                yield from (
                    (name.id, _text(value, {}))
                    for name, value in zip(names, values, strict=False)
                    if isinstance(name, ast.Name)
                )
            case ast.Name(id=name), value:
                yield name, _text(value, {})


def _is_code(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(_CODE.fullmatch(node.value))


def _text(node: ast.expr | None, said: Mapping[str, str]) -> str:
    """Give a message as the source writes it, with … for what is filled in; nothing for one that is made elsewhere."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name):
            return said.get(name, "")
        case ast.IfExp(body=body):
            return _text(body, said)
        case ast.JoinedStr(values=parts):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts)
            return text if re.search(r"[a-z]{3}", text) else ""
        case _:
            return ""

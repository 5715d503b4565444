"""Diagnostics as SARIF 2.1.0, which code scanning services read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from engine.app.diagnostics.codes import describe
from engine.app.diagnostics.excerpts import Excerpts
from engine.kit.component import Component
from engine.kit.errors import Diagnostic, Span

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def log(
    problems: Sequence[Diagnostic],
    first: str,
    excerpts: Excerpts,
    rules: Mapping[str, Component],
    version: str,
) -> dict[str, Any]:
    """Give a SARIF log of one run. Every code reported is described; files are named from the working directory where they are below it.

    Services refuse a result without a place, so a problem of no file is put on the first line of the `first` file that was checked.
    """
    severities = {problem.code: problem.severity for problem in problems}
    codes = sorted(severities)
    driver = {
        "name": "audienceflow",
        "version": version,
        "rules": [_rule(code, severities[code], rules) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": True}],
        "results": [
            _result(problem, codes.index(problem.code), _place(problem.span, first, excerpts)) for problem in problems
        ],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: str, severity: str, rules: Mapping[str, Component]) -> dict[str, Any]:
    description = describe(code, rules)
    return {
        "id": code,
        "shortDescription": {"text": description.sentence},
        "fullDescription": {"text": description.page},
        "help": {"text": description.page},
        "defaultConfiguration": {"level": severity},
    }


def _result(problem: Diagnostic, index: int, place: Mapping[str, Any]) -> dict[str, Any]:
    fix = f"\nfix: {problem.fix}" if problem.fix else ""
    return {
        "ruleId": problem.code,
        "ruleIndex": index,
        "level": problem.severity,
        "message": {"text": problem.message + fix},
        "locations": [{"physicalLocation": place}],
    }


def _place(span: Span, first: str, excerpts: Excerpts) -> dict[str, Any]:
    region = {"startLine": span.line or 1, "startColumn": span.column or 1}
    if excerpt := excerpts(span):
        region |= {"endLine": span.line, "endColumn": excerpt.end}
    return {"artifactLocation": {"uri": _uri(span.file or first)}, "region": region}


def _uri(file: str) -> str:
    path = Path(file)
    is_outside = path.is_absolute() or ".." in path.parts
    return path.resolve().as_uri() if is_outside else quote(path.as_posix())

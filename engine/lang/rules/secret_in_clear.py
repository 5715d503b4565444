"""W123: a secret stands in the file.

What: a variable whose name says that it is a secret (`password`, `token`, `api_key`, …) has a default, or a text holds a password
inside a URL (`sftp://user:password@host`).

Why: the file lies in version control, and its text is kept with every run.

Instead: declare a secret where a connector asks for it, as `{env: NAME}` or `{file: path}`; take the default out, and change the
secret, since it is known by now.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.kit.errors import Diagnostic, Span
from engine.kit.option import Scalar
from engine.kit.template import Template
from engine.lang.graph import Graph
from engine.lang.spec import ActivitySpec, WorkflowSpec

TELLING = re.compile(
    r"(^|_)(password|passwd|passphrase|secret|token|credentials?|(api|access|private|secret)_key)($|_)"
)
IN_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@{]*:(?P<password>[^/\s:@{$]+)@")


def check(spec: WorkflowSpec, graph: Graph) -> Iterator[Diagnostic]:  # noqa: ARG001  (all rules are called alike)
    for name, variable in spec.variables.items():
        if TELLING.search(name) and variable.default:
            fix = "take the default out, and change the secret"
            yield Diagnostic(variable.span, "W123", f"the variable '{name}' holds a secret in clear", fix, "warning")
    for activity in spec.activities.values():
        for text, span in _texts(activity):
            found = IN_URL.search(text)
            if found and span:
                message = "a password stands in this text in clear"
                fix = "take it out of the URL, and change the password"
                yield Diagnostic(span.shifted(found.start("password")), "W123", message, fix, "warning")


def check_project(text: str, file: str) -> Iterator[Diagnostic]:
    """Find passwords inside URLs of a project file; those taken from the environment (`${PASSWORD}`) are none."""
    for number, line in enumerate(text.splitlines(), start=1):
        found = IN_URL.search(line)
        if found and not line.lstrip().startswith("#"):
            yield Diagnostic(
                Span(file, number, found.start("password") + 1),
                "W123",
                "a password stands in this URL in clear",
                "write ${NAME} in its place, which is read from the environment, and change the password",
                "warning",
            )


def _texts(activity: ActivitySpec) -> Iterator[tuple[str, Span | None]]:
    for _, value in activity.values:
        match value:
            case Template():
                yield value.source, value.span
            case Scalar():
                yield value, value.span
    yield from ((expression.text, expression.span) for expression in activity.expressions)

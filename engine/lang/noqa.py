"""`# noqa: W101`: a comment that silences warnings of its line. Errors are never silenced.

W801: a `noqa` names no code. It would also silence what nobody has seen yet, so it silences nothing.

W802: a `noqa` names a code that it does not silence: the warning is gone, the code is misspelled or an error's. Left in place, it
would hide the next one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from engine.kit.errors import Diagnostic, Span
from engine.lang.parts import BYTE_ORDER_MARK, comments

_NOQA = re.compile(r"#\s*noqa\b(?:\s*:\s*(?P<codes>[A-Z]+[0-9]+(?:[\s,]+[A-Z]+[0-9]+)*))?", re.IGNORECASE)
_CODE = re.compile(r"[A-Z]+[0-9]+", re.IGNORECASE)


def unsilenced(
    problems: Sequence[Diagnostic], text: str, file: str, *, is_complete: bool = True
) -> Iterator[Diagnostic]:
    """Give the problems of a file that its comments do not silence, and those of the comments.

    Of a value of several lines, the comment beside its first or last line counts for all of them. What silences nothing is told
    only where the check `is_complete`: nothing outside the file kept it from its end, nor an error in it or an unread database.
    """
    silenced: set[Diagnostic] = set()
    is_complete &= not any(problem.severity == "error" or problem.code.startswith("W9") for problem in problems)
    for comment in comments(text.removeprefix(BYTE_ORDER_MARK)):
        found = _NOQA.search(comment.text)
        if found is None:
            continue
        here = [problem for problem in problems if comment.first <= problem.span.line <= comment.last]
        span = Span(file, comment.line, comment.column + found.start())
        warnings = {problem.code for problem in here if problem.severity == "warning"}
        if not found["codes"]:
            fix = f"write '# noqa: {', '.join(sorted(warnings) or ['CODE'])}', or take it out"
            yield Diagnostic(span, "W801", "this 'noqa' silences nothing: it names no code", fix, "warning")
            continue
        named = {code.upper() for code in _CODE.findall(found["codes"])}
        silenced |= {problem for problem in here if problem.severity == "warning" and problem.code in named}
        if errors := sorted(named & {problem.code for problem in here if problem.severity == "error"}):
            message = f"errors are never silenced, and this 'noqa' names {', '.join(errors)}"
            yield Diagnostic(span, "W802", message, "correct the error, and take it out", "warning")
        elif is_complete and (idle := sorted(named - warnings)):
            used = ", ".join(sorted(named & warnings))
            fix = f"write '# noqa: {used}'" if used else "take it out"
            yield Diagnostic(span, "W802", f"this 'noqa' silences nothing of {', '.join(idle)}", fix, "warning")
    yield from (problem for problem in problems if problem not in silenced)

"""What is wrong with a text that is no expression, in words for whoever wrote it: other languages' spellings are known."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from lark.exceptions import UnexpectedEOF, UnexpectedInput, UnexpectedToken

from engine.kit.expression.builder import Unreadable, quoted

_COMPARISONS = ("=", "!=", "<>", "<=", ">=", "<", ">")
_OPERATORS = (*_COMPARISONS, "+", "-", "*", "/", "%", "||")
_JOINING = (
    "and", "between", "by", "case", "distinct from", "else", "ilike", "in", "is", "like", "not", "of", "or", "then", "when", "where",
)  # fmt: skip
"""Words that a value follows."""
_CONVERT = "write to_integer(…), to_string(…), to_date(…) or round(…, 2)"
_MATCH = "write like, or contains(text, …): there are no regular expressions"

_SIGNS: Mapping[str, tuple[str, str]] = {
    "==": ("'==' is no operator", "write '='"),
    "&&": ("'&&' is no operator", "write 'and'"),
    "::": ("'::' is no operator", _CONVERT),
    ":=": ("':=' is no operator", "write '='"),
    "!": ("'!' is no operator", "write 'not' or '!='"),
    "&": ("'&' is no operator", "write 'and', or is_bit_set(value, flag)"),
    "|": ("'|' is no operator", "write 'or', or '||' to join texts"),
    "~": ("'~' is no operator", _MATCH),
    "'": ("the quote is never closed", "close it with ', and double a quote inside: 'it''s'"),
    '"': ("the quote is never closed, or nothing is in it", "close it with \"; a text is written 'in single quotes'"),
    "`": ("'`' quotes nothing", 'quote a name "like this"'),
    "{": ("braces are not part of an expression", "write vars.name, not {{ vars.name }}"),
    "$": ("'$' is not part of an expression", "write vars.name"),
    ";": ("';' ends nothing here", "write one expression"),
    ":": ("':' is not part of an expression", "write '=' to compare, or vars.name for a variable"),
}
"""By how what cannot stand begins; the longer first."""

_WORDS: Mapping[str, str] = {
    "as": _CONVERT,
    "ascending": "write 'asc'",
    "contains": "write contains(text, …)",
    "descending": "write 'desc'",
    "ends": "write ends_with(text, …)",
    "from": "write year(date), month(date) or day(date)",
    "regexp": _MATCH,
    "rlike": _MATCH,
    "select": "write exists(link where …): rows of other tables are reached by links",
    "similar": _MATCH,
    "starts": "write starts_with(text, …)",
    "xor": "write (…) != (…)",
}


def explained(text: str, problem: UnexpectedInput) -> Unreadable:
    """Put a problem of lark's into words."""
    at = min(problem.pos_in_stream if problem.pos_in_stream is not None else len(text), len(text))
    if isinstance(problem, UnexpectedEOF) or (isinstance(problem, UnexpectedToken) and problem.token.type == "$END"):
        return _cut_off(text)
    rest, before = text[at:], text[:at].rstrip()
    if found := re.search(r"\bselect$", before, re.IGNORECASE):
        return Unreadable(found.start(), "X002", "'select' cannot stand here", _WORDS["select"])
    sign = next((sign for sign in _SIGNS if rest.startswith(sign)), "")
    if rest.startswith("=") and text[at - 1 : at] == "=":
        at, sign = at - 1, "=="
    if sign:
        return Unreadable(at, "X004" if sign in "'\"" else "X002", *_SIGNS[sign])
    word = str(problem.token) if isinstance(problem, UnexpectedToken) else rest[:1]
    return Unreadable(at, "X002", *_misplaced(word, before, rest))


def _misplaced(word: str, before: str, rest: str) -> tuple[str, str]:
    """Say what is wrong with a word or sign that cannot stand behind `before`, and what to type."""
    what = f"'{quoted(word)}' cannot stand here"
    spelt = _of_others(word, before, rest)
    if spelt:
        return what, spelt
    if not re.match(r"[\w.,()+*/%<>=|'\"-]", rest):
        return f"'{word}' (U+{ord(word[0]):04X}) is not part of an expression", "take it out, or quote it"
    if word == ")" and before.endswith("("):
        return "nothing stands between these brackets", "write at least one value"
    if word == ")" and before.count(")") >= before.count("("):
        return "this bracket closes nothing", "take it out"
    if word == "," and re.search(r"\bwhere\b[^()]*(\([^()]*\)[^()]*)*$", before, re.IGNORECASE):
        return what, "write 'and' between two conditions"
    if word in (*_OPERATORS, ")", ",") and _awaits_value(before):
        return what, f"write a value before '{word}', or take it out"
    if word in _COMPARISONS:
        return "comparisons do not chain", "join two of them with 'and'"
    if re.match(r"[\w'\"(]", word) and not _awaits_value(before):
        return what, "write an operator before it, such as '=', 'and' or a comma; or quote the text: 'two words'"
    if joining := re.search(r"(^|\s)(\w+)$", before):
        return what, f"write a value before '{joining[2]}', or take it out"
    return what, "check what stands before it"


def _of_others(word: str, before: str, rest: str) -> str:
    """Say what to type for what other languages write so; nothing where none is known."""
    if path := re.match(r"\[([\w/@]+)\]", rest):
        return f"write '{path[1].replace('/', '.').replace('@', '')}'"
    if day := re.match(r"#(\d{4})[/-](\d{2})[/-](\d{2})#", rest):
        return f"write date '{day[1]}-{day[2]}-{day[3]}'"
    for sign, fix in _CHARACTERS.items():
        if rest[:1] in sign:
            return fix(rest)
    if re.search(r"\binterval$", before, re.IGNORECASE):
        return "write interval '3 days', with quotes"
    if re.search(r"\b(date|timestamp)$", before, re.IGNORECASE) and word[:1].isdigit():
        return "write date '2026-11-23', with quotes"
    if re.search(r"\bin$", before, re.IGNORECASE):
        return "write the values in brackets: in (1, 2)"
    if re.search(r"\d$", before) and re.match(r",\s?\d|_\d|e\d", rest, re.IGNORECASE):
        return "write the number with a point and nothing else: 1000.50"
    if word.lower() == "is":
        is_empty = re.match(r"is\s+(not\s+)?empty\b", rest, re.IGNORECASE)
        return "write is null, or = '' for an empty text" if is_empty else "write '=', or is null"
    if word.lower() == "null" and re.search(r"\bnot$", before, re.IGNORECASE):
        return "write is not null"
    if word.lower() == "of" and before.endswith("*"):
        return "write count(link), or a value of its rows in place of '*'"
    return _WORDS.get(word.lower(), "")


def _without_mark(rest: str) -> str:
    name = re.match(r"@(\w+)", rest)
    return f"write '{name[1]}'" if name else "take it out"


_CHARACTERS: Mapping[str, Callable[[str], str]] = {
    "@": _without_mark,
    "[": lambda _: "write values in round brackets: in (1, 2)",
    "‘’‚‛“”„‟«»": lambda _: "write the straight quote ' around a text",
    ".": lambda rest: f"write '0{number[0]}'" if (number := re.match(r"\.\d+", rest)) else "",
}
"""By the character that cannot stand; nothing where it depends on more."""


def _awaits_value(before: str) -> bool:
    """Say that a value has to follow a text."""
    last = re.search(r"[\w\s]*$", before)
    words = " ".join(last[0].lower().split()) if last else ""
    return (
        not before or before.endswith((*_OPERATORS, "(", ",")) or f" {words}".endswith(tuple(f" {w}" for w in _JOINING))
    )


def _cut_off(text: str) -> Unreadable:
    """Say what the end of the text lacks."""
    outside = re.sub(r"'([^']|'')*'|\"([^\"]|\"\")*\"", "", text)
    fix = "write what follows, or take the last word out"
    if outside.count("(") > outside.count(")"):
        fix = "close the bracket with ')'"
    elif re.search(r"\bcase\b", outside, re.IGNORECASE) and not re.search(r"\bend\s*$", outside, re.IGNORECASE):
        fix = "close 'case' with 'end'"
    return Unreadable(len(text.rstrip()), "X003", f"the expression ends too early: '{quoted(text.strip())}'", fix)

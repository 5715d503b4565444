"""Hostile files: each is read in a process of its own, which takes no more time and memory for it than victim.py allows.

Whatever is refused is refused at a place, with a fix; whatever is harmless loads. Shapes stand at 10 MB, where the size alone refuses
them, and just below the size that is allowed, where their shape has to.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.lang.source import MOST_CHARACTERS
from tests.attacks.victim import MOST_MEMORY_MB, MOST_SECONDS, suffer

MB = 1_000_000
BIG = MOST_CHARACTERS - 1_000
W, P, T = "w.yaml", "project.yaml", "w_test.yaml"
HEAD = "workflow: w\ndimension: d\nactivities:\n"
QUERY = HEAD + "  a:\n    type: query\n"
SUBSETS = QUERY + "  s:\n    type: split\n    from: a\n    subsets:\n"
SPLIT = QUERY + "  s: {type: split, from: a, subsets: {x: {limit: %s}}}\n"
DATABASE = "databases: {default: {url: 'duckdb://'}}\n"
LOADS = ""

Shape = Callable[[int], str]
"""Makes a text of about so many characters."""


def repeated(part: str, before: str = "", after: str = "") -> Shape:
    return lambda size: before + part * (size // len(part)) + after


def numbered(part: str, before: str = "", after: str = "") -> Shape:
    """Repeat a part, its `%d` being a number."""
    return lambda size: before + "".join(part % number for number in range(size // (len(part) + 4))) + after


SHAPES: dict[str, tuple[Shape, str]] = {
    "one long quoted text": (repeated("x", 'a: "', '"\n'), "E102"),
    "one long plain text": (repeated("x", "a: "), "E102"),
    "a block text of many lines": (repeated("  x\n", "a: |\n"), "E102"),
    "a text of escapes": (repeated("\\x41", 'a: "', '"'), "E102"),
    "a text of folded lines": (repeated(" \n", 'a: "', '"'), "E102"),
    "a long key": (repeated("x", "? ", "\n: 1"), "E102"),
    "a key too long for YAML": (repeated("x", "", ": 1"), "Y001"),
    "many keys": (numbered("k%d: 1\n"), "Y006"),
    "many keys inside braces": (numbered("k%d: 1,", "{", "}"), "Y006"),
    "many keys without values inside braces": (numbered("k%d,", "{", "}"), "Y006"),
    "one key many times": (repeated("a: 1\n"), "Y004"),
    "many items": (repeated("- 1\n"), "Y006"),
    "many items inside brackets": (repeated("1,", "[", "]"), "Y006"),
    "many empty lists": (repeated("[],", "[", "]"), "Y006"),
    "open brackets": (repeated("["), "Y005"),
    "brackets, closed": (lambda size: "[" * (size // 2) + "]" * (size // 2), "Y005"),
    "open braces": (repeated("{a: "), "Y005"),
    "nested lists": (repeated("- "), "Y005"),
    "nested mappings": (lambda size: "".join(f"{' ' * n}a:\n" for n in range(int((2 * size) ** 0.5) - 10)), "Y005"),
    "nested keys": (repeated("? "), "Y005"),
    "many anchors": (numbered("- &a%d 1\n"), "Y006"),
    "one anchor many times": (repeated("- &a 1\n"), "Y001"),
    "many aliases of a list": (repeated("*a, ", f"a: &a [{'x, ' * 100}x]\nb: [", "*a]"), "Y007"),
    "many aliases of a text": (repeated("*a, ", "a: &a x\nb: [", "*a]"), "Y007"),
    "aliases of nothing": (numbered("- *a%d\n"), "Y001"),
    "aliases of aliases": (lambda _size: "\n".join(["l0: &l0 [x]", *(f"l{n}: &l{n} [*l{n - 1}, *l{n - 1}]" for n in range(1, 40))]), "Y007"),
    "aliases that nest": (lambda _size: "\n".join(["l0: &l0 [x]", *(f"l{n}: &l{n} [*l{n - 1}]" for n in range(1, 5000))]), "Y005"),
    "an alias inside its anchor": (lambda _size: "a: &a {b: {c: *a}}", "Y005"),
    "many documents": (repeated("--- a\n"), "Y001"),
    "many tags": (repeated("- !!str x\n"), "Y002"),
    "one long tag": (repeated("!"), "Y002"),
    "tags of python": (repeated("- !!python/object/apply:os.system [id]\n"), "Y002"),
    "a tag behind an anchor": (lambda _size: "a: &x !!python/name:os.system y", "Y002"),
    "merge keys": (repeated("- {<<: *a}\n", "- &a {b: c}\n"), "Y003"),
    "tag directives": (numbered("%%TAG !a%d! x\n"), "Y001"),
    "NUL": (repeated("\0"), "Y001"),
    "a bell in a text": (lambda _size: "a: x\ab\n", "Y001"),
    "comments": (repeated("# x\n", "", QUERY), LOADS),
    "one long comment": (repeated("#", "", "\n" + QUERY), LOADS),
    "blank lines": (repeated("\n", "", QUERY), LOADS),
    "blanks": (repeated(" ", "", "\n" + QUERY), LOADS),
    "tabs": (repeated("\t"), "Y001"),
    "carriage returns alone": (lambda _size: QUERY.replace("\n", "\r"), LOADS),
    "lines of both kinds": (lambda _size: QUERY.replace("\n", "\r\n"), LOADS),
    "a byte order mark": (lambda _size: "\ufeff" + QUERY, LOADS),
    "line ends of Unicode": (lambda _size: QUERY.replace("\n", "\u2028"), LOADS),
    "commas": (repeated(",", "a: ["), "Y001"),
    "colons": (repeated(": "), "Y001"),
    "dashes": (repeated("-"), "E101"),
    "double quotes": (repeated('"'), "Y001"),
    "a quote that is never closed": (lambda size: "a: '" + "''" * (size // 2), "Y001"),
    "nothing": (lambda _size: "", "E101"),
}  # fmt: skip
"""By name: the text, and the code that refuses it (the first of them), or LOADS."""


def expect(folder: Path, file: str, text: str | bytes, code: str) -> None:
    path = folder / file
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))

    damage = suffer(path)

    codes = {found for found, _, _, _ in damage.problems}
    assert code in codes if code else not codes, damage.problems[:3]
    assert all(line >= 1 and column >= 1 and "fix: " in said for _, line, column, said in damage.problems)
    assert all(len(said) < 5_000 for _, _, _, said in damage.problems)
    assert damage.seconds < MOST_SECONDS
    assert damage.memory_mb < MOST_MEMORY_MB


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_just_below_the_allowed_size(tmp_path: Path, name: str) -> None:
    shape, code = SHAPES[name]
    expect(tmp_path, W, shape(BIG), code)


@pytest.mark.parametrize("file", [W, P, T])
@pytest.mark.parametrize("name", ["one long quoted text", "many keys", "open brackets", "NUL", "comments"])
def test_ten_megabytes_are_refused_by_their_size(tmp_path: Path, name: str, file: str) -> None:
    shape, _ = SHAPES[name]
    expect(tmp_path, file, shape(10 * MB), "Y006")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("a: \ud800".encode("utf-8", "surrogatepass"), "Y009"),
        (QUERY.encode("utf-16"), "Y009"),
        (QUERY.encode("utf-32"), "Y009"),
        (b"a: \xff\xfe", "Y009"),
        (b'a: "\\ud800"', "Y001"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, data: bytes, code: str) -> None:
    expect(tmp_path, W, data, code)


def test_a_file_without_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / W).symlink_to("/dev/zero")
    damage = suffer(tmp_path / W)
    assert [code for code, _, _, _ in damage.problems] == ["Y006"]
    assert damage.memory_mb < MOST_MEMORY_MB


def activities(part: str, count: int) -> str:
    return HEAD + "".join(part.replace("%d", str(number)) for number in range(count))


def columns(count: int) -> str:
    return (
        QUERY
        + "    add:\n"
        + "".join(f"      c{n}: iif(city = 'c{n}', id + {n} * 2, id - {n})\n" for n in range(count))
    )


WORKFLOWS = {
    "activities in a chain": (QUERY + "".join(f"  a{n}: {{type: deduplication, by: x, from: a{n - 1 if n else ''}}}\n" for n in range(5000)), LOADS),
    "activities in a circle": (HEAD + "".join(f"  a{n}: {{type: deduplication, by: x, from: a{(n + 1) % 5000}}}\n" for n in range(5000)), "E115"),
    "arrows from nowhere": (activities("  k%d: {type: union, from: [x%d]}\n", 5000), "E113"),
    "arrows from ports that are none": (QUERY + "".join(f"  k{n}: {{type: union, from: [a.x{n}]}}\n" for n in range(5000)), "E114"),
    "arrows into one activity": (QUERY + f"  u: {{type: union, from: [{'a,' * 40_000}]}}\n", LOADS),
    "unknown keys": (QUERY + "".join(f"k{n}: 1\n" for n in range(40_000)), "E102"),
    "unknown options": (QUERY + "".join(f"    k{n}: 1\n" for n in range(40_000)), "E102"),
    "unknown options of subsets": (SUBSETS + "".join(f"      x{n}: {{whre: a}}\n" for n in range(15_000)), "E102"),
    "unknown types": (activities("  k%d: {type: qery}\n", 25_000), "E109"),
    "types that are missing": (activities("  k%d: 1\n", 40_000), "E109"),
    "variables of no type": ("workflow: w\nvariables:\n" + "".join(f"  v{n}: {{type: intger}}\n" for n in range(25_000)), "E104"),
    "expressions that are none": (activities("  a%d: {type: query, where: 'x = 1 ='}\n", 15_000), "X002"),
    "a long name": (f"workflow: {'X' * BIG}\nactivities: {{}}\n", "E106"),
    "a long type": (HEAD + f"  a: {{type: {'q' * BIG}}}\n", "E109"),
    "a long option": (QUERY + f"    ? {'q' * BIG}\n    : 1\n", "E102"),
    "a long time zone": (f"workflow: w\ntimezone: {'q' * BIG}\nactivities: {{}}\n", "E107"),
    "a time zone too long for a file": (f"workflow: w\ntimezone: {'q' * 300}\nactivities: {{}}\n", "E107"),
    "a folder of time zones": ("workflow: w\ntimezone: Europe\nactivities: {}\n", "E107"),
    "a time zone outside": ("workflow: w\ntimezone: ../../../etc/passwd\nactivities: {}\n", "E107"),
    "a long expression": (QUERY + f"    where: {'a or ' * (BIG // 5)}a\n", "X008"),
    "a long expression of hashes": (QUERY + f"    where: a 'b{' #' * (BIG // 2)}\n", "Y011"),
    "expressions and nothing else": (columns(60_000), "Y006"),
    "expressions as many as are read": (columns(4_500), LOADS),
    "short expressions": (QUERY + f"  d: {{type: deduplication, from: a, by: [{', '.join(f'c{n}' for n in range(140_000))}]}}\n", "Y006"),
    "numbers that are expressions": (SUBSETS + "".join(f"      x{n}: {{limit: {{by: random, count: vars.n}}}}\n" for n in range(19_000)), "Y006"),
    "templates": (activities("  k%d: {type: query, label: '{{ run.id }} %d'}\n", 14_000), "Y006"),
    "activities": (activities("  k%d: {type: query}\n", 20_000), "Y006"),
    "a long template": (QUERY + f"    label: '{'{{ vars.x }}' * (BIG // 12)}'\n", "T001"),
    "a template that nests": (QUERY + "    label: '{{ " + "(" * 1900 + "1" + ")" * 1900 + " }}'\n", "T001"),
    "an integer without end": (QUERY + f"  d: {{type: deduplication, by: x, from: a, keep: {'9' * BIG}}}\n", "E105"),
    "an integer no database holds": (QUERY + f"  d: {{type: deduplication, by: x, from: a, keep: {'9' * 19}}}\n", "E105"),
    "a percentage without end": (SPLIT % f"{{by: random, percent: {'9' * BIG}}}", "E105"),
    "a percentage with an exponent": (SPLIT % "{by: random, percent: 1e999999999}", "E105"),
    "a percentage that is none": (SPLIT % "{by: random, percent: NaN}", "E105"),
    "a count of infinity": (SPLIT % "{by: random, count: .inf}", "E105"),
    "a duration no calendar holds": (QUERY + "    retry: {delay: 999999999999d}\n", "E105"),
    "a decimal of many digits": ("workflow: w\nvariables: {v: {type: decimal(99999999)}}\nactivities: {}\n", "E104"),
    "a default that is a list": ("workflow: w\nvariables: {v: {default: [1]}}\nactivities: {}\n", "E105"),
    "numbers as YAML 1.1 reads them": (QUERY + "  d: {type: deduplication, by: x, from: a, keep: 0x1F}\n", "E105"),
    "sixty as YAML 1.1 reads it": (QUERY + "  d: {type: deduplication, by: x, from: a, keep: 1:00}\n", "E105"),
    "a flag as YAML 1.1 reads it": (QUERY + "    enabled: off\n", "E104"),
}  # fmt: skip


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow(tmp_path: Path, name: str) -> None:
    expect(tmp_path, W, *WORKFLOWS[name])


PROJECTS = {
    "dimensions without options": (DATABASE + "dimensions:\n" + "".join(f"  d{n}: {{tabel: x}}\n" for n in range(25_000)), "E102"),
    "links without options": (DATABASE + "dimensions:\n  d:\n    links:\n" + "".join(f"      l{n}: {{tabel: x}}\n" for n in range(25_000)), "E102"),
    "variables that are never closed": (f"databases: {{default: {{url: 'x{'${A:-' * (BIG // 5)}'}}}}\n", "P006"),
    "variables that are not set": (f"databases: {{default: {{url: 'x{'${A}' * (BIG // 4)}'}}}}\n", "P006"),
    "a variable with a long name": (f"databases: {{default: {{url: 'x${{{'A' * BIG}'}}}}\n", "P006"),
    "environments in a list": (DATABASE + "environments: [dev]\n", "P007"),
    "environments as a word": (DATABASE + "environments: dev\n", "P007"),
    "an environment as a word": (DATABASE + "environments: {dev: x}\n", "P007"),
    "an environment that lays a word over a section": (DATABASE + "environments: {dev: {databases: x}}\n", "P007"),
    "a list": ("[databases]", "P002"),
    "sections of the wrong kind": (DATABASE + "audiences: {a: [x]}\ndata_sources: x\nexperience_cloud: []\n", "P007"),
}  # fmt: skip


@pytest.mark.parametrize("name", PROJECTS)
def test_a_project(tmp_path: Path, name: str) -> None:
    expect(tmp_path, P, *PROJECTS[name])


TESTS = {
    "tests without names": ("tests:\n" + "".join(f"- nme: x{n}\n" for n in range(40_000)), "U002"),
    "tests of one name": ("tests:\n" + "- {name: x, expect: {a: []}}\n" * 20_000, "U004"),
    "rows": ("tests:\n- name: x\n  expect: {}\n  tables:\n    t:\n" + "".join(f"    - {{a: {n}, b: 2}}\n" for n in range(25_000)), LOADS),
    "rows that are none": ("tests:\n- name: x\n  expect: {}\n  tables:\n    t:\n" + "    - 1\n" * 140_000, "U003"),
    "a count without end": (f"tests:\n- name: x\n  expect: {{a: {{count: {'9' * BIG}}}}}\n", "U003"),
    "a count in other digits": ("tests:\n- name: x\n  expect: {a: {count: ٣}}\n", "U003"),
    "values of the wrong kind": ("tests:\n- {name: w, expect: {status: [], error: x, lists: [], a: {count: []}}, given: y, at: [x]}\n", "U003"),
}  # fmt: skip


@pytest.mark.parametrize("name", TESTS)
def test_a_test_file(tmp_path: Path, name: str) -> None:
    expect(tmp_path, T, *TESTS[name])

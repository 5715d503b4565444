"""The JSON Schemas: what we take they take, what we refuse they refuse where a schema can, and plugins are in them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from textwrap import dedent, indent
from typing import Annotated, Any, ClassVar, get_args

import jsonschema
import pytest
import yaml
from jsonschema import Draft7Validator
from pydantic import BaseModel, PlainValidator
from typer.testing import CliRunner

from activities import COMPONENTS
from engine import registry as registries
from engine.app import schema as schemas
from engine.app.cli import app
from engine.kit.activity import Port, Transform
from engine.kit.catalog import Catalog
from engine.kit.component import Component
from engine.kit.errors import AuthorError, DataError
from engine.kit.option import Duration, Flag, Integer, Many, Name, Number, Options, Percentage, Secret, option
from engine.kit.population import Inputs, Population
from engine.kit.section import Section
from engine.lang import loader
from engine.lang.spec import Common
from engine.registry import Registry
from tests.broken_files import BROKEN, BUILT_IN, refused

ROOT = Path(__file__).parent.parent.parent
WORKFLOWS = ROOT / "workflows"
KINDS = get_args(schemas.Kind)
FIRST_KEY = {"workflow": "workflow", "databases": "project", "tests": "test"}


class Core(yaml.SafeLoader):
    """YAML 1.2's core schema, as editors read it: `no`, `1:30` and dates are texts."""

    yaml_implicit_resolvers: ClassVar[dict[Any, Any]] = {}


for tag, pattern, first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
):
    Core.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(rf"^(?:{pattern})$"), first)


def read(text: str) -> Any:
    """Give a text as an editor's validator sees it; a mapping's keys are texts."""
    return _with_text_keys(yaml.load(text, Loader=Core))  # noqa: S506  (a SafeLoader)


def _with_text_keys(value: Any) -> Any:
    match value:
        case dict():
            return {str(key): _with_text_keys(item) for key, item in value.items()}
        case list():
            return [_with_text_keys(item) for item in value]
        case _:
            return value


@pytest.fixture(scope="session")
def validators() -> Mapping[str, Draft7Validator]:
    return {kind: Draft7Validator(schemas.schema(kind, BUILT_IN)) for kind in KINDS}


def leaves(error: jsonschema.ValidationError) -> Iterator[jsonschema.ValidationError]:
    """Give an error, and those of the alternatives that were all in vain."""
    yield error
    for inner in error.context or ():
        yield from leaves(inner)


def said(validator: Draft7Validator, text: str) -> list[tuple[str, str]]:
    """Give where the validator points, and what it says there."""
    found = [leaf for error in validator.iter_errors(read(text)) for leaf in leaves(error)]
    return [("/".join(map(str, leaf.absolute_path)), leaf.message) for leaf in found]


# what is there


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_one(kind: schemas.Kind) -> None:
    Draft7Validator.check_schema(schemas.schema(kind, BUILT_IN))


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_beside_the_workflows_is_the_newest(kind: schemas.Kind) -> None:
    kept = (WORKFLOWS / "schema" / f"{kind}.json").read_text(encoding="utf-8")
    assert kept == schemas.text(kind, BUILT_IN), f"audienceflow schema {kind} --output workflows/schema/{kind}.json"


@pytest.mark.parametrize("path", sorted(WORKFLOWS.glob("*.yaml")), ids=lambda path: path.name)
def test_every_file_names_its_schema_and_keeps_to_it(path: Path, validators: Mapping[str, Draft7Validator]) -> None:
    text = path.read_text(encoding="utf-8")
    kind = FIRST_KEY[next(iter(read(text)))]
    assert text.startswith(f"# yaml-language-server: $schema=schema/{kind}.json\n")
    assert (refused(kind, text), said(validators[kind], text)) == ((), [])


# what we take, a schema takes


def texts() -> Iterator[tuple[str, str]]:
    """Give every file, and every box of a workflow, that stands in a test or a page, with its kind."""
    for path in sorted([*ROOT.glob("tests/**/*.py"), *ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]):
        if "node_modules" in path.parts:
            continue
        text = path.read_text(encoding="utf-8")
        blocks = re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        for block in map(dedent, blocks if path.suffix == ".md" else strings(ast.parse(text))):
            first = re.match(r"(?:\s*#.*\n)*\s*(- name|[a-z_]+):\s*(\{?type:)?", block)
            match first and first.groups():
                case ("- name", _):  # as tests/app/test_testing.py writes them
                    yield "test", f"tests:\n{indent(block, '  ')}"
                case ("variables" | "activities", _):
                    yield "workflow", f"workflow: w\n{block}"
                case (_, str()):
                    yield "workflow", f"workflow: w\nactivities:\n{indent(block, '  ')}"
                case (key, _) if key in FIRST_KEY:
                    yield FIRST_KEY[key], block


def strings(module: ast.Module) -> Iterator[str]:
    """Give the texts of a module; those put together from others as far as constants of the module make them."""
    constants: dict[str, str] = {}

    def folded(node: ast.AST) -> str | None:
        match node:
            case ast.Constant(value=str(value)):
                return value
            case ast.Name(id=name) | ast.FormattedValue(value=ast.Name(id=name)):
                return constants.get(name)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                parts = [folded(left), folded(right)]
            case ast.JoinedStr(values=values):
                parts = [folded(value) for value in values]
            case _:
                return None
        return None if None in parts else "".join(map(str, parts))

    for node in ast.walk(module):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and folded(node.value) is not None:
            constants[node.targets[0].id] = str(folded(node.value))
    for node in ast.walk(module):
        if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp) and (text := folded(node)) is not None:
            yield text


def test_every_file_in_tests_and_pages_that_we_take_is_taken(validators: Mapping[str, Draft7Validator]) -> None:
    taken = [(kind, text) for kind, text in texts() if not refused(kind, text)]
    assert all(sum(found == kind for found, _ in taken) >= 10 for kind in KINDS)
    assert [(text, said(validators[kind], text)) for kind, text in taken if said(validators[kind], text)] == []


WRITTEN = (
    "x", "x y", "x.y", "1", "0", "-1", "1.5", "007", "true", "'true'", "'1'", "no", "10%", "90s", "1:30", "2026-11-23", "random", "-x",
    "vars.n", "vars.n + 1", "run.date", "[]", "[x]", "[x, 1]", "{}", "{x: 1}", "{any: x}", "{any: [x, y]}", "{x: {}}", "{x: {where: a > 1}}",
    "{percent: 10, by: random, sticky: true}", "{count: vars.n, by: [-x], per: c}", "{env: X}", "{attempts: 2, delay: 1m, backoff: 1.5}",
    "{min: 1, max_drop: 20%, on_empty: skip, where: inputs.from.count > 1}", "{result: {label: 1}}", "hold", "skip", "replace", "append",
    "ignore", '"{{ vars.n }}"', "{min: null, max: 2}", "{x: {where: null, limit: {count: null, percent: 1, by: x}}}",
)  # fmt: skip
"""Values of all shapes, as an author might write them."""


def variations() -> Iterator[str]:
    """Give a workflow for every activity, every option or port of it, and every value."""
    for name, activity in BUILT_IN.activities.items():
        ports = {port.name: "x" for port in activity.inputs}
        base = {"type": name, **ports, **{key: json.dumps(value) for key, value in activity.example.items()}}
        for key in dict.fromkeys((*base, *activity.model_fields, *Common.model_fields, "after")):
            for value in WRITTEN:
                if value == "true" and key in (*ports, "after"):
                    continue  # an activity that is named so must be quoted for an editor
                lines = "".join(f"    {name}: {text}\n" for name, text in {**base, key: value}.items())
                yield f"workflow: w\nvariables: {{n: {{type: integer, default: 1}}}}\nactivities:\n  a:\n{lines}"


def test_every_value_of_an_option_that_we_take_is_taken(validators: Mapping[str, Draft7Validator]) -> None:
    taken = [text for text in variations() if not refused("workflow", text)]
    assert len(taken) > 1000
    assert [text for text in taken if not validators["workflow"].is_valid(read(text))] == []


@pytest.mark.parametrize("body", [
    "databases:\n  default: {work_schema: ours}\nenvironments:\n  dev: {databases: {default: {url: 'sqlite:///a'}}}\n",
    "databases: {default: {url: 'sqlite:///a'}}\ndimensions:\n",
    "databases: {default: {url: 'sqlite:///a'}}\nexperience_cloud: {sandbox: '${SANDBOX:-true}', service: '${S:-people}'}\n",
    "databases: {default: {url: 'sqlite:///a'}}\naudiences: {a: {name: 1, data_source: true, trait: 101, segment: null}}\nenvironments: {dev: }\n",
    "environments:\n  dev: {databases: {default: {url: 'sqlite:///a'}}}\n",
])  # fmt: skip
def test_a_project_may_be_completed_by_its_environment(body: str, validators: Mapping[str, Draft7Validator]) -> None:
    assert (refused("project", body), said(validators["project"], body)) == ((), [])


# what is broken is refused


def test_there_are_fifty_broken_files() -> None:
    assert len(BROKEN) >= 50
    assert len({case["text"] for case in BROKEN}) == len(BROKEN)


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case["what"])
def test_a_broken_file_is_refused_at_its_place(
    case: Mapping[str, str], validators: Mapping[str, Draft7Validator]
) -> None:
    kind = case.get("kind", "workflow")
    assert refused(kind, case["text"]) != ()
    found = said(validators[kind], case["text"])
    assert [message for place, message in found if place == case["at"] and case["says"] in message] != [], found


# plugins


class Weather(Options):
    """Where the sun is asked for."""

    kind: Name = option("What the sky does.", example="rain")


class Forecast(Transform):
    """Keep those for whom the weather is right.

    The `place` is looked up once.
    """

    type: ClassVar[str] = "forecast"
    inputs: ClassVar[tuple[Port, ...]] = (Port(name="people", doc="Who goes out.", many=True),)
    example: ClassVar[Mapping[str, object]] = {"weather": {"kind": "sun"}}

    weather: Weather = option("The weather that is right.", example={"kind": "sun"})
    token: Secret = option("The key of the service.", secret=True, example={"env": "TOKEN"})
    degrees: Integer = option("The least warmth.", default=20, ge=-50, example="18")
    factor: Number | None = option("By how much.", default=None)
    share: Percentage | None = option("How certain.", default=None)
    ahead: Duration | None = option("How far ahead.", default=None, example="2d")
    dry: Flag = option("Without rain.", default=False)
    places: Many[Name] = option("Where.", default=())
    clouds: Annotated[str, PlainValidator(str)] = option("Of a type that says no schema.", default="")

    def select(self, inputs: Inputs, catalog: Catalog) -> Mapping[str, Population]:
        return {"result": inputs["people"]}


class Station(BaseModel):
    """A station."""

    height: Integer = option("Metres over the sea.")


STATIONS = Section(model=Station, many=True)


@pytest.fixture
def with_plugin() -> Registry:
    rows = {"activity": ("forecast", f"{__name__}:Forecast"), "section": ("stations", f"{__name__}:STATIONS")}
    return replace(BUILT_IN, components=(*COMPONENTS, *(Component(kind, *row) for kind, row in rows.items())))


def test_an_activity_of_a_plugin_is_in_the_schema(with_plugin: Registry) -> None:
    found = schemas.schema("workflow", with_plugin)
    assert "forecast" in found["$defs"]["activity"]["properties"]["type"]["enum"]
    body = found["$defs"]["Forecast"]
    assert body["required"] == ["people", "weather", "token"]
    assert body["properties"]["degrees"]["description"] == "The least warmth."
    assert body["properties"]["degrees"]["examples"] == [18]
    assert (body["properties"]["degrees"]["default"], body["properties"]["degrees"]["minimum"]) == (20, -50)
    assert "The `place` is looked up once." in body["properties"]["type"]["markdownDescription"]


@pytest.mark.parametrize(("written", "is_right"), [
    ("weather: {kind: sun}, token: {env: TOKEN}", True),
    ("weather: {kind: sun}, token: {file: t}, degrees: vars.n, factor: 1.5, share: 50%, ahead: 2d, dry: true, places: here, clouds: {a: 1}", True),
    ("weather: {kind: sun}, token: hunter2", False),
    ("weather: {kind: sun}, token: {env: A, file: b}", False),
    ("weather: {}, token: {env: TOKEN}", False),
    ("weather: {kind: sun}, token: {env: TOKEN}, degrees: -51", False),
    ("weather: {kind: sun}, token: {env: TOKEN}, ahead: soon", False),
    ("weather: {kind: sun}, token: {env: TOKEN}, places: [[here]]", False),
])  # fmt: skip
def test_options_of_a_plugin_are_checked(with_plugin: Registry, written: str, is_right: bool) -> None:
    text = f"workflow: w\nactivities:\n  a: {{type: forecast, people: [b, c.complement], {written}}}\n"
    try:
        loader.load(text, "w.yaml", with_plugin.activities)
    except AuthorError:
        assert not is_right
    else:
        assert is_right
    assert Draft7Validator(schemas.schema("workflow", with_plugin)).is_valid(read(text)) is is_right


def test_a_section_of_a_plugin_is_in_the_schema(with_plugin: Registry) -> None:
    validator = Draft7Validator(schemas.schema("project", with_plugin))
    project = "databases: {default: {url: 'sqlite:///a'}}\nstations: {north: {height: %s}}\n"
    assert said(validator, project % "12") == []
    assert "stations/north/height" in [place for place, _ in said(validator, project % "high")]


def test_a_plugin_that_cannot_be_imported_is_named() -> None:
    broken = replace(BUILT_IN, components=(*COMPONENTS, Component("activity", "lost", "nowhere.at_all:Lost")))
    with pytest.raises(DataError, match=r"the activity 'lost' \(nowhere\.at_all:Lost\) cannot be loaded"):
        schemas.schema("workflow", broken)


# the command


def test_the_command_prints_what_the_registry_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for words, kind in (((), "workflow"), (("project",), "project"), (("test",), "test")):
        result = CliRunner().invoke(app, ["schema", *words], prog_name="audienceflow")
        assert result.exit_code == 0, result.output
        assert result.stdout == schemas.text(kind, registries.load())


def test_the_command_writes_a_file_and_says_how_workflows_name_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "project.yaml").write_text("databases: {}\n")
    words = ["schema", "test", "--output", "workflows/schema/test.json"]
    result = CliRunner().invoke(app, words, prog_name="audienceflow")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == "# yaml-language-server: $schema=schema/test.json"
    kept = json.loads((tmp_path / "workflows" / "schema" / "test.json").read_text(encoding="utf-8"))
    assert kept == schemas.schema("test", registries.load())


def test_a_schema_of_nothing_is_refused() -> None:
    result = CliRunner().invoke(app, ["schema", "workflows"], prog_name="audienceflow")
    assert result.exit_code == 2
    assert "workflow" in result.output

"""YAML text to a specification: every problem of the file at once, each with its place."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import PurePath
from typing import Any, get_args, get_origin
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import BaseModel

from engine.kit.activity import Activity, Port
from engine.kit.errors import AuthorError, Diagnostic, Span, suggestion
from engine.kit.expression.reading import Allowance
from engine.kit.option import Scalar
from engine.kit.types import Type
from engine.kit.written import typed
from engine.lang import graph as graphs
from engine.lang import misreading, source
from engine.lang.graph import Graph
from engine.lang.limits import MOST_ACTIVITIES, MOST_READ_CHARACTERS
from engine.lang.model import as_far_as_right, instead_of, read_model
from engine.lang.source import Block, Items
from engine.lang.spec import ActivitySpec, After, Common, Reference, Variable, WorkflowSpec

TOP = ("workflow", "label", "dimension", "timezone", "variables", "on_error", "activities", "canvas", "description")
LONGEST_NAME = 100
LONGEST_ZONE = 64
"""Beyond it nobody meant the name of a time zone."""
EXAMPLES: Mapping[str, str] = {
    "integer": "30", "decimal": "9.90", "float": "0.5", "boolean": "true", "date": "2026-11-23", "timestamp": "2026-11-23T08:30:00Z",
}  # fmt: skip
"""Values of variables, by their type; whatever is a text is right."""
TYPES = ("integer", "decimal", "text", "boolean", "date", "timestamp")
COMMON = tuple(Common.model_fields)
NOTHING_SAID = Common()
IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")
REFERENCE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A workflow as far as it can be read, and what is wrong with it."""

    spec: WorkflowSpec | None
    """Activities that are wrong are in it as far as they can be read; nothing where the file is no workflow."""
    written: tuple[Diagnostic, ...]
    """The problems of the text and the options."""
    graph: Graph | None = None
    """That of the activities in `spec`; absent with it."""
    arrows: tuple[Diagnostic, ...] = ()
    """The problems of the graph."""

    @property
    def problems(self) -> tuple[Diagnostic, ...]:
        return tuple(sorted({*self.written, *self.arrows}))

    def beside(self, found: Iterable[Diagnostic]) -> list[Diagnostic]:
        """Give what was found out later, without what only follows from a line that YAML read otherwise than it was meant."""
        return [problem for problem in found if not misreading.follows(problem, self.written)]


def load(text: str, file: str, activities: Mapping[str, type[Activity]]) -> WorkflowSpec:
    """Read a workflow. `activities` gives the class of every type there is.

    Raises AuthorError with all problems of the file, sorted; those of its arrows are among them, but are no reason alone.
    """
    reading = read(text, file, activities)
    if reading.written or reading.spec is None:
        raise AuthorError(*reading.problems)
    return reading.spec


def read(text: str, file: str, activities: Mapping[str, type[Activity]]) -> Reading:
    """Read a workflow as far as it goes: lines that are no YAML count as they were meant, so that they hide nothing."""
    value, misread = misreading.read_repaired(text, file)
    if value is None and misread:
        return Reading(spec=None, written=misread)
    loading = _Loading(file, activities)
    spec = loading.workflow(value, text)
    lines = text.splitlines()
    told = [
        misreading.with_whole_line(problem, lines)
        for problem in loading.problems
        if not misreading.follows(problem, misread)
    ]
    graph = graphs.build(spec) if spec else None
    arrows = graphs.problems(spec, graph) if spec and graph else ()
    return Reading(
        spec=spec,
        written=(*misreading.without_doubles(misread, told, lines), *told),
        graph=graph,
        arrows=tuple(problem for problem in arrows if not misreading.follows(problem, misread)),
    )


class _Loading:
    def __init__(self, file: str, activities: Mapping[str, type[Activity]]) -> None:
        self.file = file
        self.known = activities
        self.problems: list[Diagnostic] = []
        self.unreadable: set[str] = set()
        self.allowance = Allowance(MOST_READ_CHARACTERS)

    def problem(self, span: Span, code: str, message: str, fix: str) -> None:
        self.problems.append(Diagnostic(span, code, message, fix))
        self.stop_after_many()

    def stop_after_many(self) -> None:
        """Report what was found, where nobody would read more of it."""
        if len(self.problems) >= source.MOST_PROBLEMS:
            raise AuthorError(*self.problems)

    def workflow(self, value: Any, text: str) -> WorkflowSpec | None:
        if not isinstance(value, Block):
            self.problem(
                Span(self.file, 1, 1), "E101", "this is no workflow", "begin with 'workflow: name' and 'activities:'"
            )
            return None
        for key in value:
            if key not in TOP:
                self.problem(key.span, "E102", f"unknown key '{key}'", instead_of(key, TOP, value, "keys"))
        name = self.text(value, "workflow", "")
        if not IDENTIFIER.fullmatch(name):
            what = f"'{name}' is no name for a workflow" if name else "the workflow has no name"
            span = source.span_of(value, ("workflow",), value.span)
            meant = _snake_case(name or PurePath(self.file).stem)
            fix = f"write 'workflow: {meant or 'some_name'}'"
            self.problem(span, "E106", what, fix if meant else f"{fix} in snake_case")
        dimension = self.text(value, "dimension", "") or None
        self.defaults = {"dimension": dimension, "seed": name}
        spec = WorkflowSpec(
            name=name,
            span=value.span,
            label=self.text(value, "label", name),
            dimension=dimension,
            timezone=self.timezone(value),
            on_error=self.choice(value, "on_error", ("suspend", "ignore", "abort")),
            variables=self.variables(value),
            activities=self.activities(value),
            canvas=value.get("canvas") or {},
            text=text,
        )
        return replace(spec, unreadable=frozenset(self.unreadable))

    def text(self, value: Block, key: str, default: str) -> str:
        written = value.get(key)
        if written is not None and not isinstance(written, Scalar):
            self.problem(written.span, "E105", f"'{key}' is one text", f"write '{key}: …' on one line")
            return default
        return written if written is not None else default

    def choice(self, value: Block, key: str, choices: tuple[str, ...]) -> Any:
        written = self.text(value, key, choices[0])
        if written not in choices:
            self.problem(
                source.span_of(value, (key,), value.span),
                "E104",
                f"'{key}' cannot be '{written}'",
                suggestion(written, choices, "choices"),
            )
        return written

    def timezone(self, value: Block) -> str:
        written = self.text(value, "timezone", "UTC")
        try:
            ZoneInfo(written)
        except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder of zones, such as Europe, cannot be read
            is_short = len(written) <= LONGEST_ZONE
            close = get_close_matches(written, available_timezones(), n=1) if is_short else []
            self.problem(
                source.span_of(value, ("timezone",), value.span),
                "E107",
                f"there is no time zone '{written}'",
                f"write '{close[0]}'" if close else "write a name such as Europe/Paris",
            )
            return "UTC"
        return written

    def block(self, value: Block, key: str) -> Block:
        written = value.get(key)
        if isinstance(written, Block):
            return written
        if written is not None:
            self.problem(written.span, "E105", f"'{key}' is a mapping", f"write the names below '{key}:', indented")
        empty = Block()
        empty.span = getattr(written, "span", value.span)
        return empty

    def variables(self, value: Block) -> dict[str, Variable]:
        variables = {}
        for name, body in self.block(value, "variables").items():
            known = len(self.problems)
            variable = self.variable(name, body)
            if variable is not None:
                variables[str(name)] = variable
            if len(self.problems) > known:
                self.unreadable.add(f"vars.{name}")
        return variables

    def variable(self, name: Scalar, body: Any) -> Variable | None:
        if not IDENTIFIER.fullmatch(name):
            self.problem(name.span, "E106", f"'{name}' is no name for a variable", _named(name))
        if not isinstance(body, Block):
            fix = f"write '{name}: {{type: integer, default: 30}}'"
            self.problem(name.span, "E105", f"the variable '{name}' needs a type", fix)
            return None
        for key in body:
            if key not in ("type", "default", "description"):
                fix = instead_of(key, ("type", "default", "description"), body, "keys")
                self.problem(key.span, "E102", f"unknown key '{key}'", fix)
        written = self.text(body, "type", "text")
        try:
            type_ = Type.parse(written)
        except ValueError:
            span = source.span_of(body, ("type",), body.span)
            self.problem(span, "E104", f"'{written}' is no type", suggestion(written, TYPES, "types"))
            return None
        default = self.text(body, "default", "") if body.get("default") is not None else None
        try:
            if isinstance(body.get("default"), Scalar) and default is not None:
                typed(default, type_)
        except (ValueError, ArithmeticError):
            span, kind = source.span_of(body, ("default",), body.span), type_.kind
            self.problem(span, "V003", f"'{default}' is no {kind}", f"write 'default: {EXAMPLES[kind]}'")
        return Variable(type=type_, default=default, description=self.text(body, "description", ""), span=name.span)

    def activities(self, value: Block) -> dict[str, ActivitySpec]:
        written = self.block(value, "activities")
        if not written and (value.get("activities") is None or isinstance(value["activities"], Block)):
            self.problem(written.span, "E108", "there are no activities", "write them below 'activities:'")
        specs = {}
        for number, (name, body) in enumerate(written.items()):
            if number == MOST_ACTIVITIES:
                what = f"the workflow has more than {MOST_ACTIVITIES:,} activities"
                raise AuthorError(*self.problems, Diagnostic(name.span, "Y006", what, "split it"))
            if not IDENTIFIER.fullmatch(name):
                self.problem(name.span, "E106", f"'{name}' is no name for an activity", _named(name))
            spec = self.activity(name, body)
            if spec is not None:
                specs[spec.id] = spec
        return specs

    def activity(self, name: Scalar, body: Any) -> ActivitySpec | None:
        kind = body.get("type") if isinstance(body, Block) else None
        if not isinstance(body, Block) or not isinstance(kind, Scalar) or kind not in self.known:
            types = suggestion(str(kind or ""), self.known, "types")
            message, fix = f"the activity '{name}' has no type", f"add 'type: …' ({types})"
            if isinstance(kind, Scalar):
                message, fix = f"there is no activity type '{kind}'", types
            elif isinstance(body, Scalar):
                fix = f"write '{name}: {{type: {body if body in self.known else '…'}}}' ({types})"
            self.problem(getattr(kind, "span", name.span), "E109", message, fix)
            self.unreadable.add(str(name))
            return None
        known = len(self.problems)
        spec = self.readable(name, body, self.known[kind])
        if len(self.problems) > known:
            self.unreadable.add(str(name))
        return spec

    def readable(self, name: Scalar, body: Block, model: type[Activity]) -> ActivitySpec | None:
        """Give an activity as far as it can be read: without the options that are wrong."""
        ports = {port.name: port for port in model.inputs}
        common, options = self.parted(name, body, model, ports)
        beside = (*COMMON, *ports, "after", "type")
        read_common = read_model(Common, common, self.problems, allowance=self.allowance) if common else NOTHING_SAID
        read_options = read_model(model, options, self.problems, beside, self.allowance)
        self.stop_after_many()
        read_common = read_common or as_far_as_right(Common, common)
        read_options = read_options or as_far_as_right(model, options)
        inputs = {port.name: self.input(body, name, port) for port in ports.values()}
        after = self.after(body)
        if read_common is None or read_options is None:
            return None
        self.fitting(common, read_options, ports)
        return ActivitySpec(
            id=str(name),
            span=name.span,
            activity=read_options,
            common=read_common,
            inputs={port: references for port, references in inputs.items() if references},
            after=after,
            places=dict(_places(body)),
        )

    def parted(
        self, name: Scalar, body: Block, model: type[Activity], ports: Mapping[str, Port]
    ) -> tuple[Block, Block]:
        """Part what an author wrote into the options all activities have, and those of this one, with the workflow's defaults."""
        common, options = Block(), Block()
        common.span = options.span = name.span
        kinds = {name: field.annotation for name, field in model.model_fields.items()}
        for key, written in self.filled(body, kinds).items():
            if key not in ports and key not in ("type", "after"):
                (common if key in COMMON else options)[key] = written
        for key, default in self.defaults.items():
            if key == "dimension" and any(port in body for port in ports):  # what arrives has one
                continue
            if key in model.model_fields and key not in options and default is not None:
                options[key] = f"{default}.{name}" if key == "seed" else default
        return common, options

    def filled(self, block: Block, kinds: Mapping[str, Any]) -> Block:
        """Give the keys that have a value, at every level; the others are problems. `kinds` are the types of values that are known."""
        filled = Block()
        filled.span = block.span
        for key, written in block.items():
            kind = kinds.get(key)
            if written is None:
                has_options = isinstance(kind, type) and issubclass(kind, BaseModel)
                fix = f"write '{key}: {{}}'" if has_options else "write one, or take the line out; quote the word null"
                self.problem(key.span, "E116", f"'{key}' has no value", fix)
            elif isinstance(written, Block):
                inside = dict.fromkeys(written, get_args(kind)[1]) if get_origin(kind) is dict else {}
                filled[key] = self.filled(written, inside)
            else:
                filled[key] = written
        return filled

    def fitting(self, common: Block, activity: Activity, ports: Mapping[str, Port]) -> None:
        """Find common options that say nothing for this activity."""
        if "when_missing" in common and not any(port.many for port in ports.values()):
            key = next(key for key in common if key == "when_missing")
            self.problem(
                key.span,
                "E117",
                f"'when_missing' is for inputs that take a list; {activity.type} has none",
                "take it out",
            )
        known = [port.name for port in activity.outputs()]
        named = common.get("outputs")
        for name in named if isinstance(named, Block) else ():
            if name not in known:
                self.problem(
                    name.span, "E114", f"{activity.type} has no output '{name}'", suggestion(name, known, "outputs")
                )

    def input(self, body: Block, name: Scalar, port: Port) -> tuple[Reference, ...]:
        written = body.get(port.name)
        if written is None:
            if not port.optional and port.name not in body:
                self.problem(
                    name.span,
                    "E110",
                    f"'{name}' does not say where its '{port.name}' comes from",
                    f"add '{port.name}: {'[activity, …]' if port.many else 'activity'}'",
                )
            return ()
        if isinstance(written, Items) and not written:
            self.problem(written.span, "E110", f"'{port.name}' of '{name}' names nobody", "name an activity")
            return ()
        if isinstance(written, Items) and not port.many:
            self.problem(
                written.span,
                "E111",
                f"'{port.name}' takes one population, not a list",
                "put a union before, and name it here",
            )
            return ()
        return tuple(self.reference(item, written) for item in (written if isinstance(written, Items) else [written]))

    def reference(self, item: Any, written: Any) -> Reference:
        if not isinstance(item, Scalar) or not REFERENCE.fullmatch(item):
            span = getattr(item, "span", written.span)
            what = f"'{item}' is no reference" if isinstance(item, Scalar) else "this is no reference"
            meant = ".".join(map(_snake_case, item.split("."))) if isinstance(item, Scalar) else ""
            fix = f"write '{meant}'" if REFERENCE.fullmatch(meant) else "write 'activity' or 'activity.port'"
            self.problem(span, "E112", f"{what} to an activity", fix)
            return Reference(activity="", port="", span=span)
        activity, _, port = item.partition(".")
        return Reference(activity=activity, port=port or "result", span=item.span)

    def after(self, body: Block) -> After:
        written = body.get("after")
        if written is None:
            return After()
        if isinstance(written, Block) and list(written) != ["any"]:
            self.problem(
                written.span, "E112", "'after' waits for activities", "write after: [a, b], or after: {any: [a, b]}"
            )
            return After()
        is_any = isinstance(written, Block)
        items = written["any"] if is_any else written
        if items is None:  # which is told of every key without a value
            return After()
        if isinstance(items, Items) and not items:
            self.problem(items.span, "E110", "'after' names nobody", "name an activity, or take it out")
        references = tuple(self.reference(item, written) for item in (items if isinstance(items, Items) else [items]))
        done = tuple(
            Reference(activity=r.activity, port="done", span=r.span) if r.port == "result" else r for r in references
        )
        return After(activities=done, any=is_any)


def _snake_case(name: str) -> str:
    """Give a name as it is written here; nothing where too little of it remains."""
    letters = unicodedata.normalize("NFKD", name[:LONGEST_NAME]).encode("ascii", "ignore").decode()
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", letters).lower()
    meant = re.sub(r"[^a-z0-9]+", "_", words).strip("_")
    return meant if IDENTIFIER.fullmatch(meant) else ""


def _named(name: str) -> str:
    meant = _snake_case(name)
    return f"write '{meant}'" if meant else "use snake_case: letters, digits and _"


def _places(value: Block, above: str = "") -> Iterator[tuple[str, Span]]:
    for key, item in value.items():
        name = f"{above}{key}"
        yield name, item.span if isinstance(item, Scalar) else key.span
        if isinstance(item, Block):
            yield from _places(item, f"{name}.")

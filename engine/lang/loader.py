"""YAML text to a specification: every problem of the file at once, each with its place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ValidationError

from engine.kit.activity import Activity, Port
from engine.kit.errors import AuthorError, Diagnostic, Span, suggestion
from engine.kit.option import Scalar
from engine.kit.types import Type
from engine.lang import source
from engine.lang.source import Block, Items
from engine.lang.spec import ActivitySpec, After, Common, Reference, Variable, WorkflowSpec

M = TypeVar("M", bound=BaseModel)

TOP = ("workflow", "label", "dimension", "timezone", "variables", "on_error", "activities", "canvas", "description")
IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")


def load(text: str, file: str, activities: Mapping[str, type[Activity]]) -> WorkflowSpec:
    """Read a workflow. `activities` gives the class of every type there is.

    Raises AuthorError with all problems of the file, sorted.
    """
    value = source.read(text, file)
    loading = _Loading(file, activities)
    spec = loading.workflow(value, text)
    if loading.problems:
        lines = text.splitlines()
        raise AuthorError(*(_with_whole_line(problem, lines) for problem in loading.problems))
    return spec


def _with_whole_line(problem: Diagnostic, lines: list[str]) -> Diagnostic:
    """Give the fix for an expression that ` #` cut inside a text, where YAML begins a comment: its line, quoted."""
    line = lines[problem.span.line - 1] if 0 < problem.span.line <= len(lines) else ""
    cut = re.fullmatch(r"\s*(?:- )?([A-Za-z_]\w*): ([^\"'{\[].*?)( #.*)", line)
    if not problem.code.startswith("X") or cut is None or cut[2].count("'") % 2 == 0:
        return problem
    whole = (cut[2] + cut[3]).replace("\\", "\\\\").replace('"', '\\"')
    return replace(
        problem, code="Y011", message="YAML takes ' #' for the beginning of a comment", fix=f'{cut[1]}: "{whole}"'
    )


def read_model(model: type[M], value: Block, problems: list[Diagnostic], known: tuple[str, ...] = ()) -> M | None:
    """Read a mapping as a pydantic model; its problems are added to `problems`, each with its place.

    `known` are further keys that exist beside the model's own, for the near misses of an unknown one.
    """
    try:
        return model.model_validate(value)
    except ValidationError as failed:
        for error in failed.errors(include_url=False):
            problems.extend(_diagnostics(dict(error), model, value, known))
        return None


def _diagnostics(
    error: Mapping[str, Any], model: type[BaseModel], value: Block, known: tuple[str, ...]
) -> list[Diagnostic]:
    path = tuple(error["loc"])
    span = source.span_of(value, path, value.span)
    name = str(path[-1]) if path else ""
    match error["type"]:
        case "author":
            return [
                item if item.span.line else Diagnostic(span, item.code, item.message, item.fix)
                for item in error["ctx"]["diagnostics"]
            ]
        case "extra_forbidden":
            fields = _fields_at(model, path[:-1])
            key = next((key for key in _at(value, path[:-1]) if key == name), None)
            return [
                Diagnostic(
                    getattr(key, "span", span),
                    "E102",
                    f"unknown option '{name}'",
                    suggestion(name, [*fields, *(known if len(path) == 1 else ())], "options"),
                )
            ]
        case "missing":
            return [
                Diagnostic(span, "E103", f"the option '{name}' is missing", f"add '{name}: …' ({_doc(model, path)})")
            ]
        case "literal_error":
            written = str(error["input"])
            choices = re.findall(r"'([^']*)'", error["ctx"]["expected"])
            return [
                Diagnostic(span, "E104", f"'{name}' cannot be '{written}'", suggestion(written, choices, "choices"))
            ]
        case _:
            return [
                Diagnostic(
                    span,
                    "E105",
                    f"'{_option_name(path)}': {error['msg'][:1].lower()}{error['msg'][1:]}",
                    _doc(model, path),
                )
            ]


def _option_name(path: tuple[Any, ...]) -> str:
    return ".".join(str(step) for step in path if not isinstance(step, int)) or "value"


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def _fields_at(model: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    """Give the options a nested model has, found by following the annotations."""
    for step in path:
        field = model.model_fields.get(step) if isinstance(step, str) else None
        inner = _models_in(field.annotation) if field else _models_in(model)
        model = inner[0] if inner else model
    return list(model.model_fields)


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models_in(part)]


def _doc(model: type[BaseModel], path: tuple[Any, ...]) -> str:
    field = model.model_fields.get(path[0]) if path and isinstance(path[0], str) else None
    extra = field.json_schema_extra if field and isinstance(field.json_schema_extra, dict) else {}
    example = f", for example {_written(extra['example'])}" if extra.get("example") is not None else ""
    return f"{field.description or ''}{example}" if field else ""


def _written(example: Any) -> str:
    return f"[{', '.join(map(str, example))}]" if isinstance(example, list) else str(example)


class _Loading:
    def __init__(self, file: str, activities: Mapping[str, type[Activity]]) -> None:
        self.file = file
        self.known = activities
        self.problems: list[Diagnostic] = []

    def problem(self, span: Span, code: str, message: str, fix: str) -> None:
        self.problems.append(Diagnostic(span, code, message, fix))

    def workflow(self, value: Any, text: str) -> WorkflowSpec:
        if not isinstance(value, Block):
            raise AuthorError(
                *self.problems,
                Diagnostic(
                    Span(self.file, 1, 1),
                    "E101",
                    "this is no workflow",
                    "begin with 'workflow: name' and 'activities:'",
                ),
            )
        for key in value:
            if key not in TOP:
                self.problem(key.span, "E102", f"unknown key '{key}'", suggestion(key, TOP, "keys"))
        name = self.text(value, "workflow", "")
        if not IDENTIFIER.fullmatch(name):
            self.problem(
                source.span_of(value, ("workflow",), value.span),
                "E106",
                f"'{name}' is no name for a workflow",
                "write 'workflow: some_name' in snake_case",
            )
        self.defaults = {"dimension": value.get("dimension"), "seed": name}
        return WorkflowSpec(
            name=name,
            span=value.span,
            label=self.text(value, "label", name),
            dimension=self.text(value, "dimension", "") or None,
            timezone=self.timezone(value),
            on_error=self.choice(value, "on_error", ("suspend", "ignore", "abort")),
            variables=self.variables(value),
            activities=self.activities(value),
            canvas=value.get("canvas") or {},
            text=text,
        )

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
        except (ZoneInfoNotFoundError, ValueError):
            self.problem(
                source.span_of(value, ("timezone",), value.span),
                "E107",
                f"there is no time zone '{written}'",
                "write a name such as Europe/Paris",
            )
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
            if not isinstance(body, Block):
                self.problem(
                    name.span,
                    "E105",
                    f"the variable '{name}' needs a type",
                    f"write '{name}: {{type: integer, default: 30}}'",
                )
                continue
            for key in body:
                if key not in ("type", "default", "description"):
                    self.problem(
                        key.span,
                        "E102",
                        f"unknown key '{key}'",
                        suggestion(key, ("type", "default", "description"), "keys"),
                    )
            try:
                type_ = Type.parse(self.text(body, "type", "text"))
            except ValueError:
                self.problem(
                    source.span_of(body, ("type",), body.span),
                    "E104",
                    f"'{body['type']}' is no type",
                    suggestion(
                        str(body["type"]), ("integer", "decimal", "text", "boolean", "date", "timestamp"), "types"
                    ),
                )
                continue
            variables[str(name)] = Variable(
                type=type_, default=body.get("default"), description=self.text(body, "description", ""), span=name.span
            )
        return variables

    def activities(self, value: Block) -> dict[str, ActivitySpec]:
        written = self.block(value, "activities")
        if not written:
            self.problem(written.span, "E108", "there are no activities", "write them below 'activities:'")
        specs = {}
        for name, body in written.items():
            if not IDENTIFIER.fullmatch(name):
                self.problem(
                    name.span, "E106", f"'{name}' is no name for an activity", "use snake_case: letters, digits and _"
                )
            spec = self.activity(name, body)
            if spec is not None:
                specs[spec.id] = spec
        return specs

    def activity(self, name: Scalar, body: Any) -> ActivitySpec | None:
        if not isinstance(body, Block):
            self.problem(name.span, "E109", f"the activity '{name}' has no type", "write 'type: …' below it")
            return None
        kind = body.get("type")
        if not isinstance(kind, Scalar) or kind not in self.known:
            self.problem(
                getattr(kind, "span", name.span),
                "E109",
                f"there is no activity type '{kind or ''}'",
                suggestion(str(kind or ""), self.known, "types"),
            )
            return None
        model = self.known[kind]
        ports = {port.name: port for port in model.inputs}
        common, options = Block(), Block()
        common.span = options.span = name.span
        for key, written in body.items():
            if written is None:
                self.problem(
                    key.span, "E116", f"'{key}' has no value", "write one, or take the line out; quote the word null"
                )
            if written is None or key in ports or key in ("type", "after"):
                continue
            (common if key in Common.model_fields else options)[key] = written
        for key, default in self.defaults.items():
            if key == "dimension" and any(port in body for port in ports):  # what arrives has one
                continue
            if key in model.model_fields and key not in options and default is not None:
                options[key] = f"{default}.{name}" if key == "seed" else default
        known = (*Common.model_fields, *ports, "after", "type")
        read_common = read_model(Common, common, self.problems)
        read_options = read_model(model, options, self.problems, known)
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
        )

    def fitting(self, common: Block, activity: Activity, ports: Mapping[str, Port]) -> None:
        """Find common options that say nothing for this activity."""
        if "when_missing" in common and not any(port.many for port in ports.values()):
            span = source.span_of(common, ("when_missing",), common.span)
            self.problem(
                span, "E117", f"'when_missing' is for inputs that take a list; {activity.type} has none", "take it out"
            )
        known = [port.name for port in activity.outputs()]
        for name in common.get("outputs") or ():
            if name not in known:
                self.problem(
                    name.span, "E114", f"{activity.type} has no output '{name}'", suggestion(name, known, "outputs")
                )

    def input(self, body: Block, name: Scalar, port: Port) -> tuple[Reference, ...]:
        written = body.get(port.name)
        if written is None:
            if not port.optional:
                self.problem(
                    name.span,
                    "E110",
                    f"'{name}' does not say where its '{port.name}' comes from",
                    f"add '{port.name}: {'[activity, …]' if port.many else 'activity'}'",
                )
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
        if not isinstance(item, Scalar) or not re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?", item):
            self.problem(
                getattr(item, "span", written.span),
                "E112",
                f"'{item}' refers to no activity",
                "write 'activity' or 'activity.port'",
            )
            return Reference(activity="", port="", span=written.span)
        activity, _, port = item.partition(".")
        return Reference(activity=activity, port=port or "result", span=item.span)

    def after(self, body: Block) -> After:
        written = body.get("after")
        if written is None:
            return After()
        is_any = isinstance(written, Block) and list(written) == ["any"]
        items = written["any"] if is_any else written
        references = tuple(self.reference(item, written) for item in (items if isinstance(items, Items) else [items]))
        done = tuple(
            Reference(activity=r.activity, port="done", span=r.span) if r.port == "result" else r for r in references
        )
        return After(activities=done, any=is_any)

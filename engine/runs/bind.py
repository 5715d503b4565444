"""Binding: the values of `vars` and `run` put into the options of an activity, typed, before it is used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from engine.kit.errors import AuthorError, Diagnostic, Span, suggestion
from engine.kit.expression import Bound, Expr, SortKey, Values
from engine.kit.option import Deferred
from engine.kit.template import Template
from engine.kit.types import DATE, TEXT, TIMESTAMP
from engine.kit.written import typed as typed
from engine.kit.written import utc
from engine.lang.loader import EXAMPLES
from engine.lang.spec import WorkflowSpec

T = TypeVar("T")

Evaluate = Callable[[Expr], str]
"""Gives the value of an expression without columns, as canonical text."""


def values(
    spec: WorkflowSpec, variables: Mapping[str, str], *, run: str, time: datetime, started_at: datetime
) -> Values:
    """Give the typed values an expression may name: every variable of the workflow, and what is known of the run.

    Raises AuthorError for a variable the workflow does not declare, one without a value, or a text that is not of its type.
    """
    problems: list[Diagnostic] = []
    bound: dict[str, Bound] = {}
    for name in variables:
        if name not in spec.variables:
            problems.append(
                Diagnostic(
                    spec.span,
                    "V001",
                    f"the workflow has no variable '{name}'",
                    suggestion(name, spec.variables, "variables"),
                )
            )
    for name, variable in spec.variables.items():
        text = variables.get(name, variable.default)
        if text is None:
            problems.append(
                Diagnostic(
                    variable.span,
                    "V002",
                    f"the variable '{name}' has no value",
                    f"give one with --var {name}=…, or a default",
                )
            )
            continue
        try:
            bound[f"vars.{name}"] = Bound(typed(text, variable.type), variable.type)
        except ValueError:
            problems.append(
                Diagnostic(
                    variable.span,
                    "V003",
                    f"'{text}' is no {variable.type.kind}",
                    f"write --var {name}={EXAMPLES.get(variable.type.kind, '…')}",
                )
            )
    if problems:
        raise AuthorError(*problems)
    local = time.astimezone(ZoneInfo(spec.timezone))
    return {
        **bound,
        "run.id": Bound(run, TEXT),
        "run.time": Bound(utc(time), TIMESTAMP),
        "run.started_at": Bound(utc(started_at), TIMESTAMP),
        "run.date": Bound(local.date(), DATE),
        "run.timezone": Bound(spec.timezone, TEXT),
    }


def moment(bound: Values) -> tuple[datetime, date]:
    """Give what a run is for: its time, in UTC without a zone, and its date."""
    time, day = bound["run.time"].value, bound["run.date"].value
    assert isinstance(time, datetime)  # noqa: S101 - `values` put it there
    assert isinstance(day, date)  # noqa: S101
    return utc(time), day


def names(bound: Values) -> dict[str, dict[str, Any]]:
    """Give the values as a template sees them: `vars.x`, `run.date`."""
    tree: dict[str, dict[str, Any]] = {"vars": {}, "run": {}}
    for name, item in bound.items():
        scope, _, attribute = name.partition(".")
        tree.setdefault(scope, {})[attribute] = item.value
    return tree


def bind(value: T, bound: Values, evaluate: Evaluate) -> T:
    """Give the value with every expression bound, every template rendered and every deferred option evaluated."""
    return _bind(value, bound, evaluate)  # type: ignore[no-any-return]


def _bind(value: Any, bound: Values, evaluate: Evaluate) -> Any:
    match value:
        case Expr() | SortKey():
            return value.bound(bound)
        case Template():
            return Template(value.render(names(bound)), value.span) if not value.is_literal else value
        case Deferred():
            return _deferred(value, evaluate, bound)
        case BaseModel():
            old = vars(value)
            new = {name: _bind(item, bound, evaluate) for name, item in old.items()}
            if any(_deferred_in(old.values())):
                return _checked(value, new)
            changed = {name: item for name, item in new.items() if item is not old[name]}
            return value.model_copy(update=changed) if changed else value
        case tuple() if value:
            return tuple(_bind(item, bound, evaluate) for item in value)
        case dict() if value:
            return {name: _bind(item, bound, evaluate) for name, item in value.items()}
        case _:
            return value


def _deferred(value: Deferred, evaluate: Evaluate, bound: Values) -> Any:
    text = evaluate(value.expression.bound(bound))
    try:
        return value.read(text)
    except (ValueError, ArithmeticError) as problem:
        raise AuthorError.at(
            value.expression.span or Span("", 0, 0),
            "V004",
            f"'{value}' gives '{text}', which this option does not take: {problem}",
            "change the variable or the expression",
        ) from None


def _deferred_in(values: Iterable[Any]) -> Iterator[Deferred]:
    """Give what is deferred in values, and in what stands inside of them."""
    for value in values:
        match value:
            case Deferred():
                yield value
            case BaseModel():
                yield from _deferred_in(vars(value).values())
            case tuple():
                yield from _deferred_in(value)
            case dict():
                yield from _deferred_in(value.values())


def _checked(model: BaseModel, values: Mapping[str, Any]) -> BaseModel:
    """Hold options with deferred ones among them against their bounds, and against each other; what was not written stays so."""
    try:
        return type(model).model_validate({name: values[name] for name in model.model_fields_set})
    except ValidationError as failed:
        error = failed.errors(include_url=False)[0]
        name = ".".join(map(str, error["loc"]))
        inside = [getattr(model, str(error["loc"][0]))] if name else vars(model).values()
        deferred = next(_deferred_in(inside), None)
        what = f"'{name}' as '{deferred}'" if name else f"with '{deferred}'"
        span = deferred.expression.span if deferred else None
        message = f"{what}: {error['msg'].lower() if name else error['msg']}"
        raise AuthorError.at(span, "V004", message, "change the variable or the expression") from None

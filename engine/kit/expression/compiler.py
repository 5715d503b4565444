"""Tree to SQL. Types are checked on the way, and every problem is told at its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn, Protocol, TypeVar

import sqlalchemy as sa

from engine.kit.dialect import Dialect, Over, Sql
from engine.kit.errors import AuthorError, Diagnostic, suggestion
from engine.kit.expression import tree
from engine.kit.expression.aggregates import AGGREGATES, TIED, WINDOWS, plainly
from engine.kit.expression.arithmetic import computed
from engine.kit.expression.cures import Side, cure, cure_of_pair
from engine.kit.expression.elsewhere import ELSEWHERE, FUNCTIONS_OF_SQL, squeezed
from engine.kit.expression.expr import VALUE_ROOTS, Expr, SortKey
from engine.kit.expression.functions import Function, Parameter
from engine.kit.expression.moving import moved
from engine.kit.expression.value import (
    Value,
    alike,
    common_type,
    compared,
    cure_of_carried,
    literal,
    null_of,
    paired,
    typed,
)
from engine.kit.types import BOOLEAN, DATE, INTEGER, INTERVAL, NULL, TEXT, TIMESTAMP, Kind, Type

T = TypeVar("T")

CARRYING = ("round", "count", "count_distinct")
"""The functions that take a decimal of unknown digits: rounding gives as many as it is told, and a count has none."""


class Scope(Protocol):
    """What names mean at a place in an expression."""

    def column(self, name: tree.Name, compiler: Compiler) -> Value:
        """Give the column of a name or path."""

    def is_link(self, name: tree.Name) -> bool:
        """Say that the name is a link and no column."""

    def links(self) -> Sequence[str]:
        """Name the links there are."""

    def collection(self, node: tree.Collection, compiler: Compiler) -> Value:
        """Give an aggregate over the rows behind a link."""

    def ties(self) -> tuple[Sql, ...]:
        """Give what ends an order, so that equals are told apart."""


@dataclass(frozen=True)
class Compiler:
    """Compiles one expression in a scope. `grouping` allows aggregates without a link; no window looks through another's or a collection's."""

    expression: Expr | SortKey
    dialect: Dialect
    functions: Mapping[str, Function]
    scope: Scope
    grouping: bool = False
    windows: bool = True

    def within(self, scope: Scope) -> Compiler:
        """Give the compiler for the inside of a collection."""
        return replace(self, scope=scope, grouping=False, windows=False)

    def fail(self, at: int, code: str, message: str, fix: str) -> NoReturn:
        raise self.expression.error(at, code, message, fix)

    def condition(self, node: tree.Node) -> sa.ColumnElement[bool]:
        """Compile what must be true, false or null."""
        value = self.value(node)
        if value.type not in (BOOLEAN, NULL):
            self.fail(
                node.at,
                "E306",
                f"a condition is wanted here, and this is {value.type.in_words}",
                "compare it, as in … > 0, or write … is not null",
            )
        return null_of(BOOLEAN) if value.type == NULL else value.sql

    def _all(self, compiled: Callable[[tree.Node], T], nodes: Sequence[tree.Node]) -> list[T]:
        """Compile parts that stand side by side; the problems of all are told together."""
        results: list[T] = []
        problems: list[Diagnostic] = []
        for node in nodes:
            try:
                results.append(compiled(node))
            except AuthorError as problem:
                problems += problem.diagnostics
        if problems:
            raise AuthorError(*problems)
        return results

    def single(self, node: tree.Node) -> Value:
        """Compile a whole expression: an interval alone is no value."""
        value = self.value(node)
        if value.type == INTERVAL:
            self.fail(node.at, "E305", "an interval stands alone", "add it to a date or timestamp, or take it from one")
        return value

    def value(self, node: tree.Node) -> Value:
        """Compile any part."""
        match node:
            case tree.Literal(value=known):
                return literal(known)
            case tree.Name():
                return self._name(node)
            case tree.Negative(operand=operand):
                value = self._numeric(operand, "-")
                return typed(-value.sql, value.type)
            case tree.Binary():
                return self._binary(node)
            case tree.Call():
                return self._call(node)
            case tree.Collection():
                return self.scope.collection(node, self)
            case tree.Window():
                return self._window(node)
            case tree.Case():
                return self._case(node)
            case _:
                return typed(self._logical(node), BOOLEAN)

    def groups(self, nodes: Sequence[tree.Node]) -> list[Sql]:
        """Compile what rows are grouped by."""
        for node in nodes:
            if isinstance(node, tree.Literal):
                self.fail(node.at, "E309", "a value written out groups nothing", "group by a column")
        return [value.sql for value in self._all(replace(self, windows=False).single, nodes)]

    def having(self, node: tree.Collection) -> sa.ColumnElement[bool]:
        """Compile the condition on a group: aggregates of its rows, and the columns it is grouped by."""
        assert node.having is not None  # noqa: S101 - who asks has looked
        self._hold_grouped(node.having, node.group_by)
        return replace(self, grouping=True, windows=False).condition(node.having)

    def is_of_group(self, node: tree.Node) -> bool:
        """Say that a value is of a group of rows, not of one: an aggregate without a link stands in it."""
        match node:
            case tree.Window():
                return any(map(self.is_of_group, (*node.call.arguments, *node.partition, *node.order)))
            case tree.Call(function="count", arguments=(tree.Name() as name,)) if self.scope.is_link(name):
                return False
            case tree.Call(function=function) if function in AGGREGATES:
                return True
            case tree.Collection():  # the rows behind its link are others, and so are their groups
                return False
            case _:
                return any(map(self.is_of_group, tree.children(node)))

    def of_group(self, node: tree.Node) -> Value:
        """Compile a value of a group of rows, in which one row's own columns do not stand."""
        self._hold_grouped(node, ())
        return replace(self, grouping=True).single(node)

    def _hold_grouped(self, node: tree.Node, group_by: Sequence[tree.Node]) -> None:
        loose = next(_ungrouped(node, group_by), None)
        if loose is not None:
            fix = f"write an aggregate, such as max({loose}){', or group by it' if group_by else ''}"
            self.fail(loose.at, "E309", f"'{loose}' is not one value in a group", fix)

    def sorted(self, keys: Sequence[tree.Sort]) -> tuple[Sql, ...]:
        """Compile sort keys."""
        return tuple(self._sorted(key) for key in keys)

    def _sorted(self, key: tree.Sort) -> Sql:
        value = self.single(key.operand)
        if isinstance(key.operand, tree.Literal):
            self.fail(key.at, "E309", "a value written out sorts nothing", "sort by a column")
        if value.type.is_carried:
            self.fail(key.at, "E305", f"{value.type.in_words} has no order", cure_of_carried(value.type))
        return self.dialect.order(value.sql, value.type, descending=key.descending, nulls_first=key.nulls_first)

    def _name(self, node: tree.Name) -> Value:
        if node.parts[0] not in VALUE_ROOTS or len(node.parts) == 1:
            return self.scope.column(node, self)
        return self.known(str(node), node.at)

    def known(self, name: str, at: int) -> Value:
        """Give a value of `vars`, `run` or `inputs`."""
        values = self.expression.values
        if name not in values:
            root, _, wrong = name.partition(".")
            there = [each.removeprefix(f"{root}.") for each in values if each.startswith(f"{root}.")]
            fix = suggestion(wrong, there, f"values of {root}", f"{root}.")
            self.fail(at, "E308", f"there is no value '{name}' here", fix)
        return literal(values[name].value, values[name].type)

    def _numeric(self, node: tree.Node, operator: str) -> Value:
        value = self.value(node)
        if value.type == NULL:
            return Value(null_of(INTEGER), INTEGER)
        if not value.type.is_numeric:
            fix = "write '||' to join texts" if operator == "+" and value.type == TEXT else "write a number"
            if value.type.kind in (Kind.DATE, Kind.TIMESTAMP):
                fix = f"write … {operator} interval '30 days' for an earlier or later time, or days_diff(end, start) for the days between"
            if value.type.is_carried:
                fix = cure_of_carried(value.type)
            self.fail(node.at, "E305", f"'{operator}' needs numbers, and this is {value.type.in_words}", fix)
        return value

    def _binary(self, node: tree.Binary) -> Value:
        match node.operator:
            case "=" | "!=" | "<" | "<=" | ">" | ">=":
                left, right = self._pair(node.left, node.right, node.at, node.operator)
                return Value(compared(self.dialect, node.operator, left, right), BOOLEAN)
            case "||":
                texts = [self._text(side, "||") for side in (node.left, node.right)]
                return Value(texts[0] + texts[1], TEXT)
            case "+" | "-":
                shifted = self._moved(node)
                if shifted is not None:
                    return shifted
        left, right = self._numeric(node.left, node.operator), self._numeric(node.right, node.operator)
        return computed(self.dialect, node.operator, left, right)

    def _moved(self, node: tree.Binary) -> Value | None:
        """Compile a time plus or minus an interval; nothing when no interval is written."""
        sides = [node.left, node.right]
        if node.operator == "+" and isinstance(node.left, tree.Literal) and isinstance(node.left.value, tree.Interval):
            sides.reverse()
        interval = sides[1].value if isinstance(sides[1], tree.Literal) else None
        if not isinstance(interval, tree.Interval):
            return None
        value = self.value(sides[0])
        if value.type not in (DATE, TIMESTAMP):
            self.fail(
                sides[0].at, "E305", f"an interval moves a date or timestamp, and this is {value.type}", "write a date"
            )
        return moved(self.dialect, value, interval, 1 if node.operator == "+" else -1)

    def _text(self, node: tree.Node, operator: str) -> Sql:
        value = self.value(node)
        if value.type not in (TEXT, NULL):
            self.fail(
                node.at,
                "E305",
                f"'{operator}' works on texts, and this is {value.type.in_words}",
                cure_of_carried(value.type) if value.type.is_carried else "write to_string(…) around it",
            )
        return null_of(TEXT) if value.type == NULL else value.sql

    def _pair(self, left: tree.Node, right: tree.Node, at: int, operator: str) -> tuple[Value, Value]:
        values = self._all(self.value, (left, right))
        self._comparable((left, values[0].type), (right, values[1].type), at, operator)
        return values[0], values[1]

    def _comparable(self, left: Side, right: Side, at: int, operator: str) -> None:
        (_, first), (_, second) = left, right
        if common_type([first, second]) is None:
            what = f"'{operator}' cannot compare {first.in_words} with {second.in_words}"
            self.fail(at, "E305", what, cure_of_pair(left, right))

    def _logical(self, node: tree.Node) -> Any:
        match node:
            case tree.Logic(operator="and", operands=operands):
                return sa.and_(*self._all(self.condition, operands))
            case tree.Logic(operands=operands):
                return sa.or_(*self._all(self.condition, operands))
            case tree.Not(operand=operand):
                return sa.not_(self.condition(operand))
            case tree.IsNull(operand=operand):
                return self.value(operand).sql.is_(None)
            case tree.In():
                return self._in(node)
            case tree.Between(operand=operand, low=low, high=high):
                above = self._pair(operand, low, node.at, "between")
                below = self._pair(operand, high, node.at, "between")
                return sa.and_(compared(self.dialect, ">=", *above), compared(self.dialect, "<=", *below))
            case tree.Distinct(left=left, right=right):
                sides = paired(self.dialect, *self._pair(left, right, node.at, "is distinct from"))
                return sides[0].is_distinct_from(sides[1])
            case tree.Like(operand=operand, pattern=pattern, minds_case=minds_case):
                text, like = self._text(operand, "like"), self._text(pattern, "like")
                if not minds_case:
                    text, like = self.dialect.lower(text), self.dialect.lower(like)
                return self.dialect.like(text, like)
        raise AssertionError(f"the parser gave {node}")

    def _in(self, node: tree.In) -> Any:
        operand = self.value(node.operand)
        options = [self.value(option) for option in node.options]
        for option, written in zip(options, node.options, strict=True):
            self._comparable((node.operand, operand.type), (written, option.type), written.at, "in")
        type_ = common_type([operand.type, *(option.type for option in options)])
        if type_ is None:
            self.fail(node.at, "E305", "the values of 'in' are not of one type", "write values of one type")
        if type_ == TIMESTAMP:
            operand, *options = (Value(sql, type_) for sql in alike(self.dialect, (operand, *options), type_))
        left = null_of(type_) if operand.type == NULL else operand.sql
        return left.in_([null_of(type_) if option.type == NULL else option.sql for option in options])

    def _case(self, node: tree.Case) -> Value:
        conditions: list[Any] = []
        for when in node.whens:
            if node.subject is None:
                conditions.append(self.condition(when.condition))
            else:
                pair = self._pair(node.subject, when.condition, when.condition.at, "case")
                conditions.append(compared(self.dialect, "=", *pair))
        nodes = [when.value for when in node.whens] + ([node.otherwise] if node.otherwise else [])
        values = [self.single(each) for each in nodes]
        type_ = self._common(nodes, values)
        results = alike(self.dialect, values, type_)
        otherwise = results.pop() if node.otherwise else null_of(type_)
        return typed(sa.case(*zip(conditions, results, strict=True), else_=otherwise), type_)

    def _common(self, nodes: Sequence[tree.Node], values: Sequence[Value]) -> Type:
        type_ = NULL
        for node, value in zip(nodes, values, strict=True):
            both = common_type([type_, value.type])
            if both is None:
                self.fail(
                    node.at,
                    "E305",
                    f"this is {value.type.in_words}, and what stands before it {type_.in_words}",
                    cure(type_, value.type),
                )
            type_ = both
        return type_

    def _call(self, node: tree.Call) -> Value:
        name = node.function
        if name in AGGREGATES:
            return self._aggregate(node)
        if name in WINDOWS:
            self.fail(node.at, "E309", f"{name} needs a window", f"write {name}(…) over (order by …)")
        if name not in self.functions:
            known = [*self.functions, *AGGREGATES, "exists"]
            there, of_sql = ELSEWHERE.get(squeezed(name)), FUNCTIONS_OF_SQL.get(squeezed(name))
            fix = f"write {of_sql}" if of_sql else suggestion(name, known, "functions")
            if there:
                fix = there.fix
            self.fail(node.at, "E303", f"there is no function '{name}'", fix)
        function = self.functions[name]
        checked, type_ = self._checked(function, node)
        needed = tuple(self.known(each, node.at) for each in function.needs)
        return typed(function.call(self.dialect, needed, checked), type_)

    def _checked(self, function: Function, node: tree.Call | tree.Collection) -> tuple[tuple[Value, ...], Type]:
        """Give the arguments of a call, of the types the function wants, and the type of its answer."""
        self._check_count(node, function)
        values = tuple(self._all(self.single, node.arguments))
        checked = tuple(
            self._argument(function, function.parameter(index), argument, value)
            for index, (argument, value) in enumerate(zip(node.arguments, values, strict=True))
        )
        type_ = function.result if isinstance(function.result, Type) else function.result(checked)
        if type_ is None:
            kinds = ", ".join(str(value.type) for value in values)
            self.fail(
                node.at, "E305", f"{function.name} cannot work on {kinds} together", f"write {function.signature}"
            )
        return checked, type_

    def _argument(self, function: Function, parameter: Parameter, node: tree.Node, value: Value) -> Value:
        if value.type == NULL:
            kind = min(parameter.kinds - {Kind.NULL}, key=list(Kind).index)
            type_ = NULL if NULL.kind in parameter.kinds else Type(kind, 0 if kind == Kind.DECIMAL else None)
            value = Value(null_of(type_), type_)
        elif value.type.kind not in parameter.kinds or (value.type.is_carried and function.name not in CARRYING):
            wanted = " or ".join(kind for kind in Kind if kind in parameter.kinds and kind != Kind.NULL)
            message = f"{function.name} wants {wanted} for '{parameter.name}', and this is {value.type.in_words}"
            fix = cure_of_carried(value.type) if value.type.is_carried else _conversion(value.type, parameter)
            self.fail(node.at, "E305", message, fix or f"write {function.signature}")
        if parameter.written and not parameter.written.accepts(value.known):
            message = f"{function.name} wants '{parameter.name}' written out: {parameter.written.what}"
            self.fail(node.at, "E310", message, f"write {function.signature}")
        return value

    def _check_count(self, node: tree.Call | tree.Collection, function: Function) -> None:
        count, most = len(node.arguments), function.most
        if count < function.least or (most is not None and count > most):
            at = node.arguments[most].at if most is not None and count > most else node.at
            self.fail(
                at, "E304", f"{function.name} has {count} value{'s' * (count != 1)} here", f"write {function.signature}"
            )

    def _aggregate(self, node: tree.Call) -> Value:
        name = node.function
        if name == "count" and len(node.arguments) == 1:
            (argument,) = node.arguments
            if isinstance(argument, tree.Name) and self.scope.is_link(argument):
                return self.scope.collection(
                    tree.Collection(at=node.at, function=name, arguments=(), link=argument, where=None), self
                )
        if not self.grouping:
            links = list(self.scope.links())
            link = links[0] if len(links) == 1 else "link"
            fix = f"write {f'count({link})' if name == 'count' else f'{name}(… of {link})'}"
            what = f"{name} needs the link whose rows it works on"
            self.fail(node.at, "E309", what, f"{fix} (links: {', '.join(links)})" if len(links) > 1 else fix)
        return replace(self, grouping=False).aggregated(AGGREGATES[name], node)

    def aggregated(self, function: Function, node: tree.Call | tree.Collection, over: Over = plainly) -> Value:
        """Give an aggregate, or what a window's function gives. Nulls are left out; over nothing a count is 0 and the others are null."""
        checked, type_ = self._checked(function, node)
        return typed(function.build(self.dialect, over, *checked), type_)

    def _window(self, node: tree.Window) -> Value:
        name = node.call.function
        if name not in WINDOWS:
            self.fail(
                node.at, "E309", f"{name} cannot work over a window", suggestion(name, WINDOWS, "window functions")
            )
        if not self.windows:
            fix = "add it as a column first, and name the column here"
            self.fail(
                node.at, "E309", f"the window of {name} cannot stand inside of a collection, a window or an order", fix
            )
        inside = replace(self, grouping=False, windows=False)
        partition = [inside.single(each).sql for each in node.partition]
        order: tuple[Sql, ...] = inside.sorted(node.order)
        if name in TIED:
            order = (*order, *self.scope.ties())

        def over(function: Any) -> Any:
            return function.over(partition_by=partition or None, order_by=order or None)

        return inside.aggregated(WINDOWS[name], node.call, over)


def _ungrouped(node: tree.Node, group_by: Sequence[tree.Node]) -> Iterator[tree.Name]:
    """Give the names that are neither grouped by nor inside an aggregate."""
    match node:
        case tree.Call(function=function) if function in AGGREGATES:
            return
        case tree.Name(parts=parts) if node in group_by or (parts[0] in VALUE_ROOTS and len(parts) > 1):
            return
        case tree.Name():
            yield node
        case tree.Collection(link=link):
            yield link
        case _:
            for child in tree.children(node):
                yield from _ungrouped(child, group_by)


def _conversion(type_: Type, parameter: Parameter) -> str:
    """Say what makes a value one that the parameter takes; nothing where nothing does."""
    if Kind.TEXT in parameter.kinds and type_.kind not in (Kind.OTHER, Kind.INTERVAL):
        return "write to_string(…) around it" if type_.kind != Kind.FLOAT else "write to_string(round(…, 2)) around it"
    if type_ == TEXT and Kind.DATE in parameter.kinds:
        return "write date '2026-11-23', or to_date(…) around a text"
    if type_ == TEXT and Kind.INTEGER in parameter.kinds:
        return "write a number, or to_integer(…) around a text"
    return ""

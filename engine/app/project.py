"""The project file: databases, dimensions, environments, and the sections that components registered."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from pydantic import model_validator

from engine.kit.catalog import Definition, LinkDefinition
from engine.kit.errors import AuthorError, Diagnostic, Span, suggestion
from engine.kit.expression import Expr
from engine.kit.expression.reading import Allowance
from engine.kit.option import Flag, Many, Name, Options, Pairs, Scalar, Some, option, wrong
from engine.kit.section import Section
from engine.lang import source
from engine.lang.limits import MOST_READ_CHARACTERS
from engine.lang.misreading import read_repaired
from engine.lang.model import read_model
from engine.lang.source import Block
from engine.registry import Registry
from engine.sql.dialects import DIALECTS

DEFAULT_ENVIRONMENT = "dev"


class DatabaseSettings(Options):
    """Where a database is, and the schema our own tables live in."""

    url: Name = option(
        "An SQLAlchemy URL; relative files start at the project's folder.", example="duckdb:///data.duckdb"
    )
    work_schema: Name = option(
        "The schema of our own tables; their prefix where there are no schemas.", default="audienceflow"
    )


class LinkSettings(Options):
    """A way to a table, or to another dimension, which brings its own links."""

    dimension: Name | None = option("The dimension the link leads to.", default=None)
    table: Name | None = option("The table the link leads to.", default=None)
    on: Pairs = option("Our column: theirs.", example={"household_id": "household_id"})
    many: Flag = option("One row of ours may find several of theirs.", default=False, example="true")

    @model_validator(mode="after")
    def _leads_somewhere(self) -> LinkSettings:
        if (self.dimension is None) == (self.table is None):
            raise wrong("a link leads to either a table or a dimension", "write one of 'table' and 'dimension'")
        return self


class DimensionSettings(Options):
    """A table that can be targeted."""

    table: Name = option("The table, or schema.table.", example="households")
    key: Some[Name] = option("The column, or columns, that tell rows apart.", example="household_id")
    links: dict[str, LinkSettings] = option("Ways to other tables.", default={})
    consent: dict[str, Expr] = option("By purpose, the condition for using a row; null is no.", default={})
    suppress: Many[Name] = option("Lists left out of every share.", default=())
    personal: Many[Name] = option(
        "Columns with personal data; previews mask them and all that is computed from them.",
        default=(),
        example="email",
    )
    writable: Many[Literal["insert", "update", "delete"]] = option("What update_data may do.", default=())

    def definition(self) -> Definition:
        links = {
            name: LinkDefinition(
                target=link.dimension or link.table or "",
                is_table=link.table is not None,
                on=tuple(link.on.items()),
                many=link.many,
            )
            for name, link in self.links.items()
        }
        return Definition(
            table=self.table,
            key=self.key,
            links=links,
            consent=self.consent,
            suppress=self.suppress,
            personal=self.personal,
        )


CORE: Mapping[str, Section] = {
    "databases": Section(model=DatabaseSettings, many=True),
    "dimensions": Section(model=DimensionSettings, many=True),
}


@dataclass(frozen=True, kw_only=True)
class Project:
    """A project file, read for one environment."""

    path: Path
    text: str
    environment: str
    is_environment_named: bool
    databases: Mapping[str, DatabaseSettings]
    dimensions: Mapping[str, DimensionSettings]
    sections: Mapping[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.path.parent

    def database_url(self, name: str = "default") -> str:
        """Give the URL of a database, a relative file made absolute."""
        if name not in self.databases:
            raise AuthorError.at(
                Span(str(self.path), 1, 1),
                "P003",
                f"there is no database '{name}'",
                suggestion(name, self.databases, "databases"),
            )
        url = self.databases[name].url
        scheme, slashes, file = url.partition(":///")
        name = scheme.split("+")[0]
        is_file = slashes and name in DIALECTS and DIALECTS[name].capabilities.is_file and file not in ("", ":memory:")
        return f"{scheme}:///{(self.folder / file).resolve()}" if is_file else url


def read(
    path: Path,
    text: str,
    registry: Registry,
    *,
    environment: str | None,
    surroundings: Mapping[str, str],
    label: str | None = None,
) -> Project:
    """Read a project file for an environment (`dev` when none is named); `surroundings` are the environment variables.

    Raises AuthorError with all problems of the file.
    """
    file = label or str(path)
    value, misread = read_repaired(text, file)
    problems = list(misread)
    if not isinstance(value, Block):
        nothing = Diagnostic(Span(file, 1, 1), "P002", "this is no project file", "begin with 'databases:'")
        raise AuthorError(*(problems or [nothing]))
    sections = {**CORE, **registry.of("section")}
    merged = _for_environment(value, environment or DEFAULT_ENVIRONMENT, environment is not None, problems)
    for key in merged:
        if key not in sections:
            problems.append(
                Diagnostic(
                    key.span,
                    "P004",
                    f"unknown section '{key}'",
                    suggestion(key, [*sections, "environments"], "sections"),
                )
            )
    filled = _filled(merged, surroundings, problems)
    allowance = Allowance(MOST_READ_CHARACTERS)
    read_sections = {
        name: _section(section, filled.get(name), problems, allowance) for name, section in sections.items()
    }
    if not read_sections["databases"]:
        problems.append(
            Diagnostic(
                value.span, "P003", "there is no database", "write 'databases:' and below it 'default: {url: …}'"
            )
        )
    if problems:
        raise AuthorError(*problems)
    return Project(
        path=path, text=text, environment=environment or DEFAULT_ENVIRONMENT, is_environment_named=environment is not None,
        databases=read_sections.pop("databases"), dimensions=read_sections.pop("dimensions"), sections=read_sections,
    )  # fmt: skip


def _for_environment(value: Block, name: str, is_named: bool, problems: list[Diagnostic]) -> Block:
    environments = _environments(value, problems)
    rest = _copy(value, {key: part for key, part in value.items() if key != "environments"})
    if name not in environments:
        if is_named:
            problems.append(
                Diagnostic(
                    getattr(environments, "span", value.span),
                    "P005",
                    f"there is no environment '{name}'",
                    suggestion(name, environments, "environments"),
                )
            )
        return rest
    return _laid_over(rest, environments[name])


def _environments(value: Block, problems: list[Diagnostic]) -> Mapping[str, Block]:
    written = value.get("environments")
    if written is None:
        return {}
    if not isinstance(written, Block):
        problems.append(Diagnostic(written.span, "P007", "a mapping is wanted here", "write names below it, indented"))
        return {}
    for name, overlay in written.items():
        if not isinstance(overlay, Block | None):
            what = "write its sections below it, indented"
            problems.append(Diagnostic(overlay.span, "P007", f"'{name}' is a mapping", what))
    return {name: overlay if isinstance(overlay, Block) else Block() for name, overlay in written.items()}


def _laid_over(below: Block, above: Block) -> Block:
    result = _copy(below, below)
    for key, value in above.items():
        old = below.get(key)
        result[key] = _laid_over(old, value) if isinstance(old, Block) and isinstance(value, Block) else value
    return result


def _copy(block: Block, items: Mapping[Any, Any]) -> Block:
    copy = Block(items)
    copy.span = block.span
    return copy


LONGEST_WITH_VARIABLES = 10_000
MOST_VARIABLES = 100
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^{}]*))?\}")


def _filled(value: Any, surroundings: Mapping[str, str], problems: list[Diagnostic]) -> Any:
    """Put environment variables into texts; one that is not set and has no default is a problem."""
    match value:
        case Block():
            return _copy(value, {key: _filled(item, surroundings, problems) for key, item in value.items()})
        case list():
            items = source.Items(_filled(item, surroundings, problems) for item in value)
            items.span = value.span  # type: ignore[attr-defined]  # lists come from source.read
            return items
        case Scalar() if "${" in value:
            mentioned = {match[1]: match[2] for match in islice(_VARIABLE.finditer(value), MOST_VARIABLES + 1)}
            if len(value) > LONGEST_WITH_VARIABLES or len(mentioned) > MOST_VARIABLES:
                message = f"a text with ${{…}} has at most {LONGEST_WITH_VARIABLES:,} characters and {MOST_VARIABLES} variables"
                problems.append(Diagnostic(value.span, "P006", message, "make it shorter"))
                return value
            for name, default in mentioned.items():
                if name not in surroundings and default is None:
                    message, fix = (
                        f"the environment variable {name} is not set",
                        f"set it, or write ${{{name}:-default}}",
                    )
                    problems.append(Diagnostic(value.span, "P006", message, fix))
            return Scalar.at(_VARIABLE.sub(lambda match: surroundings.get(match[1], match[2] or ""), value), value.span)
        case _:
            return value


def _section(section: Section, value: Any, problems: list[Diagnostic], allowance: Allowance) -> Any:
    if value is None:
        return {} if section.many else None
    if not isinstance(value, Block):
        problems.append(Diagnostic(value.span, "P007", "a mapping is wanted here", "write names below it, indented"))
        return {}
    if not section.many:
        return read_model(section.model, value, problems, allowance=allowance)
    return dict(_members(section, value, problems, allowance))


def _members(
    section: Section, value: Block, problems: list[Diagnostic], allowance: Allowance
) -> Iterator[tuple[str, Any]]:
    for name, body in value.items():
        if not isinstance(body, Block):
            problems.append(
                Diagnostic(name.span, "P007", f"'{name}' is a mapping", "write its options below it, indented")
            )
            continue
        member = read_model(section.model, body, problems, allowance=allowance)
        if len(problems) >= source.MOST_PROBLEMS:
            return
        if member is not None:
            yield str(name), member

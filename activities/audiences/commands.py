"""`audienceflow audiences`: the shared audiences a project declares, and who is in them; `inspect`: the files they travel in."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from engine.kit.command import CommandLine
from engine.kit.errors import AuthorError, DataError, shown, suggestion

if TYPE_CHECKING:  # pydantic and Arrow are heavy, and help needs none of them
    import pyarrow as pa

    from activities.connectors.audience_manager.inspection import Inspection
    from activities.connectors.audience_manager.outbound import Templates
    from activities.connectors.conventions import Conventions
    from activities.connectors.experience_cloud import AudienceSettings, DataSourceSettings
    from activities.connectors.experience_cloud.catalog import MadeAudience
    from activities.connectors.experience_cloud_sandbox import ExperienceCloudSandbox
    from engine.kit.connector import Surroundings
    from engine.kit.dialect import Dialect, Sql

app = typer.Typer(help="The shared audiences the project declares, and their members.", no_args_is_help=True)

AudienceName = Annotated[str, typer.Argument(metavar="NAME", help="An audience of project.yaml.")]
DataSourceName = Annotated[str, typer.Argument(metavar="NAME", help="A data source of project.yaml.")]
Value = Annotated[str, typer.Option("--value", help="An identifier as the database holds it.")]
Format = Annotated[Literal["text", "json"], typer.Option("--format", help="For a person, or for a program.")]
MemberFormat = Annotated[
    Literal["text", "json", "csv"],
    typer.Option("--format", help="text: one a line; csv: with a header; json: one object."),
]
InspectedFiles = Annotated[list[Path], typer.Argument(metavar="FILE…", help="The files to read.", show_default=False)]
JudgedName = Annotated[
    str | None,
    typer.Option(
        "--name", metavar="NAME", help="Judge the file as if it bore this name; an object key is judged whole."
    ),
]
TemplateTexts = Annotated[
    list[str] | None,
    typer.Option(
        "--template",
        metavar="TEMPLATE",
        help="The template of an outbound file's lines, or of its name (twice for both), or the data source of project.yaml that has them.",
    ),
]
Against = Annotated[
    Path | None,
    typer.Option(
        "--against",
        metavar="FILE",
        help="What the file must agree with: its .info, its receipt, or a file of the same lines; for an .info its files, or their folder.",
    ),
]
RecordCount = Annotated[int, typer.Option("--records", metavar="N", min=0, help="How many records are printed.")]
MembersFile = Annotated[
    Path,
    typer.Option(
        "--members", metavar="FILE", exists=True, dir_okay=False,
        help="One identifier a line, as it travels: normalised and hashed. A first line that says 'identifier' is a header.",
    ),
]  # fmt: skip
BATCH_ROWS = 50_000


@app.command("list")
def list_audiences(ctx: typer.Context, format: Format = "text") -> None:
    """List the declared audiences, and how many members the local Experience Cloud holds of each."""
    surroundings = _surroundings(ctx)
    rows = [_summary(name, found, surroundings) for name, found in _audiences(surroundings).items()]
    if format == "json":
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    elif not rows:
        typer.echo("The project declares no audiences.")
    else:
        _print_aligned(
            [
                ["audience", "name", "by", "trait", "segment", "members"],
                *([_cell(row[key]) for key in row] for row in rows),
            ]
        )


@app.command()
def show(ctx: typer.Context, name: AudienceName, format: MemberFormat = "text") -> None:
    """Print the members the local Experience Cloud holds, in code point order."""
    surroundings = _surroundings(ctx)
    found = _find(name, surroundings)
    if found.segment is None:
        raise DataError(
            f"the audience '{name}' has no segment yet",
            f"create it with 'audienceflow audiences create {name}', and write its ids into project.yaml",
        )
    members = _members(name, found, surroundings)
    match format:
        case "json":
            typer.echo(
                json.dumps(
                    {"audience": name, "segment": found.segment, "members": list(members)}, indent=2, ensure_ascii=False
                )
            )
        case "csv":
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(["identifier"])
            writer.writerows([member] for member in members)
        case _:
            sys.stdout.writelines(f"{member}\n" for member in members)


@app.command()
def create(ctx: typer.Context, name: AudienceName) -> None:
    """Create an audience that has no ids yet, and print the lines for project.yaml.

    A trait whose members stay for ever, and the segment of who has it: in the local Experience Cloud, or with --env in Audience Manager.
    Again, it finds what it made.
    """
    from activities.connectors.experience_cloud.catalog import open_catalog
    from activities.connectors.experience_cloud.settings import of_project

    surroundings = _surroundings(ctx)
    found = _find(name, surroundings)
    if found.trait and found.segment:
        typer.echo(f"The audience '{name}' has its ids already: trait {found.trait}, segment {found.segment}.")
        return
    made = open_catalog(surroundings).create(name, found, _source(found, surroundings))
    typer.echo(f"'{found.name}' is there. Write its ids into project.yaml:", err=True)
    if made.created is not None:
        usable = made.created + of_project(surroundings).conventions.trait_wait
        typer.echo(f"Share from {usable:%Y-%m-%d %H:%M} UTC on: Adobe asks to wait after a trait is made.", err=True)
    typer.echo(_lines(name, made))


@app.command()
def status(ctx: typer.Context, format: Format = "text") -> None:
    """Say of each declared audience how many members we sent and may take out again, and when the newest was sent."""
    line: CommandLine = ctx.obj
    with line.members() as members:
        counts = members.member_counts()
    rows = []
    for name, found in _audiences(line.surroundings()).items():
        sent, at = counts.get(name, (0, None))
        ids = {"trait": found.trait, "segment": found.segment}
        rows.append({"audience": name, **ids, "sent": sent, "newest": f"{at:%Y-%m-%d %H:%M:%S}" if at else None})
    if format == "json":
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        header = ["audience", "trait", "segment", "sent", "newest (UTC)"]
        _print_aligned([header, *([_cell(value) for value in row.values()] for row in rows)])


@app.command()
def adopt(ctx: typer.Context, name: AudienceName, members: MembersFile) -> None:
    """Hold members whom Campaign, or another project, sent into an audience for sent by us, so that a share may take them out."""
    line: CommandLine = ctx.obj
    surroundings = line.surroundings()
    found = _find(name, surroundings)
    source = _source(found, surroundings)
    with line.members() as ledger:
        counts = ledger.adopt_members(name, _identifiers(members, source), surroundings.clock())
    typer.echo(f"Adopted {counts['added']:,} members of '{name}'; {counts['kept']:,} were there before.")
    typer.echo(
        "A share with 'mode: replace' takes those out whom it does not send; any share takes those out whom no row bears."
    )


def _identifiers(file: Path, source: DataSourceSettings) -> Iterator[pa.RecordBatch]:
    """Read a file of identifiers in batches. DataError, with the line, for one that the data source cannot have sent."""
    import pyarrow as pa

    from activities.connectors.audience_manager import shape, wrong_identifiers

    is_visitor_id = source.kind == "visitor_id"
    digits = {"sha256": 64, "md5": 32}.get(source.hash or "")
    wanted = f"a {source.hash}: {digits} lower-case hex digits" if digits else shape(is_visitor_id=is_visitor_id)

    def wrong(identifiers: Iterable[str]) -> int:
        if digits:
            return sum(re.fullmatch(f"[0-9a-f]{{{digits}}}", each) is None for each in identifiers)
        return wrong_identifiers(pa.array(identifiers, pa.string()), is_visitor_id=is_visitor_id)

    with file.open(encoding="utf-8-sig") as opened:
        lines = enumerate((line.rstrip("\r\n") for line in opened), start=1)
        while batch := list(islice(lines, BATCH_ROWS)):
            rows = {number: line for number, line in batch if line and (number, line) != (1, "identifier")}
            if wrong(rows.values()):
                number = next(number for number, each in rows.items() if wrong([each]))
                raise DataError(
                    f"{file}:{number}: what stands there is not {wanted}",
                    "write identifiers as they travel; 'audienceflow doctor data-source' shows how",
                )
            yield pa.record_batch({"identifier": pa.array(rows.values(), pa.string())})


def data_source(ctx: typer.Context, name: DataSourceName, value: Value, format: Format = "text") -> None:
    """Print what would travel for an identifier of a data source, step by step: as given, normalised, hashed or encrypted."""
    import pyarrow as pa
    import sqlalchemy as sa

    from activities.connectors.audience_manager import shape, wrong_identifiers
    from activities.connectors.encryption import connect as encryption
    from activities.connectors.identity import steps

    line: CommandLine = ctx.obj
    source = _named_source(name, line.surroundings())
    words: list[str] = []

    def build(dialect: Dialect) -> Mapping[str, Sql]:
        done = steps(dialect, sa.literal(value, sa.String()), source)
        words.extend(word for word, _ in done)
        return {f"step_{place}": sql for place, (_, sql) in enumerate(done)}

    found = list(line.compute(build).values())
    if source.encrypt is not None:
        encrypt = encryption(line.surroundings())(source.encrypt)
        words.append(f"aes_cbc in {source.encrypt.encoding}")
        found += encrypt(pa.array([found[-1]], pa.string())).to_pylist()
    travels, is_visitor_id = found[-1], source.kind == "visitor_id"
    is_dropped = (
        travels is not None and wrong_identifiers(pa.array([travels], pa.string()), is_visitor_id=is_visitor_id) > 0
    )
    fault = f"not {shape(is_visitor_id=is_visitor_id)}" if is_dropped else None
    if format == "json":
        passed = [{"step": word, "value": text} for word, text in zip(words, found, strict=True)]
        typer.echo(
            json.dumps(
                {"data_source": name, "steps": passed, "travels": travels, "fault": fault}, indent=2, ensure_ascii=False
            )
        )
        return
    typer.echo(f"{name}: a {source.kind} of {source.dimension}, data source {source.id} of Experience Cloud")
    _print_aligned(
        [
            ["  as given" if word == "key" else f"  {word}", _quoted(text)]
            for word, text in zip(words, found, strict=True)
        ]
    )
    typer.echo("Nothing travels: this is no identifier." if travels is None else f"Travels: {travels}")
    if fault:
        typer.echo(f"  but it is {fault}: Experience Cloud would drop it in silence, so a share with it fails")


def inspect(
    ctx: typer.Context,
    files: InspectedFiles,
    name: JudgedName = None,
    template: TemplateTexts = None,
    against: Against = None,
    records: RecordCount = 5,
    format: Format = "text",
) -> None:
    """Read files for Audience Manager, or from it, and tell what is wrong with each, line by line.

    An inbound file, an ID-sync file, an outbound file, a transfer control file (.info), a receipt (the e-mail), or declared IDs, one
    request a line; packed or not. --format json prints an object a line for each file. The exit code is 0 when all are valid, else 2:
    a file with warnings only is valid, as Adobe reads it as it was meant. Problems show no identifiers; records do, so write
    --records 0 where the output is kept.
    """
    from activities.connectors.audience_manager import inspection

    templates, conventions = _templates(template or [], ctx), _conventions(ctx)
    if name is not None and len(files) > 1:
        raise typer.BadParameter("one name is for one file", param_hint="'--name'")
    are_valid = True
    for file in files:
        found = inspection.inspect(
            file, name=name, templates=templates, against=against, records=records, conventions=conventions
        )
        are_valid &= found.is_valid
        typer.echo(json.dumps(found.as_json(), ensure_ascii=False) if format == "json" else _described(found))
    if not are_valid:
        raise typer.Exit(2)


def _templates(texts: list[str], ctx: typer.Context) -> Templates:
    from activities.connectors.audience_manager.outbound import Templates
    from activities.connectors.audience_manager.template import WrongTemplate

    written: list[str] = []
    header_lines = 0
    for text in texts:
        if "<" in text:
            written.append(text)
            continue
        configured = _named_source(text, _surroundings(ctx)).template
        if configured is None:
            raise DataError(
                f"the data source '{text}' has no template",
                "write 'template:' to it in project.yaml, or give the text itself",
            )
        written += [each for each in (configured.name, configured.content) if each is not None]
        header_lines = configured.header_lines
    try:
        return replace(Templates.of(written), header_lines=header_lines)
    except WrongTemplate as wrong:
        raise typer.BadParameter(str(wrong), param_hint="'--template'") from None


def _conventions(ctx: typer.Context) -> Conventions:
    """Give the conventions of the project; where there is none, or it says nothing, those that hold without."""
    from activities.connectors.conventions import CONVENTIONS

    try:
        settings = _surroundings(ctx).sections.get("experience_cloud")
    except AuthorError as problem:
        if [item.code for item in problem.diagnostics] != ["P001"]:
            raise
        settings = None
    return CONVENTIONS if settings is None else settings.conventions


def _described(found: Inspection) -> str:
    """Say for a person what a file is: a heading, and a line for each problem and record."""
    lines = "" if found.lines is None else f", {found.lines:,} lines"
    verdict = "valid" if found.is_valid else "not valid"
    said = [f"{found.file}: {found.kind or 'unknown'}{lines}, {verdict}"]
    for problem in found.problems:
        place = f"{found.file}:{problem.line}" if problem.line else found.file
        said.append(f"{place}: {problem.severity}: {problem.code}: {problem.message}")
    said += [f"  {json.dumps(record, ensure_ascii=False)}" for record in found.as_json()["records"]]
    return shown("\n".join(said))


def _quoted(text: str | None) -> str:
    return "nothing" if text is None else f"'{text}'"


def _named_source(name: str, surroundings: Surroundings) -> DataSourceSettings:
    sources: Mapping[str, DataSourceSettings] = surroundings.sections.get("data_sources") or {}
    if name not in sources:
        raise AuthorError.at(
            None, "A002", f"the project has no data source '{name}'", suggestion(name, sources, "data sources")
        )
    return sources[name]


def _surroundings(ctx: typer.Context) -> Surroundings:
    line: CommandLine = ctx.obj
    return line.surroundings()


def _audiences(surroundings: Surroundings) -> Mapping[str, AudienceSettings]:
    return surroundings.sections.get("audiences") or {}


def _find(name: str, surroundings: Surroundings) -> AudienceSettings:
    audiences = _audiences(surroundings)
    if name not in audiences:
        raise AuthorError.at(
            None, "A001", f"the project has no audience '{name}'", suggestion(name, audiences, "audiences")
        )
    return audiences[name]


def _source(found: AudienceSettings, surroundings: Surroundings) -> DataSourceSettings:
    sources: Mapping[str, DataSourceSettings] = surroundings.sections.get("data_sources") or {}
    if found.data_source not in sources:
        raise AuthorError.at(getattr(found.data_source, "span", None), "A002", f"the project has no data source '{found.data_source}'",
                             suggestion(found.data_source, sources, "data sources"))  # fmt: skip
    return sources[found.data_source]


def _cloud(surroundings: Surroundings) -> ExperienceCloudSandbox:
    """Open the local Experience Cloud. Refused when the environment means the real one."""
    from activities.connectors.experience_cloud.local import local

    return local(surroundings)


def _members(name: str, found: AudienceSettings, surroundings: Surroundings) -> Iterator[str]:
    try:
        return _cloud(surroundings).members(str(found.segment))
    except ValueError as problem:
        raise DataError(f"the local Experience Cloud does not know the audience '{name}': {problem}",
                        f"run 'audienceflow audiences create {name}', and write both ids into project.yaml") from None  # fmt: skip


def _summary(name: str, found: AudienceSettings, surroundings: Surroundings) -> dict[str, Any]:
    members = None
    if found.trait and found.segment:
        members = sum(1 for _ in _members(name, found, surroundings))
    ids = {"trait": found.trait, "segment": found.segment}
    return {"audience": name, "name": found.name, "data_source": found.data_source, **ids, "members": members}


def _lines(name: str, made: MadeAudience) -> str:
    lines = f'audiences:\n  {name}:\n    trait: "{made.trait}"\n    segment: "{made.segment}"'
    return lines if made.created is None else f'{lines}\n    created: "{made.created:%Y-%m-%d %H:%MZ}"'


def _print_aligned(rows: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _cell(value: object) -> str:
    match value:
        case None:
            return "-"
        case int():
            return f"{value:,}"
        case _:
            return str(value)

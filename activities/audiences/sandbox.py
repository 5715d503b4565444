"""`audienceflow sandbox`: the local Experience Cloud as a process of its own, and its clock and faults from the command line."""

from __future__ import annotations

import signal
import threading
from contextlib import ExitStack
from datetime import timedelta
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from engine.kit.command import CommandLine
from engine.kit.errors import DataError

if TYPE_CHECKING:  # pydantic is heavy, and help needs none of it
    from activities.connectors.experience_cloud_sandbox import TimedSandbox

app = typer.Typer(invoke_without_command=True)

PORT = 8650
HOURS = {"h": 1, "d": 24}

Folder = Annotated[
    Path | None,
    typer.Option("--folder", metavar="FOLDER", help="Where it keeps everything; else that of `sandbox: true`."),
]


@app.callback()
def sandbox(
    ctx: typer.Context,
    port: Annotated[
        int,
        typer.Option("--port", min=0, max=65533, help="The page's; S3 and SFTP take the next two. 0: any free ones."),
    ] = PORT,
    folder: Folder = None,
    full_every: Annotated[
        int,
        typer.Option(
            "--full-every", metavar="DAYS", min=0, help="Between full exports, only changes; 0: only the first is full."
        ),
    ] = 1,
    info: Annotated[
        Literal["none", "before", "after"], typer.Option("--info", help="When the .info of an export comes.")
    ] = "after",
    lines_per_file: Annotated[
        int, typer.Option("--lines-per-file", min=1, help="After how many lines an export is split.")
    ] = 5_000_000,
) -> None:
    """Start the local Experience Cloud: folders, S3, SFTP and a page. Ctrl-C ends it; all it knows stays in its folder."""
    if ctx.invoked_subcommand is not None:
        return
    from activities.connectors.experience_cloud.local import provide

    line: CommandLine = ctx.obj
    timed = _opened(ctx, folder)
    provide(timed, line.surroundings(), full_every=full_every, info=info, lines_per_file=lines_per_file)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as started:
        for text in _start(timed, port, started):
            typer.echo(text)
        while not stop.wait(1.0):
            timed.catch_up()


@app.command()
def advance(
    ctx: typer.Context,
    by: Annotated[str, typer.Argument(metavar="DURATION", help="How much time passes: 4h, 2d.")],
    folder: Folder = None,
) -> None:
    """Let time pass, with all that falls due in it."""
    amount, unit = by[:-1], by[-1:]
    if unit not in HOURS or not (amount.isascii() and amount.isdigit()) or len(amount) > 5:
        raise typer.BadParameter(f"'{by}' is no duration; write 4h or 2d", param_hint="'DURATION'")
    now = _opened(ctx, folder).advance(timedelta(hours=int(amount) * HOURS[unit]))
    typer.echo(f"It is {now:%Y-%m-%d %H:%M} UTC there.")


@app.command()
def fail(
    ctx: typer.Context,
    kind: Annotated[str, typer.Argument(metavar="FAULT", help="What goes wrong; an unknown one lists all.")],
    times: Annotated[int, typer.Option("--times", min=0, help="How often; 0 takes it back.")] = 1,
    folder: Folder = None,
) -> None:
    """Let something go wrong the next times."""
    try:
        _opened(ctx, folder).fail(kind, times)
    except ValueError as wrong:
        raise typer.BadParameter(str(wrong), param_hint="'FAULT'") from None
    typer.echo(f"{kind} will happen {times} times.")


def _opened(ctx: typer.Context, folder: Path | None) -> TimedSandbox:
    from activities.connectors.experience_cloud.local import FOLDER
    from activities.connectors.experience_cloud_sandbox import TimedSandbox

    line: CommandLine = ctx.obj
    surroundings = line.surroundings()
    return TimedSandbox(folder or surroundings.state_folder / FOLDER, real_clock=surroundings.clock)


def _start(timed: TimedSandbox, port: int, started: ExitStack) -> list[str]:
    """Start all doors; give what is to be said of them."""
    from activities.connectors.experience_cloud_sandbox.page import page_server
    from activities.connectors.experience_cloud_sandbox.s3 import s3_server
    from activities.connectors.experience_cloud_sandbox.sftp import USER, sftp_server

    for folder in (timed.inbound, timed.outbound):
        folder.mkdir(parents=True, exist_ok=True)
    ports = (port, port + 1, port + 2) if port else (0, 0, 0)
    try:
        page = _served(page_server(timed, ports[0]), started)
        s3 = _served(s3_server(timed, ports[1]), started)
    except OSError as taken:
        raise DataError(
            f"the ports from {port} on cannot be had: {taken.strerror}", "give another with --port, or 0"
        ) from None
    said = [
        f"page     http://127.0.0.1:{page}",
        f"S3       http://127.0.0.1:{s3} (buckets inbound and outbound, any key)",
    ]
    try:
        sftp = started.enter_context(sftp_server(timed, ports[2]))
        said.append(f"SFTP     sftp://{USER}@127.0.0.1:{sftp} (known_hosts and id_ed25519 lie in the folder)")
    except ImportError:
        said.append("SFTP     not without its library: pip install 'audienceflow[sftp]'")
    return [*said, f"folder   {timed.folder}"]


def _served(server: ThreadingHTTPServer, started: ExitStack) -> int:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    started.callback(server.server_close)
    started.callback(server.shutdown)
    return server.server_port

"""`headway sandbox`."""

import os
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from headway_cli.commands import sandbox_clock, sandbox_fault
from headway_cli.engine_session import MISLEADING, open_session
from headway_cli.errors import HeadwayError
from headway_cli.lock import exclusive
from headway_cli.narration import Narrator
from headway_cli.output import JsonOption, emit
from headway_cli.project import LOCAL_STACK, find_project, require_free_space, sandbox_port
from headway_cli.sandbox import (
    find_sandbox,
    kill_sandbox,
    require_sandbox,
    reset_sandbox,
    start_sandbox,
    stop_sandbox,
)
from headway_sandbox.lifecycle import SandboxRecord

app = typer.Typer(no_args_is_help=True, help="The AWS on this machine.")
_FOLLOW_S = 0.2


app.add_typer(sandbox_fault.app, name="fault")
app.add_typer(sandbox_clock.app, name="clock")


@app.command()
def start(
    enforce_iam: Annotated[
        bool | None,
        typer.Option(
            "--enforce-iam/--no-enforce-iam",
            help="Authorise every call against the policies of its caller, as AWS does. "
            "Without either, a sandbox that runs stays as it is, and HEADWAY_SANDBOX_ENFORCE_IAM=1 decides.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Start it, or find it running."""
    project = find_project()
    port = sandbox_port()
    require_free_space(project.home)
    with Narrator.on_standard_error().step("Starting the sandbox"):
        record = start_sandbox(project, port, enforce_iam=enforce_iam)
    document = {
        "running": True,
        "endpoint_url": record.endpoint_url,
        "pid": record.pid,
        "enforce_iam": record.enforce_iam,
    }
    emit(f"the sandbox runs at {record.endpoint_url}{_mode(record)}", document, as_json=as_json)


@app.command()
def stop(as_json: JsonOption = False) -> None:
    """Stop it with all of its jobs and endpoints; its state stays."""
    project = find_project()
    with exclusive(project.home, "headway sandbox stop"):
        stopped = stop_sandbox(project)
    emit(
        "the sandbox is stopped" if stopped else "the sandbox was not running",
        {"stopped": stopped},
        as_json=as_json,
    )


@app.command()
def kill(as_json: JsonOption = False) -> None:
    """Kill it on the spot, as a power cut would; for rehearsals. The next start says what was interrupted."""
    killed = kill_sandbox(find_project())
    emit(
        "the sandbox is killed; `headway sandbox start` brings it back"
        if killed
        else "the sandbox was not running",
        {"killed": killed},
        as_json=as_json,
    )


@app.command()
def status(as_json: JsonOption = False) -> None:
    """Say whether it runs, and where."""
    record = find_sandbox(find_project())
    if record is None:
        emit(
            "the sandbox is not running; `headway sandbox start` starts it",
            {"running": False},
            as_json=as_json,
        )
        raise typer.Exit(1)
    document = {
        "running": True,
        "endpoint_url": record.endpoint_url,
        "pid": record.pid,
        "started_at": record.started_at,
        "enforce_iam": record.enforce_iam,
    }
    since = f"process {record.pid}, since {record.started_at}"
    text = f"the sandbox runs at {record.endpoint_url}{_mode(record)} ({since})"
    emit(text, document, as_json=as_json)


@app.command()
def reset(as_json: JsonOption = False) -> None:
    """Empty it, and forget the stacks that lived in it."""
    project = find_project()
    with exclusive(project.home, "headway sandbox reset"):
        reset_sandbox(project)
    emit("the sandbox is empty", {"reset": True}, as_json=as_json)


@app.command()
def logs(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on printing what comes.")] = False,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=0, help="How many of the last lines to print.")
    ] = 100,
) -> None:
    """Print what the sandbox wrote."""
    path = find_project().sandbox_dir / "sandbox.log"
    if not path.exists():
        raise HeadwayError(f"there is no log yet: {path} is written when the sandbox starts")
    last = path.read_text("utf-8", errors="replace").splitlines()
    for line in last[max(0, len(last) - lines) :]:
        typer.echo(line)
    if follow:
        for line in _coming(path):
            typer.echo(line, nl=False)


@app.command()
def env(as_json: JsonOption = False) -> None:
    """Print what plain `pulumi` and `aws` need to work on the sandbox: eval "$(headway sandbox env)"."""
    project = find_project()
    record = require_sandbox(project)
    variables = open_session(project, LOCAL_STACK, Narrator.on_standard_error(), record).variables
    unset = [name for name in MISLEADING if name in os.environ]
    text = [f"export {name}={shlex.quote(value)}" for name, value in sorted(variables.items())]
    text += [f"unset {name}" for name in unset]
    emit("\n".join(text), {"environment": dict(variables), "unset": unset}, as_json=as_json)


def _mode(record: SandboxRecord) -> str:
    return " and enforces IAM" if record.enforce_iam else ""


def _coming(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", errors="replace") as file:
        file.seek(0, os.SEEK_END)
        while True:
            line = file.readline()
            if line:
                yield line
            else:
                time.sleep(_FOLLOW_S)

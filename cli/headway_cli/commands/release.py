"""`headway release`."""

import getpass
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from headway_cli import release_control
from headway_cli.errors import WrongUseError
from headway_cli.opening import open_system
from headway_cli.output import DEFAULT_STACK, JsonOption, StackOption, SystemOption, emit
from headway_cli.project import LOCAL_STACK
from headway_cli.release_view import history_text, release_document, release_text

LOOK_S = 1.0
app = typer.Typer(no_args_is_help=True, help="Releases: see, start, hold, turn back.")
WhyOption = Annotated[str, typer.Option("--why", help="The reason, kept in the record.")]
ByOption = Annotated[
    str | None, typer.Option("--by", help="Who says so; your login name when left out.", metavar="NAME")
]


@app.command()
def status(
    system: SystemOption = None,
    stack: StackOption = DEFAULT_STACK,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show it live until it is over.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say how the newest release stands: stage, weights, samples, each metric's ratio and evidence."""
    if watch and as_json:
        raise WrongUseError("--watch is for people and --json for programs; give one of them")
    aws, chosen = open_system(stack, system)
    records = release_control.records_of(aws, chosen)
    found = release_control.newest(records)
    plan = release_control.plan_of(aws, chosen, found)
    if watch:
        console = Console(highlight=False)
        with Live(console=console, auto_refresh=False) as live:
            while True:
                live.update(Text(release_text(found, plan, datetime.now(UTC))), refresh=True)
                if found is None or found.is_over:
                    return
                time.sleep(LOOK_S)
                found = release_control.newest(records)
                plan = release_control.plan_of(aws, chosen, found)
    text = release_text(found, plan, datetime.now(UTC))
    emit(text, release_document(chosen.name, found, plan), as_json=as_json)


@app.command()
def start(
    *,
    system: SystemOption = None,
    stack: StackOption = DEFAULT_STACK,
    package: Annotated[
        str | None,
        typer.Option(help="ARN of an approved model package; what is declared when left out.", metavar="ARN"),
    ] = None,
    override: Annotated[
        str | None,
        typer.Option(help="Why a model that was rolled back is tried again.", metavar="REASON"),
    ] = None,
    by: ByOption = None,
    rehearse: Annotated[
        bool,
        typer.Option("--rehearse", help="Release the model as a new version of itself; only in the sandbox."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Release a model: it goes through every stage, judged at each."""
    if rehearse and stack != LOCAL_STACK:
        raise WrongUseError(f"--rehearse is for the sandbox; the stack {stack} has real users")
    if rehearse and override is not None:
        raise WrongUseError("--rehearse releases a new version, which needs no --override")
    aws, chosen = open_system(stack, system)
    if rehearse:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        released = release_control.rehearse(aws, chosen, package, at)
        text = f"the rehearsal of {released} begins; now `headway traffic replay`, with a --fault or without"
        emit(text, {"system": chosen.name, "package": released}, as_json=as_json)
        return
    said = None if override is None else f"{_name(by)}: {override}"
    released = release_control.start(aws, chosen, package, said)
    text = f"the release of {released} begins; see `headway release status --watch`"
    emit(text, {"system": chosen.name, "package": released}, as_json=as_json)


@app.command()
def pause(
    why: WhyOption,
    system: SystemOption = None,
    stack: StackOption = DEFAULT_STACK,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold a release where it is, until it is resumed or the time that the plan gives it is over."""
    _order("pause", why, by, system, stack, as_json=as_json)


@app.command()
def resume(
    *,
    why: WhyOption,
    system: SystemOption = None,
    stack: StackOption = DEFAULT_STACK,
    accept_stage: Annotated[
        bool, typer.Option("--accept-stage", help="End the stage as passed; the plan names who may.")
    ] = False,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a release go on."""
    _order("accept" if accept_stage else "resume", why, by, system, stack, as_json=as_json)


@app.command()
def rollback(
    why: WhyOption,
    system: SystemOption = None,
    stack: StackOption = DEFAULT_STACK,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Turn a release back: the champion answers everybody again."""
    _order("rollback", why, by, system, stack, as_json=as_json)


@app.command()
def history(
    system: SystemOption = None, stack: StackOption = DEFAULT_STACK, as_json: JsonOption = False
) -> None:
    """Show every release with every decision."""
    aws, chosen = open_system(stack, system)
    found = release_control.records_of(aws, chosen).all()
    document = {"system": chosen.name, "releases": [asdict(release) for release in found]}
    emit(history_text(found), document, as_json=as_json)


@app.command()
def report(
    system: SystemOption = None, stack: StackOption = DEFAULT_STACK, as_json: JsonOption = False
) -> None:
    """Show what the shadow of the newest release showed, in Markdown."""
    aws, chosen = open_system(stack, system)
    text, document = release_control.report(aws, chosen)
    emit(text, document, as_json=as_json)


def _order(what: str, why: str, by: str | None, system: str | None, stack: str, *, as_json: bool) -> None:
    aws, chosen = open_system(stack, system)
    release = release_control.order(aws, chosen, what, _name(by), why)
    text = f"told {release.release_id}: {what}"
    emit(text, {"system": chosen.name, "release": release.release_id, "order": what}, as_json=as_json)


def _name(by: str | None) -> str:
    name = getpass.getuser() if by is None else by
    if not name.strip() or ":" in name:
        raise WrongUseError(f"--by is {name!r}; it must be a name without a colon")
    return name

"""`headway traffic`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Annotated

import typer

from headway_cli import release_control
from headway_cli.aws import Aws
from headway_cli.errors import WrongUseError
from headway_cli.narration import Narrator
from headway_cli.opening import open_system
from headway_cli.output import DEFAULT_STACK, JsonOption, StackOption, SystemOption, emit
from headway_cli.project import LOCAL_STACK, find_project
from headway_cli.sandbox import control_sandbox
from headway_cli.systems import System
from headway_cli.traffic import DEFAULT_RATE, playing, read_rows
from headway_runtime.release.shapes import CHALLENGER, CHAMPION

app = typer.Typer(no_args_is_help=True, help="Traffic for rehearsals.")
_FAULTS_PATH = "/_headway/faults"
_LOOK_S = 1.0
_LONGEST_S = 86_400.0
_LEASE_S = 30.0
"""By so much a fault outlives the time of a command that was killed."""


class Fault(Enum):
    """What is made wrong with a model."""

    LATENCY = "latency"
    ERRORS = "errors"
    WRONG = "wrong"
    CRASH = "crash"
    SILENT = "silent"


FAULTS = {
    Fault.LATENCY: {"delay_s": 0.05},
    Fault.ERRORS: {"error_rate": 0.03},
    Fault.WRONG: {"wrong_rate": 1.0},
    Fault.CRASH: {"crash_rate": 0.05},
    Fault.SILENT: {"silent_rate": 1.0},
}
"""50 ms later, three errors in a hundred, every answer wrong, one crash in twenty, no answer at all."""


@app.command()
def replay(
    *,
    system: SystemOption = None,
    stack: StackOption = DEFAULT_STACK,
    rate: Annotated[float, typer.Option(help="Requests a second.", min=0.1, max=10_000)] = DEFAULT_RATE,
    seconds: Annotated[
        float, typer.Option(help="How long, in seconds, a day at most.", min=0.1, max=_LONGEST_S)
    ] = 60.0,
    fault: Annotated[
        Fault | None, typer.Option(help="What is wrong with the model meanwhile; only in the sandbox.")
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(help="Only requests that contain this text meet the fault, for example ,EV, or EV,"),
    ] = None,
    on: Annotated[str, typer.Option(help="The variant with the fault.")] = CHALLENGER,
    testers: Annotated[
        bool, typer.Option("--testers", help="Ask as internal testers, whom the challenger answers.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Play the rows after the training cut at the endpoint, in their order, as its users would."""
    if fault is not None and stack != LOCAL_STACK:
        raise WrongUseError(f"--fault is for the sandbox; the stack {stack} has real users")
    if where is not None and fault is None:
        raise WrongUseError("--where says which requests meet a --fault; give one")
    if on not in (CHAMPION, CHALLENGER):
        raise WrongUseError(f"--on is {on!r}; it must be {CHAMPION} or {CHALLENGER}")
    aws, chosen = open_system(stack, system)
    rows = read_rows(aws, chosen)
    if where is not None and not any(where in row.text for row in rows):
        raise WrongUseError(f"--where is {where!r}, which no row contains; they read like {rows[0].text}")
    narrator = Narrator.on_standard_error()
    if fault is not None and on == CHALLENGER and not _is_released(aws, chosen):
        begin = "`headway release start --rehearse` begins one"
        narrator.warn(f"no release of {chosen.name} goes on, so there is no challenger yet; {begin}")
    title = f"Playing {len(rows):,} rows at {chosen.endpoint_name}"
    with (
        _faulty(chosen.endpoint_name, on, fault, where, seconds),
        narrator.step(title) as step,
        playing(aws, chosen, rows, rate, are_testers=testers) as played,
    ):
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            time.sleep(min(left, _LOOK_S))
            step.update(f"{played.answered} answered, {played.failed} failed")
    by = ", ".join(f"{count} by {name}" for name, count in sorted(played.by.items()))
    text = f"{played.answered} answered ({by}), {played.failed} failed"
    document = {
        "system": chosen.name,
        "answered": played.answered,
        "by": dict(played.by),
        "failed": played.failed,
        "last_error": played.last_error,
    }
    emit(f"{text}{f': {played.last_error}' if played.failed else ''}", document, as_json=as_json)


def _is_released(aws: Aws, system: System) -> bool:
    """Whether a release goes on."""
    newest = release_control.newest(release_control.records_of(aws, system))
    return newest is not None and not newest.is_over


@contextmanager
def _faulty(
    endpoint: str, variant: str, fault: Fault | None, where: str | None, seconds: float
) -> Iterator[None]:
    if fault is None:
        yield
        return
    lasts_s = min(seconds + _LEASE_S, _LONGEST_S)
    document = {
        "kind": "worker",
        "endpoint": endpoint,
        "variant": variant,
        "for_s": lasts_s,
        **FAULTS[fault],
    }
    if where is not None:
        document["body_has"] = where
    project = find_project()
    made = control_sandbox(project, "POST", _FAULTS_PATH, document)["fault"]
    try:
        yield
    finally:
        control_sandbox(project, "DELETE", f"{_FAULTS_PATH}/{made['id']}")

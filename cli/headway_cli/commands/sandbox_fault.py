"""`headway sandbox fault`."""

from typing import Annotated, Any

import typer

from headway_cli.output import JsonOption, emit
from headway_cli.project import find_project
from headway_cli.sandbox import control_sandbox

app = typer.Typer(no_args_is_help=True, help="What the sandbox is to do wrong, for rehearsals.")
add_app = typer.Typer(no_args_is_help=True, help="Add a fault; it lasts until it is cleared or used up.")
app.add_typer(add_app, name="add")
_PATH = "/_headway/faults"

TimesOption = Annotated[
    int | None, typer.Option("--times", help="How many calls it meets; without it, all until it is cleared.")
]


@add_app.command()
def api(
    *,
    service: Annotated[str, typer.Argument(help="The service as AWS's SDKs name it, for example sagemaker.")],
    operation: Annotated[str, typer.Argument(help="The operation, for example UpdateEndpoint; * for all.")],
    error: Annotated[
        str | None,
        typer.Option(help="throttle, or an error as AWS names it, for example ResourceLimitExceeded."),
    ] = None,
    message: Annotated[str | None, typer.Option(help="The error's message.")] = None,
    status: Annotated[int | None, typer.Option(help="The error's HTTP status; by default AWS's.")] = None,
    delay_s: Annotated[
        float | None, typer.Option("--delay", help="Seconds that the call takes before anything else.")
    ] = None,
    times: TimesOption = None,
    rate: Annotated[
        float | None, typer.Option(help="Share of the calls that it meets, from 0 to 1; by default all.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Which calls a rate meets; by default 0.")] = None,
    as_json: JsonOption = False,
) -> None:
    """An operation of any service throttles, fails, or takes its time."""
    members = {
        "service": service,
        "operation": operation,
        "error": error,
        "message": message,
        "status": status,
        "delay_s": delay_s,
        "times": times,
        "rate": rate,
        "seed": seed,
    }
    _add("api", members, as_json=as_json)


@add_app.command()
def worker(
    *,
    endpoint: Annotated[str, typer.Option(help="The endpoint; by default all.")] = "*",
    variant: Annotated[str, typer.Option(help="The variant; by default all.")] = "*",
    delay_s: Annotated[float | None, typer.Option("--delay", help="Seconds that answers come late.")] = None,
    error_rate: Annotated[float | None, typer.Option(help="Share of calls that fail, from 0 to 1.")] = None,
    wrong_rate: Annotated[
        float | None, typer.Option(help="Share of calls that are answered wrongly.")
    ] = None,
    crash_rate: Annotated[float | None, typer.Option(help="Share of calls that kill the worker.")] = None,
    silent_rate: Annotated[float | None, typer.Option(help="Share of calls that are never answered.")] = None,
    body_has: Annotated[
        str | None, typer.Option(help="Only calls whose body contains this text; by default all.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """The model servers behind an endpoint are slow, fail, answer wrongly, crash or say nothing."""
    members = {
        "endpoint": endpoint,
        "variant": variant,
        "delay_s": delay_s,
        "error_rate": error_rate,
        "wrong_rate": wrong_rate,
        "crash_rate": crash_rate,
        "silent_rate": silent_rate,
        "body_has": body_has,
    }
    _add("worker", members, as_json=as_json)


@add_app.command()
def capacity(
    instance_type: Annotated[
        str, typer.Argument(help="The instance type, for example ml.m5.large; * for all.")
    ],
    times: TimesOption = None,
    as_json: JsonOption = False,
) -> None:
    """There is no capacity for an instance type."""
    _add("capacity", {"instance_type": instance_type, "times": times}, as_json=as_json)


@app.command("list")
def list_faults(as_json: JsonOption = False) -> None:
    """Show every fault and how many calls it has met."""
    faults = control_sandbox(find_project(), "GET", _PATH)["faults"]
    emit("\n".join(_line(fault) for fault in faults) or "there are no faults", faults, as_json=as_json)


@app.command()
def clear(
    fault: Annotated[
        str | None, typer.Argument(help="The fault, for example fault-1; by default all.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """End one fault, or all."""
    path = _PATH if fault is None else f"{_PATH}/{fault}"
    cleared = control_sandbox(find_project(), "DELETE", path)["cleared"]
    emit(f"{cleared} fault{'' if cleared == 1 else 's'} cleared", {"cleared": cleared}, as_json=as_json)


def _add(kind: str, members: dict[str, Any], *, as_json: bool) -> None:
    document = {"kind": kind, **{name: value for name, value in members.items() if value is not None}}
    fault = control_sandbox(find_project(), "POST", _PATH, document)["fault"]
    emit(_line(fault), fault, as_json=as_json)


def _line(fault: dict[str, Any]) -> str:
    hidden = ("id", "kind", "seen", "met")
    told = ", ".join(f"{name} {value}" for name, value in fault.items() if name not in hidden)
    return f"{fault['id']}  {fault['kind']}: {told} (met {fault['met']} of {fault['seen']} calls)"

"""`headway sandbox clock`."""

from typing import Annotated

import typer

from headway_cli.output import JsonOption, emit
from headway_cli.project import find_project
from headway_cli.sandbox import control_sandbox

app = typer.Typer(no_args_is_help=True, help="The time that schedules go by: run one now, or all faster.")


@app.command()
def show(as_json: JsonOption = False) -> None:
    """Show the clock and everything that runs by it."""
    found = control_sandbox(find_project(), "GET", "/_headway/clock")
    lines = [f"{found['now']}, at {found['speed']:g} times the speed of real time"]
    lines += [
        f"{item['kind']}  {item['name']}  {item['expression']}{'' if item['enabled'] else '  (disabled)'}"
        for item in found["schedules"]
    ]
    emit("\n".join(lines), found, as_json=as_json)


@app.command()
def run(
    name: Annotated[str, typer.Argument(help="Name or ARN of a rule, a schedule or a monitoring schedule.")],
    as_json: JsonOption = False,
) -> None:
    """Run something now that runs by time; its declaration stays as it is."""
    fired = control_sandbox(find_project(), "POST", "/_headway/clock/run", {"name": name})["fired"]
    emit("\n".join(f"fired {arn}" for arn in fired), {"fired": fired}, as_json=as_json)


@app.command()
def speed(
    factor: Annotated[
        float, typer.Argument(help="Seconds on the clock in one real second, from 1 to 1000000.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Let time pass faster for everything that runs by it; 1 is real time again."""
    found = control_sandbox(find_project(), "POST", "/_headway/clock/speed", {"speed": factor})
    emit(f"time passes {found['speed']:g} times as fast as real time", found, as_json=as_json)

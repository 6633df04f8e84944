"""`headway flag`."""

import getpass
from dataclasses import asdict
from typing import Annotated

import typer

from headway_cli.flags import read_flags, turn_flag
from headway_cli.opening import open_system
from headway_cli.output import DEFAULT_STACK, JsonOption, StackOption, SystemOption, emit

app = typer.Typer(
    no_args_is_help=True, help="Switches that take a model away from users, without a deployment."
)
NameArgument = Annotated[
    str,
    typer.Argument(help="challenger: the model that is being released; model: every model.", metavar="NAME"),
]
WhyOption = Annotated[str, typer.Option("--why", help="The reason, kept with the change.")]


@app.command()
def show(
    system: SystemOption = None, stack: StackOption = DEFAULT_STACK, as_json: JsonOption = False
) -> None:
    """Show every switch."""
    aws, chosen = open_system(stack, system)
    flags = read_flags(aws, chosen)
    lines = [f"{flag.name:<12} {'on' if flag.is_on else 'off':<4} {flag.says}" for flag in flags]
    emit(
        "\n".join(lines), {"system": chosen.name, "flags": [asdict(flag) for flag in flags]}, as_json=as_json
    )


@app.command()
def on(
    name: NameArgument,
    why: WhyOption,
    system: SystemOption = None,
    stack: StackOption = DEFAULT_STACK,
    as_json: JsonOption = False,
) -> None:
    """Let it answer users again."""
    _turn(name, why, system, stack, on=True, as_json=as_json)


@app.command()
def off(
    name: NameArgument,
    why: WhyOption,
    system: SystemOption = None,
    stack: StackOption = DEFAULT_STACK,
    as_json: JsonOption = False,
) -> None:
    """Take it away from users: the champion answers, or the answer that the contract declares."""
    _turn(name, why, system, stack, on=False, as_json=as_json)


def _turn(name: str, why: str, system: str | None, stack: str, *, on: bool, as_json: bool) -> None:
    aws, chosen = open_system(stack, system)
    turn_flag(aws, chosen, name, f"{getpass.getuser()}: {why}", on=on)
    word = "on" if on else "off"
    text = f"{name} is {word}; callers see it within 15 s"
    emit(text, {"system": chosen.name, "name": name, "is_on": on}, as_json=as_json)

"""`headway monitor`."""

from dataclasses import asdict

import typer

from headway_cli.errors import HeadwayError
from headway_cli.monitoring import look, watched
from headway_cli.opening import open_system
from headway_cli.output import DEFAULT_STACK, JsonOption, StackOption, SystemOption, emit

app = typer.Typer(no_args_is_help=True, help="Whether live traffic drifts from what the model learned from.")


@app.command()
def status(
    system: SystemOption = None, stack: StackOption = DEFAULT_STACK, as_json: JsonOption = False
) -> None:
    """Show what the last windows said."""
    aws, chosen = open_system(stack, system)
    seen = watched(aws, chosen)
    emit("\n".join(seen.lines()), {"system": chosen.name, **asdict(seen)}, as_json=as_json)


@app.command()
def run(system: SystemOption = None, stack: StackOption = DEFAULT_STACK, as_json: JsonOption = False) -> None:
    """Look at the traffic since the last window now, without waiting for the schedule."""
    aws, chosen = open_system(stack, system)
    found = look(aws, chosen)
    if found.status != "Succeeded":
        raise HeadwayError(f"the monitor of {chosen.name} ended as {found.status}: {found.says}")
    emit(found.says, {"system": chosen.name, **asdict(found)}, as_json=as_json)

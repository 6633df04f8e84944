"""`headway review`."""

import getpass
import time
from typing import Annotated

import typer

from headway_cli.errors import WrongUseError
from headway_cli.opening import open_system
from headway_cli.output import DEFAULT_STACK, JsonOption, StackOption, SystemOption, emit
from headway_cli.reviewing import item_document, item_text, list_text, read_label, reviewing, turn

app = typer.Typer(no_args_is_help=True, help="Answers that the model is unsure of: list, show, label.")
IdArgument = Annotated[str, typer.Argument(help="The answer, as `headway review list` shows it.")]
ByOption = Annotated[
    str | None, typer.Option("--by", help="Who reviews; your login name when left out.", metavar="NAME")
]


@app.command("list")
def list_(
    *,
    system: SystemOption = None,
    stack: StackOption = DEFAULT_STACK,
    every: Annotated[bool, typer.Option("--all", help="Those that are decided or expired too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the answers that wait, the least sure first; what speaks of a person is masked."""
    aws, chosen = open_system(stack, system)
    queue = reviewing(aws, chosen)
    items = queue.everything() if every else queue.waiting()
    document = {"system": chosen.name, "answers": [item_document(item) for item in items]}
    emit(list_text(items, time.time()), document, as_json=as_json)


@app.command()
def show(
    review_id: IdArgument,
    *,
    system: SystemOption = None,
    stack: StackOption = DEFAULT_STACK,
    take: Annotated[bool, typer.Option("--take", help="Keep it for yourself for a while.")] = False,
    by: ByOption = None,
    show_personal_data: Annotated[
        bool, typer.Option("--show-personal-data", help="Show what speaks of a person too.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show one answer with what the model was asked."""
    aws, chosen = open_system(stack, system)
    queue = reviewing(aws, chosen)
    item = queue.take(review_id, _name(by)) if take else queue.item(review_id)
    document = {"system": chosen.name, **item_document(item, personal_data=show_personal_data)}
    emit(item_text(item, time.time(), personal_data=show_personal_data), document, as_json=as_json)


@app.command()
def label(
    review_id: IdArgument,
    value: Annotated[str, typer.Argument(help="What is true: 0 or 1.", metavar="LABEL")],
    *,
    system: SystemOption = None,
    stack: StackOption = DEFAULT_STACK,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what is true; the label goes to training and monitor with your name and the time."""
    try:
        given = read_label(value)
    except ValueError as error:
        raise WrongUseError(str(error)) from error
    aws, chosen = open_system(stack, system)
    item = reviewing(aws, chosen).label(review_id, _name(by), given)
    left = item.wanted - len(item.labels)
    text = (
        f"{review_id} is decided with {item.label}"
        if item.label is not None
        else f"{review_id} has your label; {left} more {'is' if left == 1 else 'are'} wanted"
    )
    emit(text, {"system": chosen.name, **item_document(item)}, as_json=as_json)


@app.command()
def collect(
    system: SystemOption = None, stack: StackOption = DEFAULT_STACK, as_json: JsonOption = False
) -> None:
    """Take a turn now, without waiting for the schedule: answers come in, labels go back."""
    aws, chosen = open_system(stack, system)
    found = turn(aws, chosen)
    emit(str(found["sentence"]), {"system": chosen.name, **found}, as_json=as_json)


def _name(by: str | None) -> str:
    name = getpass.getuser() if by is None else by
    if not name.strip():
        raise WrongUseError("--by is empty; it must be a name")
    return name

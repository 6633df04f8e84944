"""`headway erase`."""

from typing import TYPE_CHECKING, Annotated

import typer

from headway_cli.errors import HeadwayError, NeedsPersonError, WrongUseError
from headway_cli.narration import Narrator
from headway_cli.opening import open_system
from headway_cli.output import DEFAULT_STACK, JsonOption, StackOption, SystemOption, emit
from headway_cli.project import find_project

if TYPE_CHECKING:
    from headway_runtime.erasure.findings import Outcome

_PROGRAM = "stacks"


def erase(
    subject: Annotated[
        list[str],
        typer.Option(
            "--subject", help="Who, by a key of a feature contract; may come again.", metavar="KEY=VALUE"
        ),
    ],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Erase; without it, only look.")] = False,
    asked_by: Annotated[
        str | None,
        typer.Option("--asked-by", help="Who asked: a ticket or an officer, for the record.", metavar="WHO"),
    ] = None,
    keep_datasets: Annotated[
        str | None,
        typer.Option(
            "--keep-datasets", help="Leave dataset versions as they are, on this ground.", metavar="GROUND"
        ),
    ] = None,
    delete_unreadable: Annotated[
        bool, typer.Option("--delete-unreadable", help="Delete files whole that cannot be read.")
    ] = False,
    system: SystemOption = None,
    stack: StackOption = DEFAULT_STACK,
    as_json: JsonOption = False,
) -> None:
    """Erase a person, or whatever features are kept about, from every store; look first."""
    from headway_cli import erasing  # noqa: PLC0415 - other verbs need no database
    from headway_cli.erasing_text import document_of, text_of  # noqa: PLC0415

    if yes and asked_by is None:
        raise WrongUseError(
            "--yes needs --asked-by: who asked for it, a ticket or an officer, for the record"
        )
    aws, chosen = open_system(stack, system)
    who = erasing.subject_of(chosen, subject)
    target = erasing.Target(aws, chosen, find_project().program_root / _PROGRAM)
    if asked_by is not None and yes:
        order = erasing.order_of(chosen, who, asked_by, keep_datasets, delete_unreadable=delete_unreadable)
        erased = erasing.erase(target, who, order, Narrator.on_standard_error().say)
    else:
        erased = erasing.look(target, who)
    emit(text_of(erased, list(who.keys)), document_of(chosen, erased), as_json=as_json)
    if yes:
        _end(erased.outcome, as_json=as_json)


def _end(outcome: "Outcome", *, as_json: bool) -> None:
    """Ends with what the outcome means; a program has been told everything already."""
    left = [item for item in outcome.left if item.needs_person]
    error: HeadwayError | None = None
    if not outcome.is_gone:
        error = HeadwayError("the subject is not gone; run the same command again")
    elif left:
        error = NeedsPersonError(f"{len(left)} things stay that may not go or cannot be read; each is named")
    if error is not None and as_json:
        raise typer.Exit(error.exit_code)
    if error is not None:
        raise error

"""`headway up`."""

from typing import Annotated

import typer

from headway_cli.bring_up import Brought, bring_up
from headway_cli.consent import require_consent
from headway_cli.errors import HeadwayError, NeedsPersonError
from headway_cli.gate.stack_settings import settings_file
from headway_cli.narration import Narrator
from headway_cli.output import DEFAULT_STACK, JsonOption, StackOption, emit, own_command
from headway_cli.project import LOCAL_STACK, find_project
from headway_cli.summary import summary


def up(
    stack: StackOption = DEFAULT_STACK,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, for a stack in the cloud.")] = False,
    approved_by: Annotated[
        str | None,
        typer.Option("--approved-by", metavar="WHO", help="Who looked at what the gate sends to a person."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Bring a stack up: sandbox, engine, gate, update, training, release; then say what is live."""
    project = find_project()
    if stack != LOCAL_STACK:
        settings_file(project.program_root, stack)
    require_consent(stack, f"deploy the stack {stack}", yes=yes)
    narrator = Narrator.on_standard_error()
    brought = bring_up(project, stack, narrator, approved_by)
    document = {
        "stack": brought.stack,
        "changes": brought.changes,
        "gate": {"lane": brought.lane, "evidence": brought.digest},
        "undecided": list(brought.undecided),
        "systems": {status["system"]: status for status in brought.statuses},
        "problems": list(brought.problems),
        "waiting": list(brought.waiting),
    }
    emit(_text(brought), document, as_json=as_json)
    for text in (*brought.problems, *brought.waiting):
        narrator.warn(text)
    if brought.problems:
        raise typer.Exit(HeadwayError.exit_code)
    if brought.waiting:
        raise typer.Exit(NeedsPersonError.exit_code)


def _text(brought: Brought) -> str:
    parts = [summary(status, own_command()) for status in brought.statuses]
    if brought.undecided:
        parts.append(
            f"Policy answers that the plan could not give, because a value was not known before the update: "
            f"{len(brought.undecided)}; the update gave them."
        )
    return "\n\n".join(parts)

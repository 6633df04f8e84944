"""`headway down`."""

from dataclasses import asdict
from typing import Annotated

import typer

from headway_cli.consent import require_consent
from headway_cli.narration import Narrator
from headway_cli.output import DEFAULT_STACK, JsonOption, StackOption, emit
from headway_cli.project import find_project
from headway_cli.pulumi_events import in_words
from headway_cli.tear_down import Removed, tear_down


def down(
    stack: StackOption = DEFAULT_STACK,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, for a stack in the cloud.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove a stack with all that it made, and stop the sandbox."""
    project = find_project()
    require_consent(stack, f"remove the stack {stack} and everything in it", yes=yes)
    removed = tear_down(project, stack, Narrator.on_standard_error())
    emit(_text(removed), asdict(removed), as_json=as_json)
    if removed.left:
        raise typer.Exit(1)


def _text(removed: Removed) -> str:
    lines = [f"{removed.stack}: {in_words(removed.changes)}"]
    if removed.left:
        lines += [
            "still there, made by nothing that the stack declares:",
            *(f"  {name}" for name in removed.left),
        ]
    if removed.sandbox_stopped:
        lines.append("the sandbox is stopped")
    return "\n".join(lines)

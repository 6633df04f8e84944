"""`headway story`."""

from dataclasses import asdict
from datetime import date
from typing import Annotated

import typer

from headway_cli.bring_up import bring_up
from headway_cli.errors import HeadwayError
from headway_cli.narration import Narrator
from headway_cli.opening import open_system
from headway_cli.output import JsonOption, SystemOption, emit
from headway_cli.project import LOCAL_STACK, find_project

app = typer.Typer(
    no_args_is_help=True, help="What a system does by itself, told while it happens on the sandbox."
)


@app.callback()
def _stories() -> None:
    """Each story is a command of its own."""


@app.command()
def drift(
    system: SystemOption = None,
    every: Annotated[
        int, typer.Option(min=1, max=50, help="Play each so many-th row; more goes faster and proves less.")
    ] = 1,
    as_json: JsonOption = False,
) -> None:
    """Play August, September and October of 2013: what drifts is seen, and a new model earns its way."""
    # Imported here: the other commands go without tables and models.
    from headway_cli.story.drift import DriftStory, Period  # noqa: PLC0415

    project = find_project()
    narrator = Narrator.on_standard_error()
    brought = bring_up(project, LOCAL_STACK, narrator)
    if brought.problems or brought.waiting:
        raise HeadwayError("; ".join((*brought.problems, *brought.waiting)))
    aws, chosen = open_system(LOCAL_STACK, system)
    story = DriftStory(aws, chosen, project.program_root / "stacks", narrator, every)
    told = story.tell(
        Period("August, the control", date(2013, 8, 1), date(2013, 9, 1)),
        (
            Period("September", date(2013, 9, 1), date(2013, 10, 1)),
            Period("October", date(2013, 10, 1), date(2013, 11, 1)),
        ),
    )
    emit("\n".join(told.sentences), {"system": chosen.name, **asdict(told)}, as_json=as_json)

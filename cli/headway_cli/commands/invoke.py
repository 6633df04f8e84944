"""`headway invoke`."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from headway_cli import invoking
from headway_cli.aws import Aws
from headway_cli.engine_session import open_session
from headway_cli.errors import WrongUseError
from headway_cli.narration import Narrator
from headway_cli.output import DEFAULT_STACK, JsonOption, StackOption, SystemOption, emit
from headway_cli.project import LOCAL_STACK, find_project
from headway_cli.rows import example_row, parse_rows
from headway_cli.sandbox import require_sandbox
from headway_cli.systems import choose_system, read_systems


def invoke(
    row: Annotated[
        str | None,
        typer.Option(
            "--row",
            help="A file with rows: JSON, JSON Lines or CSV; - reads standard input. "
            "Left out: one example row, made from the contract.",
        ),
    ] = None,
    system: SystemOption = None,
    tester: Annotated[
        bool, typer.Option("--tester", help="Be answered by the challenger, where a release has one.")
    ] = False,
    stack: StackOption = DEFAULT_STACK,
    as_json: JsonOption = False,
) -> None:
    """Ask a system's endpoint, and print its answer and which variant gave it."""
    project = find_project()
    text = None if row is None else _read(row)
    sandbox = require_sandbox(project) if stack == LOCAL_STACK else None
    narrator = Narrator.on_standard_error()
    session = open_session(project, stack, narrator, sandbox)
    chosen = choose_system(read_systems(session), system)
    if text is None:
        text = json.dumps(example_row(chosen.contract))
        narrator.say(f"asked with an example: {text}")
    answer = invoking.invoke(
        Aws(session.variables), chosen, parse_rows(text, chosen.contract), is_tester=tester
    )
    lines = [*(json.dumps(item) for item in answer.predictions), f"answered by {answer.variant}"]
    document = {"system": chosen.name, "variant": answer.variant, "predictions": answer.predictions}
    emit("\n".join(lines), document, as_json=as_json)


def _read(row: str) -> str:
    if row == "-":
        return sys.stdin.read()
    try:
        return Path(row).read_text("utf-8")
    except OSError as error:
        raise WrongUseError(
            f"{row} cannot be read: {error.strerror}; give a file, or - for standard input"
        ) from None
    except UnicodeDecodeError:
        raise WrongUseError(f"{row} is not text in UTF-8; give rows as JSON, JSON Lines or CSV") from None

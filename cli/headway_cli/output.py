"""Results go to standard output: text for people, or one JSON document for programs."""

import json
import os
import shutil
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.text import Text

from headway_cli.project import LOCAL_STACK

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document, for programs.")]
StackOption = Annotated[str, typer.Option("--stack", "-s", help="The stack to work on.", metavar="NAME")]
SystemOption = Annotated[
    str | None,
    typer.Option("--system", help="The system; not needed where there is only one.", metavar="NAME"),
]
DEFAULT_STACK = LOCAL_STACK


def own_command() -> str:
    """How this shell starts this command: by its name, or by its path where the name finds nothing."""
    found = shutil.which("headway")
    return "headway" if found is not None else os.path.relpath(sys.argv[0])


def emit(text: str, document: object, *, as_json: bool) -> None:
    """Prints a result once, in the form that was asked for."""
    if as_json:
        sys.stdout.write(json.dumps(document, indent=2, default=_plain) + "\n")
    else:
        Console(highlight=False, soft_wrap=True).print(Text(text))


def emit_markdown(text: str) -> None:
    """Prints Markdown: laid out in a terminal, as it is elsewhere."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(Markdown(text) if console.is_terminal else Text(text.rstrip()))


def _plain(value: object) -> Any:  # noqa: ANN401 - plain JSON
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")

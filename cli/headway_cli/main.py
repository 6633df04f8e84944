"""The `headway` command: its verbs, and how it ends when something is wrong."""

import json
import signal
import sys
import traceback
from pathlib import Path
from typing import NoReturn

import typer
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, HTTPClientError
from rich.console import Console
from rich.text import Text

from headway_cli.commands import sandbox
from headway_cli.commands.doctor import doctor
from headway_cli.commands.down import down
from headway_cli.commands.explain import explain
from headway_cli.commands.invoke import invoke
from headway_cli.commands.status import status
from headway_cli.commands.up import up
from headway_cli.errors import HeadwayError
from headway_cli.project import find_project

_UNREACHABLE = "AWS does not answer; for the sandbox see `headway sandbox status` and `headway sandbox logs`"

INTERRUPTED = 128 + signal.SIGINT
"""What a shell expects of a command that a person has interrupted."""

app = typer.Typer(
    name="headway",
    help="Whole AI systems as one typed Pulumi stack: bring one up, ask it, look at it, take it down.",
    epilog="Exit codes: 0 done, 1 refused or failed, 2 wrong use, 3 needs a person.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for verb in (up, down, status, invoke, doctor, explain):
    app.command()(verb)
app.add_typer(sandbox.app, name="sandbox")


def main() -> NoReturn:
    """Runs the command line and ends the process with its exit code."""
    # Whoever ends this process politely wants the engine to be ended politely too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app(prog_name="headway")
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            _end("stopped in good order; the same command goes on from here", INTERRUPTED)
        raise
    except HeadwayError as error:
        _end(str(error), error.exit_code)
    except (EndpointConnectionError, HTTPClientError) as error:
        _end(f"{_UNREACHABLE}: {error}", HeadwayError.exit_code)
    except (ClientError, BotoCoreError) as error:
        _end(f"AWS did not do what was asked: {error}", HeadwayError.exit_code)
    except Exception:  # noqa: BLE001 - a person gets one sentence, and the log the rest
        _end(f"something went wrong that Headway did not expect; see {_write_log()}", HeadwayError.exit_code)
    sys.exit(0)


def _end(message: str, exit_code: int) -> NoReturn:
    if "--json" in sys.argv[1:]:
        sys.stdout.write(json.dumps({"error": message, "exit_code": exit_code}, indent=2) + "\n")
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(Text.assemble(("error: ", "bold red"), message))
    sys.exit(exit_code)


def _write_log() -> Path:
    try:
        folder = find_project().log_dir
    except HeadwayError:
        folder = Path.home() / ".cache" / "headway" / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "error.log"
    path.write_text(traceback.format_exc(), "utf-8")
    path.chmod(0o600)
    return path


if __name__ == "__main__":
    main()

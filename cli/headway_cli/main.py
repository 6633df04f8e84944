"""The `headway` command: its verbs, and how it ends when something is wrong."""

import importlib
import json
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from headway_cli.errors import HeadwayError

if TYPE_CHECKING:
    import typer

_STOPPED = "stopped in good order; the same command goes on from here"
_UNREACHABLE = "AWS does not answer; for the sandbox see `headway sandbox status` and `headway sandbox logs`"

INTERRUPTED = 128 + signal.SIGINT
"""What a shell expects of a command that a person has interrupted."""

VERBS: Final = {
    "up": "up",
    "down": "down",
    "status": "status",
    "invoke": "invoke",
    "gate": "app",
    "doctor": "doctor",
    "explain": "explain",
    "release": "app",
    "traffic": "app",
    "monitor": "app",
    "story": "app",
    "features": "app",
    "review": "app",
    "flag": "app",
    "erase": "erase",
    "sandbox": "app",
}
"""Each is a module of `headway_cli.commands`, with what it holds: a command, or a group of them."""


def application(verbs: Iterable[str] = VERBS) -> "typer.Typer":
    """The command line.

    Args:
        verbs: Only these; nothing that the others need is then loaded.
    """
    import typer  # noqa: PLC0415 - a plain `headway gate --state` goes without it

    app = typer.Typer(
        name="headway",
        help="Whole AI systems as one typed Pulumi stack: bring one up, ask it, look at it, take it down.",
        epilog="Exit codes: 0 done, 1 refused or failed, 2 wrong use, 3 needs a person.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    # Without this a command line of one verb would have none.
    app.callback()(lambda: None)
    for verb in verbs:
        found = getattr(importlib.import_module(f"headway_cli.commands.{verb}"), VERBS[verb])
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=verb)
        else:
            app.command(verb)(found)
    return app


def main() -> NoReturn:
    """Runs the command line and ends the process with its exit code."""
    # Whoever ends this process politely wants the engine to be ended politely too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    first = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        if first == "gate":
            _judge_plain_state(sys.argv[2:])
        application([first] if first in VERBS else VERBS)(prog_name="headway")
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            _end(_STOPPED, INTERRUPTED)
        raise
    except KeyboardInterrupt:
        # The command line itself was still being loaded.
        _end(_STOPPED, INTERRUPTED)
    except HeadwayError as error:
        _end(str(error), error.exit_code)
    except Exception as error:  # noqa: BLE001 - a person gets one sentence, and the log the rest
        _end(_sentence(error), HeadwayError.exit_code)
    sys.exit(0)


def _judge_plain_state(words: list[str]) -> None:
    from headway_cli.gate.running import plain_state_arguments, run_gate  # noqa: PLC0415 - only for `gate`

    arguments = plain_state_arguments(words)
    if arguments is not None:
        sys.exit(run_gate(**arguments))  # type: ignore[arg-type] # each has the type that its option has


def _sentence(error: Exception) -> str:
    if type(error).__module__.partition(".")[0] == "botocore":
        # Imported here: most commands never call AWS, and its SDK takes long to load.
        from botocore.exceptions import (  # noqa: PLC0415
            BotoCoreError,
            ClientError,
            EndpointConnectionError,
            HTTPClientError,
        )

        if isinstance(error, EndpointConnectionError | HTTPClientError):
            return f"{_UNREACHABLE}: {error}"
        if isinstance(error, ClientError | BotoCoreError):
            return f"AWS did not do what was asked: {error}"
    return f"something went wrong that Headway did not expect; see {_write_log()}"


def _end(message: str, exit_code: int) -> NoReturn:
    from rich.console import Console  # noqa: PLC0415 - only for a command that ends badly
    from rich.text import Text  # noqa: PLC0415

    if "--json" in sys.argv[1:]:
        sys.stdout.write(json.dumps({"error": message, "exit_code": exit_code}, indent=2) + "\n")
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(Text.assemble(("error: ", "bold red"), message))
    sys.exit(exit_code)


def _write_log() -> Path:
    import traceback  # noqa: PLC0415

    from headway_cli.project import find_project  # noqa: PLC0415

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

"""Runs the plain Pulumi CLI and follows what it does."""

import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headway_cli.engine_session import Session
from headway_cli.errors import HeadwayError
from headway_cli.project import LOCAL_STACK
from headway_cli.pulumi_events import Tally

_COMMON = ("--non-interactive", "--color", "never")


@dataclass(frozen=True)
class Operation:
    """What came of one command that changes a stack.

    Args:
        exit_code: The engine's; negative where a signal ended it.
        tally: What happened.
        log: The file with all that the engine printed.
    """

    exit_code: int
    tally: Tally
    log: Path

    @property
    def succeeded(self) -> bool:
        """Whether the engine said so."""
        return self.exit_code == 0

    def require_success(self, doing: str) -> None:
        """Raises what went wrong, for a person.

        Raises:
            HeadwayError: The command failed.
        """
        if self.succeeded:
            return
        if self.exit_code < 0:
            raise HeadwayError(
                f"{doing} was cut off: the engine was ended by {signal.Signals(-self.exit_code).name}; "
                "run the same command again, which completes it"
            )
        if self.tally.violations:
            reasons = self.tally.violations
            breaches = "1 breach" if len(reasons) == 1 else f"{len(reasons)} breaches"
            raise HeadwayError("\n\n".join([f"{doing} was refused by {breaches} of policy", *reasons]))
        reasons = self.tally.errors or [_last_line(self.log)]
        raise HeadwayError("\n".join([f"{doing} failed; the whole output is in {self.log}", *reasons]))


def query(session: Session, *arguments: str) -> str:
    """Runs a command that only reads, and answers what it printed.

    Raises:
        HeadwayError: It failed.
    """
    done = subprocess.run(
        [str(session.engine.pulumi), *arguments, *_COMMON],
        cwd=session.project.program_root,
        env=session.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        if "no stack named" in done.stderr:
            raise HeadwayError(
                f"the stack {session.stack} does not exist yet; run `headway up --stack {session.stack}`"
            )
        if "PULUMI_ACCESS_TOKEN must be set" in done.stderr:
            raise HeadwayError(
                f"the stack {session.stack} is not in the sandbox, where {LOCAL_STACK} is, and you are "
                "logged in to no Pulumi backend that could hold it; run `pulumi login` first, or mend --stack"
            )
        raise HeadwayError(f"`pulumi {' '.join(arguments)}` failed: {_error_text(done.stderr)}")
    return done.stdout


def operate(
    session: Session,
    verb: str,
    *arguments: str,
    on_progress: Callable[[str], None],
    planned: Counter[str] | None = None,
) -> Operation:
    """Runs a command that changes the stack and follows the engine's events.

    Args:
        session: The stack and its environment.
        verb: `up`, `destroy` or `refresh`.
        arguments: What else to pass.
        on_progress: Told in a few words how far it is.
        planned: What a plan announced, operation and count, where the command does not plan by itself.

    Raises:
        KeyboardInterrupt: After the engine has stopped in an orderly way, when this process was interrupted.
    """
    # Imported here: most commands never run the engine, and should not wait for what only this needs.
    from headway_cli.event_server import receive_events  # noqa: PLC0415

    log = session.project.log_dir / f"{verb}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    tally = Tally() if planned is None else Tally(planned=planned, previewed=True)

    def on_event(event: dict[str, Any]) -> None:
        before = tally.progress()
        tally.apply(event)
        if tally.progress() != before:
            on_progress(tally.progress())

    with log.open("wb") as output, receive_events(on_event) as address:
        process = subprocess.Popen(
            [
                *(str(session.engine.pulumi), verb, "--yes", "--stack", session.stack),
                *("--event-log", address, *arguments, *_COMMON),
            ],
            cwd=session.project.program_root,
            env={**session.environment, "PULUMI_DEBUG_COMMANDS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # A key press in the terminal reaches this process, which passes it on once.
            start_new_session=True,
        )
        code = _wait(process)
    return Operation(exit_code=code, tally=tally, log=log)


def _wait(process: "subprocess.Popen[bytes]") -> int:
    interrupted = False
    while True:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            # The engine ends what it is doing on the first signal and gives up on the second.
            interrupted = True
            process.send_signal(signal.SIGINT)
            continue
        if interrupted:
            raise KeyboardInterrupt
        return code


def _last_line(log: Path) -> str:
    return _error_text(log.read_text("utf-8", errors="replace"))


def _error_text(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error:")]
    return (errors or lines or ["it said nothing"])[-1]

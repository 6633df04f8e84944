"""Makes a stack there to work on."""

import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from headway_cli.engine_session import Session
from headway_cli.errors import HeadwayError
from headway_cli.narration import Narrator
from headway_cli.pulumi_run import query
from headway_sandbox.engine import EngineError, clear_stale_locks, ensure_stack

POLL_S = 0.5
TIMEOUT_S = 120.0
"""How long another run may go on with the stack before this one gives up."""


def select_stack(session: Session, narrator: Narrator) -> None:
    """Makes the stack where it is not there yet, and waits for a run that is still at work on it.

    Such a run is one whose `headway` was killed: it ends by itself. What killed runs hold is let go.

    Raises:
        HeadwayError: Pulumi refuses, or another run does not end.
    """
    if not session.is_local:
        query(session, "stack", "select", session.stack)
        return
    try:
        ensure_stack(session.variables, session.project.program_root, session.stack)
    except EngineError as error:
        raise HeadwayError(str(error)) from error
    wait_until_free(session, narrator)


def wait_until_free(
    session: Session,
    narrator: Narrator,
    *,
    timeout_s: float = TIMEOUT_S,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Waits until no run holds the stack.

    Args:
        session: A stack in the sandbox.
        narrator: Told what is waited for.
        timeout_s: How long to wait, in seconds.
        clock: Seconds from any start.
        sleep: Waits between two looks.

    Raises:
        HeadwayError: A run holds it for longer.
    """
    if not _locks(session):
        return
    until = clock() + timeout_s
    with narrator.step(f"Waiting for another pulumi that is at work on {session.stack}"):
        while held := _locks(session):
            if clock() >= until:
                raise HeadwayError(
                    f"another pulumi works on {session.stack}; wait for it, or end the process in {held[0]}"
                )
            sleep(POLL_S)
            clear_stale_locks(session.variables, session.project.program_root, session.stack)


def _locks(session: Session) -> list[Path]:
    state = Path(unquote(urlsplit(session.variables["PULUMI_BACKEND_URL"]).path))
    return sorted(state.glob(f".pulumi/locks/*/*/{session.stack}/*.json"))

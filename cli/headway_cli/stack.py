"""Makes a stack there to work on."""

from headway_cli.engine_session import Session
from headway_cli.errors import HeadwayError
from headway_cli.pulumi_run import query
from headway_sandbox.engine import EngineError, ensure_stack


def select_stack(session: Session) -> None:
    """Makes the stack where it is not there yet, and lets go of what killed runs held.

    Raises:
        HeadwayError: Pulumi refuses.
    """
    if not session.is_local:
        query(session, "stack", "select", session.stack)
        return
    try:
        ensure_stack(session.variables, session.project.program_root, session.stack)
    except EngineError as error:
        raise HeadwayError(str(error)) from error

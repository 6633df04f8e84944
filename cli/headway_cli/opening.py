"""Opens one system of a deployed stack, as every verb about one system begins."""

from headway_cli.aws import Aws
from headway_cli.engine_session import open_session
from headway_cli.narration import Narrator
from headway_cli.project import LOCAL_STACK, find_project
from headway_cli.sandbox import require_sandbox
from headway_cli.systems import System, choose_system, read_systems


def open_system(stack: str, name: str | None) -> tuple[Aws, System]:
    """Clients of a stack's account, and one of its systems.

    Args:
        stack: The stack's name.
        name: The system's name; None where there is only one.

    Raises:
        HeadwayError: The sandbox does not run, or the stack is not deployed.
        WrongUseError: There is none of that name, or there are several and none was named.
    """
    project = find_project()
    sandbox = require_sandbox(project) if stack == LOCAL_STACK else None
    session = open_session(project, stack, Narrator.on_standard_error(), sandbox)
    return Aws(session.variables), choose_system(read_systems(session), name)

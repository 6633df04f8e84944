"""`headway up`: from nothing to a live system, and from anything to what is declared now."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from headway_cli.aws import Aws
from headway_cli.engine_session import Session, open_session
from headway_cli.lock import exclusive
from headway_cli.narration import Narrator
from headway_cli.project import LOCAL_STACK, Project, require_free_space, sandbox_port
from headway_cli.pulumi_run import operate
from headway_cli.recovery import recover
from headway_cli.release import wait_for_release
from headway_cli.sandbox import start_sandbox
from headway_cli.stack import select_stack
from headway_cli.status import problems, system_status
from headway_cli.systems import System, read_systems
from headway_cli.training import ensure_trained

POLICIES = "policies"


@dataclass(frozen=True)
class Brought:
    """What is live after `headway up`.

    Args:
        stack: The stack.
        changes: What the engine changed, in words.
        undecided: What no rule could decide before the update.
        systems: The declared systems.
        statuses: The status of each.
        problems: What is not as declared, each in a sentence; empty where all is well.
    """

    stack: str
    changes: str
    undecided: Sequence[str]
    systems: tuple[System, ...]
    statuses: tuple[dict[str, Any], ...]
    problems: tuple[str, ...]


def bring_up(project: Project, stack: str, narrator: Narrator) -> Brought:
    """Deploys a stack, trains what is declared and not there yet, and waits until it serves.

    Raises:
        HeadwayError: It was refused or failed; what served before goes on serving.
    """
    port = sandbox_port()
    require_free_space(project.home)
    root = project.program_root
    with exclusive(project.home, f"headway up --stack {stack}"):
        sandbox = None
        if stack == LOCAL_STACK:
            with narrator.step("Starting the sandbox"):
                sandbox = start_sandbox(project, port)
        session = open_session(project, stack, narrator, sandbox)
        with narrator.step(f"Opening the stack {stack}"):
            select_stack(session)
            recover(session, narrator)
        with narrator.step("Deploying") as step:
            policies = ("--policy-pack", str(root / POLICIES)) if (root / POLICIES).is_dir() else ()
            operation = operate(session, "up", *policies, on_progress=step.update)
        operation.require_success("The update")
        narrator.say(f"  {operation.tally.outcome()}")
        for text in operation.tally.advisories:
            narrator.warn(f"  {text}")
        return _make_live(session, narrator, operation.tally.outcome(), operation.tally.undecided)


def _make_live(session: Session, narrator: Narrator, changes: str, undecided: Sequence[str]) -> Brought:
    aws = Aws(session.variables)
    systems = read_systems(session)
    failed = [reason for system in systems for reason in _serve_declared_model(aws, system, narrator)]
    statuses = tuple(system_status(aws, system) for system in systems)
    # A failed training is told once, with its reason, and not again as a state of the pipeline.
    standing = [f"{item['system']}: {text}" for item in statuses for text in problems(item) if not failed]
    return Brought(session.stack, changes, undecided, systems, statuses, (*failed, *standing))


def _serve_declared_model(aws: Aws, system: System, narrator: Narrator) -> list[str]:
    """Trains and releases what is declared; answers what went wrong."""
    if system.pipeline_name is None:
        return []
    training = ensure_trained(aws, system, narrator)
    if training.reason is not None:
        return [f"{system.name}: training did not give a model to release: {training.reason}"]
    if training.model_package_arn is None or system.release_table_name is None:
        return []
    release = wait_for_release(aws, system, training.model_package_arn, narrator)
    if release is None:
        return [f"{system.name}: the release machine recorded nothing about {training.model_package_arn}"]
    if release.serving != release.desired:
        return [f"{system.name}: the release {release.status}: {release.why}"]
    return []

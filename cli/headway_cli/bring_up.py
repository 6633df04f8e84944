"""`headway up`: from nothing to a live system, and from anything to what is declared now."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from headway_cli.aws import Aws
from headway_cli.engine_session import Session, open_session
from headway_cli.gate.deployment import judge_update, keep_evidence, require_way, update_message
from headway_cli.gate.output import Judged
from headway_cli.gate.preview import Preview
from headway_cli.gate.rulebooks import POLICIES
from headway_cli.lock import exclusive
from headway_cli.narration import Narrator
from headway_cli.project import LOCAL_STACK, Project, require_free_space, sandbox_port
from headway_cli.pulumi_events import in_words
from headway_cli.pulumi_run import operate
from headway_cli.recovery import recover
from headway_cli.release import PROMOTED, is_settled, read_release, wait_for_release
from headway_cli.sandbox import require_still_running, start_sandbox
from headway_cli.stack import select_stack
from headway_cli.status import serving_problems, system_status
from headway_cli.systems import System, read_systems
from headway_cli.traffic import playing, read_rows
from headway_cli.training import ensure_trained
from headway_policies.outcome import Outcome


@dataclass(frozen=True)
class Brought:
    """What is live after `headway up`.

    Args:
        stack: The stack.
        changes: What the engine changed: `created`, `updated`, … and how many.
        undecided: What no rule could decide before the update.
        lane: Where the gate sent the change: `auto` or `manual`.
        digest: The digest of the gate's evidence, which is recorded with the update.
        statuses: The status of each.
        problems: What is not as declared, each in a sentence; empty where all is well.
        waiting: What a person has to decide, each in a sentence.
    """

    stack: str
    changes: dict[str, int]
    undecided: Sequence[str]
    lane: str
    digest: str
    statuses: tuple[dict[str, Any], ...]
    problems: tuple[str, ...]
    waiting: tuple[str, ...]


def bring_up(project: Project, stack: str, narrator: Narrator, approved_by: str | None = None) -> Brought:
    """Deploys a stack, trains what is declared and not there yet, and waits until it serves.

    Args:
        project: The checkout.
        stack: The stack's name.
        narrator: Told what goes on.
        approved_by: The person who has looked at what the gate sends to one.

    Raises:
        HeadwayError: It was refused or failed; what served before goes on serving.
        NeedsPersonError: The gate sends the change to a person.
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
            select_stack(session, narrator)
            recover(session, narrator)
        judged, planned = _through_the_gate(session, narrator, approved_by)
        with narrator.step("Deploying") as step:
            policies = ("--policy-pack", str(root / POLICIES)) if (root / POLICIES).is_dir() else ()
            message = update_message(judged, approved_by)
            operation = operate(
                session,
                "up",
                # The gate has just planned it.
                *("--skip-preview", "--message", message, *policies),
                on_progress=step.update,
                planned=planned.tally.planned,
            )
        if session.is_local and not operation.succeeded:
            require_still_running(project)
        operation.require_success("The update")
        narrator.say(f"  {in_words(operation.tally.outcome())}")
        for text in operation.tally.advisories:
            narrator.warn(f"  {text}")
        return _make_live(session, narrator, operation.tally.outcome(), judged)


def _through_the_gate(
    session: Session, narrator: Narrator, approved_by: str | None
) -> tuple[Judged, Preview]:
    with narrator.step("Planning and judging"):
        judged, planned = judge_update(session)
    require_way(judged, narrator, is_local=session.is_local, approved_by=approved_by)
    keep_evidence(session.project, judged, approved_by)
    return judged, planned


def _make_live(session: Session, narrator: Narrator, changes: dict[str, int], judged: Judged) -> Brought:
    aws = Aws(session.variables)
    systems = read_systems(session)
    open_ends = [end for system in systems for end in _serve_declared_model(aws, system, session, narrator)]
    statuses = tuple(system_status(aws, system) for system in systems)
    failed = [end.text for end in open_ends if not end.needs_person]
    silent = [f"{item['system']}: {text}" for item in statuses for text in serving_problems(item)]
    return Brought(
        stack=session.stack,
        changes=changes,
        undecided=[
            f"{row.rule} {row.name}: {row.message}"
            for row in judged.verdict.rows
            if row.outcome == Outcome.UNDECIDED.value
        ],
        lane=judged.verdict.lane.value,
        digest=judged.digest,
        statuses=statuses,
        problems=(*failed, *silent),
        waiting=tuple(end.text for end in open_ends if end.needs_person),
    )


@dataclass(frozen=True)
class _OpenEnd:
    """Why what is declared does not serve yet."""

    text: str
    needs_person: bool = False


@contextmanager
def _users(aws: Aws, system: System, session: Session, narrator: Narrator, package: str) -> Iterator[None]:
    """Users of the laptop's endpoint while a model is released: a stage without requests never ends."""
    found = read_release(aws, system)
    if not session.is_local or is_settled(found, package):
        yield
        return
    narrator.say(f"  playing the rows after the training cut at {system.endpoint_name}, as its users")
    with playing(aws, system, read_rows(aws, system)) as played:
        yield
    if played.failed:
        narrator.warn(f"  {played.failed} of {played.answered + played.failed} failed: {played.last_error}")


def _serve_declared_model(
    aws: Aws, system: System, session: Session, narrator: Narrator
) -> Iterator[_OpenEnd]:
    """Trains and releases what is declared; yields what keeps it from serving."""
    if system.pipeline_name is None:
        return
    training = ensure_trained(aws, system, narrator)
    package = training.model_package_arn
    if training.reason is not None or package is None:
        yield _OpenEnd(f"{system.name}: training gave no model to release: {training.reason}")
    elif not training.is_approved:
        approve = f"aws sagemaker update-model-package --model-package-arn {package}"
        yield _OpenEnd(
            f"{system.name}: {package} is trained and {training.approval}; a person has to approve it: "
            f"{approve} --model-approval-status Approved",
            needs_person=True,
        )
    elif system.release_table_name is not None:
        with _users(aws, system, session, narrator, package):
            release = wait_for_release(aws, system, package, narrator)
        if release is None:
            yield _OpenEnd(f"{system.name}: the release machine recorded nothing about {package}")
        elif not release.is_over:
            yield _OpenEnd(f"{system.name}: the release is still {release.status}: {release.why}")
        elif release.status != PROMOTED:
            yield _OpenEnd(f"{system.name}: the release {release.status}: {release.why}")

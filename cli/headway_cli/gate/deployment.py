"""The gate in front of an update: planned against what is deployed, judged, and the proof kept with it."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

from headway_cli.engine_session import Session
from headway_cli.errors import HeadwayError, NeedsPersonError
from headway_cli.gate.judging import finish
from headway_cli.gate.output import Judged
from headway_cli.gate.preview import Preview, preview
from headway_cli.gate.rulebooks import POLICIES, load
from headway_cli.gate.stack_settings import program_folder
from headway_cli.gate.states import framework_ids
from headway_cli.narration import Narrator
from headway_cli.project import Project
from headway_policies.intent import read_intent
from headway_policies.lanes import Base, Lane
from headway_policies.outcome import Outcome
from headway_policies.plan import Plan
from headway_policies.verdict import Moment, Subject
from headway_sandbox.provider import stand_ins

_DEPLOYED = "what is deployed"


def judge_update(session: Session, today: date | None = None) -> tuple[Judged, Preview]:
    """Plans an update of a stack and judges the plan.

    Args:
        session: The stack and its environment.
        today: The day that counts for exceptions; the present one where it is left out.

    Raises:
        HeadwayError: The plan failed, or the gate's own files cannot be taken as they are.
    """
    root = session.project.program_root
    folder = root / POLICIES
    loaded = load(folder if folder.is_dir() else None, None)
    program = program_folder(root)
    # The sandbox's own provider can name what is not made yet; the cloud's cannot, and the update decides.
    environment = {**session.environment, **({stand_ins.VARIABLE: "1"} if session.is_local else {})}
    planned = preview(session.engine.pulumi, root, session.stack, environment, program)
    subject = Subject(
        stack=session.stack,
        resources=planned.resources,
        intent=read_intent(planned.configuration, framework_ids(loaded.rulebook.settings.framework_folders)),
        moment=Moment.PREVIEW,
        region=planned.configuration.get("aws:region"),
        plan=Plan(changes=planned.changes, against=_DEPLOYED),
        secret_texts=planned.secret_texts,
    )
    day = datetime.now(UTC).date() if today is None else today
    return finish(subject, loaded, Base(), {}, day, program=f"{program}__main__.py"), planned


def require_way(judged: Judged, narrator: Narrator, *, is_local: bool, approved_by: str | None) -> None:
    """Stops an update that the gate does not let through.

    In the sandbox nothing is shared or lasting, so what needs a person is only said there.

    Args:
        judged: The verdict.
        narrator: Told what needs a person.
        is_local: Whether the stack lives in the sandbox.
        approved_by: The person who has looked at the reasons.

    Raises:
        HeadwayError: The gate refuses.
        NeedsPersonError: A person has to look at it first.
    """
    verdict = judged.verdict
    failed = [row for row in verdict.rows if row.outcome == Outcome.FAIL.value]
    if verdict.lane is Lane.REFUSED:
        breaches = "1 breach" if len(failed) == 1 else f"{len(failed)} breaches"
        told = [
            f"{row.rule} {row.name or 'the stack'}: {row.message}.\nFix: {row.fix}\n"
            f"More: headway explain {row.rule}"
            for row in failed
        ]
        raise HeadwayError("\n\n".join([f"The update was refused by {breaches} of policy", *told]))
    if verdict.lane is Lane.MANUAL:
        texts = [row.message for row in verdict.rows if row.outcome == Lane.MANUAL.value]
        if not is_local and approved_by is None:
            reasons = "\n".join(f"- {text}" for text in texts)
            raise NeedsPersonError(
                f"a person has to look at this first:\n{reasons}\n"
                "then run it again with --approved-by, which is recorded with the deployment"
            )
        for text in texts:
            narrator.warn(f"  needs a person: {text}")


def keep_evidence(project: Project, judged: Judged, approved_by: str | None) -> Path:
    """Keeps the evidence of a verdict beside the checkout's state; answers where.

    Raises:
        HeadwayError: It cannot be written.
    """
    folder = project.home / "evidence" / judged.name
    path = folder / f"{judged.digest.removeprefix('sha256:')}.json"
    document = {**judged.evidence, "digest": judged.digest, "approved_by": approved_by}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    except OSError as error:
        raise HeadwayError(f"{path} cannot be written: {error.strerror or error}") from None
    return path


def update_message(judged: Judged, approved_by: str | None) -> str:
    """What the engine records with the update, for `pulumi stack history`."""
    by = "" if approved_by is None else f", approved by {approved_by}"
    return f"headway gate: {judged.verdict.lane.value}{by}, evidence {judged.digest}"

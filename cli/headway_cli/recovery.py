"""Brings a stack to a state that the next update can build on, after engine or sandbox was killed."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headway_cli.adoption import adopt, known_ids, pending_operations
from headway_cli.engine_session import Session
from headway_cli.errors import NeedsPersonError
from headway_cli.narration import Narrator
from headway_cli.physical_ids import PhysicalIds
from headway_cli.pulumi_run import operate, query
from headway_cli.sandbox import forget_kill, was_killed


def recover(session: Session, narrator: Narrator) -> bool:
    """Settles what a kill left open; answers whether there was anything.

    Raises:
        HeadwayError: The engine cannot settle it.
        NeedsPersonError: It is a stack in the cloud, where only a person can say what was made.
    """
    exported = json.loads(query(session, "stack", "export", "--stack", session.stack))
    pending = pending_operations(exported)
    if pending and not session.is_local:
        raise NeedsPersonError(
            f"an update of {session.stack} was cut off at {', '.join(sorted(pending))}; run "
            f"`pulumi refresh --stack {session.stack}` in a terminal, say what was made, and run this again"
        )
    killed = session.is_local and was_killed(session.project)
    there = _adopt(session, narrator, exported, pending) if pending else []
    if killed:
        _refresh(session, narrator)
        forget_kill(session.project)
    elif there:
        _refresh(session, narrator, *(argument for urn in there for argument in ("--target", urn)))
    return bool(pending) or killed


def _adopt(
    session: Session, narrator: Narrator, exported: Mapping[str, Any], pending: Mapping[str, str]
) -> list[str]:
    """Takes in what may have been made; answers the URNs that the sandbox has to be asked about."""
    names = ", ".join(sorted({urn.rsplit("::", 1)[-1] for urn in pending}))
    narrator.say(f"An update was cut off; looking for what it left of {names}")
    ids = PhysicalIds(session.variables, known_ids(exported))
    adopted = adopt(exported, ids.find)
    with tempfile.TemporaryDirectory(prefix="headway-") as folder:
        state = Path(folder) / "state.json"
        state.write_text(json.dumps(adopted), "utf-8")
        query(session, "stack", "import", "--file", str(state), "--stack", session.stack)
    there = {item["urn"] for item in adopted["deployment"]["resources"]}
    return [urn for urn in pending if urn in there]


def _refresh(session: Session, narrator: Narrator, *targets: str) -> None:
    with narrator.step("Comparing the stack with the sandbox") as step:
        operation = operate(session, "refresh", "--skip-preview", *targets, on_progress=step.update)
    operation.require_success("Settling what was cut off")

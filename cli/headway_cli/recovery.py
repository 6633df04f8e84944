"""Brings a stack whose update was killed back to a state that the next update can build on."""

import json
import tempfile
from pathlib import Path

from headway_cli.adoption import adopt, known_ids, pending_operations
from headway_cli.aws import Aws
from headway_cli.engine_session import Session
from headway_cli.errors import NeedsPersonError
from headway_cli.narration import Narrator
from headway_cli.physical_ids import PhysicalIds
from headway_cli.pulumi_run import operate, query


def recover(session: Session, narrator: Narrator) -> bool:
    """Settles what a killed update left open; answers whether there was anything.

    Raises:
        HeadwayError: The engine cannot settle it.
        NeedsPersonError: It is a stack in the cloud, where only a person can say what was made.
    """
    exported = json.loads(query(session, "stack", "export", "--stack", session.stack))
    pending = pending_operations(exported)
    if not pending:
        return False
    if not session.is_local:
        raise NeedsPersonError(
            f"an update of {session.stack} was cut off at {', '.join(sorted(pending))}; run "
            f"`pulumi refresh --stack {session.stack}` in a terminal, say what was made, and run this again"
        )
    names = ", ".join(sorted({urn.rsplit("::", 1)[-1] for urn in pending}))
    narrator.say(f"An update was cut off; looking for what it left of {names}")
    ids = PhysicalIds(Aws(session.variables), session.variables["AWS_REGION"], known_ids(exported))
    adopted = adopt(exported, ids.find)
    with tempfile.TemporaryDirectory(prefix="headway-") as folder:
        state = Path(folder) / "state.json"
        state.write_text(json.dumps(adopted), "utf-8")
        query(session, "stack", "import", "--file", str(state), "--stack", session.stack)
    there = {item["urn"] for item in adopted["deployment"]["resources"]}
    targets = [argument for urn in pending if urn in there for argument in ("--target", urn)]
    if targets:
        with narrator.step("Comparing with the sandbox") as step:
            operation = operate(session, "refresh", "--skip-preview", *targets, on_progress=step.update)
        operation.require_success("Settling what the cut-off update left")
    return True

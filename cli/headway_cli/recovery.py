"""Brings a stack whose update was killed back to a state that the next update can build on."""

import json
from collections.abc import Mapping
from typing import Any

from headway_cli.engine_session import Session
from headway_cli.narration import Narrator
from headway_cli.pulumi_run import operate, query


def recover(session: Session, narrator: Narrator) -> bool:
    """Settles what a killed update left open; answers whether there was anything.

    Raises:
        HeadwayError: The engine cannot settle it.
    """
    pending = pending_operations(json.loads(query(session, "stack", "export", "--stack", session.stack)))
    if not pending:
        return False
    names = ", ".join(sorted({urn.rsplit("::", 1)[-1] for urn in pending}))
    with narrator.step(f"An update was cut off; looking at what it left of {names}") as step:
        operation = operate(
            session, "refresh", "--skip-preview", "--clear-pending-creates", on_progress=step.update
        )
    operation.require_success("Settling what the cut-off update left")
    return True


def pending_operations(exported: Mapping[str, Any]) -> dict[str, str]:
    """What an exported stack has begun and not finished: URN and kind of operation."""
    deployment = exported.get("deployment") or {}
    return {item["resource"]["urn"]: item["type"] for item in deployment.get("pending_operations") or []}

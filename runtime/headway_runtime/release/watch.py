"""The watch over releases: one whose execution ended before it was over is turned back by another execution.

Executions end from outside as well: a person stops one, it runs out of time, or its last retry fails. What it
was about to move would stay where it is, with nobody to look at it.
"""

from collections.abc import Iterable
from typing import Any

from botocore.exceptions import ClientError

from headway_runtime.release.records import Release

ABANDONED = "Abandoned"
"""Member of the state machine's input that says why a release is to be turned back."""
_RUNNING = ("RUNNING", "PENDING_REDRIVE")
_GONE = "ExecutionDoesNotExist"


def abandoned(releases: Iterable[Release], states: Any) -> list[dict[str, str]]:  # noqa: ANN401 - boto3 has no types
    """What turns back the releases that are not over and that nothing moves any more.

    Args:
        releases: The releases.
        states: A boto3 client of Step Functions.

    Returns:
        The detail of the state machine's input, one for each of them.
    """
    found = []
    for release in releases:
        # Where the execution is not known, the next release finds out by the time that nobody has looked.
        if release.is_over or not release.execution:
            continue
        why = _ended(states, release.execution)
        if why is not None:
            named = {"ModelPackageArn": release.model_package_arn, "StartedAt": release.started_at}
            found.append({**named, ABANDONED: why})
    return found


def _ended(states: Any, execution: str) -> str | None:  # noqa: ANN401
    """How an execution ended; None while it runs."""
    try:
        known = states.describe_execution(executionArn=execution)
    except ClientError as error:
        if error.response["Error"]["Code"] != _GONE:
            raise
        return "its execution is gone"
    if known["status"] in _RUNNING:
        return None
    said = known.get("cause", "")
    return f"its execution ended: {known['status']}{f', {said}' if said else ''}"

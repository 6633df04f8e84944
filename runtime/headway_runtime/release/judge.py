"""Reads from an endpoint's state whether a move is over, and how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

RUNNING = "running"
SUCCEEDED = "succeeded"
FAILED = "failed"
REFUSED = "refused"
OVER = (SUCCEEDED, FAILED, REFUSED)

BUSY = ("Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting")
"""States in which an endpoint takes no update."""


@dataclass(frozen=True)
class Verdict:
    """How a move stands.

    Attributes:
        status: running, succeeded or failed.
        why: The reason, for a person.
    """

    status: str
    why: str


def is_busy(endpoint: Mapping[str, Any]) -> bool:
    """Whether an endpoint is in the middle of something."""
    return endpoint["EndpointStatus"] in BUSY


def judge(endpoint: Mapping[str, Any] | None, desired: str, elapsed_s: float, maximum_s: float) -> Verdict:
    """Decide how a move stands.

    An endpoint that rolled back is in service again, so being in service proves nothing: only the
    configuration that is read back does.

    Args:
        endpoint: Description of the endpoint, as SageMaker gives it; None when it is gone.
        desired: Name of the configuration that should serve.
        elapsed_s: Time since the move began, in seconds.
        maximum_s: Time after which an unfinished move counts as failed, in seconds.

    Returns:
        The verdict.
    """
    if endpoint is None:
        return Verdict(FAILED, "there is no endpoint")
    state, serving = endpoint["EndpointStatus"], endpoint["EndpointConfigName"]
    reason = endpoint.get("FailureReason")
    if state in BUSY:
        if elapsed_s >= maximum_s:
            return Verdict(
                FAILED, f"the endpoint is still {state} after {maximum_s:g} s, the most the plan allows"
            )
        return Verdict(RUNNING, f"the endpoint is {state}")
    if state == "InService" and serving == desired:
        return Verdict(SUCCEEDED, f"{desired} serves")
    if state == "InService":
        because = "somebody else moved the endpoint" if reason is None else reason
        return Verdict(FAILED, f"{serving} serves instead of {desired}: {because}")
    because = "SageMaker gives no reason" if reason is None else reason
    return Verdict(FAILED, f"the endpoint is {state}: {because}")

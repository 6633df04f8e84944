"""The life of an endpoint as a pure table: which status may follow which, and what each change writes.

Statuses: documentation of DescribeEndpoint, member EndpointStatus.
"""

from __future__ import annotations

from headway_sandbox.sagemaker.protocol import Document

CREATING = "Creating"
IN_SERVICE = "InService"
UPDATING = "Updating"
ROLLING_BACK = "RollingBack"
DELETING = "Deleting"
FAILED = "Failed"
OUT_OF_SERVICE = "OutOfService"

NEXT: dict[str, frozenset[str]] = {
    CREATING: frozenset({IN_SERVICE, FAILED}),
    IN_SERVICE: frozenset({UPDATING, DELETING, OUT_OF_SERVICE}),
    UPDATING: frozenset({IN_SERVICE, ROLLING_BACK, OUT_OF_SERVICE}),
    ROLLING_BACK: frozenset({IN_SERVICE, OUT_OF_SERVICE}),
    FAILED: frozenset({DELETING}),
    OUT_OF_SERVICE: frozenset({DELETING}),
    DELETING: frozenset(),
}
"""Which statuses may follow a status."""

IN_PROGRESS = frozenset({CREATING, UPDATING, ROLLING_BACK, DELETING})
"""Statuses in which SageMaker refuses every change of the endpoint."""

_MAX_REASON_CHARACTERS = 1024


def moved(endpoint: Document, status: str, now: float, reason: str | None = None) -> Document:
    """An endpoint in its next status.

    Args:
        endpoint: The endpoint's document.
        status: Its next status.
        now: Seconds since the epoch.
        reason: What went wrong; None keeps the FailureReason that is there.

    Raises:
        ValueError: That status cannot follow.
    """
    before = endpoint["EndpointStatus"]
    if status not in NEXT[before]:
        raise ValueError(f"an endpoint that is {before} cannot become {status}")
    changed = {**endpoint, "EndpointStatus": status, "LastModifiedTime": now}
    if reason is not None:
        changed["FailureReason"] = reason[:_MAX_REASON_CHARACTERS]
    return changed


def without_reason(endpoint: Document) -> Document:
    """An endpoint whose last change succeeded: it has no FailureReason."""
    return {key: value for key, value in endpoint.items() if key != "FailureReason"}

"""Retry policies of pipeline steps: which failures are tried again, how often and after how long."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

THROTTLING, SERVICE_FAULT = "Step.THROTTLING", "Step.SERVICE_FAULT"
CAPACITY_ERROR, INTERNAL_ERROR, RESOURCE_LIMIT = (
    "SageMaker.CAPACITY_ERROR",
    "SageMaker.JOB_INTERNAL_ERROR",
    "SageMaker.RESOURCE_LIMIT",
)
EXCEPTION_TYPES = (SERVICE_FAULT, THROTTLING, INTERNAL_ERROR, CAPACITY_ERROR, RESOURCE_LIMIT)
RETRIED_TYPES = ("Model", "Processing", "RegisterModel", "Training", "Transform")

_REASONS = {
    "CapacityError": CAPACITY_ERROR,
    "InternalServerError": INTERNAL_ERROR,
    "ResourceLimitExceeded": RESOURCE_LIMIT,
}
# Default, lowest and highest value.
_NUMBERS: dict[str, tuple[float | None, float, float]] = {
    "IntervalSeconds": (1, 0, 43_200),
    "BackoffRate": (2.0, 0, math.inf),
    "MaxAttempts": (5, 0, 20),
    "ExpireAfterMin": (None, 1, math.inf),
}
_MEMBERS = frozenset({"ExceptionType", *_NUMBERS})


@dataclass(frozen=True)
class RetryPolicy:
    """One retry policy.

    Attributes:
        exception_types: The failures that it is about.
        interval_s: Seconds before the first retry.
        backoff_rate: What each further wait is multiplied with.
        max_attempts: Most retries.
        expire_after_s: Seconds from the step's start after which nothing is tried again; None for no limit.
    """

    exception_types: frozenset[str]
    interval_s: float
    backoff_rate: float
    max_attempts: int
    expire_after_s: float | None

    def wait_s(self, retries: int, elapsed_s: float) -> float | None:
        """Seconds until the next retry; None if there is none.

        Args:
            retries: Retries that this policy has caused.
            elapsed_s: Seconds since the step's start.
        """
        if retries >= self.max_attempts:
            return None
        if self.expire_after_s is not None and elapsed_s >= self.expire_after_s:
            return None
        return float(self.interval_s * self.backoff_rate**retries)


def parse_retry_policies(
    value: Any,  # noqa: ANN401 - any JSON value
    kind: str,
    where: str,
    problems: list[str],
) -> tuple[RetryPolicy, ...]:
    """A step's ``RetryPolicies``.

    Args:
        value: As it is in the definition; None if it is not there.
        kind: Type of the step.
        where: The step, for messages.
        problems: Gets a sentence for everything that is wrong.
    """
    if value is None:
        return ()
    if not isinstance(value, list):
        problems.append(f"{where}: RetryPolicies must be a list, not {value!r}")
        return ()
    if value and kind not in RETRIED_TYPES:
        problems.append(
            f"{where}: RetryPolicies are for steps of type {', '.join(RETRIED_TYPES)}, and this is {kind}"
        )
        return ()
    return tuple(policy for item in value if (policy := _policy(item, where, problems)) is not None)


def retried_type(reason: str) -> str | None:
    """The kind of failure that a job's FailureReason stands for; None for one that is never tried again."""
    return _REASONS.get(reason.split(":", 1)[0])


def policy_for(policies: Sequence[RetryPolicy], exception_type: str | None) -> RetryPolicy | None:
    """The first policy that is about a failure."""
    return next((policy for policy in policies if exception_type in policy.exception_types), None)


def _policy(item: Any, where: str, problems: list[str]) -> RetryPolicy | None:  # noqa: ANN401
    if not isinstance(item, dict):
        problems.append(f"{where}: a retry policy must be an object, not {item!r}")
        return None
    before = len(problems)
    problems += [f"{where}: unknown member {name} in a retry policy" for name in sorted(set(item) - _MEMBERS)]
    types = item.get("ExceptionType", [])
    given = types if isinstance(types, list) else [types]
    wrong = [name for name in given if name not in EXCEPTION_TYPES]
    if wrong or not given:
        problems.append(
            f"{where}: a retry policy's ExceptionType is {types!r}; it must list some of "
            f"{', '.join(EXCEPTION_TYPES)}"
        )
    numbers: dict[str, Any] = {}
    for member, (default, low, high) in _NUMBERS.items():
        value = numbers[member] = item.get(member, default)
        if value is not None and not (_is_number(value) and low <= value <= high):
            problems.append(
                f"{where}: a retry policy's {member} is {value!r}; it must be a number from {low:g} to "
                f"{high:g}"
            )
    if len(problems) > before:
        return None
    expire_min = numbers["ExpireAfterMin"]
    return RetryPolicy(
        frozenset(given),
        interval_s=numbers["IntervalSeconds"],
        backoff_rate=numbers["BackoffRate"],
        max_attempts=int(numbers["MaxAttempts"]),
        expire_after_s=None if expire_min is None else 60.0 * expire_min,
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

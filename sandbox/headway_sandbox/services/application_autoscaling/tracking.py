"""What a target tracking policy asks for: a pure function of a metric, a capacity and the time.

As on AWS, capacity follows the metric in proportion: ``ceil(capacity * metric / target)``. A metric within
10 % below its target leaves the capacity as it is. Scaling out is held back by its own cooldown, scaling in
by both. AWS looks at three minutes before it scales out and at fifteen before it scales in; here at seconds,
so that a rehearsal does not wait.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

DEFAULT_COOLDOWN_S = 300.0
"""AWS's cooldown for variants of endpoints, in both directions."""
SCALE_OUT_AFTER_S = 3.0
"""How long the metric must be above its target."""
SCALE_IN_AFTER_S = 5.0
"""How long the metric must be below 90 % of its target."""
LOWER_SHARE = 0.9


@dataclass(frozen=True)
class Limits:
    """Between which capacities a target may be scaled, and which directions are suspended."""

    minimum: int
    maximum: int
    out_suspended: bool = False
    in_suspended: bool = False


@dataclass(frozen=True)
class Policy:
    """A target tracking policy.

    Attributes:
        target: The value that the metric is to have.
        out_cooldown_s: Seconds after scaling out in which it is not scaled out again.
        in_cooldown_s: Seconds after scaling in which it is not scaled in.
        in_disabled: Whether it never scales in.
    """

    target: float
    out_cooldown_s: float = DEFAULT_COOLDOWN_S
    in_cooldown_s: float = DEFAULT_COOLDOWN_S
    in_disabled: bool = False


@dataclass(frozen=True)
class Watch:
    """What is remembered between two looks at a metric; times are seconds since the epoch.

    Attributes:
        above_since: Since when the metric is above its target; None if it is not.
        below_since: Since when it is below 90 % of it; None if it is not.
    """

    above_since: float | None = None
    below_since: float | None = None


def observed(watch: Watch, metric: float, policy: Policy, now: float) -> Watch:
    """What to remember after a look at the metric."""
    above = metric > policy.target
    below = metric < policy.target * LOWER_SHARE
    return Watch(
        (now if watch.above_since is None else watch.above_since) if above else None,
        (now if watch.below_since is None else watch.below_since) if below else None,
    )


def desired_capacity(
    policy: Policy,
    limits: Limits,
    watch: Watch,
    *,
    capacity: int,
    metric: float,
    last_out: float | None,
    last_in: float | None,
    now: float,
) -> int:
    """The capacity that a policy wants now.

    Args:
        policy: The policy.
        limits: The target's limits.
        watch: What is remembered of its metric, this look included.
        capacity: What there is, at least 0.
        metric: The metric's value for each unit of capacity.
        last_out: When it was last scaled out; None if never.
        last_in: When it was last scaled in; None if never.
        now: Seconds since the epoch.
    """
    # One unit stands in for none: there is nothing to multiply.
    wanted = math.ceil(max(capacity, 1) * metric / policy.target)
    wanted = min(max(wanted, limits.minimum), limits.maximum)
    if wanted > capacity:
        waited = watch.above_since is not None and now - watch.above_since >= SCALE_OUT_AFTER_S
        held = limits.out_suspended or _cooling(last_out, policy.out_cooldown_s, now)
        return wanted if waited and not held else capacity
    if wanted < capacity:
        waited = watch.below_since is not None and now - watch.below_since >= SCALE_IN_AFTER_S
        held = (
            limits.in_suspended
            or policy.in_disabled
            or _cooling(last_out, policy.out_cooldown_s, now)
            or _cooling(last_in, policy.in_cooldown_s, now)
        )
        return wanted if waited and not held else capacity
    return capacity


def _cooling(last: float | None, cooldown_s: float, now: float) -> bool:
    return last is not None and now - last < cooldown_s

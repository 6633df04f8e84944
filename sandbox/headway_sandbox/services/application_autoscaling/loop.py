"""Looks at the metrics of target tracking policies, and scales the variants of endpoints."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import asdict

from headway_sandbox.sagemaker.protocol import Document, SageMaker
from headway_sandbox.services.application_autoscaling.metric import metric_of, value_of
from headway_sandbox.services.application_autoscaling.stored import (
    POLICY_KIND,
    TARGET_KIND,
    WATCH_KIND,
    key_of,
)
from headway_sandbox.services.application_autoscaling.tracking import (
    DEFAULT_COOLDOWN_S,
    Limits,
    Policy,
    Watch,
    desired_capacity,
    observed,
)
from headway_sandbox.services.application_autoscaling.variants import (
    VARIANT_DIMENSION,
    capacity_of,
    set_capacity,
)

INTERVAL_S = 1.0
_TASK = "application-autoscaling"

_log = logging.getLogger(__name__)


def watch(service: SageMaker) -> None:
    """Starts looking if there is a policy to look after."""
    if _tracked(service) and not service.tasks.running(_TASK):
        service.tasks.start(_TASK, _run(service))


def _tracked(service: SageMaker) -> list[Document]:
    return [
        policy
        for policy in service.store.list(POLICY_KIND)
        if policy["ScalableDimension"] == VARIANT_DIMENSION
    ]


async def _run(service: SageMaker) -> None:
    while policies := _tracked(service):
        for key in sorted({key_of(policy) for policy in policies}):
            target = service.store.get(TARGET_KIND, key)
            if target is not None:
                try:
                    await scale(service, target, [policy for policy in policies if key_of(policy) == key])
                except Exception:  # noqa: BLE001 - one target's trouble must not stop the others
                    _log.exception("the scalable target %s could not be looked after", key)
        await asyncio.sleep(INTERVAL_S)


async def scale(service: SageMaker, target: Document, policies: list[Document]) -> None:
    """Looks once at the metrics of a target's policies, and scales it if they ask for it.

    The policy that wants most decides.

    Args:
        service: The running SageMaker.
        target: The scalable target.
        policies: Its target tracking policies, at least one.
    """
    capacity = capacity_of(service, target)
    if capacity is None:
        return
    suspended = target["SuspendedState"]
    limits = Limits(
        target["MinCapacity"],
        target["MaxCapacity"],
        out_suspended=suspended["DynamicScalingOutSuspended"],
        in_suspended=suspended["DynamicScalingInSuspended"],
    )
    stored = service.store.get(WATCH_KIND, key_of(target))
    memory: Document = {"Watches": {}, "LastOut": None, "LastIn": None} if stored is None else stored
    wanted: dict[str, int] = {}
    watches: Document = {}
    for document in policies:
        name = document["PolicyName"]
        metric = metric_of(document)
        now = service.clock()
        value = None if metric is None else await value_of(service, metric, now)
        if value is None:
            wanted[name] = capacity
            continue
        policy = _policy(document)
        seen = observed(Watch(**memory["Watches"].get(name, {})), value, policy, now)
        watches[name] = asdict(seen)
        wanted[name] = desired_capacity(
            policy,
            limits,
            seen,
            capacity=capacity,
            metric=value,
            last_out=memory["LastOut"],
            last_in=memory["LastIn"],
            now=now,
        )
    remembered = {**memory, "Watches": watches}
    deciding = max(wanted, key=lambda name: wanted[name])
    if wanted[deciding] != capacity:
        direction = "LastOut" if wanted[deciding] > capacity else "LastIn"
        cause = f"the metric of the target tracking policy {deciding} asked for it"
        await set_capacity(service, target, wanted[deciding], cause=cause)
        # Also when it failed: AWS, too, waits before it tries again.
        remembered[direction] = service.clock()
    if remembered != memory:
        service.store.put(WATCH_KIND, key_of(target), remembered)


def _policy(document: Document) -> Policy:
    configuration = document["TargetTrackingScalingPolicyConfiguration"]
    return Policy(
        target=configuration["TargetValue"],
        out_cooldown_s=configuration.get("ScaleOutCooldown", DEFAULT_COOLDOWN_S),
        in_cooldown_s=configuration.get("ScaleInCooldown", DEFAULT_COOLDOWN_S),
        in_disabled=configuration.get("DisableScaleIn", False),
    )

"""Deployment guardrails as values: how an update moves traffic, and what SageMaker refuses.

Limits: API references of DeploymentConfig, TrafficRoutingConfig, RollingUpdatePolicy and
BlueGreenUpdatePolicy; what they cannot be used with: "Exclusions" in "Deployment guardrails" of the Amazon
SageMaker AI Developer Guide. Ranges of single members are checked against the service model before.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from typing import NamedTuple

from headway_sandbox.dataplane.plan import FleetPlan, VariantPlan
from headway_sandbox.sagemaker.protocol import Document

ALL_AT_ONCE = "ALL_AT_ONCE"
CANARY = "CANARY"
LINEAR = "LINEAR"

_EVERYTHING = Fraction(1)
_BATCH = "MaximumBatchSize"
_ROUTING = "TrafficRoutingConfiguration"
_POLICIES = ("BlueGreenUpdatePolicy", "RollingUpdatePolicy")
_WITHOUT_GUARDRAILS = "ml.inf1."  # such endpoints fall back to all at once, with no final baking period


class _Size(NamedTuple):
    """Which capacity size a policy takes, and between which shares of a variant's instances it must be."""

    member: str
    least: Fraction
    most: Fraction
    limit: str


_SIZES = {
    CANARY: _Size("CanarySize", Fraction(0), Fraction(1, 2), "less than or equal to 50%"),
    LINEAR: _Size("LinearStepSize", Fraction(1, 10), Fraction(1, 2), "10-50%"),
}
_BATCH_SIZE = _Size(_BATCH, Fraction(1, 20), Fraction(1, 2), "between 5% to 50%")


@dataclass(frozen=True)
class Guardrails:
    """How an update is carried out.

    Attributes:
        rolling: Whether the old fleet gives up its capacity batch by batch, instead of all of it at the end.
        steps: Share of the traffic that the new fleet has after each step; the last one is 1.
        wait_s: Seconds for which alarms are watched after a step.
        termination_wait_s: Seconds for which they are watched before the old fleet ends.
        timeout_s: Seconds that everything may take; None for no limit.
        alarms: Names of the alarms that roll the update back.
        rollback_step: Share of the traffic that returns to the old fleet in each step of a rollback.
    """

    rolling: bool = False
    steps: tuple[Fraction, ...] = (_EVERYTHING,)
    wait_s: float = 0.0
    termination_wait_s: float = 0.0
    timeout_s: float | None = None
    alarms: tuple[str, ...] = ()
    rollback_step: Fraction = _EVERYTHING

    @classmethod
    def of(cls, deployment: Document | None, plan: FleetPlan) -> Guardrails:
        """What a valid DeploymentConfig asks for.

        Args:
            deployment: The DeploymentConfig, or None.
            plan: What is to be deployed.
        """
        if deployment is None or _excluded(plan):
            return cls()
        alarms = deployment.get("AutoRollbackConfiguration", {}).get("Alarms", [])
        names = tuple(alarm["AlarmName"] for alarm in alarms)
        rolling = deployment.get("RollingUpdatePolicy")
        if rolling is not None:
            back = rolling.get("RollbackMaximumBatchSize")
            return cls(
                rolling=True,
                steps=_batches(rolling[_BATCH], plan.variants[0]),
                wait_s=rolling["WaitIntervalInSeconds"],
                timeout_s=rolling.get("MaximumExecutionTimeoutInSeconds"),
                alarms=names,
                rollback_step=_EVERYTHING if back is None else _batches(back, plan.variants[0])[0],
            )
        policy = deployment.get("BlueGreenUpdatePolicy")
        if policy is None:
            return cls(alarms=names)
        routing = policy[_ROUTING]
        return cls(
            steps=_steps(routing, plan),
            wait_s=routing["WaitIntervalInSeconds"],
            termination_wait_s=policy.get("TerminationWaitInSeconds", 0),
            timeout_s=policy.get("MaximumExecutionTimeoutInSeconds"),
            alarms=names,
        )

    @property
    def waits_s(self) -> float:
        """Seconds of all waiting together."""
        waits = len(self.steps) if self.rolling else len(self.steps) - 1
        return waits * self.wait_s + self.termination_wait_s


def problems(deployment: Document | None, new: FleetPlan, old: FleetPlan | None) -> Iterator[str]:
    """What SageMaker refuses in a deployment configuration.

    Args:
        deployment: The DeploymentConfig, or None.
        new: What is to be deployed.
        old: What serves now; None when the endpoint is being created.
    """
    if deployment is None:
        return
    if all(policy in deployment for policy in _POLICIES):
        yield f"Specify either {' or '.join(_POLICIES)} in DeploymentConfig, not both."
        return
    wrong = [*_rolling_problems(deployment, new), *_routing_problems(deployment, new)]
    yield from wrong
    names = [variant.name for variant in new.variants]
    serving = names if old is None else [variant.name for variant in old.variants]
    if set(names) != set(serving):
        yield (
            "When doing a blue/green or rolling deployment, your new endpoint configuration must have the "
            f"same variant name as the old endpoint configuration: it has {', '.join(names)} instead of "
            f"{', '.join(serving)}."
        )
    if not wrong:
        yield from _timeout_problems(Guardrails.of(deployment, new))


def _routing_problems(deployment: Document, plan: FleetPlan) -> Iterator[str]:
    routing = deployment.get("BlueGreenUpdatePolicy", {}).get(_ROUTING)
    if routing is None:
        return
    kind = routing["Type"]
    for other, size in _SIZES.items():
        if size.member in routing and other != kind:
            yield f"{size.member} must not be specified for a {_ROUTING} of Type {kind}, but for {other}."
    if kind in _SIZES:
        yield from _size_problems(_SIZES[kind], routing.get(_SIZES[kind].member), plan, f"Type {kind}")


def _rolling_problems(deployment: Document, plan: FleetPlan) -> Iterator[str]:
    policy = deployment.get("RollingUpdatePolicy")
    if policy is None:
        return
    if len(plan.variants) + len(plan.shadows) > 1:
        yield "A rolling deployment is not supported for multi-variant inference endpoints."
    if any(variant.max_concurrency is not None for variant in plan.variants):
        yield "A rolling deployment is not supported for serverless inference endpoints."
    yield from _size_problems(_BATCH_SIZE, policy[_BATCH], plan, "RollingUpdatePolicy")


def _size_problems(size: _Size, given: Document | None, plan: FleetPlan, user: str) -> Iterator[str]:
    if given is None:
        yield f"{size.member} is required for {user}."
        return
    for variant in plan.variants:
        if not size.least <= _share(given, variant) <= size.most:
            yield (
                f"{size.member} must be {size.limit} of the variant's total instance count; "
                f"{given['Type']} {given['Value']} is not, for the {variant.instance_count} instance(s) of "
                f"variant {variant.name}."
            )


def _timeout_problems(guardrails: Guardrails) -> Iterator[str]:
    if guardrails.timeout_s is not None and guardrails.timeout_s <= guardrails.waits_s:
        yield (
            "MaximumExecutionTimeoutInSeconds should be larger than the total waiting time specified in "
            "TerminationWaitInSeconds and WaitIntervalInSeconds: "
            f"{guardrails.timeout_s:g} is not larger than {guardrails.waits_s:g}."
        )


def _excluded(plan: FleetPlan) -> bool:
    types = (variant.instance_type for variant in (*plan.variants, *plan.shadows))
    return any(name is not None and name.startswith(_WITHOUT_GUARDRAILS) for name in types)


def _steps(routing: Document, plan: FleetPlan) -> tuple[Fraction, ...]:
    kind = routing["Type"]
    if kind == ALL_AT_ONCE:
        return (_EVERYTHING,)
    share = min(_share(routing[_SIZES[kind].member], variant) for variant in plan.variants)
    return (share, _EVERYTHING) if kind == CANARY else _multiples(share)


def _share(size: Document, variant: VariantPlan) -> Fraction:
    """Share of a variant's instances; of a variant that has none, as if it had one."""
    if size["Type"] == "CAPACITY_PERCENT":
        return Fraction(size["Value"], 100)
    return Fraction(size["Value"], max(1, variant.instance_count))


def _batches(size: Document, variant: VariantPlan) -> tuple[Fraction, ...]:
    """The steps of a rolling deployment, in whole instances."""
    if variant.instance_count == 0:
        return (_EVERYTHING,)
    instances = math.ceil(_share(size, variant) * variant.instance_count)
    return _multiples(min(_EVERYTHING, Fraction(instances, variant.instance_count)))


def _multiples(share: Fraction) -> tuple[Fraction, ...]:
    steps: list[Fraction] = []
    for number in count(1):
        steps.append(min(_EVERYTHING, number * share))
        if steps[-1] == _EVERYTHING:
            break
    return tuple(steps)

"""Deployment guardrails as values: the steps that follow from a configuration, and what is refused."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from headway_sandbox.dataplane.plan import FleetPlan, VariantPlan
from headway_sandbox.sagemaker.endpoint_guardrails import Guardrails, problems


def plan_of(*names: str, count: int = 1, instance_type: str = "ml.m5.large", **extras: Any) -> FleetPlan:
    variants = tuple(
        VariantPlan(
            name=name,
            model="m",
            weight=1.0,
            instance_count=count,
            mode="Serial",
            containers=(),
            isolated=False,
            startup_timeout_s=None,
            extras=extras,
            instance_type=instance_type,
        )
        for name in names
    )
    return FleetPlan("config", variants, (), None, None)


def blue_green(kind: str, wait: int = 0, **more: Any) -> dict[str, Any]:
    sizes = {key: percent(value) for key, value in more.items() if key in ("CanarySize", "LinearStepSize")}
    rest = {key: value for key, value in more.items() if key not in sizes}
    routing = {"Type": kind, "WaitIntervalInSeconds": wait, **sizes}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, **rest}}


def rolling(size: dict[str, Any], wait: int = 0, **more: Any) -> dict[str, Any]:
    return {"RollingUpdatePolicy": {"MaximumBatchSize": size, "WaitIntervalInSeconds": wait, **more}}


def percent(value: int | dict[str, Any]) -> dict[str, Any]:
    return value if isinstance(value, dict) else {"Type": "CAPACITY_PERCENT", "Value": value}


def instances(value: int) -> dict[str, Any]:
    return {"Type": "INSTANCE_COUNT", "Value": value}


@pytest.mark.parametrize(
    ("deployment", "count", "steps"),
    [
        (None, 1, "1"),
        ({"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "a"}]}}, 1, "1"),
        (blue_green("ALL_AT_ONCE"), 1, "1"),
        (blue_green("CANARY", CanarySize=10), 1, "1/10 1"),
        (blue_green("CANARY", CanarySize=instances(1)), 4, "1/4 1"),
        (blue_green("LINEAR", LinearStepSize=50), 1, "1/2 1"),
        (blue_green("LINEAR", LinearStepSize=30), 1, "3/10 6/10 9/10 1"),
        (blue_green("LINEAR", LinearStepSize=instances(1)), 3, "1/3 2/3 1"),
        (rolling(percent(50)), 4, "1/2 1"),
        (rolling(percent(30)), 4, "1/2 1"),
        (rolling(instances(1)), 4, "1/4 2/4 3/4 1"),
        (rolling(percent(50)), 1, "1"),
    ],
)
def test_traffic_moves_in_these_steps(deployment: dict[str, Any] | None, count: int, steps: str) -> None:
    plan = plan_of("main", count=count)

    assert list(problems(deployment, plan, plan)) == []
    assert Guardrails.of(deployment, plan).steps == tuple(Fraction(step) for step in steps.split())


@pytest.mark.parametrize(
    ("deployment", "words"),
    [
        (
            blue_green("CANARY", CanarySize=51),
            ["CanarySize must be less than or equal to 50%", "CAPACITY_PERCENT 51", "variant main"],
        ),
        (blue_green("CANARY", CanarySize=instances(3)), ["INSTANCE_COUNT 3", "4 instance(s)"]),
        (blue_green("CANARY"), ["CanarySize is required for Type CANARY"]),
        (blue_green("LINEAR", LinearStepSize=9), ["LinearStepSize must be 10-50%"]),
        (blue_green("LINEAR", LinearStepSize=60), ["LinearStepSize must be 10-50%"]),
        (
            blue_green("LINEAR", CanarySize=10),
            ["CanarySize must not be specified", "LinearStepSize is required"],
        ),
        (blue_green("ALL_AT_ONCE", CanarySize=10), ["Type ALL_AT_ONCE, but for CANARY"]),
        (rolling(percent(4)), ["MaximumBatchSize must be between 5% to 50%"]),
        (rolling(instances(3)), ["MaximumBatchSize must be between 5% to 50%"]),
        ({**blue_green("ALL_AT_ONCE"), **rolling(percent(50))}, ["either BlueGreenUpdatePolicy or Rolling"]),
        (
            blue_green("LINEAR", wait=300, LinearStepSize=25, MaximumExecutionTimeoutInSeconds=900),
            ["should be larger than the total waiting time", "900 is not larger than 900"],
        ),
        (
            blue_green("CANARY", wait=300, CanarySize=25)
            | {"BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {
                    "Type": "CANARY", "WaitIntervalInSeconds": 300, "CanarySize": percent(25)
                },
                "TerminationWaitInSeconds": 300,
                "MaximumExecutionTimeoutInSeconds": 600,
            }},
            ["600 is not larger than 600"],
        ),
        (
            rolling(percent(25), wait=300, MaximumExecutionTimeoutInSeconds=1200),
            ["1200 is not larger than 1200"],
        ),
    ],
)  # fmt: skip
def test_what_is_out_of_its_limits_is_refused(deployment: dict[str, Any], words: list[str]) -> None:
    plan = plan_of("main", count=4)

    text = " ".join(problems(deployment, plan, plan))

    assert not [word for word in words if word not in text], text


def test_guardrails_need_the_same_variants_and_rolling_needs_one_with_instances() -> None:
    one, two = plan_of("main"), plan_of("main", "other")
    serverless = plan_of("main", ServerlessConfig={"MemorySizeInMB": 1024, "MaxConcurrency": 2})

    assert "same variant name" in " ".join(problems(blue_green("ALL_AT_ONCE"), two, one))
    assert "multi-variant" in " ".join(problems(rolling(percent(50)), two, two))
    assert "serverless" in " ".join(problems(rolling(percent(50)), serverless, serverless))
    assert list(problems(None, two, one)) == []


def test_endpoints_that_guardrails_exclude_fall_back_to_all_at_once() -> None:
    plan = plan_of("main", instance_type="ml.inf1.xlarge")
    deployment = blue_green("CANARY", wait=60, CanarySize=10, TerminationWaitInSeconds=60)

    assert Guardrails.of(deployment, plan) == Guardrails()

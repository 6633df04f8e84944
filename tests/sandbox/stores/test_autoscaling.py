"""Application Auto Scaling: what a policy wants, and endpoints that really are scaled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_sandbox import lifecycle
from headway_sandbox.services.application_autoscaling.tracking import (
    SCALE_IN_AFTER_S,
    Limits,
    Policy,
    Watch,
    desired_capacity,
    observed,
)
from support.control import refused
from support.serving import Serving, until

POLICY = Policy(target=100.0, out_cooldown_s=60.0, in_cooldown_s=120.0)
LIMITS = Limits(1, 8)
LONG_AGO = Watch(above_since=0.0, below_since=0.0)


@pytest.mark.parametrize(
    ("capacity", "metric", "since", "last_out", "last_in", "wanted"),
    [
        (2, 150.0, 995.0, None, None, 3),
        (2, 150.0, 999.0, None, None, 2),
        (2, 150.0, 995.0, 941.0, None, 2),
        (2, 150.0, 995.0, 940.0, None, 3),
        (2, 150.0, 995.0, None, 999.0, 3),
        (2, 9_999.0, 995.0, None, None, 8),
        (2, 100.0, None, None, None, 2),
        (0, 5.0, None, None, None, 0),
        (4, 95.0, None, None, None, 4),
        (4, 30.0, 995.0, None, None, 2),
        (4, 30.0, 996.0, None, None, 4),
        (4, 30.0, 995.0, None, 881.0, 4),
        (4, 30.0, 995.0, None, 880.0, 2),
        (4, 30.0, 995.0, 941.0, None, 4),
        (4, 0.0, 995.0, None, None, 1),
    ],
)
def test_a_policy_follows_its_metric_in_proportion(
    capacity: int,
    metric: float,
    since: float | None,
    last_out: float | None,
    last_in: float | None,
    wanted: int,
) -> None:
    watch = Watch(since if metric > 100 else None, since if metric < 90 else None)

    found = desired_capacity(
        POLICY,
        LIMITS,
        watch,
        capacity=capacity,
        metric=metric,
        last_out=last_out,
        last_in=last_in,
        now=1_000.0,
    )

    assert found == wanted


@given(
    st.integers(0, 20),
    st.floats(0, 1e6),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_a_policy_keeps_to_its_limits_and_directions(
    capacity: int, metric: float, out_suspended: bool, in_suspended: bool, in_disabled: bool
) -> None:
    limits = Limits(1, 8, out_suspended=out_suspended, in_suspended=in_suspended)
    policy = Policy(target=100.0, in_disabled=in_disabled)

    found = desired_capacity(
        policy, limits, LONG_AGO, capacity=capacity, metric=metric, last_out=None, last_in=None, now=1e6
    )

    assert found == capacity or 1 <= found <= 8
    if found > capacity:
        assert not out_suspended
    if found < capacity:
        assert not in_suspended
        assert not in_disabled


@given(st.lists(st.floats(0, 300), min_size=1))
def test_a_metric_is_watched_since_it_left_its_range_without_a_break(values: list[float]) -> None:
    watch = Watch()
    for now, value in enumerate(values):
        watch = observed(watch, value, POLICY, float(now))

    def unbroken(left: Any) -> float | None:
        start = next((n for n in reversed(range(len(values))) if not left(values[n])), -1) + 1
        return float(start) if start < len(values) else None

    assert watch == Watch(unbroken(lambda value: value > 100), unbroken(lambda value: value < 90))


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    state_dir = tmp_path_factory.mktemp("scaling")
    server = Path(__file__).parents[1] / "serving" / "model_server.py"
    (state_dir / "images.toml").write_text(f'[images]\ntiny-server = ["{{python}}", "{server}"]\n')
    sandbox = Serving(state_dir)
    yield sandbox
    lifecycle.stop(state_dir)
    log = (state_dir / "sandbox.log").read_text()
    assert "Traceback" not in log, log


def identity(endpoint: str) -> dict[str, str]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/main",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }


def tracking(target: float, **more: Any) -> dict[str, Any]:
    return {
        "PolicyName": "calls",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": target,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
            },
            **more,
        },
    }


def instances(serving: Serving, endpoint: str) -> int:
    variant = serving.describe(endpoint)["ProductionVariants"][0]
    return int(variant["CurrentInstanceCount"])


def test_calls_scale_an_endpoint_out_and_quiet_scales_it_in(serving: Serving) -> None:
    scaling = serving.client("application-autoscaling")
    endpoint = serving.endpoint(serving.config_of())
    where = identity(endpoint)
    scaling.register_scalable_target(**where, MinCapacity=1, MaxCapacity=2)
    put = scaling.put_scaling_policy(**where, **tracking(5, ScaleOutCooldown=0, ScaleInCooldown=0))
    names = [alarm["AlarmName"] for alarm in put["Alarms"]]
    alarms = serving.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]
    assert sorted((alarm["Threshold"], alarm["EvaluationPeriods"]) for alarm in alarms) == [
        (4.5, 15),
        (5.0, 3),
    ]

    for _ in range(30):
        serving.invoke(endpoint)

    until(lambda: instances(serving, endpoint), lambda count: count == 2)
    serving.settled(endpoint)
    activity = scaling.describe_scaling_activities(**where)["ScalingActivities"][0]
    assert (activity["StatusCode"], activity["Description"]) == (
        "Successful",
        "Setting desired instance count to 2.",
    )

    # Fewer calls an instance than a raised target: nothing has to wait for the last minute to pass.
    scaling.put_scaling_policy(**where, **tracking(10_000, ScaleOutCooldown=0, ScaleInCooldown=0))
    until(lambda: instances(serving, endpoint), lambda count: count == 1, timeout_s=SCALE_IN_AFTER_S + 20)
    assert len(scaling.describe_scaling_activities(**where)["ScalingActivities"]) == 2

    scaling.deregister_scalable_target(**where)
    assert scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"] == []
    assert serving.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"] == []


def test_a_target_brings_its_variant_within_its_limits_and_keeps_its_tags(serving: Serving) -> None:
    scaling = serving.client("application-autoscaling")
    endpoint = serving.endpoint(serving.config_of())
    where = identity(endpoint)

    arn = scaling.register_scalable_target(**where, MinCapacity=2, MaxCapacity=3, Tags={"team": "a"})[
        "ScalableTargetARN"
    ]

    until(lambda: instances(serving, endpoint), lambda count: count == 2)
    scaling.tag_resource(ResourceARN=arn, Tags={"stage": "test"})
    scaling.untag_resource(ResourceARN=arn, TagKeys=["team"])
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"stage": "test"}
    scaling.register_scalable_target(**where, SuspendedState={"DynamicScalingInSuspended": True})
    target = scaling.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[where["ResourceId"]]
    )["ScalableTargets"][0]
    assert (target["MinCapacity"], target["MaxCapacity"], target["ScalableTargetARN"]) == (2, 3, arn)
    assert target["SuspendedState"]["DynamicScalingInSuspended"] is True


def test_what_cannot_be_scaled_is_refused_with_every_reason(serving: Serving) -> None:
    scaling = serving.client("application-autoscaling")
    where = identity("nobody")

    code, message = refused(scaling.register_scalable_target, **where, MinCapacity=3, MaxCapacity=2)
    assert code == "ValidationException"
    for part in ("Maximum capacity 2 cannot be less than minimum capacity 3", "nobody"):
        assert part in message
    code, message = refused(
        scaling.register_scalable_target,
        ServiceNamespace="ecs",
        ResourceId="service/a/b",
        ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=1,
        MaxCapacity=1,
    )
    assert (code, "ecs is not emulated" in message) == ("ValidationException", True)
    code, _ = refused(scaling.put_scaling_policy, **where, **tracking(1))
    assert code == "ObjectNotFoundException"
    burstable = serving.endpoint(serving.config_of(InstanceType="ml.t2.medium"))
    code, message = refused(
        scaling.register_scalable_target, **identity(burstable), MinCapacity=1, MaxCapacity=2
    )
    assert (code, "ml.t2.medium cannot be registered" in message) == ("ValidationException", True)


def test_a_table_remembers_its_scaling(serving: Serving) -> None:
    scaling = serving.client("application-autoscaling")
    where = {
        "ServiceNamespace": "dynamodb",
        "ResourceId": "table/releases",
        "ScalableDimension": "dynamodb:table:ReadCapacityUnits",
    }
    scaling.register_scalable_target(**where, MinCapacity=5, MaxCapacity=50)
    configuration = {
        "TargetValue": 70.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "DynamoDBReadCapacityUtilization"},
    }
    policy = {
        "PolicyName": "reads",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": configuration,
    }
    arn = scaling.put_scaling_policy(**where, **policy)["PolicyARN"]

    assert scaling.put_scaling_policy(**where, **policy)["PolicyARN"] == arn
    found = scaling.describe_scaling_policies(ServiceNamespace="dynamodb")["ScalingPolicies"]
    assert [item["TargetTrackingScalingPolicyConfiguration"] for item in found] == [configuration]
    scaling.delete_scaling_policy(**where, PolicyName="reads")
    assert refused(scaling.delete_scaling_policy, **where, PolicyName="reads")[0] == "ObjectNotFoundException"
    for kind in ("StepScaling", "TargetTrackingScaling"):
        code, message = refused(scaling.put_scaling_policy, **where, PolicyName="reads", PolicyType=kind)
        assert (code, kind in message) == ("ValidationException", True)

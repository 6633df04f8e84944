"""Updates under deployment guardrails, with real model servers, real traffic and real alarms."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from support.serving import Serving, refused, until

ARN = "arn:aws:sagemaker:us-east-1:000000000000"
NO_CAPACITY = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. "
    "Please retry using a different ML instance type or after some time."
)


@pytest.fixture(scope="module")
def good(serving: Serving) -> str:
    return serving.config_of({"NAME": "good"})


@pytest.fixture(scope="module")
def better(serving: Serving) -> str:
    return serving.config_of({"NAME": "better"})


def blue_green(kind: str, wait: int, *, final_wait: int = 0, alarms: tuple[str, ...] = ()) -> dict[str, Any]:
    size = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}.get(kind)
    routing: dict[str, Any] = {"Type": kind, "WaitIntervalInSeconds": wait}
    if size is not None:
        routing[size] = {"Type": "CAPACITY_PERCENT", "Value": 25}
    policy = {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": final_wait}
    return with_alarms({"BlueGreenUpdatePolicy": policy}, alarms)


def rolling(wait: int, *, alarms: tuple[str, ...] = ()) -> dict[str, Any]:
    batch = {"Type": "INSTANCE_COUNT", "Value": 1}
    policy = {"MaximumBatchSize": batch, "WaitIntervalInSeconds": wait}
    return with_alarms({"RollingUpdatePolicy": policy}, alarms)


def with_alarms(deployment: dict[str, Any], alarms: tuple[str, ...]) -> dict[str, Any]:
    if alarms:
        named = [{"AlarmName": name} for name in alarms]
        deployment["AutoRollbackConfiguration"] = {"Alarms": named}
    return deployment


class Alarm:
    """An alarm on a metric of its own."""

    def __init__(self, serving: Serving) -> None:
        self.name = serving.name("alarm")
        self._cloudwatch = serving.client("cloudwatch")
        self._cloudwatch.put_metric_alarm(
            AlarmName=self.name,
            Namespace="Tests",
            MetricName=self.name,
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=0,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="notBreaching",
        )

    @property
    def state(self) -> str:
        (alarm,) = self._cloudwatch.describe_alarms(AlarmNames=[self.name])["MetricAlarms"]
        return str(alarm["StateValue"])

    def trip(self) -> None:
        self._cloudwatch.put_metric_data(
            Namespace="Tests", MetricData=[{"MetricName": self.name, "Value": 1.0}]
        )


@contextmanager
def traffic(serving: Serving, endpoint: str) -> Iterator[list[str]]:
    """Who answers an endpoint's requests meanwhile; a request that fails fails the test."""
    ended = threading.Event()
    answers: list[str] = []
    failures: list[Exception] = []

    def ask() -> None:
        try:
            while not ended.is_set():
                answers.append(serving.invoke(endpoint)["Body"]["name"])
        except Exception as error:  # noqa: BLE001 - told to the test
            failures.append(error)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert failures == []


def status_of(serving: Serving, endpoint: str) -> dict[str, Any]:
    """What the pending variant is doing; empty when nothing is pending."""
    pending = serving.describe(endpoint).get("PendingDeploymentSummary")
    if pending is None:
        return {}
    (variant,) = pending["ProductionVariants"]
    return {**variant, **variant["VariantStatus"][0]}


def test_a_canary_gets_its_share_before_it_gets_everything(serving: Serving, good: str, better: str) -> None:
    endpoint = serving.endpoint(good)
    with traffic(serving, endpoint) as answers:
        serving.client("sagemaker").update_endpoint(
            EndpointName=endpoint,
            EndpointConfigName=better,
            DeploymentConfig=blue_green("CANARY", 2, final_wait=1),
        )
        baking = until(lambda: status_of(serving, endpoint), lambda it: it.get("Status") == "Baking")
        begun = len(answers)
        until(lambda: len(answers), lambda count: count >= begun + 40)
        share = Counter(answers[begun : begun + 40])
        last = until(
            lambda: status_of(serving, endpoint),
            lambda it: "TerminationWaitInSeconds" in it.get("StatusMessage", ""),
        )
        begun = len(answers)
        until(lambda: len(answers), lambda count: count >= begun + 6)
        moved = set(answers[begun + 2 : begun + 6])
        settled = serving.settled(endpoint)

    assert baking["StatusMessage"] == (
        "Baking for 2 seconds (WaitIntervalInSeconds) with traffic enabled on canary capacity of 1 "
        "instance(s)."
    )
    assert 8 <= share["better"] <= 12, share
    assert moved == {"better"}
    assert last["Status"] == "Baking"
    assert settled["EndpointConfigName"] == better
    assert settled["LastDeploymentConfig"] == blue_green("CANARY", 2, final_wait=1)


@pytest.mark.parametrize("kind", ["CANARY", "ALL_AT_ONCE", "ROLLING"])
def test_an_alarm_rolls_the_update_back(serving: Serving, better: str, kind: str) -> None:
    config = serving.config_of({"NAME": "good"}, InitialInstanceCount=2)
    target = serving.config_of({"NAME": "better"}, InitialInstanceCount=2)
    alarm = Alarm(serving)
    endpoint = serving.endpoint(config)
    deployment = (
        rolling(30, alarms=(alarm.name,))
        if kind == "ROLLING"
        else blue_green(kind, 30, final_wait=30, alarms=(alarm.name,))
    )
    with traffic(serving, endpoint) as answers:
        serving.client("sagemaker").update_endpoint(
            EndpointName=endpoint, EndpointConfigName=target, DeploymentConfig=deployment
        )
        until(lambda: status_of(serving, endpoint), lambda it: it.get("Status") == "Baking")
        until(lambda: set(answers), lambda names: "better" in names)
        alarm.trip()
        settled = serving.settled(endpoint)
        begun = len(answers)
        until(lambda: len(answers), lambda count: count >= begun + 8)
        after = set(answers[begun + 2 :])

    assert settled["EndpointStatus"] == "InService"
    assert settled["EndpointConfigName"] == config
    assert f"ALARM state: {alarm.name}" in settled["FailureReason"]
    assert [item["CurrentInstanceCount"] for item in settled["ProductionVariants"]] == [2]
    assert after == {"good"}


@pytest.mark.parametrize("kind", ["ALL_AT_ONCE", "ROLLING"])
def test_an_alarm_that_is_on_already_keeps_the_new_fleet_from_traffic(
    serving: Serving, good: str, better: str, kind: str
) -> None:
    alarm = Alarm(serving)
    endpoint = serving.endpoint(good)
    alarm.trip()
    until(lambda: alarm.state, lambda state: state == "ALARM")
    alarms = (alarm.name,)
    rolled = {"Type": "CAPACITY_PERCENT", "Value": 50}
    deployment = rolling(0, alarms=alarms) if kind == "ROLLING" else blue_green(kind, 0, alarms=alarms)
    if kind == "ROLLING":
        deployment["RollingUpdatePolicy"]["MaximumBatchSize"] = rolled
    with traffic(serving, endpoint) as answers:
        settled = serving.update(endpoint, better, DeploymentConfig=deployment)

    assert settled["EndpointConfigName"] == good
    assert alarm.name in settled["FailureReason"]
    assert set(answers) == {"good"}


def test_an_update_moves_in_linear_steps(serving: Serving, good: str, better: str) -> None:
    endpoint = serving.endpoint(good)
    sqs, events = serving.client("sqs"), serving.client("events")
    queue = sqs.create_queue(QueueName=endpoint)["QueueUrl"]
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Endpoint Deployment State Change"],
        "detail": {"EndpointName": [endpoint]},
    }
    events.put_rule(Name=endpoint, EventPattern=json.dumps(pattern))
    arn = f"arn:aws:sqs:us-east-1:000000000000:{endpoint}"
    events.put_targets(Rule=endpoint, Targets=[{"Id": "queue", "Arn": arn}])

    settled = serving.update(endpoint, better, DeploymentConfig=blue_green("LINEAR", 1))

    assert settled["EndpointConfigName"] == better
    seen: list[dict[str, Any]] = []

    def receive() -> list[dict[str, Any]]:
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        seen.extend(json.loads(message["Body"])["detail"] for message in messages)
        return seen

    until(receive, lambda found: len(found) >= 6)
    statuses = Counter(
        detail["PendingDeploymentSummary"]["ProductionVariants"][0]["VariantStatus"][0]["Status"]
        for detail in seen
    )
    assert statuses == {"ActivatingTraffic": 3, "Baking": 3}
    assert {detail["EndpointStatus"] for detail in seen} == {"UPDATING"}


def test_a_rolling_update_loses_no_request_and_never_runs_short(serving: Serving) -> None:
    old, new = (serving.config_of({"NAME": name}, InitialInstanceCount=3) for name in ("good", "better"))
    endpoint = serving.endpoint(old)
    with traffic(serving, endpoint) as answers:
        settled = serving.update(endpoint, new, DeploymentConfig=rolling(0))
        begun = len(answers)
        until(lambda: len(answers), lambda count: count >= begun + 6)

    assert settled["EndpointConfigName"] == new
    assert [item["CurrentInstanceCount"] for item in settled["ProductionVariants"]] == [3]
    assert set(answers[begun + 2 :]) == {"better"}


def test_waits_pass_with_the_time_that_schedules_go_by(serving: Serving, good: str, better: str) -> None:
    endpoint = serving.endpoint(good)
    sagemaker = serving.client("sagemaker")
    hour = blue_green("CANARY", 3600, final_wait=3600)
    sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=better, DeploymentConfig=hour)
    until(lambda: status_of(serving, endpoint), lambda it: it.get("Status") == "Baking")
    assert serving.describe(endpoint)["EndpointStatus"] == "Updating"

    serving.pace(10_000)
    try:
        settled = serving.settled(endpoint)
    finally:
        serving.pace(1)

    assert (settled["EndpointConfigName"], "FailureReason" in settled) == (better, False)


def test_a_deployment_configuration_can_be_retained(serving: Serving, good: str, better: str) -> None:
    endpoint = serving.endpoint(good)
    deployment = blue_green("CANARY", 0)
    serving.update(endpoint, better, DeploymentConfig=deployment)

    assert serving.update(endpoint, good)["LastDeploymentConfig"] == deployment
    other = serving.config_of({"NAME": "other"}, VariantName="another")
    with refused("ValidationException", "same variant name as the old", "another instead of main"):
        serving.update(endpoint, other, RetainDeploymentConfig=True)
    assert serving.update(endpoint, other)["EndpointConfigName"] == other


def test_guardrails_beyond_their_limits_are_refused(serving: Serving, good: str, better: str) -> None:
    endpoint = serving.endpoint(good)
    size = {"Type": "CAPACITY_PERCENT", "Value": 60}
    too_large = blue_green("CANARY", 0)
    too_large["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["CanarySize"] = size
    too_long = blue_green("CANARY", 3601)
    out_of_time = blue_green("CANARY", 600)
    out_of_time["BlueGreenUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"] = 600
    too_many = with_alarms(blue_green("ALL_AT_ONCE", 0), tuple(f"alarm-{number}" for number in range(11)))

    for deployment, words in (
        (too_large, ["CanarySize must be less than or equal to 50%"]),
        (too_long, ["waitIntervalInSeconds", "less than or equal to 3600"]),
        (out_of_time, ["larger than the total waiting time", "600 is not larger than 600"]),
        (too_many, ["alarms", "length less than or equal to 10"]),
        (with_alarms(blue_green("ALL_AT_ONCE", 0), ("nobody",)), ["alarms that do not exist: nobody"]),
    ):
        with refused("ValidationException", *words):
            serving.update(endpoint, better, DeploymentConfig=deployment)
    assert serving.describe(endpoint)["EndpointStatus"] == "InService"


def test_without_capacity_nothing_changes(serving: Serving, good: str) -> None:
    endpoint = serving.endpoint(good)
    large = serving.config_of({"NAME": "large"}, InstanceType="ml.m5.24xlarge")
    fault = serving.fault(kind="capacity", instance_type="ml.m5.24xlarge")
    try:
        updated = serving.update(endpoint, large)
        created = serving.name("endpoint")
        serving.client("sagemaker").create_endpoint(EndpointName=created, EndpointConfigName=large)
        failed = serving.settled(created)
    finally:
        serving.clear_fault(fault)

    assert (updated["EndpointStatus"], updated["EndpointConfigName"]) == ("InService", good)
    assert updated["FailureReason"] == NO_CAPACITY
    assert (failed["EndpointStatus"], failed["FailureReason"]) == ("Failed", NO_CAPACITY)
    assert serving.update(endpoint, large)["EndpointConfigName"] == large


def test_a_rolled_back_update_is_a_success_to_whoever_looks_at_the_status_alone(
    serving: Serving, good: str
) -> None:
    """terraform-provider-aws #46663: a provider that waits for InService deletes what still serves."""
    old = serving.config_of({"NAME": "old"})
    bad = serving.config_of({"START": "exit"})
    endpoint = serving.endpoint(old)
    sagemaker = serving.client("sagemaker")

    sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=bad)
    sagemaker.get_waiter("endpoint_in_service").wait(
        EndpointName=endpoint, WaiterConfig={"Delay": 0.05, "MaxAttempts": 200}
    )
    assert serving.describe(endpoint)["EndpointConfigName"] == old

    sagemaker.delete_endpoint_config(EndpointConfigName=old)

    assert serving.invoke(endpoint)["Body"]["name"] == "old"
    assert serving.describe(endpoint)["EndpointConfigName"] == old
    with refused(
        "ValidationException", f'Could not find endpoint configuration "{ARN}:endpoint-config/{old}".'
    ):
        sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=good)


def test_more_instances_than_the_sandbox_runs_are_told_truthfully(serving: Serving) -> None:
    endpoint = serving.endpoint(serving.config_of({"NAME": "many"}, InitialInstanceCount=9))

    (variant,) = serving.describe(endpoint)["ProductionVariants"]

    assert (variant["DesiredInstanceCount"], variant["CurrentInstanceCount"]) == (9, 4)
    assert serving.invoke(endpoint)["Body"]["name"] == "many"

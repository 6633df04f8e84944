"""Time in the sandbox: alarms that look by themselves, schedules that run now or faster."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway_sandbox import lifecycle
from headway_sandbox.alarm_evaluation import state_of
from headway_sandbox.sagemaker.store import Store
from headway_sandbox.schedule_clock import ClockError, ScheduleClock
from support.control import ROLE, Cloud, Events, refused, unique, until

X, G, N = True, False, None  # breaching, good, nothing


@pytest.mark.parametrize(
    ("datapoints", "missing", "state"),
    [
        # The tables of the user guide for three of three, the newest first.
        ((X, X, X, N, N), "missing", "ALARM"),
        ((X, X, G, N, N), "missing", "OK"),
        ((X, N, X, G, N), "missing", "OK"),
        ((N, N, X, N, N), "missing", "ALARM"),
        ((N, N, X, N, N), "ignore", "OLD"),
        ((N, N, X, N, N), "breaching", "ALARM"),
        ((N, N, X, N, N), "notBreaching", "OK"),
        ((N, N, N, N, G), "missing", "OK"),
        ((N, N, N, N, G), "breaching", "OK"),
        ((N, N, N, N, N), "missing", "INSUFFICIENT_DATA"),
        ((N, N, N, N, N), "ignore", "OLD"),
        ((N, N, N, N, N), "breaching", "ALARM"),
        ((N, N, N, N, N), "notBreaching", "OK"),
    ],
)
def test_missing_data_is_treated_as_cloudwatch_documents_it(
    datapoints: tuple[bool | None, ...], missing: str, state: str
) -> None:
    assert state_of(datapoints, periods=3, to_alarm=3, missing=missing, state="OLD") == state


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=5, max_size=5), st.integers(1, 3), st.integers(0, 3))
def test_so_many_of_the_newest_datapoints_alarm(datapoints: list[bool], periods: int, short: int) -> None:
    to_alarm = max(1, periods - short)

    state = state_of(datapoints, periods=periods, to_alarm=to_alarm, missing="missing", state="OK")

    assert (state == "ALARM") == (sum(datapoints[:periods]) >= to_alarm)


def test_a_fast_clock_keeps_its_lead_and_stands_still_while_the_sandbox_is_down(tmp_path: Path) -> None:
    store, real = Store(tmp_path / "state.sqlite"), [1000.0]
    clock = ScheduleClock(store, lambda: real[0])
    clock.set_speed(60)
    real[0] += 10
    assert clock.now() == 1000 + 600
    clock.set_speed(1)
    real[0] += 5
    assert clock.now() == 1015 + 590
    clock.set_speed(10)
    real[0] += 1
    clock.keep()

    real[0] += 3600
    later = ScheduleClock(store, lambda: real[0])

    assert later.now() == real[0] + 590 + 9
    for speed in (0.5, 10_000_000, "fast", True, None):
        with pytest.raises(ClockError, match="a number from 1 to 1000000"):
            later.set_speed(speed)
    store.close()


def put_alarm(cloud: Cloud, **members: Any) -> str:
    name = unique("alarm")
    cloud.client("cloudwatch").put_metric_alarm(
        **{
            "AlarmName": name,
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanThreshold",
            **members,
        }
    )
    return name


def state(cloud: Cloud, name: str) -> str:
    (alarm,) = cloud.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return str(alarm["StateValue"])


def measure(cloud: Cloud, data: list[dict[str, Any]]) -> None:
    cloud.client("cloudwatch").put_metric_data(Namespace="Time", MetricData=data)


METRIC = {"Namespace": "Time", "Statistic": "Sum"}


def test_an_alarm_notices_that_nothing_is_measured(cloud: Cloud) -> None:
    silent = put_alarm(cloud, **METRIC, MetricName="Heartbeat", Period=10, TreatMissingData="breaching")
    quiet = put_alarm(cloud, **METRIC, MetricName="Heartbeat", Period=10, TreatMissingData="notBreaching")
    unknown = put_alarm(cloud, **METRIC, MetricName="Heartbeat", Period=10)

    until(lambda: state(cloud, silent) == "ALARM" and state(cloud, quiet) == "OK", "both alarms")
    assert state(cloud, unknown) == "INSUFFICIENT_DATA"


def test_an_alarm_needs_as_many_periods_as_it_says(cloud: Cloud) -> None:
    metric = unique("Errors")
    both = put_alarm(cloud, **METRIC, MetricName=metric, Period=10, EvaluationPeriods=3, DatapointsToAlarm=2)
    now = time.time()
    data = [{"MetricName": metric, "Value": 5, "Timestamp": now - 25}]
    data += [
        {"MetricName": metric, "Value": value, "Timestamp": now - age} for value, age in ((0, 15), (0, 5))
    ]

    measure(cloud, data)
    assert state(cloud, both) == "OK"
    cloud.client("cloudwatch").put_metric_data(
        Namespace="Time", MetricData=[{"MetricName": metric, "Value": 9}]
    )

    assert state(cloud, both) == "ALARM"


def test_an_alarm_on_one_metric_query_is_kept_and_metric_math_is_refused(cloud: Cloud) -> None:
    metric = unique("Errors")
    stat = {"Metric": {"Namespace": "Time", "MetricName": metric}, "Period": 10, "Stat": "Sum"}
    name = put_alarm(cloud, Metrics=[{"Id": "m1", "MetricStat": stat, "ReturnData": True}])
    cloud.client("cloudwatch").put_metric_data(
        Namespace="Time", MetricData=[{"MetricName": metric, "Value": 2}]
    )

    (alarm,) = cloud.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert alarm["Metrics"][0]["MetricStat"]["Metric"]["MetricName"] == metric
    assert alarm["StateValue"] == "ALARM"
    code, message = refused(
        cloud.client("cloudwatch").put_metric_alarm,
        AlarmName="math",
        EvaluationPeriods=1,
        ComparisonOperator="GreaterThanThreshold",
        Threshold=1,
        Metrics=[{"Id": "m1", "MetricStat": stat}, {"Id": "e1", "Expression": "m1 * 2"}],
    )
    assert (code, "metric math" in message) == ("ValidationError", True)


def control(cloud: Cloud, method: str, path: str, document: dict[str, Any] | None = None) -> dict[str, Any]:
    return lifecycle.control(cloud.record, method, f"/_headway/clock{path}", document)


@pytest.fixture
def normal_speed(cloud: Cloud) -> Iterator[None]:
    yield
    control(cloud, "POST", "/speed", {"speed": 1})


def rule_into_queue(cloud: Cloud, expression: str) -> tuple[str, Events]:
    events = cloud.events({"source": ["nothing"]})
    name = unique("rule")
    cloud.client("events").put_rule(Name=name, ScheduleExpression=expression)
    (target,) = cloud.client("events").list_targets_by_rule(Rule=events.name)["Targets"]
    cloud.client("events").put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": target["Arn"]}])
    return name, events


def test_a_rule_and_a_schedule_run_now_without_touching_their_declaration(cloud: Cloud) -> None:
    rule, events = rule_into_queue(cloud, "rate(1 day)")
    (queue,) = cloud.client("events").list_targets_by_rule(Rule=rule)["Targets"]
    schedule = unique("schedule")
    cloud.client("scheduler").create_schedule(
        Name=schedule,
        ScheduleExpression="cron(0 3 1 1 ? 2099)",
        State="DISABLED",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": queue["Arn"], "RoleArn": ROLE, "Input": '{"from": "schedule"}'},
    )

    fired = [control(cloud, "POST", "/run", {"name": name})["fired"][0] for name in (rule, schedule)]

    first, second = events.wait_for(2)
    assert first["detail-type"] == "Scheduled Event"
    assert first["resources"] == [fired[0]]
    assert second == {"from": "schedule"}
    assert cloud.client("scheduler").get_schedule(Name=schedule)["State"] == "DISABLED"
    listed = {item["name"]: item for item in control(cloud, "GET", "")["schedules"]}
    assert (listed[rule]["enabled"], listed[schedule]["enabled"]) == (True, False)


def test_time_that_passes_faster_fires_what_is_due(cloud: Cloud, normal_speed: None) -> None:
    rule, events = rule_into_queue(cloud, "rate(1 hour)")

    control(cloud, "POST", "/speed", {"speed": 36_000})

    events.wait_for(2)
    assert cloud.client("events").describe_rule(Name=rule)["ScheduleExpression"] == "rate(1 hour)"


def test_what_does_not_run_by_time_is_refused_by_name(cloud: Cloud) -> None:
    for path, document, says in (
        ("/run", {"name": "nobody"}, "Nothing that runs by time is named 'nobody'"),
        ("/run", {}, "name is None"),
        ("/speed", {"speed": 0}, "speed is 0"),
    ):
        with pytest.raises(lifecycle.SandboxError) as caught:
            control(cloud, "POST", path, document)
        assert says in str(caught.value)


def test_rules_and_schedules_start_pipelines(cloud: Cloud) -> None:
    name = unique("pipeline")
    definition = {
        "Version": "2020-12-01",
        "Parameters": [{"Name": "Why", "Type": "String", "DefaultValue": "unknown"}],
        "Steps": [{"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": {"Get": "Parameters.Why"}}}],
    }
    arn = cloud.sagemaker.create_pipeline(
        PipelineName=name,
        PipelineDefinition=json.dumps(definition),
        RoleArn=ROLE,
        ClientRequestToken="t" * 32,
    )["PipelineArn"]
    rule, schedule = unique("rule"), unique("schedule")
    parameters = {"PipelineParameterList": [{"Name": "Why", "Value": "it is time"}]}
    cloud.client("events").put_rule(Name=rule, ScheduleExpression="rate(1 day)")
    cloud.client("events").put_targets(
        Rule=rule,
        Targets=[{"Id": "p", "Arn": arn, "RoleArn": ROLE, "SageMakerPipelineParameters": parameters}],
    )
    cloud.client("scheduler").create_schedule(
        Name=schedule,
        ScheduleExpression="rate(1 day)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": arn, "RoleArn": ROLE, "SageMakerPipelineParameters": parameters},
    )

    for fired in (rule, schedule):
        control(cloud, "POST", "/run", {"name": fired})

    def ended() -> bool:
        found = cloud.sagemaker.list_pipeline_executions(PipelineName=name)["PipelineExecutionSummaries"]
        return [item["PipelineExecutionStatus"] for item in found] == ["Failed", "Failed"]

    until(ended, "two executions")

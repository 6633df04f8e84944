"""Metrics of endpoints in CloudWatch, and alarms that react to them within seconds."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headway_sandbox.dataplane.metrics import Invocation, Metrics, microseconds
from support.serving import Serving, refused, until


@pytest.fixture(scope="module")
def pair(serving: Serving) -> str:
    models = {name: serving.model({"NAME": name}) for name in ("champion", "challenger")}
    variants = [{"VariantName": name, "ModelName": model} for name, model in models.items()]
    return serving.endpoint(serving.config(*variants))


def dimensions(endpoint: str, variant: str) -> list[dict[str, str]]:
    return [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]


def statistic(
    serving: Serving, namespace: str, metric: str, of: list[dict[str, str]], stat: str
) -> float | None:
    query = {
        "Id": "m",
        "MetricStat": {
            "Metric": {"Namespace": namespace, "MetricName": metric, "Dimensions": of},
            "Period": 86_400,
            "Stat": stat,
        },
    }
    now = datetime.now(UTC)
    (result,) = serving.client("cloudwatch").get_metric_data(
        MetricDataQueries=[query], StartTime=now - timedelta(days=1), EndTime=now + timedelta(minutes=1)
    )["MetricDataResults"]
    values: list[float] = result["Values"]
    return values[-1] if values else None


def alarm_on(serving: Serving, name: str, endpoint: str, variant: str, **more: Any) -> None:
    serving.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Namespace="AWS/SageMaker",
        Dimensions=dimensions(endpoint, variant),
        Period=60,
        EvaluationPeriods=1,
        TreatMissingData="notBreaching",
        **more,
    )


def state(serving: Serving, name: str) -> str:
    (alarm,) = serving.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    found: str = alarm["StateValue"]
    return found


def test_an_alarm_on_errors_reacts_within_seconds_and_only_to_its_own_variant(
    serving: Serving, pair: str
) -> None:
    alarms = {variant: serving.name(f"errors-{variant}") for variant in ("champion", "challenger")}
    for variant, name in alarms.items():
        alarm_on(
            serving,
            name,
            pair,
            variant,
            MetricName="Invocation5XXErrors",
            Statistic="Sum",
            Threshold=2,
            ComparisonOperator="GreaterThanThreshold",
        )
    serving.invoke(pair, TargetVariant="champion")
    began = time.monotonic()
    for _ in range(3):
        with refused("ModelError"):
            serving.invoke(pair, b"status:500", TargetVariant="challenger")

    until(lambda: state(serving, alarms["challenger"]), lambda found: found == "ALARM")
    assert time.monotonic() - began < 5.0
    until(lambda: state(serving, alarms["champion"]), lambda found: found == "OK")


def test_an_alarm_on_a_tail_latency_sees_a_slow_worker(serving: Serving, pair: str) -> None:
    name = serving.name("latency")
    alarm_on(
        serving,
        name,
        pair,
        "challenger",
        MetricName="ModelLatency",
        ExtendedStatistic="p99",
        Threshold=200_000,
        ComparisonOperator="GreaterThanThreshold",
    )
    fault = serving.fault(kind="worker", endpoint=pair, variant="challenger", delay_s=0.25)
    serving.invoke(pair, TargetVariant="challenger")
    serving.clear_fault(fault)

    until(lambda: state(serving, name), lambda found: found == "ALARM")


def test_invocations_per_instance_are_shares(serving: Serving) -> None:
    endpoint = serving.endpoint(serving.config_of({"NAME": "two"}, InitialInstanceCount=2))
    for _ in range(6):
        serving.invoke(endpoint)
    of = dimensions(endpoint, "main")

    until(lambda: statistic(serving, "AWS/SageMaker", "Invocations", of, "Sum"), lambda found: found == 6)
    assert statistic(serving, "AWS/SageMaker", "InvocationsPerInstance", of, "Sum") == pytest.approx(3)


def test_latencies_have_percentiles_and_ranks(serving: Serving, pair: str) -> None:
    for _ in range(20):
        serving.invoke(pair, TargetVariant="champion")
    of = dimensions(pair, "champion")
    until(
        lambda: statistic(serving, "AWS/SageMaker", "ModelLatency", of, "SampleCount") or 0,
        lambda found: found >= 20,
    )

    stats = {
        name: statistic(serving, "AWS/SageMaker", "ModelLatency", of, name)
        for name in ("Minimum", "p50", "p99.9", "Maximum", "tm90", "PR(:60000000)")
    }
    low, median, tail, high, trimmed, rank = (value or 0 for value in stats.values())
    assert 0 < low <= median <= tail <= high < 6e7
    assert low <= trimmed <= high
    assert rank == 100


def test_what_the_workers_use_is_published(serving: Serving, pair: str) -> None:
    of = dimensions(pair, "champion")

    def used() -> list[float | None]:
        return [
            statistic(serving, "/aws/sagemaker/Endpoints", name, of, "Maximum")
            for name in ("CPUUtilization", "MemoryUtilization")
        ]

    processor, memory = until(used, lambda found: None not in found)
    assert processor is not None
    assert memory is not None
    assert processor >= 0
    assert 0 <= memory < 100


def test_latencies_are_gathered_in_few_distinct_values() -> None:
    seen: list[dict[str, Any]] = []
    metrics = Metrics(lambda _namespace, data: seen.extend(data), lambda: 7.0)
    for number in range(10_000):
        metrics.record(
            Invocation(
                endpoint="e",
                variant="v",
                shadow=False,
                instance_count=1,
                model_status=200,
                model_latency_s=0.001 + number * 1e-6,
                overhead_s=0.0001,
            )
        )
    metrics.publish()

    (latency,) = [datum for datum in seen if datum["MetricName"] == "ModelLatency"]
    assert len(latency["Values"]) < 200
    assert sum(latency["Counts"]) == 10_000
    assert latency["Timestamp"] == 7.0
    assert all(abs(microseconds(value / 1e6) - value) <= 0.05 * value for value in latency["Values"])

"""CloudWatch's extended statistics: as functions, and through CloudWatch's own API."""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from headway_sandbox.cloudwatch_statistics import Sample, parse, value
from headway_sandbox.ministack_seam.metrics import thinned
from support.control import Cloud, unique, until

TEN = [(float(number), 1.0) for number in range(1, 11)]

samples = st.lists(
    st.tuples(st.integers(0, 1000).map(float), st.integers(1, 20).map(float)), min_size=1, max_size=30
)


def statistic(name: str, of: list[Sample]) -> float | None:
    parsed = parse(name)
    assert parsed is not None
    return value(parsed, of)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("p50", 5.5),
        ("p100", 10.0),
        ("P99.9", 9.991),
        ("tm90", statistics.mean(range(1, 10))),
        ("TM(10%:90%)", statistics.mean(range(2, 10))),
        ("TM(2:8)", statistics.mean(range(3, 9))),
        ("TM(:8)", statistics.mean(range(1, 9))),
        ("IQM", statistics.mean(range(3, 9))),
        ("TM(25%:75%)", statistics.mean(range(3, 9))),
        ("wm90", (sum(range(1, 10)) + 9.1) / 10),
        ("WM(2:8)", (2 + sum(range(2, 9)) + 8 + 8) / 10),
        ("tc90", 9.0),
        ("TC(2:8)", 6.0),
        ("ts90", 45.0),
        ("TS(80%:)", 19.0),
        ("PR(:3)", 30.0),
        ("PR(2:8)", 60.0),
        ("PR(8:)", 20.0),
        ("PR(:0.5)", 0.0),
        ("TM(100:200)", None),
    ],
)
def test_statistics_are_those_of_the_definitions(name: str, expected: float | None) -> None:
    assert statistic(name, TEN) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    "name",
    [
        "",
        "p",
        "p0",
        "p101",
        "p-1",
        "tm",
        "TM(5:)x",
        "TM(:)",
        "TM(5%:50)",
        "TM(9:2)",
        "PR(:50%)",
        "XX(1:2)",
        "p1e2",
    ],
)
def test_what_cloudwatch_does_not_have_is_none(name: str) -> None:
    assert parse(name) is None


@given(samples, st.floats(0.1, 100).map(lambda percent: round(percent, 3)))
def test_percentiles_are_those_of_the_values_one_by_one(some: list[Sample], percent: float) -> None:
    spread = [number for number, count in some for _ in range(int(count))]

    found = statistic(f"p{percent:.3f}", some)

    assert found == pytest.approx(float(np.percentile(spread, percent)))


@given(samples, st.integers(0, 1000))
def test_rank_and_count_agree(some: list[Sample], bound: int) -> None:
    total = sum(count for _, count in some)
    rank, count = statistic(f"PR(:{bound})", some), statistic(f"TC(:{bound})", some)

    assert rank is not None
    assert count == pytest.approx(rank / 100 * total)


@given(st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 5), st.integers(1, 3)), max_size=50))
def test_thinned_points_keep_every_value_of_a_span(points: list[tuple[int, int, int]]) -> None:
    now = 1_000_000.0 + 20_000
    stored: list[dict[str, Any]] = [
        {"Timestamp": 1_000_000.0 + at, "Value": float(number), "Count": float(count), "Unit": "Count"}
        for at, number, count in points
    ]

    once = thinned(stored, now)

    def counts(some: list[dict[str, Any]]) -> dict[tuple[float, float], float]:
        found: dict[tuple[float, float], float] = {}
        for point in some:
            key = (point["Timestamp"] // 300, point["Value"])
            found[key] = found.get(key, 0.0) + point["Count"]
        return found

    assert counts(once) == counts(stored)
    assert thinned(once, now) == once
    assert sum(point["Timestamp"] >= now - 300 for point in once) == sum(
        point["Timestamp"] >= now - 300 for point in stored
    )


def test_cloudwatch_answers_with_every_form(cloud: Cloud) -> None:
    namespace, cloudwatch = unique("test"), cloud.client("cloudwatch")
    datum = {"MetricName": "Latency", "Values": [value for value, _ in TEN], "Timestamp": time.time()}
    cloudwatch.put_metric_data(Namespace=namespace, MetricData=[datum])
    span = {
        "StartTime": datetime.now(UTC) - timedelta(hours=2),
        "EndTime": datetime.now(UTC) + timedelta(hours=1),
    }
    forms = {"p90": 9.1, "tm90": 5.0, "TC(2:8)": 6.0, "PR(:3)": 30.0}

    (point,) = cloudwatch.get_metric_statistics(
        Namespace=namespace, MetricName="Latency", Period=86_400, ExtendedStatistics=list(forms), **span
    )["Datapoints"]
    queries = [
        {
            "Id": f"q{number}",
            "MetricStat": {
                "Metric": {"Namespace": namespace, "MetricName": "Latency"},
                "Period": 86_400,
                "Stat": form,
            },
        }
        for number, form in enumerate(forms)
    ]
    results = cloudwatch.get_metric_data(MetricDataQueries=queries, **span)["MetricDataResults"]

    assert point["ExtendedStatistics"] == pytest.approx(forms)
    assert [result["Values"] for result in results] == [[pytest.approx(number)] for number in forms.values()]
    with pytest.raises(ClientError, match="p101"):
        cloudwatch.get_metric_statistics(
            Namespace=namespace, MetricName="Latency", Period=60, ExtendedStatistics=["p101"], **span
        )


def test_an_alarm_watches_a_percentile_rank(cloud: Cloud) -> None:
    namespace, name, cloudwatch = unique("test"), unique("rank"), cloud.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace=namespace,
        MetricName="Latency",
        ExtendedStatistic="PR(:3)",
        Period=60,
        EvaluationPeriods=1,
        Threshold=50.0,
        ComparisonOperator="LessThanThreshold",
    )
    datum = {"MetricName": "Latency", "Values": [value for value, _ in TEN]}
    cloudwatch.put_metric_data(Namespace=namespace, MetricData=[datum])

    until(
        lambda: cloudwatch.describe_alarms(AlarmNames=[name], StateValue="ALARM")["MetricAlarms"],
        "the alarm",
    )

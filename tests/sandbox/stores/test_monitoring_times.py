"""When monitoring schedules fire, what they look at, and the job that they ask for."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_sandbox.sagemaker.monitoring.definitions import BY_TYPE, Definition
from headway_sandbox.sagemaker.monitoring.job_request import Run, merge_job, monitoring_job
from headway_sandbox.sagemaker.monitoring.metric_files import metric_data
from headway_sandbox.sagemaker.monitoring.times import (
    NOW,
    Window,
    hour_paths,
    hours_of,
    last_fire,
    next_fire,
    seconds_of,
    window_of,
)
from headway_sandbox.toolkits.ground_truth_merger import merge


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("expression", "after", "fires"),
    [
        ("cron(0 * ? * * *)", "2020-02-20T05:00:00", "2020-02-20T06:00:00"),
        ("cron(0 * ? * * *)", "2020-02-20T05:59:59", "2020-02-20T06:00:00"),
        ("cron(0 5 ? * * *)", "2020-02-28T05:00:00", "2020-02-29T05:00:00"),
        ("cron(0 17/6 ? * * *)", "2020-02-20T17:00:01", "2020-02-20T23:00:00"),
        ("cron(0 17/6 ? * * *)", "2020-12-31T23:30:00", "2021-01-01T17:00:00"),
        ("cron(0 0/2 ? * * *)", "2020-02-20T21:00:00", "2020-02-20T22:00:00"),
    ],
)
def test_a_schedule_fires_at_its_hours(expression: str, after: str, fires: str) -> None:
    assert next_fire(expression, at(after)) == at(fires)


@pytest.mark.parametrize(
    "expression",
    [
        "cron(5 * ? * * *)",
        "cron(0 24 ? * * *)",
        "cron(0 1/0 ? * * *)",
        "cron(0 1/25 ? * * *)",
        "cron(0 * * * ? *)",
        "rate(1 hour)",
        "cron(0 * ? * *)",
        "now",
        "",
    ],
)
def test_what_sagemaker_does_not_take_as_a_schedule_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="ScheduleExpression"):
        hours_of(expression)


EXPRESSIONS = st.one_of(
    st.just("cron(0 * ? * * *)"),
    st.integers(0, 23).map("cron(0 {} ? * * *)".format),
    st.tuples(st.integers(0, 23), st.integers(1, 24)).map(
        lambda pair: f"cron(0 {pair[0]}/{pair[1]} ? * * *)"
    ),
)


@given(EXPRESSIONS, st.floats(86_400, 4e9))
def test_windows_of_following_executions_leave_no_gap(expression: str, time: float) -> None:
    first = next_fire(expression, time)
    second = next_fire(expression, first)

    assert last_fire(expression, time) <= time < first < second
    assert second - first <= 86_400
    assert window_of(expression, second, None, None) == Window(first, second)
    assert last_fire(expression, second - 1) == first


def test_a_run_at_another_time_looks_as_far_back_as_any_other() -> None:
    noon = at("2020-02-20T12:00:00")

    assert window_of("cron(0 * ? * * *)", noon + 60, None, None) == Window(noon - 3_540, noon + 60)
    assert window_of("cron(0 5 ? * * *)", noon, None, None) == Window(noon - 86_400, noon)


def test_offsets_count_from_the_scheduled_time() -> None:
    noon = at("2020-02-20T12:00:00")

    assert window_of("cron(0 * ? * * *)", noon, "-PT8H", "-PT4H") == Window(noon - 28_800, noon - 14_400)
    assert window_of(NOW, noon, "-P1D", "PT0S") == Window(noon - 86_400, noon)
    assert hour_paths(Window(noon - 5_400, noon + 1)) == ["2020/02/20/10", "2020/02/20/11", "2020/02/20/12"]
    for wrong in ("PT", "P", "-1H", "P1M", "PT1.5H"):
        with pytest.raises(ValueError, match="ISO 8601"):
            seconds_of(wrong)


def definition(kind: str, **application: Any) -> Definition:
    document = {
        f"{kind}AppSpecification": {"ImageUri": "monitor", "Environment": {"MODE": "test"}, **application},
        f"{kind}JobInput": {
            "EndpointInput": {
                "EndpointName": "delays",
                "LocalPath": "/opt/ml/processing/input_data",
                "InferenceAttribute": "0",
                "S3DataDistributionType": "ShardedByS3Key",
            },
            "GroundTruthS3Input": {"S3Uri": "s3://b/labels"},
        },
        f"{kind}JobOutputConfig": {
            "KmsKeyId": "key",
            "MonitoringOutputs": [
                {"S3Output": {"S3Uri": "s3://b/reports/", "LocalPath": "/opt/ml/processing/output"}}
            ],
        },
        "JobResources": {"ClusterConfig": {"InstanceCount": 1}},
        "NetworkConfig": {"EnableNetworkIsolation": True},
        "RoleArn": "role",
    }
    return Definition.from_named(BY_TYPE[kind], document)


def test_a_model_quality_job_is_asked_for_as_sagemaker_does() -> None:
    # As SageMaker's own request of that kind was logged, apart from names.
    run = Run(
        "hourly",
        at("2021-05-06T23:00:00"),
        Window(at("2021-05-06T22:00:00"), at("2021-05-06T23:00:00")),
        None,
    )
    folder = "delays/AllTraffic/2021/05/06/22"
    quality = definition("ModelQuality", ProblemType="Regression")

    job = monitoring_job(
        quality,
        run,
        run.job_name("model-quality-monitoring", 0.0),
        {folder: f"s3://b/reports/merge/{folder}"},
        {"constraints": "s3://b/baseline/constraints.json"},
    )

    assert job["ProcessingJobName"].startswith("model-quality-monitoring-202105062300-")
    assert len(job["ProcessingJobName"]) <= 63
    assert job["Environment"] == {
        "analysis_type": "MODEL_QUALITY",
        "baseline_constraints": "/opt/ml/processing/baseline/constraints/constraints.json",
        "dataset_format": '{"sagemakerMergeJson":{"captureIndexNames":["endpointOutput"]}}',
        "dataset_source": "/opt/ml/processing/input_data",
        "end_time": "2021-05-06T23:00:00Z",
        "inference_attribute": "0",
        "metric_time": "2021-05-06T22:00:00Z",
        "output_path": "/opt/ml/processing/output",
        "problem_type": "Regression",
        "publish_cloudwatch_metrics": "Enabled",
        "sagemaker_endpoint_name": "delays",
        "sagemaker_monitoring_schedule_name": "hourly",
        "start_time": "2021-05-06T22:00:00Z",
        "MODE": "test",
    }
    inputs = {item["InputName"]: item["S3Input"] for item in job["ProcessingInputs"]}
    assert {name: item["LocalPath"] for name, item in inputs.items()} == {
        "constraints": "/opt/ml/processing/baseline/constraints",
        "endpoint_input_1": f"/opt/ml/processing/input_data/{folder}",
    }
    assert inputs["endpoint_input_1"]["S3DataDistributionType"] == "ShardedByS3Key"
    assert job["ProcessingOutputConfig"]["KmsKeyId"] == "key"
    output = job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]
    assert output["S3Uri"] == "s3://b/reports/delays/hourly/2021/05/06/23"
    assert (job["RoleArn"], job["NetworkConfig"]) == ("role", {"EnableNetworkIsolation": True})
    merging = merge_job(
        quality, "merge", {folder: f"s3://b/capture/{folder}"}, {"2021/05/06/22": "s3://b/labels/x"}
    )
    assert merging["Environment"]["ground_truth_source"] == "/opt/ml/processing/groundtruth"
    assert merging["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"] == "s3://b/reports/merge"


def test_labels_are_joined_by_the_id_that_a_record_has(tmp_path: Path) -> None:
    def line(data: str, **metadata: str) -> str:
        return json.dumps({"captureData": {"endpointOutput": {"data": data}}, "eventMetadata": metadata})

    captured, labels, target = tmp_path / "captured", tmp_path / "labels", tmp_path / "target"
    hour = captured / "delays" / "AllTraffic" / "2021" / "05" / "06" / "22"
    hour.mkdir(parents=True)
    labels.mkdir()
    (hour / "a.jsonl").write_text(
        "\n".join(
            [line("1", eventId="e1"), line("2", eventId="e2", inferenceId="mine"), line("3", eventId="e3")]
        )
    )
    (labels / "x.jsonl").write_text(
        "\n".join(
            json.dumps(
                {"groundTruthData": {"data": label, "encoding": "CSV"}, "eventMetadata": {"eventId": key}}
            )
            for key, label in (("e1", "0"), ("mine", "1"), ("e2", "9"), ("other", "9"))
        )
    )

    assert merge(captured, labels, target) == 2

    found = [
        json.loads(text)
        for text in (target / hour.relative_to(captured) / "a.jsonl").read_text().splitlines()
    ]
    assert [
        (item["captureData"]["endpointOutput"]["data"], item["groundTruthData"]["data"]) for item in found
    ] == [
        ("1", "0"),
        ("2", "1"),
    ]
    (labels / "y.jsonl").write_text('{"eventMetadata": {}}\n')
    with pytest.raises(ValueError, match=r"line 1 of .*y\.jsonl"):
        merge(captured, labels, target)


def test_what_is_no_metric_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "output" / "metrics" / "cloudwatch"
    folder.mkdir(parents=True)
    good = {"MetricName": "drift", "Timestamp": "2019-11-26T03:00:00Z", "Dimensions": [], "Value": 1}
    wrong = [{**good, "StatisticValues": {}}, {"MetricName": "x"}, [], {**good, "Timestamp": "soon"}]
    (folder / "cloudwatch_metrics.jsonl").write_text(
        "\n".join(["{", *(json.dumps(item) for item in wrong), json.dumps(good)])
    )

    assert [datum["MetricName"] for datum in metric_data(tmp_path)] == ["drift"]
    assert len(caplog.records) == 5

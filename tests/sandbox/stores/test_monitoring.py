"""Monitoring schedules and job definitions through unmodified boto3, on an endpoint that really captures."""

from __future__ import annotations

import json
import os
import signal
import sys
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from headway_sandbox import lifecycle
from support.control import RESOURCES, refused
from support.serving import ROLE, Serving, until

MODEL_SERVER = Path(__file__).parents[1] / "serving" / "model_server.py"
BUCKET = "monitoring"
INPUT = "/opt/ml/processing/input_data"
OUTPUT = "/opt/ml/processing/output"

MONITOR = """
import json, os, pathlib
base = pathlib.Path(os.environ["SAGEMAKER_BASE_DIR"])
source, target = pathlib.Path(os.environ["dataset_source"]), pathlib.Path(os.environ["output_path"])
files = sorted(path for path in source.rglob("*") if path.is_file())
lines = [json.loads(line) for path in files for line in path.read_text().splitlines()]
mode = os.environ.get("MODE", "quiet")
if mode == "broken":
    print("constraints cannot be read")
    raise SystemExit(3)
constraints = os.environ.get("baseline_constraints")
(target / "report.json").write_text(json.dumps({
    "folders": sorted({str(path.parent.relative_to(source)) for path in files}),
    "lines": lines,
    "constraints": None if constraints is None else json.loads(pathlib.Path(constraints).read_text()),
    "environment": {name: value for name, value in os.environ.items() if name.islower()},
}))
violation = {"feature_name": "d", "constraint_check_type": "baseline_drift_check", "description": "far"}
if mode in ("file", "both"):
    (target / "constraint_violations.json").write_text(json.dumps({"violations": [violation]}))
if mode in ("message", "both"):
    text = "Completed: no violations." if mode == "both" else "CompletedWithViolations: distance is far"
    (base / "output" / "message").write_text(text)
metrics = base / "output" / "metrics" / "cloudwatch"
metrics.mkdir(parents=True)
(metrics / "cloudwatch_metrics.jsonl").write_text(json.dumps({
    "MetricName": "feature_baseline_drift_distance",
    "Timestamp": os.environ["end_time"],
    "Dimensions": [
        {"Name": "Endpoint", "Value": os.environ["sagemaker_endpoint_name"]},
        {"Name": "MonitoringSchedule", "Value": os.environ["sagemaker_monitoring_schedule_name"]},
    ],
    "Value": 0.25,
}))
"""


class Monitoring:
    """A sandbox, an endpoint whose invocations are captured, and what monitors it."""

    def __init__(self, state_dir: Path) -> None:
        monitor = state_dir / "monitor.py"
        monitor.write_text(MONITOR)
        images = {
            "tiny-server": [sys.executable, "-S", "-u", str(MODEL_SERVER)],
            "monitor": ["python", str(monitor)],
        }
        (state_dir / "images.toml").write_text(
            "[images]\n" + "".join(f"{name} = {json.dumps(command)}\n" for name, command in images.items())
        )
        self.serving = Serving(state_dir)
        self.serving.client("s3").create_bucket(Bucket=BUCKET)
        capture = {
            "EnableCapture": True,
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": f"s3://{BUCKET}/capture",
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            "CaptureContentTypeHeader": {
                "CsvContentTypes": ["text/csv"],
                "JsonContentTypes": ["application/json"],
            },
        }
        config = self.serving.config({"ModelName": self.serving.model()}, DataCaptureConfig=capture)
        self.endpoint = self.serving.endpoint(config)

    @property
    def sagemaker(self) -> Any:
        return self.serving.client("sagemaker")

    def capture(self, *identifiers: str) -> None:
        """Has the endpoint asked, and waits until that is captured."""
        s3 = self.serving.client("s3")
        before = self._captured(s3)
        for identifier in identifiers:
            self.serving.invoke(self.endpoint, InferenceId=identifier)
        until(lambda: self._captured(s3), lambda count: count >= before + len(identifiers))

    def _captured(self, s3: Any) -> int:
        prefix = f"capture/{self.endpoint}/"
        keys = [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]
        return sum(len(self.read(key).splitlines()) for key in keys)

    def read(self, key: str) -> str:
        body: bytes = self.serving.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body.decode()

    def inputs(self, **more: Any) -> dict[str, Any]:
        return {"EndpointInput": {"EndpointName": self.endpoint, "LocalPath": INPUT, **more}}

    def job(self, mode: str = "quiet", **more: Any) -> dict[str, Any]:
        """An inline job definition."""
        return {
            "MonitoringInputs": [self.inputs()],
            "MonitoringOutputConfig": outputs(),
            "MonitoringResources": {"ClusterConfig": RESOURCES},
            "MonitoringAppSpecification": {"ImageUri": "registry/monitor:1"},
            "Environment": {"MODE": mode},
            "RoleArn": ROLE,
            **more,
        }

    def schedule(self, expression: str = "NOW", **config: Any) -> str:
        """Creates a schedule that looks at the last hour and the current one."""
        name = self.serving.name("schedule")
        timing = {"ScheduleExpression": expression}
        if expression == "NOW":
            timing |= {"DataAnalysisStartTime": "-PT1H", "DataAnalysisEndTime": "PT1H"}
        self.sagemaker.create_monitoring_schedule(
            MonitoringScheduleName=name, MonitoringScheduleConfig={"ScheduleConfig": timing, **config}
        )
        return name

    def executions(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.sagemaker.list_monitoring_executions(MonitoringScheduleName=name)[
            "MonitoringExecutionSummaries"
        ]
        return found

    def ended(self, name: str) -> dict[str, Any]:
        """The newest execution of a schedule, once it has ended."""
        found = until(
            lambda: self.executions(name),
            lambda items: (
                bool(items) and items[0]["MonitoringExecutionStatus"] not in ("Pending", "InProgress")
            ),
        )
        return found[0]

    def report(self, execution: dict[str, Any]) -> dict[str, Any]:
        """What the monitor of an execution reported."""
        job = self.sagemaker.describe_processing_job(
            ProcessingJobName=execution["ProcessingJobArn"].rpartition("/")[2]
        )
        uri = job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
        report: dict[str, Any] = json.loads(self.read(uri.removeprefix(f"s3://{BUCKET}/") + "/report.json"))
        return {**report, "uri": uri}


def outputs() -> dict[str, Any]:
    return {"MonitoringOutputs": [{"S3Output": {"S3Uri": f"s3://{BUCKET}/reports", "LocalPath": OUTPUT}}]}


@pytest.fixture(scope="module")
def monitoring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitoring]:
    state_dir = tmp_path_factory.mktemp("monitoring")
    found = Monitoring(state_dir)
    found.capture("one", "two")
    yield found
    lifecycle.stop(state_dir)
    log = (state_dir / "sandbox.log").read_text()
    assert "Traceback" not in log, log


def test_an_execution_runs_the_image_on_what_was_captured(monitoring: Monitoring) -> None:
    s3 = monitoring.serving.client("s3")
    s3.put_object(Bucket=BUCKET, Key="baseline/constraints.json", Body=b'{"version": 0}')
    baseline = {"ConstraintsResource": {"S3Uri": f"s3://{BUCKET}/baseline/constraints.json"}}

    name = monitoring.schedule(MonitoringJobDefinition=monitoring.job(BaselineConfig=baseline))

    execution = monitoring.ended(name)
    assert execution["MonitoringExecutionStatus"] == "Completed", execution
    assert execution["EndpointName"] == monitoring.endpoint
    report = monitoring.report(execution)
    now = datetime.now(UTC)
    assert report["uri"].startswith(f"s3://{BUCKET}/reports/{monitoring.endpoint}/{name}/{now:%Y/%m/%d}/")
    assert all(folder.startswith(f"{monitoring.endpoint}/main/{now:%Y}/") for folder in report["folders"])
    assert sorted(line["eventMetadata"]["inferenceId"] for line in report["lines"]) == ["one", "two"]
    assert report["constraints"] == {"version": 0}
    environment = report["environment"]
    assert environment["sagemaker_endpoint_datacapture_prefix"] == f"s3://{BUCKET}/capture"
    assert environment["dataset_format"] == (
        '{"sagemakerCaptureJson":{"captureIndexNames":["endpointInput","endpointOutput"]}}'
    )
    described = monitoring.sagemaker.describe_monitoring_schedule(MonitoringScheduleName=name)
    assert described["LastMonitoringExecutionSummary"]["ProcessingJobArn"] == execution["ProcessingJobArn"]
    assert (described["MonitoringScheduleStatus"], described["MonitoringType"]) == (
        "Scheduled",
        "DataQuality",
    )
    dimensions = [
        {"Name": "Endpoint", "Value": monitoring.endpoint},
        {"Name": "MonitoringSchedule", "Value": name},
    ]
    metrics = monitoring.serving.client("cloudwatch").list_metrics(
        Namespace="/aws/sagemaker/Endpoint/data-metrics", Dimensions=dimensions
    )["Metrics"]
    assert [metric["MetricName"] for metric in metrics] == ["feature_baseline_drift_distance"]


@pytest.mark.parametrize(
    ("mode", "status", "reason"),
    [
        ("message", "CompletedWithViolations", None),
        ("file", "CompletedWithViolations", None),
        ("both", "Completed", None),
        ("broken", "Failed", "AlgorithmError: constraints cannot be read, exit code: 3"),
    ],
)
def test_an_execution_ends_as_its_job_says(
    monitoring: Monitoring, mode: str, status: str, reason: str | None
) -> None:
    name = monitoring.schedule(MonitoringJobDefinition=monitoring.job(mode))

    execution = monitoring.ended(name)

    assert (execution["MonitoringExecutionStatus"], execution.get("FailureReason")) == (status, reason)
    found = monitoring.sagemaker.list_monitoring_executions(
        EndpointName=monitoring.endpoint, StatusEquals=status, MaxResults=100
    )["MonitoringExecutionSummaries"]
    assert name in {item["MonitoringScheduleName"] for item in found}


def test_model_quality_looks_at_predictions_with_their_labels(monitoring: Monitoring) -> None:
    hour = f"{datetime.now(UTC):%Y/%m/%d/%H}"
    labels = [
        {
            "groundTruthData": {"data": "1", "encoding": "CSV"},
            "eventMetadata": {"eventId": "two"},
            "eventVersion": "0",
        }
    ]
    monitoring.serving.client("s3").put_object(
        Bucket=BUCKET,
        Key=f"labels/{hour}/a.jsonl",
        Body="".join(json.dumps(item) for item in labels).encode(),
    )
    definition = monitoring.serving.name("quality")
    monitoring.sagemaker.create_model_quality_job_definition(
        JobDefinitionName=definition,
        ModelQualityAppSpecification={
            "ImageUri": "registry/monitor:1",
            "ProblemType": "BinaryClassification",
        },
        ModelQualityJobInput={
            **monitoring.inputs(),
            "GroundTruthS3Input": {"S3Uri": f"s3://{BUCKET}/labels"},
        },
        ModelQualityJobOutputConfig=outputs(),
        JobResources={"ClusterConfig": RESOURCES},
        RoleArn=ROLE,
    )

    name = monitoring.schedule(MonitoringJobDefinitionName=definition, MonitoringType="ModelQuality")

    execution = monitoring.ended(name)
    assert execution["MonitoringExecutionStatus"] == "Completed", execution
    assert execution["MonitoringJobDefinitionName"] == definition
    report = monitoring.report(execution)
    assert [
        (line["eventMetadata"]["inferenceId"], line["groundTruthData"]["data"]) for line in report["lines"]
    ] == [("two", "1")]
    assert report["environment"]["analysis_type"] == "MODEL_QUALITY"
    jobs = monitoring.sagemaker.list_processing_jobs(NameContains="groundtruth-merge")[
        "ProcessingJobSummaries"
    ]
    assert [job["ProcessingJobStatus"] for job in jobs] == ["Completed"]


def test_a_window_without_data_fails_and_runs_nothing(monitoring: Monitoring) -> None:
    name = monitoring.serving.name("schedule")
    timing = {
        "ScheduleExpression": "NOW",
        "DataAnalysisStartTime": "-PT30H",
        "DataAnalysisEndTime": "-PT20H",
    }
    monitoring.sagemaker.create_monitoring_schedule(
        MonitoringScheduleName=name,
        MonitoringScheduleConfig={"ScheduleConfig": timing, "MonitoringJobDefinition": monitoring.job()},
    )

    execution = monitoring.ended(name)

    assert (execution["MonitoringExecutionStatus"], execution["FailureReason"]) == (
        "Failed",
        "Job inputs had no data",
    )
    assert "ProcessingJobArn" not in execution


@pytest.mark.parametrize(
    ("kind", "application"),
    [
        ("data_quality", {"ImageUri": "registry/monitor:1"}),
        ("model_bias", {"ImageUri": "registry/monitor:1", "ConfigUri": f"s3://{BUCKET}/config.json"}),
        (
            "model_explainability",
            {"ImageUri": "registry/monitor:1", "ConfigUri": f"s3://{BUCKET}/config.json"},
        ),
    ],
)
def test_job_definitions_are_kept(monitoring: Monitoring, kind: str, application: dict[str, Any]) -> None:
    sagemaker, name = monitoring.sagemaker, monitoring.serving.name("definition")
    prefix = "".join(part.capitalize() for part in kind.split("_"))
    labels = {"GroundTruthS3Input": {"S3Uri": f"s3://{BUCKET}/labels"}} if kind == "model_bias" else {}
    request = {
        f"{prefix}AppSpecification": application,
        f"{prefix}JobInput": {**monitoring.inputs(), **labels},
        f"{prefix}JobOutputConfig": outputs(),
        "JobResources": {"ClusterConfig": RESOURCES},
        "RoleArn": ROLE,
    }
    create = getattr(sagemaker, f"create_{kind}_job_definition")
    arn = create(JobDefinitionName=name, Tags=[{"Key": "a", "Value": "b"}], **request)["JobDefinitionArn"]

    described = getattr(sagemaker, f"describe_{kind}_job_definition")(JobDefinitionName=name)
    assert request.items() <= described.items()
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    listed = getattr(sagemaker, f"list_{kind}_job_definitions")(NameContains=name)["JobDefinitionSummaries"]
    assert [(item["MonitoringJobDefinitionName"], item["EndpointName"]) for item in listed] == [
        (name, monitoring.endpoint)
    ]
    assert refused(create, JobDefinitionName=name, **request)[0] == "ResourceInUse"
    getattr(sagemaker, f"delete_{kind}_job_definition")(JobDefinitionName=name)
    describe = getattr(sagemaker, f"describe_{kind}_job_definition")
    assert refused(describe, JobDefinitionName=name)[0] == "ResourceNotFound"


def test_schedules_are_stopped_started_updated_and_deleted(monitoring: Monitoring) -> None:
    sagemaker = monitoring.sagemaker
    name = monitoring.schedule("cron(0 5 ? * * *)", MonitoringJobDefinition=monitoring.job())

    def status() -> str:
        return str(
            sagemaker.describe_monitoring_schedule(MonitoringScheduleName=name)["MonitoringScheduleStatus"]
        )

    assert status() == "Scheduled"
    assert (
        refused(sagemaker.start_monitoring_schedule, MonitoringScheduleName=name)[0] == "ValidationException"
    )
    sagemaker.stop_monitoring_schedule(MonitoringScheduleName=name)
    assert status() == "Stopped"
    sagemaker.start_monitoring_schedule(MonitoringScheduleName=name)
    assert status() == "Scheduled"
    config = {
        "ScheduleConfig": {"ScheduleExpression": "cron(0 * ? * * *)"},
        "MonitoringJobDefinition": monitoring.job("file"),
    }
    sagemaker.update_monitoring_schedule(MonitoringScheduleName=name, MonitoringScheduleConfig=config)
    described = sagemaker.describe_monitoring_schedule(MonitoringScheduleName=name)
    assert described["MonitoringScheduleConfig"] == config
    listed = sagemaker.list_monitoring_schedules(NameContains=name, MonitoringTypeEquals="DataQuality")
    assert [item["EndpointName"] for item in listed["MonitoringScheduleSummaries"]] == [monitoring.endpoint]
    sagemaker.delete_monitoring_schedule(MonitoringScheduleName=name)
    assert (
        refused(sagemaker.describe_monitoring_schedule, MonitoringScheduleName=name)[0] == "ResourceNotFound"
    )


def test_a_schedule_fires_by_the_clock_of_schedules(monitoring: Monitoring) -> None:
    name = monitoring.schedule("cron(0 * ? * * *)", MonitoringJobDefinition=monitoring.job())
    assert monitoring.executions(name) == []

    control(monitoring, "run", {"name": name})

    assert monitoring.ended(name)["MonitoringExecutionStatus"] == "Completed"
    control(monitoring, "speed", {"speed": 3_600})
    until(lambda: monitoring.executions(name), lambda items: len(items) >= 3)
    control(monitoring, "speed", {"speed": 1})
    monitoring.sagemaker.stop_monitoring_schedule(MonitoringScheduleName=name)
    for execution in monitoring.executions(name):
        assert abs((execution["ScheduledTime"] - datetime.now(UTC)).total_seconds()) < 60


def control(monitoring: Monitoring, page: str, request: dict[str, Any]) -> None:
    """Posts to a page of the sandbox's clock."""
    url = f"{monitoring.serving.record.endpoint_url}/_headway/clock/{page}"
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(request).encode(), method="POST")):
        pass


def test_what_cannot_be_scheduled_is_refused_with_every_reason(monitoring: Monitoring) -> None:
    silent = monitoring.serving.endpoint(monitoring.serving.config_of())
    job = monitoring.job()
    cases: list[tuple[dict[str, Any], list[str]]] = [
        (
            {
                "ScheduleConfig": {"ScheduleExpression": "rate(1 hour)", "DataAnalysisStartTime": "1H"},
                "MonitoringType": "ModelBias",
                "MonitoringJobDefinition": job,
            },
            ["'rate(1 hour)'", "'1H' must be an ISO 8601", "ModelBias needs a MonitoringJobDefinitionName"],
        ),
        ({"ScheduleConfig": {"ScheduleExpression": "NOW"}}, ["found 0", "DataAnalysisStartTime and"]),
        (
            {
                "ScheduleConfig": {
                    "ScheduleExpression": "NOW",
                    "DataAnalysisStartTime": "-P2D",
                    "DataAnalysisEndTime": "-PT1H",
                },
                "MonitoringJobDefinition": job,
            },
            ["by 24 hours at most; it does by 47 hours"],
        ),
        (
            {
                "MonitoringJobDefinition": {
                    **job,
                    "MonitoringInputs": [{"EndpointInput": {"EndpointName": silent, "LocalPath": INPUT}}],
                }
            },
            ["Data capture must be enabled"],
        ),
        (
            {
                "MonitoringJobDefinition": {
                    **job,
                    "MonitoringInputs": [{"EndpointInput": {"EndpointName": "nobody", "LocalPath": INPUT}}],
                }
            },
            ["Could not find endpoint"],
        ),
    ]
    code, message = refused(
        monitoring.sagemaker.create_model_bias_job_definition,
        JobDefinitionName="never",
        ModelBiasAppSpecification={"ImageUri": "registry/monitor:1", "ConfigUri": f"s3://{BUCKET}/c.json"},
        ModelBiasJobInput={**monitoring.inputs(), "GroundTruthS3Input": {}},
        ModelBiasJobOutputConfig=outputs(),
        JobResources={"ClusterConfig": RESOURCES},
        RoleArn=ROLE,
    )
    assert (code, "GroundTruthS3Input.S3Uri must be given" in message) == ("ValidationException", True)
    for config, parts in cases:
        code, message = refused(
            monitoring.sagemaker.create_monitoring_schedule,
            MonitoringScheduleName="never",
            MonitoringScheduleConfig=config,
        )
        assert code == "ValidationException"
        for part in parts:
            assert part in message


def test_an_execution_that_a_kill_interrupts_has_failed_after_the_restart(tmp_path: Path) -> None:
    monitoring = Monitoring(tmp_path)
    try:
        monitoring.capture("one")
        (tmp_path / "monitor.py").write_text("import time; time.sleep(600)")
        name = monitoring.schedule(MonitoringJobDefinition=monitoring.job())
        until(
            lambda: monitoring.executions(name),
            lambda items: bool(items) and items[0]["MonitoringExecutionStatus"] == "InProgress",
        )

        os.kill(monitoring.serving.record.pid, signal.SIGKILL)
        monitoring.serving.restart()

        execution = monitoring.ended(name)
        assert execution["MonitoringExecutionStatus"] == "Failed"
        assert "was stopped" in execution["FailureReason"]
    finally:
        lifecycle.stop(tmp_path)

"""The monitor on a sandbox: traffic of a live endpoint, windows, the alarm, the training that it starts."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headway_cli.aws import Aws
from headway_cli.errors import HeadwayError
from headway_cli.monitoring import look, watched
from headway_cli.systems import System
from headway_components import DriftPlan
from headway_components._monitor_grants import NAMESPACE
from headway_components._monitor_steps import MonitorPlan, monitor_pipeline
from headway_components._training_steps import DRIFT, TRIGGER_PARAMETER, TRIGGERS
from headway_components.drift_monitor import CODE, HANDLER, METRIC
from headway_runtime.contract import placeholder_artifact
from headway_sandbox import lifecycle
from support.control import unique, until
from support.example_system import LOCAL_IMAGE
from support.functions import function_zip
from support.monitored import CONTRACT, baseline_of, csv_row, rows
from support.sandboxes import client, sandbox

ROLE = "arn:aws:iam::000000000000:role/any"
BUCKET = "work"
PLAN = DriftPlan(
    minimum_rows=80,
    lasting_windows=2,
    cool_down_h=0,
    maximum_retrainings=1,
    minimum_labels=80,
    label_delay_h=0,
)


@dataclass
class World:
    """One monitored endpoint."""

    record: lifecycle.SandboxRecord
    name: str = field(default_factory=lambda: unique("shop"))
    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A client of the sandbox."""
        if service not in self.clients:
            self.clients[service] = client(self.record.endpoint_url, service)
        return self.clients[service]

    @property
    def training(self) -> str:
        """Name of the pipeline that retrains."""
        return f"{self.name}-training"

    def put(self, key: str, body: bytes) -> str:
        """Puts an object; answers its URI."""
        self.client("s3").put_object(Bucket=BUCKET, Key=f"{self.name}/{key}", Body=body)
        return f"s3://{BUCKET}/{self.name}/{key}"

    def serve(self, baseline_key: str = "baselines/1") -> None:
        """A registered model with a baseline behind an endpoint that captures everything."""
        sagemaker = self.client("sagemaker")
        model = self.put("models/model.tar.gz", placeholder_artifact(CONTRACT))
        baseline = self.put(
            f"{baseline_key}/baseline.json", json.dumps(baseline_of(rows(4_000)).document()).encode()
        )
        statistics = {
            "ContentType": "application/json",
            "S3Uri": baseline.replace("baseline.", "statistics."),
        }
        sagemaker.create_model_package_group(ModelPackageGroupName=self.name)
        package = sagemaker.create_model_package(
            ModelPackageGroupName=self.name,
            ModelApprovalStatus="Approved",
            InferenceSpecification={
                "Containers": [{"Image": LOCAL_IMAGE, "ModelDataUrl": model}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
            ModelMetrics={"ModelDataQuality": {"Statistics": statistics}},
        )["ModelPackageArn"]
        sagemaker.create_model(
            ModelName=self.name, ExecutionRoleArn=ROLE, PrimaryContainer={"ModelPackageName": package}
        )
        sagemaker.create_endpoint_config(
            EndpointConfigName=self.name,
            ProductionVariants=[
                {
                    "VariantName": "champion",
                    "ModelName": self.name,
                    "InstanceType": "ml.m5.large",
                    "InitialInstanceCount": 1,
                    "InitialVariantWeight": 1.0,
                }
            ],
            DataCaptureConfig={
                "EnableCapture": True,
                "InitialSamplingPercentage": 100,
                "DestinationS3Uri": f"s3://{BUCKET}/{self.name}/capture",
                "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
            },
        )
        sagemaker.create_endpoint(EndpointName=self.name, EndpointConfigName=self.name)
        until(self._in_service, "an endpoint in service", 30)

    def _in_service(self) -> bool:
        status = self.client("sagemaker").describe_endpoint(EndpointName=self.name)["EndpointStatus"]
        return bool(status == "InService")

    def watch(self) -> None:
        """The pipelines, the function, the alarm, and what the alarm starts."""
        function = self.client("lambda").create_function(
            FunctionName=f"{self.name}-monitor",
            Runtime="python3.12",
            Handler=HANDLER,
            Role=ROLE,
            Timeout=60,
            Code={"ZipFile": function_zip(*CODE)},
            Environment={
                "Variables": {
                    "HEADWAY_SYSTEM": "shop",
                    "HEADWAY_VARIANT": "champion",
                    "HEADWAY_CAPTURE_BUCKET": BUCKET,
                    "HEADWAY_CAPTURE_PREFIX": f"{self.name}/capture",
                    "HEADWAY_WORK_BUCKET": BUCKET,
                    "HEADWAY_WORK_PREFIX": f"monitoring/{self.name}",
                    "HEADWAY_LABEL_PREFIX": f"monitoring/{self.name}/labels",
                    "HEADWAY_TRAINING_PIPELINE": self.training,
                    "HEADWAY_COOL_DOWN_S": str(PLAN.cool_down_h * 3_600),
                    "HEADWAY_MAXIMUM_RETRAININGS": str(PLAN.maximum_retrainings),
                }
            },
        )["FunctionArn"]
        key = self.client("kms").create_key()["KeyMetadata"]["Arn"]
        plan = MonitorPlan(
            endpoint=self.name,
            drift=PLAN,
            image=LOCAL_IMAGE,
            role_arn=ROLE,
            key_arn=key,
            function_arn=function,
            subnets=(),
            security_groups=(),
        )
        self._pipeline(self.name, monitor_pipeline(plan))
        ended = {"Name": "End", "Type": "Fail", "Arguments": {"ErrorMessage": "a stand-in trains nothing"}}
        trigger = {"Name": TRIGGER_PARAMETER, "Type": "String", "EnumValues": list(TRIGGERS)}
        training = self._pipeline(
            self.training,
            {
                "Version": "2020-12-01",
                "Parameters": [{**trigger, "DefaultValue": TRIGGERS[0]}],
                "Steps": [ended],
            },
        )
        self.client("cloudwatch").put_metric_alarm(
            AlarmName=self.name,
            Namespace=NAMESPACE,
            MetricName=METRIC,
            Dimensions=[{"Name": "System", "Value": "shop"}, {"Name": "Endpoint", "Value": self.name}],
            Statistic="Maximum",
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            Threshold=1,
            Period=60,
            EvaluationPeriods=1,
            TreatMissingData="notBreaching",
        )
        pattern = {
            "source": ["aws.cloudwatch"],
            "detail": {"alarmName": [self.name], "state": {"value": ["ALARM"]}},
        }
        self.client("events").put_rule(Name=self.name, EventPattern=json.dumps(pattern))
        parameters = {"PipelineParameterList": [{"Name": TRIGGER_PARAMETER, "Value": DRIFT}]}
        self.client("events").put_targets(
            Rule=self.name,
            Targets=[
                {"Id": "1", "Arn": training, "RoleArn": ROLE, "SageMakerPipelineParameters": parameters}
            ],
        )

    def _pipeline(self, name: str, definition: dict[str, Any]) -> str:
        created = self.client("sagemaker").create_pipeline(
            PipelineName=name,
            PipelineDefinition=json.dumps(definition),
            RoleArn=ROLE,
            ClientRequestToken="t" * 32,
        )
        return str(created["PipelineArn"])

    def traffic(self, count: int, seed: int, **drift: float) -> None:
        """Requests, and their capture in S3."""
        expected = self.lines() + count
        for row in rows(count, seed, **drift).to_pylist():
            self.client("sagemaker-runtime").invoke_endpoint(
                EndpointName=self.name, ContentType="text/csv", Accept="text/csv", Body=csv_row(row)
            )
        until(lambda: self.lines() >= expected, "captured traffic", 30)

    def label(self, share: float, name: str) -> None:
        """Labels of everything that was captured, as one file."""
        found = [
            json.loads(line)["eventMetadata"]["eventId"]
            for key in self.files()
            for line in self.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].iter_lines()
        ]
        lines = [
            {
                "groundTruthData": {"data": str(int(place < share * len(found))), "encoding": "CSV"},
                "eventMetadata": {"eventId": event, "eventTime": "2026-03-02T00:00:00Z"},
                "eventVersion": "0",
            }
            for place, event in enumerate(found)
        ]
        self.client("s3").put_object(
            Bucket=BUCKET,
            Key=f"monitoring/{self.name}/labels/{name}.jsonl",
            Body="".join(f"{json.dumps(line)}\n" for line in lines).encode(),
        )

    def files(self) -> list[str]:
        """Keys of the captured files."""
        found = self.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"{self.name}/capture/")
        return [item["Key"] for item in found.get("Contents", ())]

    def lines(self) -> int:
        """Number of captured requests."""
        bodies = [self.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in self.files()]
        return sum(body.count(b"\n") for body in bodies)

    def look(self) -> tuple[str, dict[str, Any]]:
        """Runs the monitor once; its status, and the state that it leaves."""
        sagemaker = self.client("sagemaker")
        arn = sagemaker.start_pipeline_execution(PipelineName=self.name)["PipelineExecutionArn"]

        def ended() -> dict[str, Any] | None:
            found: dict[str, Any] = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
            return None if found["PipelineExecutionStatus"] == "Executing" else found

        status = until(ended, "the end of the monitor", 60)
        return str(status["PipelineExecutionStatus"]) + str(status.get("FailureReason", "")), self.state()

    def state(self) -> dict[str, Any]:
        """What the monitor remembers."""
        key = f"monitoring/{self.name}/state.json"
        try:
            body = self.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
        except self.client("s3").exceptions.NoSuchKey:
            return {}
        found: dict[str, Any] = json.loads(body)
        return found

    def wishes(self) -> int:
        """How often a training was asked for."""
        now = datetime.now(UTC)
        found = self.client("cloudwatch").get_metric_statistics(
            Namespace=NAMESPACE,
            MetricName=METRIC,
            Dimensions=[{"Name": "System", "Value": "shop"}, {"Name": "Endpoint", "Value": self.name}],
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(minutes=1),
            Period=3600,
            Statistics=["Sum"],
        )
        return int(sum(item["Sum"] for item in found["Datapoints"]))

    def trainings(self) -> list[str]:
        """Who started the trainings so far, the newest first."""
        sagemaker = self.client("sagemaker")
        found = sagemaker.list_pipeline_executions(PipelineName=self.training)["PipelineExecutionSummaries"]
        return [
            {item["Name"]: item["Value"] for item in given["PipelineParameters"]}[TRIGGER_PARAMETER]
            for each in found
            for given in [
                sagemaker.list_pipeline_parameters_for_execution(
                    PipelineExecutionArn=each["PipelineExecutionArn"]
                )
            ]
        ]


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Iterator[lifecycle.SandboxRecord]:
    with sandbox(tmp_path_factory.mktemp("monitor-sandbox")) as started:
        World(started).client("s3").create_bucket(Bucket=BUCKET)
        yield started


@pytest.fixture
def world(record: lifecycle.SandboxRecord) -> World:
    made = World(record)
    made.serve()
    made.watch()
    return made


def test_a_drift_that_lasts_starts_one_training_that_says_so(world: World) -> None:
    world.traffic(100, seed=1)
    quiet, state = world.look()
    assert (quiet, state["streaks"]) == ("Succeeded", {})
    assert world.trainings() == []

    for turn in (1, 2):
        world.traffic(100, seed=1 + turn, shift=2.0)
        status, state = world.look()
        assert (status, state["streaks"]) == ("Succeeded", {"amount": turn})

    assert state["history"][-1]["retraining_wanted"] is True
    until(lambda: world.trainings() == [DRIFT], "a training that drift started", 30)

    world.traffic(100, seed=9, shift=2.0)
    _, state = world.look()
    assert "1 are allowed; ask a person" in state["history"][-1]["why"]
    assert world.trainings() == [DRIFT]
    assert sum(item["rows"] for item in state["history"]) == world.lines() == 400


def test_a_ring_that_nobody_heard_is_repeated_until_a_training_has_started(world: World) -> None:
    world.client("events").disable_rule(Name=world.name)
    for turn in (1, 2):
        world.traffic(100, seed=turn, shift=2.0)
        _, state = world.look()
    assert state["history"][-1]["retraining_wanted"] is True
    assert (world.wishes(), world.trainings()) == (1, [])

    assert world.look() == ("Succeeded", state)
    assert world.wishes() == 2

    world.client("sagemaker").start_pipeline_execution(PipelineName=world.training)
    assert world.look() == ("Succeeded", state)
    assert world.wishes() == 2


def test_few_requests_wait_for_more_and_nothing_is_counted_twice(world: World) -> None:
    world.traffic(30, seed=1)
    first, waiting = world.look()
    world.traffic(70, seed=2)
    second, judged = world.look()
    third, same = world.look()

    assert (first, second, third) == ("Succeeded",) * 3
    assert [(item["rows"], item["enough"]) for item in judged["history"]] == [(30, False), (100, True)]
    assert waiting["done"] == []
    assert same == judged


def test_a_run_that_ends_half_way_leaves_its_traffic_to_the_next(world: World) -> None:
    world.traffic(100, seed=1)
    function = f"{world.name}-monitor"
    planned = world.client("lambda").invoke(
        FunctionName=function,
        Payload=json.dumps({"action": "plan", "run": "lost", "endpoint": world.name}),
    )
    assert json.loads(planned["Payload"].read())["ready"] == "yes"

    status, state = world.look()
    late = world.client("lambda").invoke(
        FunctionName=function, Payload=json.dumps({"action": "record", "run": "lost"})
    )

    assert status == "Succeeded"
    assert [item["rows"] for item in state["history"]] == [100]
    assert "is missing; run the monitor again" in json.loads(late["Payload"].read())["errorMessage"]


def test_a_record_that_is_repeated_changes_nothing(world: World) -> None:
    world.traffic(100, seed=1)
    _, state = world.look()
    (result,) = state["history"]
    again = world.client("lambda").invoke(
        FunctionName=f"{world.name}-monitor",
        Payload=json.dumps({"action": "record", "run": result["run"]}),
    )

    assert json.loads(again["Payload"].read()) == {
        "sentence": result["sentence"],
        "retraining": result["why"],
    }
    assert world.state() == state


def test_labels_come_later_and_count_once_however_often_they_come(world: World) -> None:
    world.label(0.5, "none")
    assert world.look() == ("Succeeded", {})  # labels without traffic wait

    world.traffic(100, seed=1)
    status, state = world.look()
    assert (status, state["history"][-1]["quality"]["rows"]) == ("Succeeded", 0)
    assert state["history"][-1]["labels"]["overdue"] == 100

    world.label(1.0, "a/late")
    _, state = world.look()
    assert state["history"][-1]["quality"]["rows"] == 100
    assert state["history"][-1]["rows"] == 0
    assert "(label share)" in state["streaks"]
    assert state["labelled_until"] == "2026-03-02T00:00:00+00:00"
    labelled = state["streaks"]

    world.label(1.0, "again")
    _, state = world.look()
    assert state["history"][-1]["labels"]["repeated_labels"] == 100
    assert (state["history"][-1]["quality"]["rows"], state["streaks"]) == (0, labelled)
    assert world.look() == ("Succeeded", state)


def test_without_traffic_there_is_nothing_to_look_at(world: World) -> None:
    status, state = world.look()

    assert (status, state) == ("Succeeded", {})


def test_a_person_looks_and_reads_what_was_found(world: World) -> None:
    aws = Aws(lifecycle.aws_environment(world.record))
    system = System(
        name="shop",
        endpoint_name=world.name,
        base_endpoint_config_name=world.name,
        contract_digest="",
        monitor_pipeline_name=world.name,
        monitor_alarm_name=world.name,
        artifacts_bucket=BUCKET,
    )
    nothing = look(aws, system)
    assert (nothing.status, nothing.says) == ("Succeeded", "nothing was captured since the last window")
    assert watched(aws, system).lines() == ["no window was judged yet; `headway monitor run` looks now"]

    world.traffic(100, seed=4, shift=2.0)
    found = look(aws, system)
    lines = watched(aws, system).lines()

    assert "amount drifted in 100 rows" in found.says
    assert "no drift lasts" in found.says
    assert "amount drifted in 100 rows" in lines[0]
    assert lines[1] == "amount drifts for 1 window in a row"
    assert lines[2].startswith("alarm ")
    report = lines[2].rpartition(f"s3://{BUCKET}/")[2]
    page = world.client("s3").get_object(Bucket=BUCKET, Key=report)["Body"].read()
    assert b"<svg" in page

    with pytest.raises(HeadwayError, match="has no monitor"):
        look(aws, replace(system, monitor_pipeline_name=None))

"""Steps of a pipeline that are not run again, tried again, and the transform step."""

from __future__ import annotations

import io
import json
import tarfile
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from headway_sandbox.sagemaker.pipelines.caching import duration_s
from headway_sandbox.sagemaker.pipelines.definition import DefinitionError, parse_definition
from headway_sandbox.sagemaker.pipelines.retries import RetryPolicy
from support.control import BUCKET, RESOURCES, ROLE, Cloud, Jobs, unique, until

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-base-python-310:1.0"
FAST = {"IntervalSeconds": 0.01, "BackoffRate": 1.0}


def training(jobs: Jobs, code: str = "", **members: Any) -> dict[str, Any]:
    return {
        "Name": "Train",
        "Type": "Training",
        "Arguments": {
            "AlgorithmSpecification": {
                "TrainingImage": "any-image",
                "TrainingInputMode": "File",
                "ContainerEntrypoint": jobs.script(code),
            },
            "RoleArn": ROLE,
            "HyperParameters": {"rounds": {"Get": "Parameters.Rounds"}},
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/models"},
            "ResourceConfig": RESOURCES,
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        },
        **members,
    }


class Runs:
    """Executions of one pipeline."""

    def __init__(self, cloud: Cloud, *steps: dict[str, Any]) -> None:
        self.cloud = cloud
        self.name = unique("Reuse")
        parameters = [{"Name": "Rounds", "Type": "String", "DefaultValue": "3"}]
        definition = {"Version": "2020-12-01", "Parameters": parameters, "Steps": steps}
        cloud.sagemaker.create_pipeline(
            PipelineName=self.name, RoleArn=ROLE, PipelineDefinition=json.dumps(definition)
        )

    def run(self, **parameters: str) -> tuple[str, dict[str, dict[str, Any]]]:
        given = [{"Name": name, "Value": value} for name, value in parameters.items()]
        arn = self.cloud.sagemaker.start_pipeline_execution(PipelineName=self.name, PipelineParameters=given)[
            "PipelineExecutionArn"
        ]

        def ended() -> bool:
            described = self.cloud.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
            return described["PipelineExecutionStatus"] not in ("Executing", "Stopping")

        until(ended, f"the end of {arn}")
        listed = self.cloud.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)
        return arn, {item["StepName"]: item for item in listed["PipelineExecutionSteps"]}


@pytest.fixture
def fault(cloud: Cloud) -> Iterator[Any]:
    url = f"{cloud.record.endpoint_url}/_headway/faults"

    def add(**members: Any) -> None:
        request = urllib.request.Request(url, json.dumps(members).encode(), method="POST")
        urllib.request.urlopen(request).close()

    yield add
    urllib.request.urlopen(urllib.request.Request(url, method="DELETE")).close()


def test_a_step_with_a_cache_is_run_again_only_when_it_has_changed(cloud: Cloud, jobs: Jobs) -> None:
    runs = Runs(cloud, training(jobs, CacheConfig={"Enabled": True, "ExpireAfter": "PT1H"}))

    first_arn, first = runs.run()
    second_arn, second = runs.run()
    _, other = runs.run(Rounds="4")
    _, third = runs.run()

    assert "CacheHitResult" not in first["Train"]
    assert second["Train"]["StepStatus"] == "Succeeded"
    assert second["Train"]["CacheHitResult"] == {"SourcePipelineExecutionArn": first_arn}
    assert second["Train"]["Metadata"] == first["Train"]["Metadata"]
    assert "CacheHitResult" not in other["Train"]
    assert third["Train"]["CacheHitResult"] == {"SourcePipelineExecutionArn": first_arn}
    assert second_arn != first_arn


def test_what_has_been_deleted_failed_or_is_another_pipelines_is_not_used_again(
    cloud: Cloud, jobs: Jobs
) -> None:
    cached: dict[str, Any] = {"CacheConfig": {"Enabled": True, "ExpireAfter": "P30D"}}
    failing, steps = training(jobs, "sys.exit(1)", **cached), training(jobs, **cached)
    runs = Runs(cloud, steps)
    _, first = runs.run()
    _, elsewhere = Runs(cloud, steps).run()
    name = first["Train"]["Metadata"]["TrainingJob"]["Arn"].rpartition("/")[2]
    cloud.sagemaker.delete_training_job(TrainingJobName=name)
    _, again = runs.run()
    never = Runs(cloud, failing)
    never.run()
    _, failed = never.run()

    assert "CacheHitResult" not in elsewhere["Train"]
    assert "CacheHitResult" not in again["Train"]
    assert failed["Train"]["StepStatus"] == "Failed"


def test_a_call_that_is_throttled_is_tried_again(cloud: Cloud, jobs: Jobs, fault: Any) -> None:
    fault(kind="api", service="sagemaker", operation="CreateTrainingJob", error="throttle", times=2)
    policy = {"ExceptionType": ["Step.THROTTLING"], "MaxAttempts": 2, **FAST}

    _, steps = Runs(cloud, training(jobs, RetryPolicies=[policy])).run()

    assert (steps["Train"]["StepStatus"], steps["Train"]["AttemptCount"]) == ("Succeeded", 3)


def test_a_job_without_capacity_is_tried_again_as_often_as_the_policy_says(
    cloud: Cloud, jobs: Jobs, fault: Any
) -> None:
    fault(kind="capacity", instance_type="ml.m5.large", times=3)
    policies = [
        {"ExceptionType": ["Step.SERVICE_FAULT"], "MaxAttempts": 9, **FAST},
        {"ExceptionType": ["SageMaker.CAPACITY_ERROR"], "MaxAttempts": 1, **FAST},
    ]
    runs = Runs(cloud, training(jobs, RetryPolicies=policies))

    _, failed = runs.run()
    _, succeeded = runs.run()

    assert (failed["Train"]["StepStatus"], failed["Train"]["AttemptCount"]) == ("Failed", 2)
    assert failed["Train"]["FailureReason"].startswith("CapacityError: Unable to provision")
    assert (succeeded["Train"]["StepStatus"], succeeded["Train"]["AttemptCount"]) == ("Succeeded", 2)


def test_a_failure_of_the_users_own_is_not_tried_again(cloud: Cloud, jobs: Jobs) -> None:
    policy = {"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR", "Step.SERVICE_FAULT"], **FAST}

    _, steps = Runs(cloud, training(jobs, "sys.exit(1)", RetryPolicies=[policy])).run()

    assert (steps["Train"]["StepStatus"], steps["Train"]["AttemptCount"]) == ("Failed", 1)


def test_waits_grow_and_end() -> None:
    policy = RetryPolicy(frozenset(), interval_s=2, backoff_rate=3, max_attempts=3, expire_after_s=60)

    assert [policy.wait_s(retries, 0) for retries in range(4)] == [2, 6, 18, None]
    assert policy.wait_s(0, 60) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("P30D", 2_592_000), ("PT1H", 3600), ("T16m", 960), ("30dT5h", 2_610_000), ("5y", 157_680_000)],
)
def test_durations_are_read_as_aws_writes_them(text: str, seconds: float) -> None:
    assert duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "P", "PT", "1", "one day", "P1DT", None, 3])
def test_what_is_no_duration_is_none(text: object) -> None:
    assert duration_s(text) is None


@pytest.mark.parametrize(
    ("kind", "members", "problem"),
    [
        ("Training", {"CacheConfig": {"Enabled": True}}, "ExpireAfter is None"),
        ("Training", {"CacheConfig": {"Enabled": "yes"}}, "needs Enabled"),
        ("Model", {"CacheConfig": {"Enabled": True, "ExpireAfter": "P1D"}}, "and this is Model"),
        ("Training", {"RetryPolicies": {}}, "must be a list"),
        ("Training", {"RetryPolicies": [{"ExceptionType": ["Any"]}]}, "ExceptionType is ['Any']"),
        ("Training", {"RetryPolicies": [{}]}, "ExceptionType is []"),
        (
            "Training",
            {"RetryPolicies": [{"ExceptionType": ["Step.THROTTLING"], "MaxAttempts": 21, "Often": 1}]},
            "MaxAttempts is 21; it must be a number from 0 to 20",
        ),
        ("Fail", {"RetryPolicies": [{"ExceptionType": ["Step.THROTTLING"]}]}, "and this is Fail"),
    ],
)
def test_what_cannot_be_cached_or_tried_again_is_refused(
    kind: str, members: dict[str, Any], problem: str
) -> None:
    step = {"Name": "A", "Type": kind, "Arguments": {}, **members}

    with pytest.raises(DefinitionError) as caught:
        parse_definition(json.dumps({"Version": "2020-12-01", "Steps": [step]}))

    assert problem in str(caught.value)


def test_a_model_made_in_a_pipeline_transforms_a_batch(cloud: Cloud, jobs: Jobs) -> None:
    code = "def model_fn(model_dir):\n    return lambda rows: rows * 2\n"
    data = cloud.put(f"{unique('model')}/model.tar.gz", packed({"code/inference.py": code}))
    rows = cloud.put(f"{unique('rows')}/rows.csv", b"1\n2\n")
    output = f"s3://{BUCKET}/{unique('transformed')}"
    model = {
        "Name": "Model",
        "Type": "Model",
        "Arguments": {
            "ExecutionRoleArn": ROLE,
            "PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": data, "Environment": {}},
        },
    }
    transform = {
        "Name": "Batch",
        "Type": "Transform",
        "Arguments": {
            "ModelName": {"Get": "Steps.Model.ModelName"},
            "TransformInput": {
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": rows}},
                "ContentType": "text/csv",
                "SplitType": "Line",
            },
            "TransformOutput": {"S3OutputPath": output, "Accept": "text/csv", "AssembleWith": "Line"},
            "TransformResources": {"InstanceCount": 1, "InstanceType": "ml.m5.large"},
        },
    }

    events = cloud.events({"detail-type": ["SageMaker Transform Job State Change"]})

    _, steps = Runs(cloud, model, transform).run()

    assert steps["Batch"]["StepStatus"] == "Succeeded", steps["Batch"].get("FailureReason")
    seen = [event["detail"]["TransformJobStatus"] for event in events.wait_for(3)]
    assert seen == ["InProgress", "InProgress", "Completed"]
    assert ":transform-job/" in steps["Batch"]["Metadata"]["TransformJob"]["Arn"]
    assert cloud.get(f"{output}/rows.csv.out") == b"2.0\n4.0\n"


def packed(files: dict[str, str]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return content.getvalue()

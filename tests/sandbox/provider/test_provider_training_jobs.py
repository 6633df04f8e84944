"""Training jobs as resources: a run that fails is made anew, and one that still runs is stopped first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.provider_plugin import CallError, Plugin
from support.sandboxes import client

BUCKET = "aws:s3/bucket:Bucket"
TRAINING_JOB = "aws:sagemaker/trainingJob:TrainingJob"


def inputs(name: str, code: str) -> dict[str, Any]:
    return {
        "trainingJobName": name,
        "roleArn": "arn:aws:iam::000000000000:role/trainer",
        "algorithmSpecification": {
            "trainingImage": "any-image",
            "trainingInputMode": "File",
            "containerEntrypoints": ["python", "-c", code],
        },
        "outputDataConfig": {"s3OutputPath": "s3://trained/models"},
        "resourceConfig": {"instanceCount": 1, "instanceType": "ml.m5.large", "volumeSizeInGb": 1},
        "stoppingCondition": {"maxRuntimeInSeconds": 60},
    }


@pytest.fixture
def sagemaker(plugin: Plugin, sandbox_variables: dict[str, str]) -> Any:
    """A client of the sandbox's SageMaker, and a bucket for models."""
    _, bucket = plugin.create(BUCKET, {"bucket": "trained", "forceDestroy": True})
    yield client(sandbox_variables["AWS_ENDPOINT_URL"], "sagemaker")
    plugin.delete(BUCKET, "trained", bucket)


def names(sagemaker: Any) -> list[str]:
    return [job["TrainingJobName"] for job in sagemaker.list_training_jobs()["TrainingJobSummaries"]]


def test_a_failed_job_is_known_and_made_anew_by_the_next_update(
    plugin: Plugin, sagemaker: Any, tmp_path: Path
) -> None:
    needed = tmp_path / "needed"
    wanted = inputs("repaired", f"open({str(needed)!r})")

    with pytest.raises(CallError, match="TrainingJobStatus is Failed: AlgorithmError") as failed:
        plugin.create(TRAINING_JOB, wanted)

    assert failed.value.left is not None
    resource_id, left = failed.value.left
    assert resource_id == "repaired"
    needed.touch()
    repaired = plugin.update(TRAINING_JOB, resource_id, state=left, olds=wanted, news=wanted)
    job = sagemaker.describe_training_job(TrainingJobName="repaired")
    assert (job["TrainingJobStatus"], job["TrainingJobArn"]) == ("Completed", repaired["arn"])
    plugin.delete(TRAINING_JOB, resource_id, repaired)
    plugin.delete(TRAINING_JOB, resource_id, repaired)
    assert "repaired" not in names(sagemaker)


def test_a_job_that_still_runs_is_stopped_before_it_is_deleted(plugin: Plugin, sagemaker: Any) -> None:
    entrypoint = ["python", "-c", "import time; time.sleep(600)"]
    sagemaker.create_training_job(
        TrainingJobName="running",
        RoleArn="arn:aws:iam::000000000000:role/trainer",
        AlgorithmSpecification={
            "TrainingImage": "any-image",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": entrypoint,
        },
        OutputDataConfig={"S3OutputPath": "s3://trained/models"},
        ResourceConfig={"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )

    plugin.delete(TRAINING_JOB, "running", {"trainingJobName": "running"})

    assert "running" not in names(sagemaker)


def test_what_the_sandbox_cannot_train_is_said_before_anything_is_made(plugin: Plugin) -> None:
    serverless = {
        **inputs("serverless", ""),
        "serverlessJobConfig": {"baseModelArn": "arn:aws:sagemaker:a:b:c", "jobType": "FineTuning"},
    }
    _, problems = plugin.check(TRAINING_JOB, serverless)
    assert "exclude each other; give one of them" in problems["algorithmSpecification"]
    assert "needs serverless training, which the sandbox lacks" in problems["serverlessJobConfig"]

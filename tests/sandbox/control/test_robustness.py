"""What must hold when things go wrong at once: creations of one name, kills in the middle of work."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from headway_sandbox import lifecycle
from support.control import BUCKET, ROLE, Cloud, Jobs, unique, until


def outcomes(call: Any, count: int = 16) -> Counter[str]:
    """How many of so many calls at once were carried out, and how the others were refused."""

    def one(_number: int) -> str:
        try:
            call()
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "done"

    with ThreadPoolExecutor(count) as pool:
        return Counter(pool.map(one, range(count)))


def test_of_many_creations_of_one_name_one_wins(cloud: Cloud, jobs: Jobs) -> None:
    name, sagemaker = unique("same"), cloud.sagemaker
    job = jobs.training_request("", TrainingJobName=name)
    fail = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "never"}}
    definition = json.dumps({"Version": "2020-12-01", "Parameters": [], "Steps": [fail]})

    found = {
        "pipeline": outcomes(
            lambda: sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=definition, RoleArn=ROLE)
        ),
        "group": outcomes(lambda: sagemaker.create_model_package_group(ModelPackageGroupName=name)),
        "job": outcomes(lambda: sagemaker.create_training_job(**job)),
    }

    assert {kind: counted["done"] for kind, counted in found.items()} == dict.fromkeys(found, 1)
    assert all(len(counted) == 2 for counted in found.values()), found
    assert len(sagemaker.list_pipelines(PipelineNamePrefix=name)["PipelineSummaries"]) == 1
    jobs.trained(name)


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Cloud]:
    cloud = Cloud(tmp_path / "mortal")
    cloud.client("s3").create_bucket(Bucket=BUCKET)
    yield cloud
    lifecycle.stop(cloud.state_dir)


def test_after_a_kill_the_next_start_says_what_was_interrupted(mortal: Cloud, tmp_path: Path) -> None:
    jobs = Jobs(mortal, tmp_path)
    request = jobs.training_request("import time\nprint('running', flush=True)\ntime.sleep(600)")
    arn = mortal.sagemaker.create_training_job(**request)["TrainingJobArn"]

    def training() -> bool:
        found = mortal.sagemaker.describe_training_job(TrainingJobName=request["TrainingJobName"])
        return bool(found["SecondaryStatus"] == "Training")

    until(training, "the job to run")
    os.kill(mortal.record.pid, signal.SIGKILL)
    mortal.start()

    assert lifecycle.control(mortal.record, "GET", "/_headway/health")["interrupted"] == [arn]
    assert f"ended in the middle of {arn}" in (mortal.state_dir / "sandbox.log").read_text()
    assert jobs.trained(request["TrainingJobName"])["TrainingJobStatus"] == "Failed"


def test_kills_in_the_middle_of_writes_lose_nothing_that_was_answered(mortal: Cloud) -> None:
    written: list[str] = []
    for _ in range(2):
        client = mortal.sagemaker
        with ThreadPoolExecutor(4) as pool:

            def write(number: int, client: Any = client) -> str | None:
                name = unique(f"group-{number}")
                try:
                    client.create_model_package_group(ModelPackageGroupName=name)
                except Exception:  # noqa: BLE001 - a killed server breaks connections in many ways
                    return None
                return name

            answers = [pool.submit(write, number) for number in range(40)]
            until(answers[10].done, "some writes")
            lifecycle.kill(mortal.state_dir)
            written += [name for answer in answers if (name := answer.result()) is not None]
        mortal.start()

    pages = mortal.sagemaker.get_paginator("list_model_package_groups").paginate()
    names = {item["ModelPackageGroupName"] for page in pages for item in page["ModelPackageGroupSummaryList"]}
    assert len(written) >= 20
    assert set(written) <= names


def test_a_kill_of_a_sandbox_that_does_not_run_says_so(tmp_path: Path) -> None:
    assert lifecycle.kill(tmp_path) is False

"""What the page about running one's own SageMaker code says and shows."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

from headway_sandbox.sagemaker.images import ImageTable
from support.readme import ROOT, blocks
from support.serving import ROLE, Serving, archive, until

PAGE = ROOT / "docs/how-to/run-your-own-sagemaker-code.md"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-base-python-310:1.0"
RESOURCES = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}


def shown(name: str) -> str:
    (block,) = [block for block in blocks(PAGE) if (block.key, block.value) == ("file", name)]
    return block.body


def test_the_table_of_images_is_the_one_in_force(tmp_path: Path) -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| (.*)\|$", PAGE.read_text(), re.MULTILINE)
    listed = {name: re.findall(r"`([^`]+)`", packages) for name, packages in rows}
    table = ImageTable.load(tmp_path / "images.toml").entrypoints

    needs = {
        name: [word.rpartition("=")[2] for flag, word in itertools.pairwise(entry) if flag == "--needs"]
        for name, entry in table.items()
        if "headway_sandbox.toolkits" in entry
    }

    assert listed == needs


def test_the_images_that_are_added_can_be_added(tmp_path: Path) -> None:
    extension = tmp_path / "images.toml"
    extension.write_text(shown("images.toml"))

    table = ImageTable.load(extension, python="/venv/python")

    assert table.command("registry/churn-models:3", ["train"])[-2:] == ["polars", "train"]
    assert table.command("churn-server", ["serve"]) == ["/venv/python", "-m", "churn.server", "serve"]


def test_the_script_that_is_shown_trains_and_its_model_serves(serving: Serving) -> None:
    s3, sagemaker = serving.client("s3"), serving.client("sagemaker")
    source = serving.upload({"train.py": shown("train.py")})
    name = serving.name("own-code")
    s3.put_object(Bucket="models", Key=f"{name}/rows.csv", Body=b"1\n3\n")
    data = {"S3DataType": "S3Prefix", "S3Uri": f"s3://models/{name}/"}
    sagemaker.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        HyperParameters={
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": source,
            "scale": "1.5",
        },
        RoleArn=ROLE,
        InputDataConfig=[{"ChannelName": "train", "DataSource": {"S3DataSource": data}}],
        OutputDataConfig={"S3OutputPath": "s3://models/own"},
        ResourceConfig=RESOURCES,
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    job = until(
        lambda: sagemaker.describe_training_job(TrainingJobName=name),
        lambda found: found["TrainingJobStatus"] not in ("InProgress", "Stopping"),
    )
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    code = archive({"inference.py": shown("inference.py")})
    s3.put_object(Bucket="models", Key=f"{name}/code.tar.gz", Body=code)
    sagemaker.create_model(
        ModelName=name,
        PrimaryContainer={
            "Image": IMAGE,
            "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"],
            "Environment": {"SAGEMAKER_SUBMIT_DIRECTORY": f"s3://models/{name}/code.tar.gz"},
        },
        ExecutionRoleArn=ROLE,
    )

    endpoint = serving.endpoint(serving.config({"ModelName": name}))

    assert serving.invoke(endpoint, json.dumps([2.0]).encode(), ContentType="application/json")["Body"] == [
        6.0
    ]

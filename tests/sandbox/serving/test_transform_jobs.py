"""Batch transform jobs through the API, with a real model server behind them."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from headway_sandbox import lifecycle
from support.serving import ROLE, Serving, refused, until

IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/sagemaker-base-python-310:1.0"
# Adds up each row, of CSV or of JSON lines with "x"; knows how often it was called; refuses what it should.
CODE = """
import json, os
from pathlib import Path
calls = 0
def model_fn(model_dir):
    return None
def transform_fn(model, body, content_type, accept):
    global calls
    calls += 1
    text = body.decode()
    if "refuse" in text:
        raise ValueError("this one is refused")
    if "crash" in text:
        os._exit(3)
    if content_type == "text/plain":
        batch = {name: value for name, value in os.environ.items() if name.startswith("SAGEMAKER_")}
        return json.dumps({"call": calls, "lines": text.splitlines(), "environment": batch})
    if content_type == "text/csv":
        rows = [[float(cell) for cell in line.split(",")] for line in text.splitlines()]
        return "\\n".join(str(sum(row)) for row in rows)
    return "\\n".join(json.dumps({"sum": sum(json.loads(line)["x"])}) for line in text.splitlines())
"""


@pytest.fixture(scope="module")
def model(serving: Serving) -> str:
    name = serving.name("transforming")
    data = serving.upload({"code/inference.py": CODE})
    serving.client("sagemaker").create_model(
        ModelName=name, PrimaryContainer={"Image": IMAGE, "ModelDataUrl": data}, ExecutionRoleArn=ROLE
    )
    return name


def request(serving: Serving, model: str, objects: dict[str, bytes], **members: Any) -> dict[str, Any]:
    name = serving.name("transform")
    s3 = serving.client("s3")
    for key, body in objects.items():
        s3.put_object(Bucket="models", Key=f"in-{name}/{key}", Body=body)
    given = {"S3DataType": "S3Prefix", "S3Uri": f"s3://models/in-{name}/"}
    return {
        "TransformJobName": name,
        "ModelName": model,
        "TransformInput": {
            "DataSource": {"S3DataSource": given},
            "ContentType": "text/csv",
            "SplitType": "Line",
            **members.pop("TransformInput", {}),
        },
        "TransformOutput": {
            "S3OutputPath": f"s3://models/out-{name}",
            "AssembleWith": "Line",
            **members.pop("TransformOutput", {}),
        },
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **members,
    }


def finished(serving: Serving, name: str) -> dict[str, Any]:
    def describe() -> dict[str, Any]:
        found: dict[str, Any] = serving.client("sagemaker").describe_transform_job(TransformJobName=name)
        return found

    return until(describe, lambda job: job["TransformJobStatus"] not in ("InProgress", "Stopping"))


def run(serving: Serving, asked: dict[str, Any]) -> dict[str, Any]:
    serving.client("sagemaker").create_transform_job(**asked)
    return finished(serving, asked["TransformJobName"])


def outputs(serving: Serving, job: dict[str, Any]) -> dict[str, bytes]:
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    s3 = serving.client("s3")
    prefix = f"out-{job['TransformJobName']}/"
    found = s3.list_objects_v2(Bucket="models", Prefix=prefix).get("Contents", [])
    keys = [item["Key"] for item in found]
    return {key.removeprefix(prefix): s3.get_object(Bucket="models", Key=key)["Body"].read() for key in keys}


def test_every_object_becomes_an_output_beside_its_name(serving: Serving, model: str) -> None:
    objects = {"a.csv": b"1,2\n3,4\n", "deep/b.csv": b"5,6"}

    job = run(serving, request(serving, model, objects, MaxConcurrentTransforms=4))

    assert outputs(serving, job) == {"a.csv.out": b"3.0\n7.0\n", "deep/b.csv.out": b"11.0\n"}
    assert job["TransformEndTime"] >= job["TransformStartTime"] >= job["CreationTime"]


@pytest.mark.parametrize(
    ("strategy", "split_type", "payload_mb", "calls"),
    [
        ("MultiRecord", "Line", 6, [[b"a" * 400_000, b"b" * 400_000, b"c" * 400_000]]),
        ("MultiRecord", "Line", 1, [[b"a" * 400_000, b"b" * 400_000], [b"c" * 400_000]]),
        ("SingleRecord", "Line", 6, [[b"a" * 400_000], [b"b" * 400_000], [b"c" * 400_000]]),
        ("SingleRecord", "None", 0, [[b"a" * 400_000, b"b" * 400_000, b"c" * 400_000]]),
    ],
)
def test_records_travel_by_strategy_and_payload(
    serving: Serving, model: str, strategy: str, split_type: str, payload_mb: int, calls: list[list[bytes]]
) -> None:
    body = b"\n".join(letter * 400_000 for letter in (b"a", b"b", b"c"))
    asked = request(
        serving,
        model,
        {"x": body},
        BatchStrategy=strategy,
        MaxPayloadInMB=payload_mb,
        Environment={"SAGEMAKER_MODE": "test"},
        TransformInput={"ContentType": "text/plain", "SplitType": split_type},
    )

    answers = [json.loads(line) for line in outputs(serving, run(serving, asked))["x.out"].splitlines()]

    assert [[line.encode() for line in answer["lines"]] for answer in answers] == calls
    environment = answers[0]["environment"]
    assert environment["SAGEMAKER_BATCH"] == "true"
    assert environment["SAGEMAKER_MODE"] == "test"
    assert environment["SAGEMAKER_BATCH_STRATEGY"] == strategy


@pytest.mark.parametrize(
    ("content_type", "body", "processing", "expected"),
    [
        ("text/csv", b"id1,1,2\nid2,3,4\n", {"InputFilter": "$[1:]"}, b"3.0\n7.0\n"),
        (
            "text/csv",
            b"id1,1,2\nid2,3,4\n",
            {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"},
            b"id1,3.0\nid2,7.0\n",
        ),
        (
            "application/jsonlines",
            b'{"id": 1, "x": [1, 2]}\n',
            {"JoinSource": "Input"},
            b'{"id":1,"x":[1,2],"SageMakerOutput":{"sum":3}}\n',
        ),
        (
            "application/jsonlines",
            b'{"id": 1, "in": {"x": [1, 2]}}\n',
            {"InputFilter": "$.in", "JoinSource": "Input", "OutputFilter": "$['id','SageMakerOutput']"},
            b'[1,{"sum":3}]\n',
        ),
    ],
)
def test_records_are_filtered_and_joined(
    serving: Serving, model: str, content_type: str, body: bytes, processing: dict[str, str], expected: bytes
) -> None:
    asked = request(
        serving, model, {"x": body}, DataProcessing=processing, TransformInput={"ContentType": content_type}
    )

    assert outputs(serving, run(serving, asked)) == {"x.out": expected}


def test_compressed_objects_are_unpacked(serving: Serving, model: str) -> None:
    asked = request(
        serving, model, {"a.csv.gz": gzip.compress(b"1,2\n")}, TransformInput={"CompressionType": "Gzip"}
    )

    assert outputs(serving, run(serving, asked)) == {"a.csv.gz.out": b"3.0\n"}


@pytest.mark.parametrize(
    ("body", "members", "reason"),
    [
        (
            b"1,2\nrefuse",
            {},
            "AlgorithmError: s3://models/in-{name}/x: record 1: the model answered with status 500",
        ),
        (
            b"1,2\nrefuse",
            {"BatchStrategy": "SingleRecord"},
            "record 2: the model answered with status 500: ValueError: this one is refused",
        ),
        (b"crash", {}, "AlgorithmError: s3://models/in-{name}/x: record 1: the model server ended"),
        (b"x" * 2**20 + b"y", {"MaxPayloadInMB": 1}, "record 1: Too much data for max payload size"),
        (
            b"1,2",
            {"DataProcessing": {"InputFilter": "$[7]"}},
            "ClientError: s3://models/in-{name}/x: record 1: $[7]",
        ),
        (None, {}, "No S3 objects found under S3 URL"),
    ],
)
def test_a_record_that_fails_fails_the_job_and_is_named(
    serving: Serving, model: str, body: bytes | None, members: dict[str, Any], reason: str
) -> None:
    config = {"ModelClientConfig": {"InvocationsMaxRetries": 0}}
    asked = request(serving, model, {} if body is None else {"x": body}, **config, **members)

    job = run(serving, asked)

    assert job["TransformJobStatus"] == "Failed"
    assert reason.format(name=job["TransformJobName"]) in job["FailureReason"]


def test_what_cannot_be_emulated_is_refused_with_every_reason(serving: Serving, model: str) -> None:
    asked = request(
        serving,
        model,
        {},
        TransformInput={"SplitType": "RecordIO", "ContentType": "image/png"},
        DataProcessing={"InputFilter": "$..deep", "JoinSource": "Input"},
    )
    with refused("ValidationException", "SplitType RecordIO", "InputFilter", "'..deep'"):
        serving.client("sagemaker").create_transform_job(**asked)
    asked["DataProcessing"]["InputFilter"] = "$"
    with refused("ValidationException", "'image/png'", "AssembleWith to be what SplitType is"):
        serving.client("sagemaker").create_transform_job(**asked)
    with refused("ValidationException", "Could not find model"):
        serving.client("sagemaker").create_transform_job(**{**asked, "ModelName": "absent"})


def test_a_job_can_be_stopped_listed_and_is_unique(serving: Serving, model: str) -> None:
    sagemaker = serving.client("sagemaker")
    rows = b"\n".join(b"1,2" for _ in range(20_000))
    asked = request(serving, model, {"x": rows}, BatchStrategy="SingleRecord")
    name = asked["TransformJobName"]
    sagemaker.create_transform_job(**asked)
    with refused("ResourceInUse", name):
        sagemaker.create_transform_job(**asked)
    until(
        lambda: sagemaker.describe_transform_job(TransformJobName=name),
        lambda job: "TransformStartTime" in job,
    )

    sagemaker.stop_transform_job(TransformJobName=name)

    assert finished(serving, name)["TransformJobStatus"] == "Stopped"
    (listed,) = sagemaker.list_transform_jobs(NameContains=name)["TransformJobSummaries"]
    assert listed["TransformJobStatus"] == "Stopped"
    with refused("ValidationException", "Stopped"):
        sagemaker.stop_transform_job(TransformJobName=name)
    with refused("ResourceNotFound", "no-such-job"):
        sagemaker.describe_transform_job(TransformJobName="no-such-job")


def test_a_model_server_may_say_how_it_wants_to_be_asked(tmp_path: Path) -> None:
    command = [sys.executable, str(Path(__file__).with_name("batch_server.py"))]
    (tmp_path / "images.toml").write_text(f"[images]\nbatch-server = {json.dumps(command)}\n")
    serving = Serving(tmp_path)
    try:
        serving.client("s3").create_bucket(Bucket="models")
        model = serving.model(Image="batch-server")

        wished = run(serving, request(serving, model, {"x": b"1\n2\n3"}))
        told = run(serving, request(serving, model, {"x": b"1\n2\n3"}, BatchStrategy="MultiRecord"))

        assert outputs(serving, wished) == {"x.out": b"1\n1\n1\n"}
        assert outputs(serving, told) == {"x.out": b"3\n"}
    finally:
        lifecycle.stop(tmp_path)

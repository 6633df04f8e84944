"""Captured invocations: what is in the bucket afterwards, and that nothing is lost on the way there."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from headway_sandbox.dataplane.capture import CaptureEvent, CaptureRule, Payload
from support.serving import Serving, refused, until

LAYOUT = re.compile(r"captured/endpoint-\d+/\w+/\d{4}/\d\d/\d\d/\d\d/\d\d-\d\d-\d{3}-[0-9a-f-]{36}\.jsonl")
SHADOW = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1}


def capture(bucket: str, percentage: int = 100, **more: Any) -> dict[str, Any]:
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": percentage,
        "DestinationS3Uri": f"s3://{bucket}/captured",
        "CaptureOptions": [{"CaptureMode": "InputAndOutput"}],
        "CaptureContentTypeHeader": {
            "CsvContentTypes": ["text/csv"],
            "JsonContentTypes": ["application/json"],
        },
        **more,
    }


def bucket_of(serving: Serving) -> str:
    name = serving.name("captures")
    serving.client("s3").create_bucket(Bucket=name)
    return name


def endpoint_of(serving: Serving, config: dict[str, Any], **more: Any) -> str:
    return serving.endpoint(
        serving.config({"ModelName": serving.model({"NAME": "m"})}, DataCaptureConfig=config, **more)
    )


def lines(serving: Serving, bucket: str, part: str = "") -> list[dict[str, Any]]:
    s3 = serving.client("s3")
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    assert all(LAYOUT.fullmatch(key) for key in keys), keys
    bodies = [s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys if part in key]
    return [json.loads(line) for body in bodies for line in body.splitlines()]


def test_a_captured_invocation_is_in_the_bucket_as_sagemaker_writes_it(serving: Serving) -> None:
    bucket = bucket_of(serving)
    endpoint = endpoint_of(serving, capture(bucket))
    serving.invoke(endpoint, b"1,2", InferenceId="flight-7", CustomAttributes="trace=9")

    (line,) = until(lambda: lines(serving, bucket), bool)

    data, metadata = line["captureData"], line["eventMetadata"]
    assert data["endpointInput"] == {
        "observedContentType": "text/csv",
        "mode": "INPUT",
        "data": "1,2",
        "encoding": "CSV",
    }
    assert data["endpointOutput"]["encoding"] == "JSON"
    assert json.loads(data["endpointOutput"]["data"])["name"] == "m"
    assert metadata["inferenceId"] == "flight-7"
    assert metadata["customAttributes"] == ["trace=9"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", metadata["inferenceTime"])
    assert set(metadata) == {"eventId", "inferenceId", "customAttributes", "inferenceTime"}
    assert line["eventVersion"] == "0"
    described = serving.describe(endpoint)["DataCaptureConfig"]
    assert (described["CaptureStatus"], described["CurrentSamplingPercentage"]) == ("Started", 100)


def test_a_shadow_is_captured_beside_production_and_joins_by_inference_id(serving: Serving) -> None:
    bucket = bucket_of(serving)
    shadow = {"VariantName": "shadow", "ModelName": serving.model({"NAME": "s"}), **SHADOW}
    endpoint = endpoint_of(serving, capture(bucket, 50), ShadowProductionVariants=[shadow])
    for number in range(8):
        serving.invoke(endpoint, InferenceId=f"id-{number}")

    until(lambda: len(lines(serving, bucket)), lambda count: count == 8)

    production, copies = lines(serving, bucket, "/main/"), lines(serving, bucket, "/shadow/")
    identifiers = [{item["eventMetadata"]["inferenceId"] for item in some} for some in (production, copies)]
    assert identifiers[0] == identifiers[1]
    assert len(identifiers[0]) == 4
    assert {item["eventMetadata"].get("invocationSource") for item in production} == {None}
    assert {item["eventMetadata"]["invocationSource"] for item in copies} == {"ShadowExperiment"}
    assert {json.loads(item["captureData"]["endpointOutput"]["data"])["name"] for item in copies} == {"s"}


def test_captured_data_is_encrypted_under_the_declared_key(serving: Serving) -> None:
    bucket = bucket_of(serving)
    key = serving.client("kms").create_key()["KeyMetadata"]["Arn"]
    serving.invoke(endpoint_of(serving, capture(bucket, KmsKeyId=key)))

    until(lambda: lines(serving, bucket), bool)

    s3 = serving.client("s3")
    (item,) = s3.list_objects_v2(Bucket=bucket)["Contents"]
    head = s3.head_object(Bucket=bucket, Key=item["Key"])
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)


def test_what_the_model_did_not_answer_is_not_captured(serving: Serving) -> None:
    bucket = bucket_of(serving)
    endpoint = endpoint_of(serving, capture(bucket))
    with refused("ModelError"):
        serving.invoke(endpoint, b"status:500")
    serving.invoke(endpoint, b"fine")

    found = until(lambda: lines(serving, bucket), bool)

    assert [item["captureData"]["endpointInput"]["data"] for item in found] == ["fine"]


def test_a_capture_that_does_not_arrive_says_so_and_arrives_once_it_can(serving: Serving) -> None:
    endpoint = endpoint_of(serving, capture("not-there-yet"))
    serving.invoke(endpoint, b"kept")

    until(lambda: serving.describe(endpoint)["DataCaptureConfig"]["CaptureStatus"], lambda s: s == "Stopped")
    serving.client("s3").create_bucket(Bucket="not-there-yet")
    (line,) = until(lambda: lines(serving, "not-there-yet"), bool)

    assert line["captureData"]["endpointInput"]["data"] == "kept"
    until(lambda: serving.describe(endpoint)["DataCaptureConfig"]["CaptureStatus"], lambda s: s == "Started")


def test_a_disabled_capture_captures_nothing(serving: Serving) -> None:
    bucket = bucket_of(serving)
    endpoint = endpoint_of(serving, capture(bucket, EnableCapture=False))
    serving.invoke(endpoint)

    assert serving.describe(endpoint)["DataCaptureConfig"]["CaptureStatus"] == "Stopped"


@pytest.mark.parametrize("end", ["stop", "kill -9"])
def test_the_end_of_the_sandbox_loses_nothing_that_was_answered(serving: Serving, end: str) -> None:
    bucket = bucket_of(serving)
    endpoint = endpoint_of(serving, capture(bucket))
    bodies = {f"{number}" for number in range(20)}
    for body in sorted(bodies):
        serving.invoke(endpoint, body.encode())

    if end == "kill -9":
        os.kill(serving.record.pid, signal.SIGKILL)
    serving.restart()
    until(lambda: len(lines(serving, bucket)), lambda count: count >= 20)

    captured = [item["captureData"]["endpointInput"]["data"] for item in lines(serving, bucket)]
    assert sorted(captured) == sorted(bodies)


def test_a_capture_needs_a_destination_that_it_can_have(serving: Serving) -> None:
    with pytest.raises(ClientError):
        endpoint_of(serving, capture("b", percentage=101))


RULE = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://b/p",
    "CaptureOptions": [{"CaptureMode": "Input"}],
    "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
}


@pytest.mark.parametrize(
    ("content_type", "body", "data", "encoding"),
    [
        ("text/csv", b"1,2", "1,2", "CSV"),
        ("text/CSV; charset=utf-8", b"1,2", "1,2", "CSV"),
        ("application/json", b"{}", "{}", "JSON"),
        ("application/x-npy", b"1,2", base64.b64encode(b"1,2").decode(), "BASE64"),
        (None, b"1", base64.b64encode(b"1").decode(), "BASE64"),
        ("text/csv", b"\xff", base64.b64encode(b"\xff").decode(), "BASE64"),
    ],
)
def test_the_content_type_decides_the_encoding(
    content_type: str | None, body: bytes, data: str, encoding: str
) -> None:
    event = CaptureEvent("e", None, None)
    line = json.loads(
        CaptureRule(RULE).line(event, Payload(content_type, body), Payload(None, b""), now=0.0, shadow=False)
    )

    (captured,) = line["captureData"].values()
    assert (captured["data"], captured["encoding"]) == (data, encoding)
    assert line["eventMetadata"] == {"eventId": "e", "inferenceTime": "1970-01-01T00:00:00Z"}

"""InvokeEndpointAsync: answers in S3, notices through SNS, limits, and a restart in the middle."""

from __future__ import annotations

import base64
import json
import os
import signal
import time
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.serving import Serving, refused, until


@dataclass(frozen=True)
class Place:
    """A bucket and a queue that hears both topics."""

    serving: Serving
    bucket: str
    queue: str
    topics: dict[str, str]

    def config(self, **more: Any) -> dict[str, Any]:
        return {
            "OutputConfig": {
                "S3OutputPath": f"s3://{self.bucket}/answers",
                "S3FailurePath": f"s3://{self.bucket}/failures/",
                "NotificationConfig": {
                    **self.topics,
                    "IncludeInferenceResponseIn": ["SUCCESS_NOTIFICATION_TOPIC"],
                },
            },
            **more,
        }

    def endpoint(self, environment: dict[str, str] | None = None, **more: Any) -> str:
        model = self.serving.model(environment or {})
        config = self.serving.config({"ModelName": model}, AsyncInferenceConfig=self.config(**more))
        return self.serving.endpoint(config)

    def put(self, key: str, body: bytes) -> str:
        self.serving.client("s3").put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    def ask(self, endpoint: str, body: bytes = b"1,2", **more: Any) -> dict[str, Any]:
        location = self.put(self.serving.name("input"), body)
        answer: dict[str, Any] = self.serving.client("sagemaker-runtime").invoke_endpoint_async(
            EndpointName=endpoint, InputLocation=location, ContentType="text/csv", **more
        )
        return answer

    def read(self, uri: str) -> bytes | None:
        s3 = self.serving.client("s3")
        try:
            body: bytes = s3.get_object(Bucket=self.bucket, Key=uri.removeprefix(f"s3://{self.bucket}/"))[
                "Body"
            ].read()
        except s3.exceptions.NoSuchKey:
            return None
        return body

    def notice(self) -> dict[str, Any]:
        def one() -> dict[str, Any] | None:
            found = self.serving.client("sqs").receive_message(QueueUrl=self.queue).get("Messages", [])
            return json.loads(json.loads(found[0]["Body"])["Message"]) if found else None

        notice = until(one, bool)
        assert notice is not None
        return notice


@pytest.fixture
def place(serving: Serving) -> Place:
    bucket, sqs, sns = serving.name("async"), serving.client("sqs"), serving.client("sns")
    serving.client("s3").create_bucket(Bucket=bucket)
    queue = sqs.create_queue(QueueName=bucket)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topics = {
        f"{kind}Topic": sns.create_topic(Name=f"{bucket}-{kind}")["TopicArn"] for kind in ("Success", "Error")
    }
    for topic in topics.values():
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return Place(serving, bucket, queue, topics)


def test_the_answer_is_in_the_bucket_and_the_notice_says_where(place: Place) -> None:
    endpoint = place.endpoint({"NAME": "patient"})
    asked = place.ask(endpoint, InferenceId="flight-7", CustomAttributes="trace=9")

    notice = place.notice()
    answer = place.read(asked["OutputLocation"])

    assert asked["InferenceId"] == "flight-7"
    assert asked["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert answer is not None
    said = json.loads(answer)
    assert (said["name"], said["body"]) == ("patient", "1,2")
    assert said["headers"]["content-type"] == "text/csv"
    assert (notice["invocationStatus"], notice["inferenceId"]) == ("Completed", "flight-7")
    assert notice["requestParameters"]["customAttributes"] == "trace=9"
    assert notice["responseParameters"] == {
        "contentType": "application/json",
        "outputLocation": asked["OutputLocation"],
    }
    assert base64.b64decode(notice["responseBody"]["content"]) == answer


def test_a_failure_is_in_the_failure_path_and_the_error_topic_hears_why(place: Place) -> None:
    asked = place.ask(place.endpoint(), b"status:500")

    notice = place.notice()

    assert notice["invocationStatus"] == "Failed"
    assert "Received server error (500) from primary" in notice["failureReason"]
    assert json.loads(place.read(asked["FailureLocation"]) or b"") == {"error": "asked for"}
    assert place.read(asked["OutputLocation"]) is None


def test_an_input_that_is_not_there_is_a_failure(place: Place) -> None:
    endpoint = place.endpoint()
    place.serving.client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName=endpoint, InputLocation=f"s3://{place.bucket}/nothing"
    )

    assert "Failed to download the input" in place.notice()["failureReason"]


def test_a_model_that_takes_too_long_is_a_failure(place: Place) -> None:
    place.ask(place.endpoint({"LATENCY": "5"}), InvocationTimeoutSeconds=1)

    assert "timed out" in place.notice()["failureReason"]


def test_the_payload_may_come_with_the_request_and_the_answer_have_a_name(place: Place) -> None:
    asked = place.serving.client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName=place.endpoint(), Body=b"inline", S3OutputPathExtension="a/b", Filename="one.json"
    )

    answer = until(lambda: place.read(asked["OutputLocation"]), bool)

    assert asked["OutputLocation"] == f"s3://{place.bucket}/answers/a/b/one.json"
    assert answer is not None
    assert json.loads(answer)["body"] == "inline"


def test_an_instance_gets_no_more_at_once_than_it_may(place: Place) -> None:
    endpoint = place.endpoint({"LATENCY": "0.2"}, ClientConfig={"MaxConcurrentInvocationsPerInstance": 1})
    began = time.monotonic()
    asked = [place.ask(endpoint) for _ in range(4)]

    until(lambda: [place.read(item["OutputLocation"]) for item in asked], all)

    assert time.monotonic() - began >= 4 * 0.2


@pytest.mark.parametrize("end", ["stop", "kill -9"])
def test_requests_that_wait_survive_the_end_of_the_sandbox(place: Place, end: str) -> None:
    serving = place.serving
    endpoint = place.endpoint({"LATENCY": "0.2"}, ClientConfig={"MaxConcurrentInvocationsPerInstance": 1})
    asked = [place.ask(endpoint, str(number).encode()) for number in range(5)]

    if end == "kill -9":
        os.kill(serving.record.pid, signal.SIGKILL)
    serving.restart()

    answers = until(lambda: [place.read(item["OutputLocation"]) for item in asked], all)
    assert [json.loads(answer or b"")["body"] for answer in answers] == ["0", "1", "2", "3", "4"]


def test_the_two_ways_of_invoking_exclude_each_other(place: Place) -> None:
    with refused("ValidationError", "InvokeEndpointAsync"):
        place.serving.invoke(place.endpoint())
    with refused("ValidationError", "has no AsyncInferenceConfig"):
        place.ask(place.serving.endpoint(place.serving.config_of()))


def test_all_that_is_wrong_is_said_at_once(place: Place) -> None:
    with pytest.raises(ClientError) as caught:
        place.serving.client("sagemaker-runtime").invoke_endpoint_async(
            EndpointName=place.endpoint(),
            InputLocation="https://elsewhere/input",
            Filename="a.b.c",
            RequestTTLSeconds=21_601,
            Body=b"too",
        )

    message = caught.value.response["Error"]["Message"]
    for member in ("InputLocation", "Filename", "RequestTTLSeconds", "Exactly one"):
        assert member in message

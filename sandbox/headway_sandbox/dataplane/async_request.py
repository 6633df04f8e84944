"""One asynchronous invocation as a plain value: read from a request, kept in the store, told to SNS."""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from headway_sandbox.dataplane.http_client import HttpResponse
from headway_sandbox.dataplane.invocation import check_lengths
from headway_sandbox.dataplane.refusals import invalid

Document = dict[str, Any]

MAX_INLINE_BYTES = 128_000
"""The longest payload in the request itself: AsyncBodyBlob in botocore's model of sagemaker-runtime."""
MAX_INCLUDED_BYTES = 128 * 1024
"""The longest answer that a notification includes (documentation of AsyncInferenceNotificationConfig)."""

_LONGEST = {
    "x-amzn-sagemaker-content-type": ("ContentType", 1024),
    "x-amzn-sagemaker-accept": ("Accept", 1024),
    "x-amzn-sagemaker-custom-attributes": ("CustomAttributes", 1024),
    "x-amzn-sagemaker-inference-id": ("InferenceId", 64),
    "x-amzn-sagemaker-inputlocation": ("InputLocation", 1024),
    "x-amzn-sagemaker-s3outputpathextension": ("S3OutputPathExtension", 512),
    "x-amzn-sagemaker-filename": ("Filename", 32),
}
_PATTERNS = {
    "x-amzn-sagemaker-inputlocation": ("InputLocation", re.compile(r"s3://[^/]+/.+")),
    "x-amzn-sagemaker-s3outputpathextension": (
        "S3OutputPathExtension",
        re.compile(r"(?!s3:|https:)[a-zA-Z0-9!_.*'()/-]+"),
    ),
    "x-amzn-sagemaker-filename": ("Filename", re.compile(r"(?!.*\..*\.)[a-zA-Z0-9][a-zA-Z0-9-_.]*")),
}
_SECONDS = {
    "x-amzn-sagemaker-requestttlseconds": ("RequestTTLSeconds", 60, 21_600, 21_600),
    "x-amzn-sagemaker-invocationtimeoutseconds": ("InvocationTimeoutSeconds", 1, 3_600, 900),
}
_TO_MODEL = {
    "x-amzn-sagemaker-content-type": "Content-Type",
    "x-amzn-sagemaker-accept": "Accept",
    "x-amzn-sagemaker-custom-attributes": "X-Amzn-SageMaker-Custom-Attributes",
}
_REQUEST_PARAMETERS = {
    "Accept": "accept",
    "Content-Type": "contentType",
    "X-Amzn-SageMaker-Custom-Attributes": "customAttributes",
}


@dataclass(frozen=True)
class AsyncRequest:
    """An asynchronous invocation.

    Attributes:
        id: Unique; names its files.
        endpoint: Name of the endpoint.
        inference_id: What the caller named it, else the id.
        headers: What the model is given, by the name it is given under.
        input: ``s3://`` URI of the payload, or None where the payload came with the request.
        output: ``s3://`` URI that the answer goes to.
        failure: ``s3://`` URI that an error goes to, or None.
        received: When it came, in seconds since the epoch.
        ttl_s: Seconds that it may wait.
        timeout_s: Seconds that the model has.
        config: ``AsyncInferenceConfig`` in force when it came.
        role_arn: The role in whose name it is carried out, or None for the sandbox's own.
    """

    id: str
    endpoint: str
    inference_id: str
    headers: dict[str, str]
    input: str | None
    output: str
    failure: str | None
    received: float
    ttl_s: int
    timeout_s: int
    config: Document
    role_arn: str | None

    def document(self) -> Document:
        """The request as JSON values."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: Document) -> AsyncRequest:
        """Reads back what `document` wrote."""
        return cls(**document)

    @classmethod
    def read(
        cls,
        endpoint: str,
        headers: Mapping[str, str],
        body: bytes,
        config: Document,
        *,
        now: float,
        role_arn: str | None,
    ) -> AsyncRequest:
        """Reads a request.

        Args:
            endpoint: Name of the endpoint.
            headers: Headers by lower-cased name.
            body: The payload, or nothing where it is in S3.
            config: ``AsyncInferenceConfig`` of the endpoint.
            now: Seconds since the epoch.
            role_arn: The role in whose name it is carried out.

        Raises:
            RefusalError: All that is wrong with it.
        """
        check_lengths(headers, _LONGEST)
        problems = list(_problems(headers, body, config))
        if problems:
            raise invalid("VALIDATION", " ".join(problems))
        identifier = str(uuid.uuid4())
        output, extension = config["OutputConfig"], headers.get("x-amzn-sagemaker-s3outputpathextension")
        name = headers.get("x-amzn-sagemaker-filename", f"{identifier}.out")
        failures = output.get("S3FailurePath")
        return cls(
            id=identifier,
            endpoint=endpoint,
            inference_id=headers.get("x-amzn-sagemaker-inference-id", identifier),
            headers={_TO_MODEL[key]: value for key, value in headers.items() if key in _TO_MODEL},
            input=headers.get("x-amzn-sagemaker-inputlocation"),
            output=_joined(output["S3OutputPath"], extension, name),
            failure=None if failures is None else _joined(failures, None, f"{identifier}-error.out"),
            received=now,
            ttl_s=_seconds(headers, "x-amzn-sagemaker-requestttlseconds"),
            timeout_s=_seconds(headers, "x-amzn-sagemaker-invocationtimeoutseconds"),
            config=config,
            role_arn=role_arn,
        )

    @property
    def kms_key_id(self) -> str | None:
        """The key under which what it writes is encrypted, or None for the bucket's default."""
        key: str | None = self.config["OutputConfig"].get("KmsKeyId")
        return key

    def topic(self, kind: str) -> str | None:
        """ARN of the ``SuccessTopic`` or ``ErrorTopic``, or None."""
        topic: str | None = self.config["OutputConfig"].get("NotificationConfig", {}).get(kind)
        return topic

    def includes_answer(self, topics: str) -> bool:
        """Whether notifications to ``SUCCESS_NOTIFICATION_TOPIC`` or ``ERROR_...`` include the answer."""
        notifications = self.config["OutputConfig"].get("NotificationConfig", {})
        return topics in notifications.get("IncludeInferenceResponseIn", [])


def completed_notice(request: AsyncRequest, response: HttpResponse, region: str, now: float) -> Document:
    """The message to the success topic, as "Check prediction results" in the Developer Guide shows it.

    Args:
        request: The invocation.
        response: What the model answered.
        region: Region of the endpoint.
        now: Seconds since the epoch.
    """
    parameters = {"outputLocation": request.output}
    if "content-type" in response.headers:
        parameters["contentType"] = response.headers["content-type"]
    return {
        **_notice(request, "Completed", region, now),
        "responseParameters": parameters,
        **_included(request, "SUCCESS_NOTIFICATION_TOPIC", response.body),
    }


def failed_notice(request: AsyncRequest, reason: str, answer: bytes, region: str, now: float) -> Document:
    """The message to the error topic.

    Args:
        request: The invocation.
        reason: What went wrong.
        answer: What the model answered, or nothing.
        region: Region of the endpoint.
        now: Seconds since the epoch.
    """
    location = {} if request.failure is None else {"responseParameters": {"outputLocation": request.failure}}
    return {
        **_notice(request, "Failed", region, now),
        "failureReason": reason,
        **location,
        **_included(request, "ERROR_NOTIFICATION_TOPIC", answer),
    }


def _notice(request: AsyncRequest, status: str, region: str, now: float) -> Document:
    parameters = {
        "endpointName": request.endpoint,
        **({} if request.input is None else {"inputLocation": request.input}),
        **{_REQUEST_PARAMETERS[name]: value for name, value in request.headers.items()},
    }
    return {
        "awsRegion": region,
        "eventTime": _time(now),
        "receivedTime": _time(request.received),
        "invocationStatus": status,
        "requestParameters": parameters,
        "inferenceId": request.inference_id,
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }


def _included(request: AsyncRequest, topics: str, answer: bytes) -> Document:
    if not answer or len(answer) > MAX_INCLUDED_BYTES or not request.includes_answer(topics):
        return {}
    return {"responseBody": {"content": base64.b64encode(answer).decode("ascii"), "encoding": "BASE64"}}


def _time(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _problems(headers: Mapping[str, str], body: bytes, config: Document) -> Iterator[str]:
    location = "x-amzn-sagemaker-inputlocation" in headers
    if location == bool(body):
        yield "Exactly one of InputLocation and Body must be given."
    if len(body) > MAX_INLINE_BYTES:
        yield f"Body has {len(body)} bytes; it must have at most {MAX_INLINE_BYTES}. Use InputLocation."
    for name in headers.keys() & _PATTERNS.keys():
        member, pattern = _PATTERNS[name]
        if not pattern.fullmatch(headers[name]):
            yield (
                f"Value '{headers[name]}' at '{member}' failed to satisfy constraint: Member must satisfy "
                f"regular expression pattern: {pattern.pattern}"
            )
    for name in headers.keys() & _SECONDS.keys():
        member, least, most, _ = _SECONDS[name]
        text = headers[name]
        if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
            yield f"Value '{text}' at '{member}' must be a whole number from {least} to {most}."
    if "S3OutputPath" not in config["OutputConfig"]:
        yield "The endpoint's AsyncInferenceConfig has no S3OutputPath, which this sandbox needs."


def _seconds(headers: Mapping[str, str], name: str) -> int:
    default = _SECONDS[name][3]
    return int(headers[name]) if name in headers else default


def _joined(uri: str, extension: str | None, name: str) -> str:
    middle = [] if extension is None else [extension.strip("/")]
    return "/".join([uri.rstrip("/"), *middle, name])

"""One captured invocation as a line of JSON, as SageMaker writes it.

Members: "Capture data from real-time endpoint" in the Amazon SageMaker AI Developer Guide. Like there, only
invocations that the model answered are captured. The copy that a shadow variant got carries the event id of
the request that it is a copy of, and the source ``ShadowExperiment``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from headway_sandbox.dataplane.choice import Sampling

Document = dict[str, Any]

EVENT_VERSION = "0"
SHADOW_SOURCE = "ShadowExperiment"

_ANSWER_TYPE = "application/octet-stream"
_MODES = {
    "Input": frozenset({"INPUT"}),
    "Output": frozenset({"OUTPUT"}),
    "InputAndOutput": frozenset({"INPUT", "OUTPUT"}),
}


@dataclass(frozen=True, slots=True)
class Payload:
    """A body and the content type that came with it, or none."""

    content_type: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class CaptureEvent:
    """What the lines about one request have in common.

    Attributes:
        event_id: Unique for each request.
        inference_id: What the caller named it, or None.
        custom_attributes: What the caller sent along, or None.
    """

    event_id: str
    inference_id: str | None
    custom_attributes: str | None


class CaptureRule:
    """What of an endpoint's invocations is captured, and how.

    Args:
        config: ``DataCaptureConfig`` of the endpoint's configuration.
        role_arn: The role in whose name it is written, or None for the sandbox's own.
    """

    def __init__(self, config: Document, role_arn: str | None = None) -> None:
        self.role_arn = role_arn
        header = config.get("CaptureContentTypeHeader", {})
        self.enabled: bool = config.get("EnableCapture", True)
        self.destination: str = config["DestinationS3Uri"]
        self.kms_key_id: str | None = config.get("KmsKeyId") or None
        self._modes = frozenset(
            mode for option in config["CaptureOptions"] for mode in _MODES[option["CaptureMode"]]
        )
        self._sampling = Sampling(config["InitialSamplingPercentage"] / 100)
        self._encodings = {
            **{name.lower(): "JSON" for name in header.get("JsonContentTypes", [])},
            **{name.lower(): "CSV" for name in header.get("CsvContentTypes", [])},
        }

    def samples(self) -> bool:
        """Whether the next request is captured."""
        return self.enabled and self._sampling.next()

    def line(
        self, event: CaptureEvent, request: Payload, answer: Payload, *, now: float, shadow: bool
    ) -> bytes:
        """The line about one answered request.

        Args:
            event: Which request.
            request: What the model was given.
            answer: What it answered.
            now: Seconds since the epoch.
            shadow: Whether it was a mirrored copy.
        """
        document = {
            "captureData": dict(self._data(request, answer)),
            "eventMetadata": _metadata(event, now, shadow=shadow),
            "eventVersion": EVENT_VERSION,
        }
        return json.dumps(document, separators=(",", ":")).encode() + b"\n"

    def _data(self, request: Payload, answer: Payload) -> Iterator[tuple[str, Document]]:
        if "INPUT" in self._modes:
            yield "endpointInput", self._captured("INPUT", request)
        if "OUTPUT" in self._modes:
            yield "endpointOutput", self._captured("OUTPUT", answer)

    def _captured(self, mode: str, payload: Payload) -> Document:
        content_type = _ANSWER_TYPE if payload.content_type is None else payload.content_type
        data, encoding = self._encoded(content_type, payload.body)
        return {"observedContentType": content_type, "mode": mode, "data": data, "encoding": encoding}

    def _encoded(self, content_type: str, body: bytes) -> tuple[str, str]:
        encoding = self._encodings.get(content_type.partition(";")[0].strip().lower())
        if encoding is not None:
            try:
                return body.decode(), encoding
            except UnicodeDecodeError:
                pass  # not the text that its content type says it is
        return base64.b64encode(body).decode("ascii"), "BASE64"


def event_of(event_id: str, headers: Mapping[str, str]) -> CaptureEvent:
    """What a request says about itself.

    Args:
        event_id: Unique for each request.
        headers: The request's headers by lower-cased name.
    """
    return CaptureEvent(
        event_id,
        headers.get("x-amzn-sagemaker-inference-id"),
        headers.get("x-amzn-sagemaker-custom-attributes"),
    )


def _metadata(event: CaptureEvent, now: float, *, shadow: bool) -> Document:
    metadata: Document = {"eventId": event.event_id}
    if event.custom_attributes is not None:
        metadata["customAttributes"] = [event.custom_attributes]
    if event.inference_id is not None:
        metadata["inferenceId"] = event.inference_id
    metadata["inferenceTime"] = f"{datetime.fromtimestamp(now, UTC):%Y-%m-%dT%H:%M:%SZ}"
    if shadow:
        metadata["invocationSource"] = SHADOW_SOURCE
    return metadata

"""What SageMaker captured of an endpoint's traffic, read line by line.

Source: SageMaker developer guide, "Capture data from real-time endpoint".
"""

import base64
import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

_HOUR, _SECOND = timedelta(hours=1), timedelta(seconds=1)
_LATE = timedelta(minutes=5)
"""A file lies under the hour in which it was opened, a little before what is written to it."""
KEPT_BYTES = 32 * 2**20
"""A file never changes, so none is read twice as long as they fit in the function's memory."""


@dataclass(frozen=True, kw_only=True)
class Form:
    """What requests and answers look like.

    Attributes:
        inputs: Names of the inputs, in the order of a CSV row.
        output: Name of the answer.
    """

    inputs: Sequence[str]
    output: str


@dataclass(frozen=True, kw_only=True)
class Captured:
    """One captured request.

    Attributes:
        key: What tells it from every other request; the copy that a shadow got has the same.
        at: Time of the answer.
        rows: The rows that were asked about; empty where they cannot be read.
        answers: The answers; None where they are not what the contract promises.
    """

    key: str
    at: datetime
    rows: Sequence[Mapping[str, Any]]
    answers: Sequence[float] | None


class CaptureStore:
    """The bucket with what was captured.

    Args:
        s3: A boto3 client.
        destination: `s3://bucket/prefix` of the endpoint configuration's data capture.
        endpoint: Name of the endpoint.
    """

    def __init__(self, s3: Any, destination: str, endpoint: str) -> None:  # noqa: ANN401 - boto3 has no types
        self._s3 = s3
        bucket, _, prefix = destination.removeprefix("s3://").partition("/")
        self._bucket = bucket
        self._prefix = "/".join(part for part in (prefix.strip("/"), endpoint) if part)
        self._kept: dict[str, bytes] = {}
        self._kept_bytes = 0

    def lines(self, variant: str, since: datetime, until: datetime) -> Iterator[bytes]:
        """Lines of every file that may hold requests of a time span; some lie outside of it.

        Args:
            variant: Name of the variant.
            since: Beginning of the time span.
            until: End of the time span.
        """
        hour = (since - _LATE).replace(minute=0, second=0, microsecond=0)
        while hour <= until:
            yield from self._of_hour(f"{self._prefix}/{variant}/{hour:%Y/%m/%d/%H}/", since)
            hour += _HOUR

    def _of_hour(self, prefix: str, since: datetime) -> Iterator[bytes]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        for page in pages:
            for item in page.get("Contents", ()):
                # A file that was written before holds nothing newer; S3 says when to the second.
                if item["LastModified"] < since - _SECOND:
                    continue
                yield from self._read(item["Key"]).splitlines()

    def _read(self, key: str) -> bytes:
        if key in self._kept:
            return self._kept[key]
        body: bytes = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        if self._kept_bytes + len(body) > KEPT_BYTES:
            self._kept, self._kept_bytes = {}, 0
        self._kept[key] = body
        self._kept_bytes += len(body)
        return body


def captured(lines: Iterator[bytes], form: Form, since: datetime, until: datetime) -> dict[str, Captured]:
    """The requests of a time span by what tells them apart; a line that is no capture is left out.

    Args:
        lines: Lines of capture files.
        form: What requests and answers look like.
        since: Beginning of the time span.
        until: End of the time span, not in it.
    """
    found = (_read(line, form) for line in lines)
    return {item.key: item for item in found if item is not None and since <= item.at < until}


def _read(line: bytes, form: Form) -> Captured | None:
    try:
        document = json.loads(line)
        metadata, data = document["eventMetadata"], document["captureData"]
        at = datetime.fromisoformat(metadata["inferenceTime"])
        key = str(metadata.get("inferenceId", metadata["eventId"]))
    except (ValueError, KeyError, TypeError):
        return None
    return Captured(
        key=key,
        at=at,
        rows=_rows(data.get("endpointInput"), form),
        answers=_answers(data.get("endpointOutput"), form),
    )


def _rows(payload: Mapping[str, Any] | None, form: Form) -> list[Mapping[str, Any]]:
    try:
        text, kind = _text(payload)
        if kind == "text/csv":
            return [dict(zip(form.inputs, row, strict=True)) for row in csv.reader(text.splitlines()) if row]
        values = _objects(text, kind)
        rows = values[0].get("instances", values) if len(values) == 1 else values
        return [dict(row) for row in rows]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def _answers(payload: Mapping[str, Any] | None, form: Form) -> list[float] | None:
    try:
        text, kind = _text(payload)
        if kind == "text/csv":
            numbers = [float(line) for line in text.splitlines() if line.strip()]
        else:
            values = _objects(text, kind)
            found = values[0].get("predictions", values) if len(values) == 1 else values
            numbers = [float(item[form.output]) for item in found]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return numbers if numbers and all(math.isfinite(number) for number in numbers) else None


def _text(payload: Mapping[str, Any] | None) -> tuple[str, str]:
    """A payload's text and media type; empty where nothing was captured."""
    if payload is None:
        return "", ""
    data = payload["data"]
    text = base64.b64decode(data).decode("utf-8") if payload.get("encoding") == "BASE64" else data
    return text, str(payload.get("observedContentType", "")).partition(";")[0].strip().lower()


def _objects(text: str, kind: str) -> list[Any]:
    if kind == "application/jsonlines":
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    return [json.loads(text)]

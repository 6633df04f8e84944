"""What SageMaker captured of an endpoint's traffic, read line by line.

Source: SageMaker developer guide, "Capture data from real-time endpoint".
"""

import base64
import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

MOST_ROWS = 100
"""Rows of one request that are looked at: a batch may have thousands."""
ERASED_ROWS = "erasedRows"
"""Member of an event's metadata: places of rows that were erased from the request since it was captured."""
_TOKENS = (("input_tokens", "output_tokens"), ("prompt_tokens", "completion_tokens"))
"""Names under which models of language count what they have read and written, in `usage` of the answer."""


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
        tokens: Tokens that were read and written; None where the answer counts none.
        places: Place that each row had in the request when it was asked; in their order for None.
    """

    key: str
    at: datetime
    rows: Sequence[Mapping[str, Any]]
    answers: Sequence[float] | None
    tokens: tuple[int, int] | None = None
    places: Sequence[int] | None = None


def row_places(metadata: Mapping[str, Any], count: int) -> list[int]:
    """The places that rows had in their request when it was asked.

    Args:
        metadata: The event's metadata.
        count: Rows that are left.

    >>> row_places({"erasedRows": [1]}, 3)
    [0, 2, 3]
    """
    erased = metadata.get(ERASED_ROWS)
    gone = {item for item in erased if isinstance(item, int)} if isinstance(erased, list) else set()
    return [place for place in range(count + len(gone)) if place not in gone][:count]


def read_line(line: bytes, form: Form, columns: Sequence[str]) -> Captured | None:
    """The request of a line of a capture file; None where the line is no capture.

    Args:
        line: The line.
        form: What requests and answers look like.
        columns: The inputs that are wanted of each row.
    """
    try:
        document = json.loads(line)
        metadata, data = document["eventMetadata"], document["captureData"]
        at = datetime.fromisoformat(metadata["inferenceTime"])
        key = str(metadata.get("inferenceId", metadata["eventId"]))
    except (ValueError, KeyError, TypeError):
        return None
    rows, answers = _rows(data.get("endpointInput"), form), _answers(data.get("endpointOutput"), form)
    wanted = [{name: row[name] for name in columns if name in row} for row in rows[:MOST_ROWS]]
    return Captured(
        key=key,
        at=at,
        rows=wanted,
        answers=None if answers is None else answers[:MOST_ROWS],
        tokens=_tokens(data.get("endpointOutput")),
        places=row_places(metadata, len(wanted)),
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


def _tokens(payload: Mapping[str, Any] | None) -> tuple[int, int] | None:
    try:
        text, kind = _text(payload)
        if kind != "application/json":
            return None
        usage = json.loads(text)["usage"]
        read, written = next(names for names in _TOKENS if names[0] in usage)
        return int(usage[read]), int(usage[written])
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration):
        return None


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

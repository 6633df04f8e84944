"""Captured traffic: SageMaker's JSON Lines of requests and answers, as rows.

Source: SageMaker developer guide, data capture; `eventVersion` 0.
"""

import base64
import binascii
import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headway_runtime.contract import Contract
from headway_runtime.data.conformance import ARROW_TYPES
from headway_runtime.monitor.lines import read_line
from headway_runtime.release.captured import row_places
from headway_runtime.serve.payload import CSV, JSON, JSON_LINES, READERS, read_batch
from headway_runtime.serve.refusal import Refusal


class CaptureError(ValueError):
    """A captured line that cannot be read."""


@dataclass(frozen=True)
class Traffic:
    """What was captured.

    Attributes:
        inputs: One row for each answered row, the contract's inputs in its types.
        answers: The answer to each row.
        ids: For each row the inference id, or the event's where there is none, and its place in the request.
        requests: Requests that were read.
        doubled: Lines that repeat an event that was read already.
        unreadable: Lines that are no captured request and answer, by reason.
        first: Time of the first request, as captured; empty without any.
        last: Time of the last request.
        asked_at: For each row when it was asked, seconds since the epoch; NaN where the line does not say.
    """

    inputs: pa.Table
    answers: npt.NDArray[np.float64]
    ids: tuple[tuple[str, int], ...]
    requests: int
    doubled: int
    unreadable: Mapping[str, int]
    first: str
    last: str
    asked_at: tuple[float, ...] = ()

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.answers)


@dataclass
class _Reading:
    columns: dict[str, list[Any]]
    answers: list[float] = field(default_factory=list)
    ids: list[tuple[str, int]] = field(default_factory=list)
    events: set[str] = field(default_factory=set)
    doubled: int = 0
    unreadable: dict[str, int] = field(default_factory=dict)
    times: list[str] = field(default_factory=list)
    asked_at: list[float] = field(default_factory=list)


def read_capture(directory: Path, contract: Contract, only: Collection[str] | None = None) -> Traffic:
    """Read every captured file below a directory.

    An event counts once, however often its line is there. A line that cannot be read is counted with its
    reason; it never ends the reading.

    Args:
        directory: Where the files are; a directory that is not there has none.
        contract: What the requests honour.
        only: Paths below the directory that are read; all when None.
    """
    reading = _Reading(columns={name: [] for name in contract.input_names})
    files = sorted(path for path in directory.rglob("*.jsonl") if path.is_file())
    if only is not None:
        files = [path for path in files if path.relative_to(directory).as_posix() in only]
    for path in files:
        for line in path.read_bytes().splitlines():
            if line.strip():
                _read_line(line, contract, reading)
    types = {item.name: ARROW_TYPES[item.type] for item in contract.inputs}
    return Traffic(
        inputs=pa.table({name: pa.array(reading.columns[name], types[name]) for name in types}),
        answers=np.asarray(reading.answers, np.float64),
        ids=tuple(reading.ids),
        requests=len(reading.events),
        doubled=reading.doubled,
        unreadable=reading.unreadable,
        first=min(reading.times, default=""),
        last=max(reading.times, default=""),
        asked_at=tuple(reading.asked_at),
    )


def _read_line(line: bytes, contract: Contract, reading: _Reading) -> None:
    try:
        event_id, inference_id, metadata, request, answer = _event(line)
        if event_id in reading.events:
            reading.doubled += 1
            return
        batch = read_batch(*request, contract)
        answers = _answers(*answer, contract.output.name, batch.rows)
    except CaptureError as error:
        reading.unreadable[str(error)] = reading.unreadable.get(str(error), 0) + 1
        return
    except Refusal:
        reason = "the request breaks the contract"
        reading.unreadable[reason] = reading.unreadable.get(reason, 0) + 1
        return
    time = str(metadata.get("inferenceTime", ""))
    reading.events.add(event_id)
    reading.times.append(time)
    reading.answers += answers
    reading.ids += [(inference_id, place) for place in row_places(metadata, batch.rows)]
    reading.asked_at += [_seconds(time)] * batch.rows
    for name, values in batch.columns.items():
        reading.columns[name] += values


def _event(line: bytes) -> tuple[str, str, Mapping[str, Any], tuple[bytes, str], tuple[bytes, str]]:
    """Event id, inference id, metadata, request and answer of a captured line."""
    try:
        document = read_line(line)
        metadata = document["eventMetadata"]
        event_id = str(metadata["eventId"])
        data = document["captureData"]
        return (
            event_id,
            str(metadata.get("inferenceId", event_id)),
            metadata,
            _payload(data["endpointInput"]),
            _payload(data["endpointOutput"]),
        )
    except (ValueError, RecursionError):
        raise CaptureError("the line is not JSON") from None
    except (KeyError, TypeError, AttributeError):
        raise CaptureError("the line holds no request with its answer") from None


def _seconds(time: str) -> float:
    try:
        when = datetime.fromisoformat(time)
    except ValueError:
        return math.nan
    return (when if when.tzinfo is not None else when.replace(tzinfo=UTC)).timestamp()


def _payload(part: Mapping[str, Any]) -> tuple[bytes, str]:
    content_type = str(part.get("observedContentType", "")).partition(";")[0].strip().lower()
    if content_type not in READERS:
        raise CaptureError("the content type is none that the model knows")
    data = part["data"]
    if part.get("encoding") != "BASE64":
        return data.encode("utf-8"), content_type
    try:
        return base64.b64decode(data, validate=True), content_type
    except (binascii.Error, ValueError):
        raise CaptureError("the data is not the base64 that it says it is") from None


def _answers(body: bytes, content_type: str, name: str, rows: int) -> list[float]:
    try:
        answers = list(_READ_ANSWERS[content_type](body.decode("utf-8"), name))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise CaptureError("the answer is none of this contract") from None
    if len(answers) != rows or not all(map(math.isfinite, answers)):
        raise CaptureError("the answer is none of this contract")
    return answers


_READ_ANSWERS: Mapping[str, Callable[[str, str], Iterable[float]]] = {
    CSV: lambda text, _name: map(float, text.split()),
    JSON: lambda text, name: (float(item[name]) for item in json.loads(text)["predictions"]),
    JSON_LINES: lambda text, name: (
        float(json.loads(line)[name]) for line in text.splitlines() if line.strip()
    ),
}

"""Rows cut out of captured traffic: SageMaker's JSON Lines of requests and answers.

A request may ask about several people. Then only the subject's rows and answers go, and `erasedRows` of the
event's metadata says which places they had, so that the labels of the others still meet their rows.

Source: SageMaker developer guide, "Capture data from real-time endpoint".
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headway_runtime.erasure.cut import Cut, UnreadableError, records
from headway_runtime.erasure.signs import Signs
from headway_runtime.erasure.subject import Subject, is_about
from headway_runtime.release.captured import ERASED_ROWS, row_places
from headway_runtime.serve.payload import CSV, JSON, JSON_LINES

_BETWEEN = "~"
_LISTS = ("instances", "predictions")
Rows = Sequence[Mapping[str, Any]]
Take = Callable[[Sequence[int]], bytes]
"""The body again with some of its rows alone."""


@dataclass
class Traces:
    """What leads from the subject to data that names only a request.

    Attributes:
        signs: How the subject is told.
        places: Places of the subject's rows by the id of their request.
    """

    signs: Signs
    places: dict[str, set[int]] = field(default_factory=dict)

    def add(self, request: str, places: Sequence[int]) -> None:
        """Remembers rows of a request."""
        self.places.setdefault(request, set()).update(places)

    def names_subject(self, request: str) -> bool:
        """Whether an id is about the subject by what it is made of: keys, time, and what tells it apart."""
        parts = request.split(_BETWEEN)
        return any(
            len(parts) > len(values) and tuple(parts[: len(values)]) == values for values in self.signs.ids
        )

    def has(self, request: str, place: int) -> bool:
        """Whether a row of a request is the subject's."""
        return place in self.places.get(request, ()) or self.names_subject(request)

    def has_any(self, request: str) -> bool:
        """Whether any row of a request is the subject's."""
        return bool(self.places.get(request)) or self.names_subject(request)


def cut_capture(source: Path, target: Path, inputs: Sequence[str], subject: Subject, traces: Traces) -> Cut:
    """Cuts the subject's rows out of a file of captured traffic, and remembers what they were asked as.

    A line that nobody can read goes whole where it holds a value of the subject.

    Args:
        source: The file.
        target: Where the rest is written.
        inputs: Names of the inputs, in the order of a CSV row.
        subject: The subject.
        traces: Takes in the requests that are found.
    """
    lines, removed, kept = [], 0, 0
    for line in source.read_bytes().splitlines(keepends=True):
        rest, rows, others = _cut_line(line, inputs, subject, traces)
        removed, kept = removed + rows, kept + others
        if rest:
            lines.append(rest)
    if removed:
        target.write_bytes(b"".join(lines))
    return Cut(removed, kept)


def _cut_line(line: bytes, inputs: Sequence[str], subject: Subject, traces: Traces) -> tuple[bytes, int, int]:
    """What stays of a line, the rows that go, and those that stay."""
    if not line.strip():
        return line, 0, 0
    try:
        document = json.loads(line)
        metadata, data = document["eventMetadata"], document["captureData"]
        ids = {str(metadata["eventId"]), str(metadata.get("inferenceId", metadata["eventId"]))}
        rows, take = _read(data.get("endpointInput"), inputs)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return (b"", 1, 0) if subject.is_in(_text(line)) else (line, 0, 1)
    places = row_places(metadata, len(rows))
    named = any(map(traces.names_subject, ids))
    goes = [named or is_about(row, traces.signs.requests) for row in rows]
    for request in ids:
        traces.add(request, [place for place, mark in zip(places, goes, strict=True) if mark])
    if named and not rows:
        return b"", 1, 0
    if not any(goes):
        return line, 0, max(len(rows), 1)
    stay = [number for number, mark in enumerate(goes) if not mark]
    if not stay:
        return b"", len(rows), 0
    _replace(data["endpointInput"], take(stay))
    answer = data.get("endpointOutput")
    if answer is not None:
        _cut_answer(answer, len(rows), stay)
    gone = {place for place, mark in zip(places, goes, strict=True) if mark}
    metadata[ERASED_ROWS] = sorted({*metadata.get(ERASED_ROWS, ()), *gone})
    return json.dumps(document, separators=(",", ":")).encode() + b"\n", len(gone), len(stay)


def _cut_answer(answer: dict[str, Any], rows: int, stay: Sequence[int]) -> None:
    try:
        found, take = _read(answer, ())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return  # no answer to each row, so none of them is the subject's
    if len(found) == rows:
        _replace(answer, take(stay))


def _read(payload: Mapping[str, Any] | None, inputs: Sequence[str]) -> tuple[Rows, Take]:
    """The rows of a body, and how to write some of them again."""
    if payload is None:
        return [], lambda _: b""
    kind = str(payload.get("observedContentType", "")).partition(";")[0].strip().lower()
    return _READERS[kind](_body(payload), inputs)


def _read_csv(body: bytes, inputs: Sequence[str]) -> tuple[Rows, Take]:
    found = [(raw, cells) for raw, cells in records(body.splitlines(keepends=True)) if cells]
    if inputs and any(len(cells) != len(inputs) for _, cells in found):
        raise UnreadableError("a row has another number of values than the contract")
    rows = [dict(zip(inputs, cells, strict=True)) if inputs else {"": cells[0]} for _, cells in found]
    return rows, lambda stay: b"".join(found[number][0] for number in stay)


def _read_json(body: bytes, inputs: Sequence[str]) -> tuple[Rows, Take]:
    value = json.loads(body)
    listed = [
        name
        for name in ("instances", "predictions")
        if isinstance(value.get(name), list) and name not in inputs
    ]
    if not listed:
        return [dict(value)], lambda _: body
    name, rows = listed[0], value[listed[0]]
    return [dict(row) for row in rows], lambda stay: json.dumps(
        {**value, name: [rows[number] for number in stay]}
    ).encode()


def _read_json_lines(body: bytes, inputs: Sequence[str]) -> tuple[Rows, Take]:  # noqa: ARG001 - as every reader
    lines = [line for line in body.split(b"\n") if line.strip()]
    rows = [dict(json.loads(line)) for line in lines]
    return rows, lambda stay: b"".join(lines[number] + b"\n" for number in stay)


_READERS: Mapping[str, Callable[[bytes, Sequence[str]], tuple[Rows, Take]]] = {
    CSV: _read_csv,
    JSON: _read_json,
    JSON_LINES: _read_json_lines,
}


def _body(payload: Mapping[str, Any]) -> bytes:
    data = payload["data"]
    if payload.get("encoding") != "BASE64":
        return str(data).encode()
    return base64.b64decode(data, validate=True)


def _replace(payload: dict[str, Any], body: bytes) -> None:
    is_packed = payload.get("encoding") == "BASE64"
    payload["data"] = base64.b64encode(body).decode("ascii") if is_packed else body.decode()


def _text(line: bytes) -> str:
    """Everything that a line says that is no event of the contract, packed or not."""
    text = line.decode("utf-8", "replace")
    try:
        data = json.loads(line)["captureData"]
        bodies = [_body(part).decode("utf-8", "replace") for part in data.values()]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error):
        return text
    return "\n".join([text, *bodies])

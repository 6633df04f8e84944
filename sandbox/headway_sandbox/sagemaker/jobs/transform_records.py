"""Records of a batch transform job: split, filtered, batched, and put together with what the model said.

Pure functions over bytes, by the documentation of CreateTransformJob and of associating inferences with
input records.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from headway_sandbox.sagemaker.jobs.json_paths import JsonPath, JsonPathError, parse_json_path
from headway_sandbox.sagemaker.protocol import Document

LINE, SINGLE, INPUT = "Line", "SingleRecord", "Input"
CSV = "text/csv"
FILTERED_TYPES = ("application/json", "application/jsonlines", CSV)
MEBIBYTE = 1024 * 1024
DEFAULT_PAYLOAD_MB = 6


class RecordError(Exception):
    """A record that cannot be sent or put together; the message says which and why."""


@dataclass(frozen=True)
class DataProcessing:
    """What a job does with records before and after the model.

    Attributes:
        input_filter: What of a record the model gets.
        output_filter: What of the joined record is kept.
        join: Whether the model's output is joined to the input.
    """

    input_filter: JsonPath
    output_filter: JsonPath
    join: bool

    @classmethod
    def of(cls, request: Document) -> DataProcessing:
        """Reads ``DataProcessing`` of a job.

        Raises:
            JsonPathError: If a filter is no expression; names the filter.
        """
        declared = request.get("DataProcessing", {})
        filters = []
        for member in ("InputFilter", "OutputFilter"):
            try:
                filters.append(parse_json_path(declared.get(member, "$")))
            except JsonPathError as error:
                raise JsonPathError(f"DataProcessing.{member}: {error}") from error
        return cls(filters[0], filters[1], declared.get("JoinSource") == INPUT)

    @property
    def changes_output(self) -> bool:
        """Whether the model's output is not stored as it is."""
        return self.join or not self.output_filter.is_root

    @property
    def looks_inside(self) -> bool:
        """Whether it needs to understand records."""
        return self.changes_output or not self.input_filter.is_root


@dataclass(frozen=True)
class Batch:
    """Records that go to the model in one request.

    Attributes:
        first: Number of its first record in the object, from 1.
        records: The records as they are in the input.
        payload: What the model gets.
    """

    first: int
    records: tuple[bytes, ...]
    payload: bytes


def split(content: bytes, split_type: str) -> list[bytes]:
    """The records of an object.

    Args:
        content: The object.
        split_type: ``None`` or ``Line``; blank lines are no records.
    """
    if split_type != LINE:
        return [content]
    return [line for line in content.splitlines() if line.strip()]


def batches(
    records: Sequence[bytes],
    *,
    strategy: str,
    limit: int | None,
    chosen: Callable[[bytes], bytes],
) -> Iterator[Batch]:
    """Records in the requests that carry them.

    Args:
        records: All records of an object.
        strategy: ``SingleRecord``, or ``MultiRecord`` for as many as fit.
        limit: Largest payload in bytes; None for any.
        chosen: What of a record the model gets.

    Raises:
        RecordError: If one record alone is larger.
    """
    begin = 0
    held: list[bytes] = []
    size = 0
    for number, record in enumerate(records):
        try:
            part = chosen(record)
        except (JsonPathError, ValueError) as error:
            raise RecordError(f"record {number + 1}: {error}") from error
        if limit is not None and len(part) > limit:
            raise RecordError(
                f"record {number + 1}: Too much data for max payload size: it has {len(part)} bytes, and "
                f"MaxPayloadInMB allows {limit}"
            )
        full = limit is not None and size + len(part) > limit
        if held and (full or strategy == SINGLE):
            yield Batch(begin + 1, tuple(records[begin:number]), b"\n".join(held))
            begin, held, size = number, [], 0
        held.append(part)
        size += len(part) + len(b"\n")
    if held:
        yield Batch(begin + 1, tuple(records[begin:]), b"\n".join(held))


def payload_limit(document: Document) -> int | None:
    """The largest payload of a job in bytes; None for any."""
    size_mb: int = document.get("MaxPayloadInMB", DEFAULT_PAYLOAD_MB)
    return size_mb * MEBIBYTE if size_mb else None


def assemble(outputs: Sequence[bytes], assemble_with: str) -> bytes:
    """The output object: what came back, in order, each with a newline when assembled by line."""
    if assemble_with != LINE:
        return b"".join(outputs)
    return b"".join(output if output.endswith(b"\n") else output + b"\n" for output in outputs)


class RecordProcessor:
    """Filters and joins the records of one content type.

    Args:
        processing: What is done with them.
        content_type: Media type of the input; without one nothing is looked into.
        by_line: Whether records are lines.
    """

    def __init__(self, processing: DataProcessing, content_type: str, *, by_line: bool) -> None:
        self._processing = processing
        self._csv = content_type.split(";", 1)[0].strip() == CSV
        self._by_line = by_line

    def chosen(self, record: bytes) -> bytes:
        """What of a record the model gets.

        Raises:
            ValueError: If the record is not of its content type, or the filter finds nothing in it.
        """
        path = self._processing.input_filter
        if path.is_root:
            return record
        return b"\n".join(self._write(path.find(row)) for row in self._read(record))

    def result(self, batch: Batch, output: bytes) -> bytes:
        """What is stored for a batch.

        Raises:
            RecordError: If the output cannot be told apart by record.
        """
        if not self._processing.changes_output:
            return output
        try:
            given = [row for record in batch.records for row in self._read(record)]
            said = self._read(output)
            if self._processing.join and len(said) != len(given):
                raise RecordError(
                    f"record {batch.first}: the model answered {len(given)} records with {len(said)}, so "
                    "they cannot be joined"
                )
            rows = (
                [self._joined(*pair) for pair in zip(given, said, strict=True)]
                if (self._processing.join)
                else said
            )
            kept = [self._write(self._processing.output_filter.find(row)) for row in rows]
        except ValueError as error:
            raise RecordError(f"record {batch.first}: {error}") from error
        return b"\n".join(kept)

    def _joined(self, given: Any, said: Any) -> Any:  # noqa: ANN401 - any JSON values
        if self._csv:
            return [*given, *said]
        if isinstance(given, dict):
            return {**given, "SageMakerOutput": said}
        return {"SageMakerInput": given, "SageMakerOutput": said}

    def _read(self, content: bytes) -> list[Any]:
        if self._csv:
            return [row for row in csv.reader(io.StringIO(content.decode())) if row]
        if not self._by_line:
            return [json.loads(content)]
        return [json.loads(line) for line in content.splitlines() if line.strip()]

    def _write(self, row: Any) -> bytes:  # noqa: ANN401
        if not self._csv:
            return json.dumps(row, separators=(",", ":")).encode()
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(row if isinstance(row, list) else [row])
        return text.getvalue().encode()

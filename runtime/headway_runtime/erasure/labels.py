"""Rows cut out of what names a request only: labels that came late, the ledger, and reports on skew.

Source: SageMaker developer guide, "Ingest Ground Truth labels and merge them with predictions".
"""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from headway_runtime.erasure.captured import Traces
from headway_runtime.erasure.cut import Cut, UnreadableError
from headway_runtime.erasure.parquet_rows import cut_marked
from headway_runtime.erasure.subject import Subject, is_about

_BETWEEN = re.compile(r"([,\n])")


def cut_labels(source: Path, target: Path, subject: Subject, traces: Traces) -> Cut:
    """Cuts the subject's labels out of a file; one of several in a line becomes one that will never be known.

    Args:
        source: The file.
        target: Where the rest is written.
        subject: The subject.
        traces: Requests of the subject.
    """
    lines, removed, kept = [], 0, 0
    for line in source.read_bytes().splitlines(keepends=True):
        rest, labels, others = _cut_line(line, subject, traces)
        removed, kept = removed + labels, kept + others
        if rest:
            lines.append(rest)
    if removed:
        target.write_bytes(b"".join(lines))
    return Cut(removed, kept)


def _cut_line(line: bytes, subject: Subject, traces: Traces) -> tuple[bytes, int, int]:
    if not line.strip():
        return line, 0, 0
    try:
        document = json.loads(line)
        metadata, truth = document["eventMetadata"], document["groundTruthData"]
        request, entity = str(metadata.get("eventId", "")), metadata.get("entity")
        parts = _BETWEEN.split(_data(truth))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return (b"", 1, 0) if subject.is_in(line.decode("utf-8", "replace")) else (line, 0, 1)
    if isinstance(entity, dict) and is_about(entity, traces.signs.requests):
        return b"", _known(parts), 0
    goes = [
        place
        for place, value in enumerate(parts[::2])
        if value.strip() and request and traces.has(request, place)
    ]
    if not goes:
        return line, 0, _known(parts)
    for place in goes:
        parts[2 * place] = ""
    if not any(part.strip() for part in parts[::2]):
        return b"", len(goes), 0
    text = "".join(parts)
    truth["data"] = base64.b64encode(text.encode()).decode() if _is_packed(truth) else text
    return json.dumps(document, sort_keys=True).encode() + b"\n", len(goes), _known(parts)


def _data(truth: Mapping[str, Any]) -> str:
    return base64.b64decode(truth["data"]).decode() if _is_packed(truth) else str(truth["data"])


def _is_packed(truth: Mapping[str, Any]) -> bool:
    return truth.get("encoding") == "BASE64"


def _known(parts: Sequence[str]) -> int:
    """Labels in a line; a line without any is kept as one."""
    return max(sum(bool(part.strip()) for part in parts[::2]), 1)


def cut_ledger(source: Path, target: Path, traces: Traces) -> Cut:
    """Cuts predictions and labels of the subject out of the monitor's ledger, and remembers their requests.

    Raises:
        UnreadableError: It is no ledger.
    """

    def marks(rows: pa.Table) -> list[bool]:
        found = rows.select(["id", "place", "entity"]).to_pylist()
        goes = [_is_about(row, traces) for row in found]
        for row, mark in zip(found, goes, strict=True):
            if mark and row["id"]:
                traces.add(row["id"], [row["place"]])
        return goes

    return cut_marked(source, target, marks)


def cut_skew(source: Path, target: Path, traces: Traces) -> Cut:
    """Takes the subject's requests out of the examples of a report on skew.

    Raises:
        UnreadableError: It is no such report.
    """
    removed = kept = 0
    try:
        document = json.loads(source.read_bytes())
        for item in document["features"].values():
            stay = [one for one in item["examples"] if not traces.has_any(str(one["id"]))]
            removed, kept = removed + len(item["examples"]) - len(stay), kept + len(stay)
            item["examples"] = stay
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableError("it is no report on skew") from error
    if removed:
        target.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n", "utf-8")
    # A report without examples is still a report.
    return Cut(removed, kept + 1)


def _is_about(row: Mapping[str, Any], traces: Traces) -> bool:
    if row["id"] and traces.has(row["id"], row["place"]):
        return True
    entity = json.loads(row["entity"]) if row["entity"] else None
    return isinstance(entity, dict) and is_about(entity, traces.signs.requests)

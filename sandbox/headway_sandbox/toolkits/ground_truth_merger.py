"""Joins captured data with ground truth, as the first half of a model quality or bias monitoring job.

Runs as the image ``sagemaker-model-monitor-groundtruth-merger``. Lines of captured data keep their file's
path below the output; those without ground truth are left out. A record's id is its ``inferenceId``, where it
has one, else its ``eventId``.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Document = dict[str, Any]


def merge(captured: Path, labels: Path, target: Path) -> int:
    """Writes the joined lines and returns how many there are.

    Args:
        captured: Folder with captured data.
        labels: Folder with ground truth.
        target: Folder for the result.

    Raises:
        ValueError: If a line is not of the form that it must have; the message names it.
    """
    truth = {line["eventMetadata"]["eventId"]: line["groundTruthData"] for line in _lines(labels, _is_truth)}
    merged = 0
    for path in _files(captured):
        lines = [
            {**line, "groundTruthData": truth[identifier]}
            for line in _of_file(path, _is_captured)
            if (identifier := _identifier(line)) in truth
        ]
        if lines:
            output = target / path.relative_to(captured)
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
        merged += len(lines)
    return merged


def _identifier(line: Document) -> object:
    metadata = line["eventMetadata"]
    return metadata.get("inferenceId", metadata["eventId"])


def _is_truth(line: Document) -> bool:
    return "groundTruthData" in line and "eventId" in line["eventMetadata"]


def _is_captured(line: Document) -> bool:
    return "captureData" in line and "eventId" in line["eventMetadata"]


def _lines(folder: Path, fits: Any) -> Iterator[Document]:  # noqa: ANN401 - a function
    for path in _files(folder):
        yield from _of_file(path, fits)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _of_file(path: Path, fits: Any) -> Iterator[Document]:  # noqa: ANN401
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if text.strip():
            try:
                line = json.loads(text)
                good = fits(line)
            except (ValueError, TypeError, KeyError):
                good = False
            if not good:
                raise ValueError(f"line {number} of {path} has no eventMetadata.eventId or none of its data")
            yield line


def main() -> int:
    """Runs with the environment that a monitoring schedule sets."""
    paths = [Path(os.environ[name]) for name in ("dataset_source", "ground_truth_source", "output_path")]
    try:
        count = merge(*paths)
    except ValueError as error:
        sys.stdout.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{count} captured records have ground truth\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""True answers that come later, as SageMaker's monitors read them.

Source: SageMaker developer guide, "Ingest Ground Truth labels and merge them with predictions".
"""

import base64
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headway_runtime.judge import Counts
from headway_runtime.release.captured import Captured

_SMALLEST = 1e-12
"""A probability of 0 or 1 that was wrong is a finite loss."""
Label = Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Quality:
    """How right the answers of both models were.

    Attributes:
        wrong: Answers of each whose label has come, and how many of them were wrong.
        champion_log_loss: Mean logarithmic loss of the champion; None where its answers are no probabilities.
        challenger_log_loss: The same of the challenger.
    """

    wrong: Counts
    champion_log_loss: float | None = None
    challenger_log_loss: float | None = None


def read_label(line: bytes) -> tuple[str, Label] | None:
    """The inference id of a line and the true answers, one for each row; None where it is no label."""
    try:
        document = json.loads(line)
        data = document["groundTruthData"]
        text = data["data"]
        if data.get("encoding") == "BASE64":
            text = base64.b64decode(text).decode("utf-8")
        numbers = [float(part) for part in str(text).replace("\n", ",").split(",") if part.strip()]
        key = str(document["eventMetadata"]["eventId"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return (key, numbers) if numbers and all(math.isfinite(number) for number in numbers) else None


def compare_quality(
    champion: Mapping[str, Captured],
    challenger: Mapping[str, Captured],
    labels: Mapping[str, Label],
    wrong_from: float,
) -> Quality:
    """Compares what both answered with what was true.

    Args:
        champion: What was captured of the champion, by request.
        challenger: What was captured of the challenger, by request.
        labels: The true answers, by request.
        wrong_from: Difference from which on an answer was wrong.
    """
    one, other = _labelled(champion, labels), _labelled(challenger, labels)
    return Quality(
        wrong=Counts(
            challenger_requests=len(other),
            challenger_bad=_wrong(other, wrong_from),
            champion_requests=len(one),
            champion_bad=_wrong(one, wrong_from),
        ),
        champion_log_loss=log_loss(one),
        challenger_log_loss=log_loss(other),
    )


def log_loss(pairs: Sequence[tuple[float | None, float]]) -> float | None:
    """Mean logarithmic loss of answers; None where they or the labels are no probabilities.

    Args:
        pairs: Answer and true answer.
    """
    losses = []
    for answer, label in pairs:
        if answer is None or not 0 <= answer <= 1 or label not in (0.0, 1.0):
            return None
        right = answer if label else 1 - answer
        losses.append(-math.log(min(1.0, max(_SMALLEST, right))))
    return math.fsum(losses) / len(losses) if losses else None


def _labelled(
    requests: Mapping[str, Captured], labels: Mapping[str, Label]
) -> list[tuple[float | None, float]]:
    """Answer and label of each row; a malformed answer is none."""
    found: list[tuple[float | None, float]] = []
    for key, request in requests.items():
        label = labels.get(key)
        if label is None:
            continue
        if request.answers is None:
            found += [(None, value) for value in label]
        elif len(request.answers) == len(label):
            found += zip(request.answers, label, strict=True)
    return found


def _wrong(pairs: Sequence[tuple[float | None, float]], wrong_from: float) -> int:
    return sum(answer is None or abs(answer - label) >= wrong_from for answer, label in pairs)

"""Training-serving skew: what a model was asked with, against what history says of the same.

A request says what it is about in its inference id, so that the same row can be computed again from the raw
data. Values are equal when they are the same to the last bit; two that are missing are equal.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

_BETWEEN = "~"
EXAMPLES = 5
METRIC = "TrainingServingSkew"
ID_CHARACTERS = 64
"""What SageMaker allows in an inference id."""


def inference_id(keys: Iterable[str], at: datetime, request: str = "") -> str:
    """What a request is about, as an inference id.

    Args:
        keys: What identifies the entity.
        at: The moment that the request asks about, with a time zone.
        request: What tells this request from others about the same; left out where there are none.

    Raises:
        ValueError: It would be longer than SageMaker allows.

    >>> inference_id(["UA12"], datetime(2013, 9, 1, 12, 30, tzinfo=UTC))
    'UA12~1378038600000'
    """
    parts = [*keys, str(_ms(at)), *([request] if request else [])]
    text = _BETWEEN.join(parts)
    if len(text) > ID_CHARACTERS or any(_BETWEEN in part for part in parts):
        raise ValueError(f"{text!r} is no inference id: up to {ID_CHARACTERS} characters, no {_BETWEEN}")
    return text


@dataclass(frozen=True)
class FeatureSkew:
    """How one feature differs.

    Attributes:
        different: Rows whose value differs.
        largest: Largest difference of two numbers; None where no two numbers differ.
        examples: Some of them: inference id, the value that was sent, the value that history has.
    """

    different: int
    largest: float | None
    examples: tuple[tuple[str, Any, Any], ...]


@dataclass(frozen=True)
class Skew:
    """What a comparison found.

    Attributes:
        rows: Rows that were compared.
        different: Rows of them with any value that differs.
        unnamed: Rows whose inference id says nothing about what was asked.
        unknown: Rows about something that history does not have.
        features: Every feature that was compared, by name.
    """

    rows: int
    different: int
    unnamed: int
    unknown: int
    features: Mapping[str, FeatureSkew]

    @property
    def share(self) -> float:
        """Share of the compared rows that differ; 0 where none was compared."""
        return self.different / self.rows if self.rows else 0.0

    def document(self, *, examples: bool = True) -> dict[str, Any]:
        """The report as JSON.

        Args:
            examples: Whether rows are shown; where they speak of people, none is.
        """
        return {
            "rows": self.rows,
            "different": self.different,
            "share": self.share,
            "unnamed": self.unnamed,
            "unknown": self.unknown,
            "features": {
                name: {
                    "different": item.different,
                    "largest": item.largest,
                    "examples": [
                        {"id": found, "sent": shown(sent), "history": shown(known)}
                        for found, sent, known in (item.examples if examples else ())
                    ],
                }
                for name, item in self.features.items()
            },
        }

    def metrics(self, endpoint: str) -> list[dict[str, Any]]:
        """The report as CloudWatch takes it; no share where nothing was compared, so that no alarm is calmed.

        Args:
            endpoint: Name of the endpoint, the dimension of the metrics.
        """
        where = [{"Name": "EndpointName", "Value": endpoint}]
        counts = {"ComparedRows": self.rows, "UncomparedRows": self.unnamed + self.unknown}
        counted = [
            {"MetricName": name, "Dimensions": where, "Value": float(count), "Unit": "Count"}
            for name, count in counts.items()
        ]
        if self.rows == 0:
            return counted
        shares = {name: item.different / self.rows for name, item in self.features.items()}
        return [
            {"MetricName": METRIC, "Dimensions": where, "Value": self.share, "Unit": "None"},
            *(
                {
                    "MetricName": METRIC,
                    "Dimensions": [*where, {"Name": "Feature", "Value": name}],
                    "Value": share,
                    "Unit": "None",
                }
                for name, share in shares.items()
            ),
            *counted,
        ]


def compare(
    sent: pa.Table, ids: Sequence[str], history: pa.Table, keys: Sequence[str], event_time: str
) -> Skew:
    """Compares rows that a model was asked with to history.

    Args:
        sent: The features of each row.
        ids: The inference id of each row.
        history: The same features, with keys and event time.
        keys: Columns of the history that identify the entity.
        event_time: Column of the history with the moment that was asked about.
    """
    places = _places(history, keys, event_time)
    known: list[tuple[int, int]] = []
    unnamed = unknown = 0
    for row, text in enumerate(ids):
        name = _entity(text, len(keys))
        if name is None:
            unnamed += 1
        elif name not in places:
            unknown += 1
        else:
            known.append((row, places[name]))
    features: dict[str, FeatureSkew] = {}
    differing: set[int] = set()
    rows = pa.array([row for row, _ in known], pa.int64())
    matching = pa.array([place for _, place in known], pa.int64())
    names = [ids[row] for row, _ in known]
    for column in sent.column_names:
        pairs = zip(
            sent[column].take(rows).to_pylist(), history[column].take(matching).to_pylist(), strict=True
        )
        found = [
            (place, mine, theirs) for place, (mine, theirs) in enumerate(pairs) if not _same(mine, theirs)
        ]
        differing.update(place for place, _, _ in found)
        gaps = [abs(a - b) for _, a, b in found if _is_number(a) and _is_number(b)]
        features[column] = FeatureSkew(
            len(found),
            max(gaps, default=None),
            tuple((names[place], a, b) for place, a, b in found[:EXAMPLES]),
        )
    return Skew(len(known), len(differing), unnamed, unknown, features)


def shown(value: object) -> object:
    """A value as JSON has it: what is no number there is text."""
    return repr(value) if isinstance(value, float) and not math.isfinite(value) else value


def _places(history: pa.Table, keys: Sequence[str], event_time: str) -> dict[tuple[str, ...], int]:
    columns = [history[name].to_pylist() for name in keys]
    times = [None if at is None else str(_ms(at)) for at in history[event_time].to_pylist()]
    return {
        (*map(str, key), at): place
        for place, (*key, at) in enumerate(zip(*columns, times, strict=True))
        if at is not None
    }


def _entity(text: str, keys: int) -> tuple[str, ...] | None:
    parts = text.split(_BETWEEN)
    is_named = len(parts) in (keys + 1, keys + 2) and parts[keys].lstrip("-").isdigit()
    return tuple(parts[: keys + 1]) if is_named else None


def _same(mine: object, theirs: object) -> bool:
    if isinstance(mine, float) and isinstance(theirs, float) and math.isnan(mine):
        return math.isnan(theirs)
    return mine == theirs


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _ms(at: datetime) -> int:
    return round((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)

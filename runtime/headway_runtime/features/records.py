"""Rows of a group as records of the feature store, and back, without losing a bit.

The store takes text. A double is written with the fewest digits that read back as the same double, an integer
with all of its digits, so that what is read online is what a batch computes.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from headway_runtime.features.transformation import EVENT_TIME, Transformation

Value = str | int | float | None
Record = list[dict[str, str]]


class RecordError(ValueError):
    """A value that the store cannot hold, or a record that is none of its group."""


def to_record(transformation: Transformation, row: Mapping[str, object]) -> Record:
    """A row as the store takes it; what is missing is left out.

    Args:
        transformation: The group.
        row: Keys, `event_time` with a time zone, and features.

    Raises:
        RecordError: The key is missing, or a number is infinite below.
    """
    record: Record = []
    for name in transformation.keys:
        if row[name] is None:
            raise RecordError(f"{transformation.label}: a row of {row[EVENT_TIME]} has no {name}")
        record.append(_entry(name, str(row[name])))
    event_time = row[EVENT_TIME]
    if not isinstance(event_time, datetime):
        raise RecordError(f"{transformation.label}: a row has the event time {event_time!r}")
    record.append(_entry(EVENT_TIME, repr(_seconds(event_time))))
    for feature in transformation.features:
        value = row[feature.name]
        if value is not None:
            record.append(_entry(feature.name, _text(feature.name, value)))
    return record


def from_record(
    transformation: Transformation, record: Sequence[Mapping[str, str]]
) -> tuple[datetime, dict[str, Value]]:
    """The event time and the features of a record.

    Raises:
        RecordError: It has no event time, or a value is none of its type.
    """
    values = {item["FeatureName"]: item["ValueAsString"] for item in record}
    try:
        at = datetime.fromtimestamp(round(float(values[EVENT_TIME]) * 1000) / 1000, UTC)
        features: dict[str, Value] = {
            feature.name: _READERS[feature.type](values[feature.name]) if feature.name in values else None
            for feature in transformation.features
        }
    except (KeyError, ValueError, OverflowError) as error:
        raise RecordError(f"{transformation.label}: a record cannot be read: {error}") from error
    return at, features


_READERS = {"string": str, "integer": int, "number": float}


def _entry(name: str, text: str) -> dict[str, str]:
    return {"FeatureName": name, "ValueAsString": text}


def _seconds(moment: datetime) -> float:
    """Seconds since 1970 in whole milliseconds, as the offline store of a batch has them."""
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000) / 1000


def _text(name: str, value: object) -> str:
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            if value < 0:
                raise RecordError(f"{name} is -Infinity, which the feature store does not take")
            return "Infinity"
        return repr(value)
    return str(value)

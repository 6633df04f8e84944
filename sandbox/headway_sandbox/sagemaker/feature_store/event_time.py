"""Event times of records: how they are written, what they mean, and where they are filed.

A point in time is a whole number of milliseconds since the epoch here; that is Feature Store's precision.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

FRACTIONAL = "Fractional"
STRING = "String"
EVENT_TIME_TYPES = (STRING, FRACTIONAL)

_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{3}))?Z", re.ASCII)
_SECONDS = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

# Feature Store knows a year 0, which datetime does not. The calendar repeats after 400 years.
_CYCLE_YEARS = 400
_CYCLE_MS = 146_097 * 86_400_000

EARLIEST_MS = -62_167_219_200_000
"""0000-01-01T00:00:00.000Z."""
LATEST_MS = 253_402_300_799_999
"""9999-12-31T23:59:59.999Z."""


@dataclass(frozen=True)
class Moment:
    """The parts of a point in time, in UTC."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    millisecond: int


def parse_event_time(text: str, feature_type: str) -> int:
    """Milliseconds since the epoch.

    Args:
        text: ISO 8601 in UTC for ``String``, seconds since the epoch for ``Fractional``; what is finer than
            a millisecond is cut off.
        feature_type: Type of the event time feature.

    Raises:
        ValueError: If it is no such time, or outside of the years 0 to 9999.
    """
    milliseconds = _from_iso(text) if feature_type == STRING else _from_seconds(text)
    if milliseconds is None:
        allowed = (
            "yyyy-MM-dd'T'HH:mm:ssZ or yyyy-MM-dd'T'HH:mm:ss.SSSZ, in UTC"
            if feature_type == STRING
            else "a number of seconds since the Unix epoch"
        )
        raise ValueError(f"the event time {text!r} must be {allowed}")
    if not EARLIEST_MS <= milliseconds <= LATEST_MS:
        raise ValueError(
            f"the event time {text!r} must be within [0000-01-01T00:00:00.000Z, 9999-12-31T23:59:59.999Z]"
        )
    return milliseconds


def format_event_time(milliseconds: int, feature_type: str) -> str:
    """A point in time as a feature of that type holds it."""
    if feature_type == FRACTIONAL:
        return str(Decimal(milliseconds) / 1000)
    return iso(milliseconds)


def iso(milliseconds: int) -> str:
    """ISO 8601 in UTC with milliseconds where there are any.

    >>> iso(1_600_000_000_000), iso(-1), iso(EARLIEST_MS)
    ('2020-09-13T12:26:40Z', '1969-12-31T23:59:59.999Z', '0000-01-01T00:00:00Z')
    """
    at = moment(milliseconds)
    fraction = f".{at.millisecond:03}" if at.millisecond else ""
    return f"{at.year:04}-{at.month:02}-{at.day:02}T{at.hour:02}:{at.minute:02}:{at.second:02}{fraction}Z"


def moment(milliseconds: int) -> Moment:
    """The parts of a point in time within Feature Store's range."""
    shift = 1 if milliseconds < EARLIEST_MS + _CYCLE_MS else 0
    at = _EPOCH + (milliseconds + shift * _CYCLE_MS) * _MILLISECOND
    return Moment(
        at.year - shift * _CYCLE_YEARS,
        at.month,
        at.day,
        at.hour,
        at.minute,
        at.second,
        at.microsecond // 1000,
    )


def _from_iso(text: str) -> int | None:
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    shift = 1 if year < _CYCLE_YEARS else 0
    try:
        at = datetime(year + shift * _CYCLE_YEARS, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    fraction = match.group(7)
    return (at - _EPOCH) // _MILLISECOND + (0 if fraction is None else int(fraction)) - shift * _CYCLE_MS


def _from_seconds(text: str) -> int | None:
    if not _SECONDS.fullmatch(text):
        return None
    seconds = Decimal(text)
    # What is far out of range is cut, so that it can be told with a whole number of a bounded length.
    if abs(seconds) > LATEST_MS:
        return LATEST_MS + 1 if seconds > 0 else EARLIEST_MS - 1
    return int((seconds * 1000).to_integral_value(rounding="ROUND_FLOOR"))

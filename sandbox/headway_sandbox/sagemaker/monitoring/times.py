"""When a monitoring schedule fires and which hours of data an execution looks at; pure functions of the time.

Times are seconds since the epoch; hours and days are UTC's, as SageMaker's are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

HOUR_S = 3_600
DAY_S = 86_400
NOW = "NOW"
LONGEST_WINDOW_S = DAY_S

_CRON = re.compile(r"cron\(0 (?:(?P<every>\*)|(?P<start>\d{1,2})(?:/(?P<step>\d{1,2}))?) \? \* \* \*\)")
_DURATION = re.compile(
    r"(?P<sign>[+-]?)P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?"
)


@dataclass(frozen=True)
class Window:
    """The time whose data an execution looks at; its end is not part of it."""

    start: float
    end: float


def hours_of(expression: str) -> tuple[int, ...]:
    """The hours of the day at which a schedule fires.

    SageMaker takes three forms: every hour, one hour a day, and every so many hours from an hour on.

    >>> hours_of("cron(0 17/6 ? * * *)"), hours_of("cron(0 5 ? * * *)"), len(hours_of("cron(0 * ? * * *)"))
    ((17, 23), (5,), 24)

    Raises:
        ValueError: If it has another form.
    """
    match = _CRON.fullmatch(expression)
    start = int(match["start"]) if match is not None and match["start"] is not None else 0
    step = int(match["step"]) if match is not None and match["step"] is not None else None
    if match is None or start > 23 or (step is not None and not 1 <= step <= 24):
        raise ValueError(
            f"the ScheduleExpression {expression!r} must be {NOW}, cron(0 * ? * * *), cron(0 H ? * * *) or "
            "cron(0 H/N ? * * *), with H from 0 to 23 and N from 1 to 24"
        )
    if match["every"] is not None:
        return tuple(range(24))
    return (start,) if step is None else tuple(range(start, 24, step))


def next_fire(expression: str, after: float) -> float:
    """The first time after `after` at which a schedule fires.

    Raises:
        ValueError: If the expression is no cron expression of SageMaker's.
    """
    return next(time for time in _fires(expression, after - DAY_S) if time > after)


def last_fire(expression: str, until: float) -> float:
    """The last time up to `until` at which a schedule fired.

    Raises:
        ValueError: If the expression is no cron expression of SageMaker's.
    """
    return max(time for time in _fires(expression, until - DAY_S) if time <= until)


def window_of(expression: str, scheduled: float, start_offset: str | None, end_offset: str | None) -> Window:
    """The window of an execution.

    With offsets they count from the scheduled time; without, it ends at the scheduled time and is as long as
    the time between two executions, also when somebody had it run at another time than the schedule's.

    Args:
        expression: Cron expression, or ``NOW``.
        scheduled: When the execution was to start.
        start_offset: ISO 8601 duration, for example ``-PT8H``; None for none.
        end_offset: The same for the window's end.

    Raises:
        ValueError: If an offset is no duration.
    """
    end = scheduled if end_offset is None else scheduled + seconds_of(end_offset)
    if start_offset is not None:
        return Window(scheduled + seconds_of(start_offset), end)
    if expression == NOW:
        return Window(scheduled - HOUR_S, end)
    last = last_fire(expression, scheduled)
    return Window(scheduled - (last - last_fire(expression, last - 1)), end)


def seconds_of(duration: str) -> float:
    """An ISO 8601 duration in seconds.

    >>> seconds_of("-PT5H"), seconds_of("P1DT30M")
    (-18000.0, 88200.0)

    Raises:
        ValueError: If it is none, or has years or months, which have no fixed length.
    """
    match = _DURATION.fullmatch(duration)
    parts = (
        {}
        if match is None
        else {name: int(text) for name, text in match.groupdict("0").items() if name != "sign"}
    )
    if match is None or duration.endswith(("P", "T")):
        raise ValueError(f"the offset {duration!r} must be an ISO 8601 duration such as -PT1H or -P1D")
    total = parts["days"] * DAY_S + parts["hours"] * HOUR_S + parts["minutes"] * 60 + parts["seconds"]
    return float(-total if match["sign"] == "-" else total)


def hour_paths(window: Window) -> list[str]:
    """The hours that a window touches, as captured data is filed: ``yyyy/mm/dd/hh``.

    >>> hour_paths(Window(3_599.0, 7_200.0))
    ['1970/01/01/00', '1970/01/01/01']
    """
    first = int(window.start // HOUR_S)
    last = int(-(-window.end // HOUR_S))
    return [hour_path(hour * HOUR_S) for hour in range(first, last)]


def hour_path(time: float) -> str:
    """The hour of a time as data is filed: ``yyyy/mm/dd/hh``."""
    return f"{datetime.fromtimestamp(time, UTC):%Y/%m/%d/%H}"


def iso(time: float) -> str:
    """ISO 8601 in UTC, to the second, as monitoring jobs are told times."""
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _fires(expression: str, since: float) -> Iterator[float]:
    """All times of three days, from the day of `since` on, in their order."""
    midnight = since // DAY_S * DAY_S
    hours = hours_of(expression)
    for day in range(3):
        for hour in hours:
            yield midnight + day * DAY_S + hour * HOUR_S

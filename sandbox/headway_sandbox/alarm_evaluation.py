"""How CloudWatch decides an alarm's state from the datapoints of its periods.

Source: CloudWatch user guide, "Alarm evaluation" and "Configuring how alarms treat missing data".
The one difference is meant: periods end now instead of on the minute, so that an alarm reacts within seconds.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence

OK, ALARM, INSUFFICIENT_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"
EXTRA_PERIODS = 2
"""CloudWatch looks back further than the periods it evaluates, so that late data does not look missing."""

MISSING, IGNORE, BREACHING, NOT_BREACHING = "missing", "ignore", "breaching", "notBreaching"

_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


def breaches(value: float, comparison: str, threshold: float) -> bool:
    """Whether a datapoint breaches an alarm's threshold.

    Args:
        value: The datapoint.
        comparison: ComparisonOperator of the alarm; without anomaly detection.
        threshold: Threshold of the alarm.

    Raises:
        KeyError: If the comparison needs anomaly detection.
    """
    return _COMPARISONS[comparison](value, threshold)


def evaluable(comparison: str) -> bool:
    """Whether a comparison can be decided here: those of anomaly detection cannot."""
    return comparison in _COMPARISONS


def state_of(
    datapoints: Sequence[bool | None],
    *,
    periods: int,
    to_alarm: int,
    missing: str,
    state: str,
) -> str:
    """The state that follows from an alarm's datapoints.

    Args:
        datapoints: Whether each period's datapoint breaches, None where there is none; the newest first,
            `periods` and `EXTRA_PERIODS` of them.
        periods: EvaluationPeriods.
        to_alarm: DatapointsToAlarm.
        missing: TreatMissingData: ``missing``, ``ignore``, ``breaching`` or ``notBreaching``.
        state: The state so far.
    """
    real = [datapoint for datapoint in datapoints if datapoint is not None][:periods]
    lacking = periods - len(real)
    if lacking == 0:
        return ALARM if sum(real) >= to_alarm else OK
    if missing == IGNORE:
        return state
    if missing == MISSING:
        if not real:
            return INSUFFICIENT_DATA
        # What is there decides; a single breach among nothing else is enough.
        return ALARM if sum(real) >= min(to_alarm, len(real)) else OK
    breaching = sum(real) + (lacking if missing == BREACHING else 0)
    return ALARM if breaching >= to_alarm else OK

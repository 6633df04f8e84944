"""The extended statistics of CloudWatch over weighted values: percentiles, trimmed forms, percentile rank.

Definitions: "CloudWatch statistics definitions" in the Amazon CloudWatch User Guide. CloudWatch keeps values
in narrow bins, so its own results are approximate; these are exact. A percentile is interpolated between the
two nearest ranks. A share that is trimmed is rounded down to whole values.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

Sample = tuple[float, float]
"""A value and how often it was seen."""

_NUMBER = r"\d+(?:\.\d{1,10})?"
_SHORT = re.compile(rf"(p|tm|wm|tc|ts)({_NUMBER})", re.IGNORECASE)
_BOUNDS = re.compile(rf"(tm|wm|tc|ts|pr)\(({_NUMBER}%?)?:({_NUMBER}%?)?\)", re.IGNORECASE)
_IQM = "iqm"
_EVERYTHING_PERCENT = 100.0


@dataclass(frozen=True)
class Statistic:
    """An extended statistic.

    Attributes:
        kind: ``p``, ``tm`` (trimmed mean), ``wm`` (winsorized mean), ``tc`` (trimmed count), ``ts`` (trimmed
            sum) or ``pr`` (percentile rank).
        low: Lower bound; None for none.
        high: Upper bound; None for none. The percentile itself for ``p``.
        percent: Whether the bounds are percentages of the values rather than values.
    """

    kind: str
    low: float | None
    high: float | None
    percent: bool


def parse(name: str) -> Statistic | None:
    """Reads a statistic's name, for example ``p99.9``, ``tm90``, ``TM(2%:98%)``, ``PR(:300)`` or ``IQM``.

    Returns:
        None where CloudWatch has no extended statistic of that name.
    """
    if name.lower() == _IQM:
        return Statistic("tm", 25.0, 75.0, percent=True)
    short = _SHORT.fullmatch(name)
    if short is not None:
        share = float(short[2])
        if not 0 < share <= _EVERYTHING_PERCENT:
            return None
        return Statistic(short[1].lower(), None, share, percent=True)
    bounds = _BOUNDS.fullmatch(name)
    if bounds is None or (bounds[2] is None and bounds[3] is None):
        return None
    return _bounded(bounds[1].lower(), bounds[2], bounds[3])


def value(statistic: Statistic, samples: Sequence[Sample]) -> float | None:
    """The statistic of weighted values.

    Args:
        statistic: Which one.
        samples: Values with their counts, in any order; counts of 0 are left out.

    Returns:
        None where there is nothing to tell it of: no values, or none between the bounds of a mean.
    """
    ordered = sorted((number, count) for number, count in samples if count > 0)
    return _VALUES[statistic.kind](statistic, ordered) if ordered else None


def percentile(ordered: Sequence[Sample], percent: float) -> float:
    """A percentile of ascending weighted values, interpolated linearly between the nearest two ranks."""
    seen = list(accumulate(count for _, count in ordered))
    rank = max(percent / 100 * (seen[-1] - 1), 0.0)

    def at(index: float) -> float:
        return ordered[min(bisect_right(seen, index), len(ordered) - 1)][0]

    lower = math.floor(rank)
    below, above = at(lower), at(lower + 1)
    return below + (rank - lower) * (above - below)


def _bounded(kind: str, low: str | None, high: str | None) -> Statistic | None:
    given = [bound for bound in (low, high) if bound is not None]
    percent = given[0].endswith("%")
    if any(bound.endswith("%") is not percent for bound in given) or (kind == "pr" and percent):
        return None
    numbers = [None if bound is None else float(bound.rstrip("%")) for bound in (low, high)]
    lowest, highest = numbers
    if percent and any(number is not None and number > _EVERYTHING_PERCENT for number in numbers):
        return None
    if lowest is not None and highest is not None and lowest >= highest:
        return None
    return Statistic(kind, lowest, highest, percent)


def _between(statistic: Statistic, ordered: Sequence[Sample]) -> list[Sample]:
    """The values between the bounds: above the lower one, up to and including the upper one."""
    if not statistic.percent:
        low = -math.inf if statistic.low is None else statistic.low
        high = math.inf if statistic.high is None else statistic.high
        return [(number, count) for number, count in ordered if low < number <= high]
    total = sum(count for _, count in ordered)
    first, last = _kept_ranks(statistic, total)
    kept = []
    seen = 0.0
    for number, count in ordered:
        share = min(seen + count, last) - max(seen, first)
        seen += count
        if share > 0:
            kept.append((number, share))
    return kept


def _kept_ranks(statistic: Statistic, total: float) -> tuple[float, float]:
    below = 0.0 if statistic.low is None else statistic.low
    above = 0.0 if statistic.high is None else _EVERYTHING_PERCENT - statistic.high
    return _whole(total * below / 100), total - _whole(total * above / 100)


def _whole(number: float) -> float:
    return math.floor(number + 1e-9)  # 10 % of 50 is 5, also in floating point


def _count(samples: Iterable[Sample]) -> float:
    return sum(count for _, count in samples)


def _sum(samples: Iterable[Sample]) -> float:
    return sum(number * count for number, count in samples)


def _mean(samples: Sequence[Sample]) -> float | None:
    count = _count(samples)
    return _sum(samples) / count if count else None


def _winsorized_mean(statistic: Statistic, ordered: Sequence[Sample]) -> float | None:
    low, high = statistic.low, statistic.high
    if statistic.percent:
        low = None if low is None else percentile(ordered, low)
        high = None if high is None else percentile(ordered, high)
    floor = -math.inf if low is None else low
    ceiling = math.inf if high is None else high
    return _mean([(min(max(number, floor), ceiling), count) for number, count in ordered])


def _rank(statistic: Statistic, ordered: Sequence[Sample]) -> float:
    return 100 * _count(_between(statistic, ordered)) / _count(ordered)


def _percentile(statistic: Statistic, ordered: Sequence[Sample]) -> float:
    assert statistic.high is not None
    return percentile(ordered, statistic.high)


_VALUES: dict[str, Callable[[Statistic, Sequence[Sample]], float | None]] = {
    "p": _percentile,
    "tm": lambda statistic, ordered: _mean(_between(statistic, ordered)),
    "wm": _winsorized_mean,
    "tc": lambda statistic, ordered: _count(_between(statistic, ordered)),
    "ts": lambda statistic, ordered: _sum(_between(statistic, ordered)),
    "pr": _rank,
}

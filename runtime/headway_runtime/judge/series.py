"""Compares two series of a metric: whether the challenger's lies higher or lower than the champion's.

Source: the Mann–Whitney classifier of Kayenta (Netflix and Google, 2018), whose published cases are the test
of this one: the shift between the series with its confidence interval (Bauer 1972, normal approximation with
corrections for continuity and ties), a tolerance relative to the shift, and an effect size.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import NormalDist, fmean

_STEPS = 200
_PRECISION = 1e-9


class Direction(Enum):
    """Which difference matters."""

    INCREASE = "increase"
    DECREASE = "decrease"
    EITHER = "either"


class Series(Enum):
    """How the challenger's series lies."""

    PASS = "pass"  # noqa: S105 - a result, not a secret
    HIGH = "high"
    LOW = "low"
    NO_DATA = "no data"


class Effect(Enum):
    """How large a difference is."""

    MEAN_RATIO = "mean ratio"
    """Mean of the challenger over mean of the champion."""
    COMMON_LANGUAGE = "common language"
    """Chance that a value of the challenger is above one of the champion."""


@dataclass(frozen=True, kw_only=True)
class SeriesPlan:
    """How two series are compared.

    Attributes:
        direction: Which difference matters.
        tolerance: Share of the estimated shift that its confidence interval must keep away from none.
        confidence: Level of the confidence interval, 0 to 1.
        effect: How a difference is measured.
        smallest_effect: Effect from which on a difference matters: at most the first for lower, at least the
            second for higher.
    """

    direction: Direction = Direction.EITHER
    tolerance: float = 0.25
    confidence: float = 0.98
    effect: Effect = Effect.MEAN_RATIO
    smallest_effect: tuple[float, float] = (1.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class Shift:
    """How far one series lies from another: the estimate and the bounds of its confidence interval."""

    estimate: float
    lower: float
    upper: float


def compare_series(challenger: Sequence[float], champion: Sequence[float], plan: SeriesPlan) -> Series:
    """Say how the challenger's series lies.

    Args:
        challenger: Its values; NaN counts as missing.
        champion: The champion's values; NaN counts as missing.
        plan: How they are compared.

    Returns:
        The result; no data where a series is empty.
    """
    above = sorted(value for value in challenger if not math.isnan(value))
    below = sorted(value for value in champion if not math.isnan(value))
    if not above or not below:
        return Series.NO_DATA
    if above == below or above[0] == above[-1] == below[0] == below[-1]:
        return Series.PASS
    found = shift(above, below, plan.confidence)
    least = plan.tolerance * abs(found.estimate)
    size = _effect(above, below, plan.effect)
    smallest, largest = plan.smallest_effect
    if plan.direction is not Direction.DECREASE and found.lower > least and not size < largest:
        return Series.HIGH
    if plan.direction is not Direction.INCREASE and found.upper < -least and not size > smallest:
        return Series.LOW
    return Series.PASS


def shift(above: Sequence[float], below: Sequence[float], confidence: float) -> Shift:
    """The shift between two series, with its confidence interval.

    Args:
        above: The series that is shifted.
        below: The series that it is compared with.
        confidence: Level of the confidence interval, 0 to 1.
    """
    smallest, largest = min(above) - max(below), max(above) - min(below)
    if smallest == largest:
        return Shift(estimate=smallest, lower=smallest, upper=smallest)
    quantile = NormalDist().inv_cdf(0.5 + confidence / 2)

    def crossing(level: float, corrected: bool) -> float:
        return _root(lambda by: _score(above, below, by, corrected) - level, smallest, largest)

    return Shift(
        estimate=crossing(0.0, corrected=False),
        lower=crossing(quantile, corrected=True),
        upper=crossing(-quantile, corrected=True),
    )


def _score(above: Sequence[float], below: Sequence[float], by: float, corrected: bool) -> float:
    """The standardised rank sum of a series after it was shifted back."""
    shifted = [value - by for value in above]
    ranks, ties = _ranks([*shifted, *below])
    first, second = len(above), len(below)
    together = first + second
    difference = math.fsum(ranks[:first]) - first * (first + 1) / 2 - first * second / 2
    correction = math.copysign(0.5, difference) if corrected and difference else 0.0
    tied = math.fsum(tie**3 - tie for tie in ties) / (together * (together - 1))
    variance = first * second / 12 * (together + 1 - tied)
    if variance <= 0:
        return math.copysign(math.inf, difference) if difference else 0.0
    return (difference - correction) / math.sqrt(variance)


def _ranks(values: Sequence[float]) -> tuple[list[float], list[int]]:
    """The rank of each value, ties sharing theirs, and the sizes of the ties."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks, ties = [0.0] * len(values), []
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for position in order[start : end + 1]:
            ranks[position] = (start + end) / 2 + 1
        ties.append(end - start + 1)
        start = end + 1
    return ranks, ties


def _root(function: Callable[[float], float], left: float, right: float) -> float:
    """Where a falling function crosses zero, by bisection; an end where it does not cross."""
    if function(left) <= 0:
        return left
    if function(right) >= 0:
        return right
    for _ in range(_STEPS):
        middle = (left + right) / 2
        if right - left <= _PRECISION * max(1.0, abs(left), abs(right)):
            break
        left, right = (middle, right) if function(middle) > 0 else (left, middle)
    return (left + right) / 2


def _effect(above: Sequence[float], below: Sequence[float], effect: Effect) -> float:
    if effect is Effect.MEAN_RATIO:
        champion = fmean(below)
        return fmean(above) / champion if champion else math.nan
    ranks, _ = _ranks([*above, *below])
    first = len(above)
    return (math.fsum(ranks[:first]) - first * (first + 1) / 2) / (first * len(below))

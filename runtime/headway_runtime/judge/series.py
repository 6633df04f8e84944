"""Compares two series of a metric: whether the challenger's lies higher or lower than the champion's.

Source: the Mann–Whitney classifier of Kayenta (Netflix and Google, 2018), whose published cases are the test
of this one. A series lies higher where the rank test (normal approximation, corrected for continuity and
ties) still says so after it was shifted back by a share of its estimated shift, and where the effect is
large.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import NormalDist, fmean, median


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
        tolerance: Share of the estimated shift that is taken off before the series are tested.
        confidence: Two-sided confidence of the test, 0 to 1.
        effect: How a difference is measured.
        smallest_effect: Effect from which on a difference matters: at most the first for lower, at least the
            second for higher.
    """

    direction: Direction = Direction.EITHER
    tolerance: float = 0.25
    confidence: float = 0.98
    effect: Effect = Effect.MEAN_RATIO
    smallest_effect: tuple[float, float] = (1.0, 1.0)


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
    least = plan.tolerance * abs(_shift(above, below))
    quantile = NormalDist().inv_cdf(0.5 + plan.confidence / 2)
    size = _effect(above, below, plan.effect)
    smallest, largest = plan.smallest_effect
    if (
        plan.direction is not Direction.DECREASE
        and _score(above, below, least) > quantile
        and not size < largest
    ):
        return Series.HIGH
    if (
        plan.direction is not Direction.INCREASE
        and _score(above, below, -least) < -quantile
        and not size > smallest
    ):
        return Series.LOW
    return Series.PASS


def _shift(above: Sequence[float], below: Sequence[float]) -> float:
    """How far one series lies from the other: the median of their differences (Hodges and Lehmann 1963)."""
    return median(first - second for first in above for second in below)


def _score(above: Sequence[float], below: Sequence[float], by: float) -> float:
    """The standardised rank sum of a series after it was shifted back, nearer to none by half a rank."""
    ranks, ties = _ranks([*(value - by for value in above), *below])
    first, second = len(above), len(below)
    together = first + second
    difference = math.fsum(ranks[:first]) - first * (first + 1) / 2 - first * second / 2
    correction = math.copysign(0.5, difference) if difference else 0.0
    tied = math.fsum(tie**3 - tie for tie in ties) / (together * (together - 1))
    variance = first * second / 12 * (together + 1 - tied)
    return (difference - correction) / math.sqrt(variance) if variance > 0 else 0.0


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


def _effect(above: Sequence[float], below: Sequence[float], effect: Effect) -> float:
    if effect is Effect.MEAN_RATIO:
        champion = fmean(below)
        return fmean(above) / champion if champion else math.nan
    ranks, _ = _ranks([*above, *below])
    first = len(above)
    return (math.fsum(ranks[:first]) - first * (first + 1) / 2) / (first * len(below))

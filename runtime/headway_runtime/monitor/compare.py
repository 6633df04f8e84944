"""How far one profile lies from another, as effects with a lower bound; no p-values.

With a million rows every difference is significant, and with a hundred none is. So each distance is given
with the least that it is with 99 % confidence, and that bound is what is held against the declared effect.

Sources: population stability index as used in credit scoring (bins by deciles of the baseline); the
Kolmogorov-Smirnov distance with the bound of Dvoretzky, Kiefer and Wolfowitz (Massart 1990); the
Jensen-Shannon distance (square root of the divergence, base 2); the bounds of the binned measures by
resampling of the counts with a fixed seed.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headway_runtime.intervals import wilson
from headway_runtime.monitor.profile import CategoryProfile, NumberProfile, Profile

CONFIDENCE = 0.99
PSI_BINS = 10
_RESAMPLES = 200
_SMALLEST_SHARE = 1e-4
_Z = 2.3263478740408408
"""Quantile of the normal distribution at 99 %."""
_Shares = npt.NDArray[np.float64]
_Measure = Callable[[_Shares, _Shares], float]


@dataclass(frozen=True)
class Effect:
    """A distance, 0 for none.

    Attributes:
        value: The distance as measured.
        at_least: What it is at least, with 99 % confidence; 0 where it may be nothing.
    """

    value: float
    at_least: float


@dataclass(frozen=True)
class Difference:
    """How a column differs from its baseline.

    Attributes:
        rows: Rows that were compared.
        distance: Kolmogorov-Smirnov for numbers, Jensen-Shannon for categories.
        stability: Population stability index.
        missing: Change of the share of missing values.
        unseen: Share of values with a category that the baseline has not; numbers have none.
    """

    rows: int
    distance: Effect
    stability: Effect
    missing: Effect
    unseen: Effect


def compare(baseline: Profile, current: Profile, seed: int = 0) -> Difference:
    """How a column differs from its baseline.

    Args:
        baseline: Profile of the training rows.
        current: Profile of the rows to compare, over the same edges.
        seed: Seed of the resampling.
    """
    rows = current.present + current.missing
    missing = _share_change(baseline.missing, baseline.present, current.missing, current.present)
    if isinstance(baseline, NumberProfile) and isinstance(current, NumberProfile):
        return Difference(
            rows=rows,
            distance=_kolmogorov_smirnov(baseline, current),
            stability=_resampled(_stability, *_coarse(baseline, current), seed),
            missing=missing,
            unseen=Effect(0.0, 0.0),
        )
    if isinstance(baseline, CategoryProfile) and isinstance(current, CategoryProfile):
        before, after = _aligned(baseline, current)
        unseen = (
            sum(number for name, number in current.counts.items() if name not in baseline.counts)
            if not baseline.other
            else 0
        )
        return Difference(
            rows=rows,
            distance=_resampled(_jensen_shannon, before, after, seed),
            stability=_resampled(_stability, before, after, seed),
            missing=missing,
            unseen=_share_change(0, baseline.present, unseen, current.present - unseen),
        )
    raise TypeError(f"a {type(current).__name__} cannot be compared with a {type(baseline).__name__}")


def _kolmogorov_smirnov(baseline: NumberProfile, current: NumberProfile) -> Effect:
    before, after = baseline.present, current.present
    if not before or not after:
        return Effect(0.0, 0.0)
    gaps = np.cumsum(baseline.counts) / before - np.cumsum(current.counts) / after
    distance = float(np.abs(gaps).max())
    spread = math.log(2 / (1 - CONFIDENCE)) / 2
    bound = distance - math.sqrt(spread / before) - math.sqrt(spread / after)
    return Effect(distance, max(0.0, bound))


def _coarse(baseline: NumberProfile, current: NumberProfile) -> tuple[_Shares, _Shares]:
    """The counts in bins that each hold about a tenth of the baseline."""
    total = baseline.present
    if not total:
        return np.zeros(1), np.zeros(1)
    middle = (np.cumsum(baseline.counts) - baseline.counts / 2) / total
    places = np.minimum((middle * PSI_BINS).astype(np.int64), PSI_BINS - 1)
    before = np.bincount(places, baseline.counts, PSI_BINS).astype(np.float64)
    return before, np.bincount(places, current.counts, PSI_BINS).astype(np.float64)


def _aligned(baseline: CategoryProfile, current: CategoryProfile) -> tuple[_Shares, _Shares]:
    names = sorted({*baseline.counts, *current.counts})
    before = [baseline.counts.get(name, 0) for name in names]
    after = [current.counts.get(name, 0) for name in names]
    return np.asarray([*before, baseline.other], float), np.asarray([*after, current.other], float)


def _stability(before: _Shares, after: _Shares) -> float:
    low, high = np.maximum(before, _SMALLEST_SHARE), np.maximum(after, _SMALLEST_SHARE)
    return float(np.sum((high - low) * np.log(high / low)))


def _jensen_shannon(before: _Shares, after: _Shares) -> float:
    middle = (before + after) / 2

    def divergence(side: _Shares) -> float:
        there = side > 0
        return float(np.sum(side[there] * np.log2(side[there] / middle[there])))

    return math.sqrt(max(0.0, (divergence(before) + divergence(after)) / 2))


def _resampled(measure: _Measure, before: _Shares, after: _Shares, seed: int) -> Effect:
    """A measure of two counts, and what it is at least.

    Counts of equal distributions differ by chance; what resampling adds on the average is that much, and is
    taken off before the spread is.
    """
    first, second = before.sum(), after.sum()
    if not first or not second:
        return Effect(0.0, 0.0)
    shares = before / first, after / second
    value = measure(*shares)
    random = np.random.default_rng(seed)
    drawn = np.array(
        [
            measure(left / first, right / second)
            for left, right in zip(
                random.multinomial(int(first), shares[0], _RESAMPLES),
                random.multinomial(int(second), shares[1], _RESAMPLES),
                strict=True,
            )
        ]
    )
    bias = max(0.0, float(drawn.mean()) - value)
    return Effect(value, max(0.0, value - bias - _Z * float(drawn.std())))


def _share_change(bad_before: int, good_before: int, bad_after: int, good_after: int) -> Effect:
    """How much larger a share has become; Newcombe's bound of a difference of two shares."""
    before, after = bad_before + good_before, bad_after + good_after
    if not before or not after:
        return Effect(0.0, 0.0)
    first, second = bad_before / before, bad_after / after
    change = second - first
    lower, upper = wilson(second, after, _Z)[0], wilson(first, before, _Z)[1]
    bound = change - math.sqrt((second - lower) ** 2 + (upper - first) ** 2)
    return Effect(max(0.0, change), max(0.0, bound))

"""A metric that compares levels, such as the memory in use: far above the champion's, or above a ceiling.

A level is measured, not drawn: it hardly moves by chance, and a tolerance is far more than it does. So the
newest levels are held against the champion's as two series, at every look, and no stake on chance is needed.
"""

from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from headway_runtime.judge.observation import Levels, StageObservation
from headway_runtime.judge.plan import Metric
from headway_runtime.judge.series import Direction, Series, SeriesPlan, compare_series
from headway_runtime.judge.standing import MetricVerdict, Standing
from headway_runtime.judge.words import percent

NEWEST_LEVELS = 4
"""Levels of the challenger that are looked at: with fewer nothing is told from chance, and older ones would
hide a leak."""
_HIGHER = SeriesPlan(direction=Direction.INCREASE, tolerance=0.0)


def judge_levels(metric: Metric, observations: Sequence[StageObservation]) -> MetricVerdict:
    """What a metric says that measures levels of both arms.

    Args:
        metric: The metric.
        observations: What was measured, one for each stage so far, the newest last.
    """
    newest = observations[-1]
    measured = newest.levels.get(metric.name, Levels())
    levels = replace(measured, challenger=measured.challenger[-NEWEST_LEVELS:])
    if not levels.challenger:
        why = f"{metric.name}: {newest.missing.get(metric.name, 'nothing was measured')}"
        return MetricVerdict(metric=metric.name, standing=_open(metric), why=why)
    said, ceiling = _said(metric, levels), metric.ceiling
    # Where the champion is above it as well, the challenger cannot be blamed for it.
    if ceiling is not None and levels.challenger[-1] > ceiling and not _is_above(levels.champion, ceiling):
        why = f"{said}, now {percent(levels.challenger[-1])}, {percent(ceiling)} is the most allowed"
        return _verdict(metric, levels, Standing.WORSE, why)
    if _is_higher(metric, levels):
        allowed = f"{metric.tolerance_ratio:g} × is allowed"
        if metric.acceptable_share:
            allowed += f" above {percent(metric.acceptable_share)}"
        return _verdict(metric, levels, Standing.WORSE, f"{said}, {allowed}")
    if len(levels.challenger) < NEWEST_LEVELS:
        why = f"{said}; measured {len(levels.challenger)} of {NEWEST_LEVELS} times"
        return _verdict(metric, levels, _open(metric), why)
    return _verdict(metric, levels, Standing.NO_WORSE, said)


def _is_higher(metric: Metric, levels: Levels) -> bool:
    """Whether the challenger's levels lie above what the champion's allow."""
    allowed = [max(level * metric.tolerance_ratio, metric.acceptable_share) for level in levels.champion]
    return compare_series(levels.challenger, allowed, _HIGHER) is Series.HIGH


def _is_above(levels: Sequence[float], ceiling: float) -> bool:
    return bool(levels) and levels[-1] > ceiling


def _said(metric: Metric, levels: Levels) -> str:
    text = f"challenger {metric.name} {percent(median(levels.challenger))}"
    if not levels.champion:
        return text
    text += f" against {percent(median(levels.champion))}"
    ratio = _ratio(levels)
    return text if ratio is None else f"{text}: {ratio:.3g} ×"


def _ratio(levels: Levels) -> float | None:
    usual = median(levels.champion) if levels.champion else 0.0
    return median(levels.challenger) / usual if usual else None


def _open(metric: Metric) -> Standing:
    return Standing.OPEN if metric.required else Standing.NO_WORSE


def _verdict(metric: Metric, levels: Levels, standing: Standing, why: str) -> MetricVerdict:
    return MetricVerdict(metric=metric.name, standing=standing, why=why, ratio=_ratio(levels))

"""What each kind of metric says about a challenger."""

import math
from collections.abc import Callable, Mapping, Sequence

from headway_runtime.judge.arms import judge_arms
from headway_runtime.judge.evidence import log_above
from headway_runtime.judge.levels import judge_levels
from headway_runtime.judge.observation import Pairs, StageObservation
from headway_runtime.judge.plan import Comparison, JudgePlan, Metric
from headway_runtime.judge.standing import MetricVerdict, Standing
from headway_runtime.judge.words import e_value, percent, share

MAXIMUM_SLICES = 100
"""Slices that one metric is judged for; each gets an equal part of the metric's chance of a false alarm."""


def judge_metric(metric: Metric, observations: Sequence[StageObservation], plan: JudgePlan) -> MetricVerdict:
    """What a metric says about the newest stage.

    Args:
        metric: The metric.
        observations: What was counted, one for each stage so far, the newest last.
        plan: What the release is judged by.
    """
    return _JUDGES[metric.comparison](metric, observations, plan)


def _pairs(metric: Metric, observations: Sequence[StageObservation], plan: JudgePlan) -> MetricVerdict:
    total = _together([item.pairs[metric.name] for item in observations if metric.name in item.pairs])
    if not total.compared:
        # Only in the shadow do both arms answer the same request.
        in_shadow = not plan.stages[observations[-1].stage].challenger_percent
        return _unmeasured(metric, observations, "no pair of answers was compared", open_=in_shadow)
    alpha = plan.metric_alpha(metric)
    if not metric.slices:
        return _judged(metric, "", total, alpha)
    whole = _judged(metric, "", total, alpha / 2)
    parts = [
        _judged(metric, place, pairs, alpha / 2 / MAXIMUM_SLICES)
        for place, pairs in _slices(metric.name, observations).items()
    ]
    worse = [item for item in (whole, *parts) if item.standing is Standing.WORSE]
    return max(worse, key=lambda item: item.log_evidence) if worse else whole


def _judged(metric: Metric, place: str, pairs: Pairs, alpha: float) -> MetricVerdict:
    limit, threshold = metric.acceptable_share, -math.log(alpha)
    harm = log_above(pairs.compared, pairs.bad, limit)
    said = f"{metric.name}{f' where {place}' if place else ''} in {share(pairs.bad, pairs.compared)} pairs"
    worse = harm >= threshold
    why = f"{said}, {percent(limit)} is allowed, e-value {e_value(harm)} > {e_value(threshold)}"
    return MetricVerdict(
        metric=metric.name,
        standing=Standing.WORSE if worse else Standing.NO_WORSE,
        why=why if worse else said,
        ratio=pairs.bad / pairs.compared / limit if limit else None,
        log_evidence=harm,
        log_threshold=threshold,
    )


def _value(metric: Metric, observations: Sequence[StageObservation], _: JudgePlan) -> MetricVerdict:
    value = observations[-1].values.get(metric.name)
    if value is None or metric.ceiling is None:
        return _unmeasured(metric, observations, "nothing was measured", open_=True)
    above = value > metric.ceiling
    return MetricVerdict(
        metric=metric.name,
        standing=Standing.WORSE if above else Standing.NO_WORSE,
        why=f"{metric.name} is {value:g}, {metric.ceiling:g} is the most allowed",
        ratio=value / metric.ceiling if metric.ceiling else None,
    )


_JUDGES: Mapping[Comparison, Callable[[Metric, Sequence[StageObservation], JudgePlan], MetricVerdict]] = {
    Comparison.ARMS: judge_arms,
    Comparison.PAIRS: _pairs,
    Comparison.VALUE: _value,
    Comparison.LEVELS: lambda metric, observations, _: judge_levels(metric, observations),
}


def _unmeasured(
    metric: Metric, observations: Sequence[StageObservation], otherwise: str, *, open_: bool
) -> MetricVerdict:
    """A metric without data: open where the stage needs it, and never the reason to go on alone."""
    why = f"{metric.name}: {observations[-1].missing.get(metric.name, otherwise)}"
    standing = Standing.OPEN if open_ and metric.required else Standing.NO_WORSE
    return MetricVerdict(metric=metric.name, standing=standing, why=why)


def _together(pairs: Sequence[Pairs]) -> Pairs:
    return Pairs(compared=sum(item.compared for item in pairs), bad=sum(item.bad for item in pairs))


def _slices(name: str, observations: Sequence[StageObservation]) -> Mapping[str, Pairs]:
    """The counts of each slice over all stages; the largest ones where there are more than are judged."""
    found: dict[str, list[Pairs]] = {}
    for item in observations:
        for place, pairs in item.slices.get(name, {}).items():
            found.setdefault(place, []).append(pairs)
    summed = {place: _together(pairs) for place, pairs in found.items()}
    largest = sorted(summed, key=lambda place: (-summed[place].compared, place))[:MAXIMUM_SLICES]
    return {place: summed[place] for place in sorted(largest) if summed[place].compared}

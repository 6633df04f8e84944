"""What each kind of metric says about a challenger."""

import math
from collections.abc import Callable, Mapping, Sequence

from headway_runtime.judge.arms import judge_arms
from headway_runtime.judge.evidence import log_above
from headway_runtime.judge.levels import judge_levels
from headway_runtime.judge.observation import Pairs, StageObservation
from headway_runtime.judge.plan import SHADOW, Comparison, JudgePlan, Metric
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
        in_shadow = plan.stages[observations[-1].stage].name == SHADOW
        return _unmeasured(metric, observations, "no pair of answers was compared", open_=in_shadow)
    alpha = plan.metric_alpha(metric)
    if not metric.slices:
        return _judged(metric, "", total, alpha)
    whole = _judged(metric, "", total, alpha / 2)
    part = alpha / 2 / MAXIMUM_SLICES
    parts = [
        _judged(metric, place, pairs, part)
        for place, pairs in _slices(metric.name, observations).items()
        if log_above(pairs.compared, pairs.bad, metric.acceptable_share) >= -math.log(part)
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


def _value(metric: Metric, observations: Sequence[StageObservation], plan: JudgePlan) -> MetricVerdict:
    newest = observations[-1]
    value = newest.values.get(metric.name)
    if value is None:
        return _unmeasured(metric, observations, "nothing was measured", open_=True)
    if newest.challenger_requests < plan.stages[newest.stage].samples:
        # A mean of a few answers moves by chance.
        return _unmeasured(metric, observations, f"{value:.3g} so far", open_=True)
    # With all the traffic the champion answers nothing any more; what it cost before is what counts.
    known = [
        item.champion_values[metric.name] for item in observations if metric.name in item.champion_values
    ]
    limit, of = _value_limit(metric, known[-1] if known else None)
    said = f"{metric.name} is {value:.3g}"
    if known:
        said += f" against {known[-1]:.3g} of the champion"
    if limit is None:
        why = f"{said}, and of the champion nothing was measured"
        standing = Standing.OPEN if metric.required else Standing.NO_WORSE
        return MetricVerdict(metric=metric.name, standing=standing, why=why)
    return MetricVerdict(
        metric=metric.name,
        standing=Standing.WORSE if value > limit else Standing.NO_WORSE,
        why=f"{said}, {of} is the most allowed",
        ratio=value / known[-1] if known and known[-1] else value / limit if limit else None,
    )


def _value_limit(metric: Metric, champion: float | None) -> tuple[float | None, str]:
    """The largest value allowed and how it is said; None where there is nothing to hold it against."""
    limits: list[tuple[float, str]] = []
    if metric.ceiling is not None:
        limits.append((metric.ceiling, f"{metric.ceiling:.3g}"))
    if champion is not None and metric.tolerance_ratio > 1:
        limits.append((champion * metric.tolerance_ratio, f"{metric.tolerance_ratio:g} × of the champion"))
    return min(limits) if limits else (None, "")


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

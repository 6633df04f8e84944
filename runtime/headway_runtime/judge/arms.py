"""A metric that compares bad events of the two arms: worse, no worse, or still open."""

import math
from collections.abc import Sequence
from dataclasses import replace

from headway_runtime.judge.evidence import (
    Counts,
    harm_as_a_whole,
    harm_bets,
    log_above,
    log_below,
    log_safe,
    mixture,
)
from headway_runtime.judge.observation import StageObservation
from headway_runtime.judge.plan import JudgePlan, Metric
from headway_runtime.judge.standing import MetricVerdict, Standing
from headway_runtime.judge.words import e_value, percent, share

CEILING_STAKE = 0.2
"""Part of the stake on the ceiling: next to a champion, what breaks it is mostly seen by comparison first."""
_NOTHING = Counts(challenger_requests=0, challenger_bad=0, champion_requests=0, champion_bad=0)


def judge_arms(metric: Metric, observations: Sequence[StageObservation], plan: JudgePlan) -> MetricVerdict:
    """What a metric says that counts bad events of both arms.

    Args:
        metric: The metric.
        observations: What was counted, one for each stage so far, the newest last.
        plan: What the release is judged by.
    """
    stages = [item.arms[metric.name] for item in observations if metric.name in item.arms]
    total = _summed(stages)
    harm = harm_evidence(metric, stages, len(plan.stages))
    threshold = -math.log(plan.metric_alpha(metric))
    ratio = _ratio(total)
    rates = _rates(metric, total, ratio)
    said = MetricVerdict(
        metric=metric.name,
        standing=Standing.OPEN,
        why=rates,
        ratio=ratio,
        log_evidence=harm,
        log_threshold=threshold,
    )
    if harm >= threshold:
        why = f"{rates}, e-value {e_value(harm)} > {e_value(threshold)}"
        return replace(said, standing=Standing.WORSE, why=why)
    newest = observations[-1].arms.get(metric.name, _NOTHING)
    if not newest.challenger_requests:
        why = f"{metric.name}: {observations[-1].missing.get(metric.name, 'nothing was counted')}"
        return replace(said, standing=Standing.OPEN if metric.required else Standing.NO_WORSE, why=why)
    if metric.ceiling is not None and _champion_above(newest, metric.ceiling):
        why = f"{metric.name} of the champion itself is above {percent(metric.ceiling)}: {rates}"
        return replace(said, why=why)
    beyond = plan.stages[observations[-1].stage].rule_out_ratio
    safe, wanted = safe_evidence(metric, stages, beyond), -math.log(plan.false_promotion)
    if safe >= wanted:
        return replace(said, standing=Standing.NO_WORSE)
    open_ = f"{beyond:g} times worse is not ruled out yet, e-value {e_value(safe)} of {e_value(wanted)}"
    return replace(said, why=f"{rates}; {open_}")


def harm_evidence(metric: Metric, stages: Sequence[Counts], all_stages: int) -> float:
    """Evidence of harm: half of the stake on the release as a whole, half spread over its single stages.

    The whole finds a small harm that is always there; a single stage finds one that begins under load, which
    many good answers before it would hide. Where a share of bad events is harmless whatever the champion has,
    there is harm only as far as both are beaten, so the smaller evidence counts.

    Args:
        metric: The metric.
        stages: Counts of the stages so far.
        all_stages: Number of stages of the whole plan, so that a stage to come has its part of the stake.

    Returns:
        The natural logarithm of the e-value against "no worse".
    """
    tolerance = metric.tolerance_ratio
    bets = [harm_bets(item, tolerance) for item in stages]
    to_come = [0.0] * (all_stages - len(stages))
    harm = _shared(harm_as_a_whole(bets), [*(harm_as_a_whole([item]) for item in bets), *to_come])
    if metric.harmless_share:
        harm = min(harm, _above(stages, metric.harmless_share, to_come))
    if metric.ceiling is None or _champion_above(_summed(stages), metric.ceiling):
        return harm
    above = _above(stages, metric.ceiling, to_come)
    return mixture([harm, above], (1 - CEILING_STAKE, CEILING_STAKE))


def _above(stages: Sequence[Counts], limit: float, to_come: Sequence[float]) -> float:
    """Evidence that the challenger's share of bad events is above a limit, as a whole or in one stage."""
    total = _summed(stages)
    whole = log_above(total.challenger_requests, total.challenger_bad, limit)
    single = [log_above(item.challenger_requests, item.challenger_bad, limit) for item in stages]
    return _shared(whole, [*single, *to_come])


def _shared(whole: float, single: Sequence[float]) -> float:
    return mixture([whole, *single], [0.5, *([0.5 / len(single)] * len(single))])


def safe_evidence(metric: Metric, stages: Sequence[Counts], beyond: float) -> float:
    """Evidence that a challenger is not far worse: against its champion, or against what is acceptable.

    Args:
        metric: The metric.
        stages: Counts of the stages so far.
        beyond: How many times worse is to be ruled out.

    Returns:
        The larger natural logarithm of the two e-values.
    """
    total = _summed(stages)
    against_champion = log_safe(stages, metric.tolerance_ratio * beyond)
    limit = metric.acceptable_share * beyond
    return max(against_champion, log_below(total.challenger_requests, total.challenger_bad, limit))


def _summed(stages: Sequence[Counts]) -> Counts:
    return Counts(
        challenger_requests=sum(item.challenger_requests for item in stages),
        challenger_bad=sum(item.challenger_bad for item in stages),
        champion_requests=sum(item.champion_requests for item in stages),
        champion_bad=sum(item.champion_bad for item in stages),
    )


def _champion_above(counts: Counts, ceiling: float) -> bool:
    """Whether the champion is above the ceiling as well, so that the challenger cannot be blamed for it."""
    return counts.champion_bad > ceiling * counts.champion_requests


def _ratio(counts: Counts) -> float | None:
    if not counts.challenger_requests or not counts.champion_bad:
        return None
    champion = counts.champion_bad / counts.champion_requests
    return counts.challenger_bad / counts.challenger_requests / champion


def _rates(metric: Metric, counts: Counts, ratio: float | None) -> str:
    text = (
        f"challenger {metric.name} {share(counts.challenger_bad, counts.challenger_requests)} "
        f"against {share(counts.champion_bad, counts.champion_requests)}"
    )
    return text if ratio is None else f"{text}: {ratio:.3g} ×"

"""The verdict on a release: a pure function of what was counted and of the plan."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from headway_runtime.judge.metrics import judge_metric
from headway_runtime.judge.observation import StageObservation, contradictions
from headway_runtime.judge.plan import Comparison, JudgePlan
from headway_runtime.judge.standing import MetricVerdict, Standing
from headway_runtime.judge.words import count, duration

EXCESS_DEVIATIONS = 3.0
"""Failed answers beyond the champion's rate count against the budget only beyond chance."""


class Phase(Enum):
    """Where a stage stands."""

    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is known about the newest stage of a release.

    Attributes:
        phase: Where it stands.
        why: The reason in one sentence, with numbers.
        metrics: What each metric says.
    """

    phase: Phase
    why: str
    metrics: Sequence[MetricVerdict] = ()


def assess(observations: Sequence[StageObservation], plan: JudgePlan) -> Verdict:
    """Decide where the newest stage stands; evidence from the stages before it counts as well.

    Args:
        observations: What was counted, one for each stage so far, the newest last.
        plan: What the release is judged by.

    Returns:
        The verdict. No requests are never a pass: a stage without them runs on, and is inconclusive when its
        time is over.
    """
    if not observations:
        return Verdict(phase=Phase.ERROR, why="nothing was observed; the stage has to be observed first")
    wrong = contradictions(observations)
    if wrong:
        return Verdict(phase=Phase.ERROR, why=f"the counts contradict themselves: {'; '.join(wrong)}")
    newest = observations[-1]
    if not 0 <= newest.stage < len(plan.stages):
        return Verdict(phase=Phase.ERROR, why=f"the plan has no stage {newest.stage}")
    metrics = tuple(judge_metric(metric, observations, plan) for metric in plan.metrics)
    failed = [item for item in metrics if item.standing is Standing.WORSE]
    if failed:
        return Verdict(phase=Phase.FAILED, why=failed[0].why, metrics=metrics)
    spent = _over_budget(observations, plan)
    if spent is not None:
        return Verdict(phase=Phase.FAILED, why=spent, metrics=metrics)
    return _without_failure(newest, plan, metrics)


def _without_failure(newest: StageObservation, plan: JudgePlan, metrics: Sequence[MetricVerdict]) -> Verdict:
    stage = plan.stages[newest.stage]
    open_ = [item.why for item in metrics if item.standing is Standing.OPEN]
    enough = newest.challenger_requests >= stage.samples
    if enough and not open_ and newest.challenger_requests:
        why = f"{count(newest.challenger_requests)} challenger requests, no metric worse"
        return Verdict(phase=Phase.PASSED, why=why, metrics=metrics)
    reasons = list(open_)
    if not newest.challenger_requests:
        reasons = ["the challenger has seen no request"]
    elif not enough:
        seen, wanted = count(newest.challenger_requests), count(stage.samples)
        reasons.insert(0, f"the challenger has seen {seen} of {wanted} requests")
    why = "; ".join(reasons)
    if newest.elapsed_s >= stage.time_limit_s:
        over = f"no verdict after {duration(stage.time_limit_s)}: {why}"
        return Verdict(phase=Phase.INCONCLUSIVE, why=over, metrics=metrics)
    return Verdict(phase=Phase.RUNNING, why=why, metrics=metrics)


def _over_budget(observations: Sequence[StageObservation], plan: JudgePlan) -> str | None:
    """Why the release has cost more failed answers than it may; None while it has not."""
    if plan.error_budget is None:
        return None
    excess = deviation = 0.0
    for metric in plan.metrics:
        if metric.comparison is not Comparison.ARMS or metric.name != ERRORS:
            continue
        for item in observations:
            counts = item.arms.get(metric.name)
            # In the shadow and before testers no user gets the challenger's answer.
            if counts is None or not plan.stages[item.stage].challenger_percent:
                continue
            requests = counts.champion_requests
            rate = counts.champion_bad / requests if requests else 0.0
            expected = counts.challenger_requests * rate
            excess += counts.challenger_bad - expected
            deviation += expected
    if excess - EXCESS_DEVIATIONS * deviation**0.5 <= plan.error_budget:
        return None
    return (
        f"the release has cost {count(round(excess))} failed answers more than the champion alone, "
        f"its error budget is {count(plan.error_budget)}"
    )


ERRORS = "errors"
"""The metric whose bad events are failed answers."""

"""One look at a stage, judged: what was counted, what the judge says of it, and what the record keeps."""

import math
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from botocore.exceptions import ClientError

from headway_runtime.judge import JudgePlan, MetricVerdict, Phase, StageObservation, Verdict, assess
from headway_runtime.judge.plan import Comparison
from headway_runtime.release.catalogue import message_of
from headway_runtime.release.continued import counted_on
from headway_runtime.release.observer import observation_document, observation_of
from headway_runtime.release.plan import Plan
from headway_runtime.release.records import Release


def judged(
    release: Release, plan: Plan, look: Callable[[Release], StageObservation], period_s: float
) -> tuple[Release, Verdict]:
    """Looks at the stage that a release is in, and judges it.

    Args:
        release: The release.
        plan: The release plan.
        look: What is to be seen of a release's stage since it arrived there.
        period_s: Length of a period of the metrics, in seconds.

    Returns:
        The release with what was seen, and the verdict.
    """
    before = [observation_of(item) for item in release.observations if item["stage"] < release.stage]
    try:
        release, seen = counted_on(release, look, period_s)
    except ClientError as error:
        why = f"what happened could not be read: {message_of(error)}"
        verdict = Verdict(phase=Phase.ERROR, why=why)
    else:
        observations = [*before, seen]
        verdict = assess(observations, _comparable(plan.judge, release))
        release = replace(release, observations=[observation_document(item) for item in observations])
    looked = replace(
        release,
        errors_in_a_row=release.errors_in_a_row + 1 if verdict.phase is Phase.ERROR else 0,
        metrics=[_metric_document(item) for item in verdict.metrics],
    )
    return looked, verdict


def _comparable(plan: JudgePlan, release: Release) -> JudgePlan:
    """The plan without divergence where the champion is a placeholder, whose one answer means nothing."""
    if not release.over_placeholder:
        return plan
    kept = [metric for metric in plan.metrics if metric.comparison is not Comparison.PAIRS]
    return replace(plan, metrics=kept)


def _metric_document(verdict: MetricVerdict) -> dict[str, Any]:
    """A metric's verdict as JSON values, which know no infinity."""
    document = {**asdict(verdict), "standing": verdict.standing.value}
    unbounded = [name for name, item in document.items() if isinstance(item, float) and math.isinf(item)]
    return {**document, **dict.fromkeys(unbounded)}

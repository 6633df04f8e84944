"""One look at a stage, judged: what was counted, what the judge says of it, and what the record keeps."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

from botocore.exceptions import ClientError

from headway_runtime.judge import JudgePlan, Metric, MetricVerdict, Phase, StageObservation, Verdict, assess
from headway_runtime.judge.plan import Comparison
from headway_runtime.release.catalogue import message_of
from headway_runtime.release.continued import counted_on
from headway_runtime.release.observer import observation_document, observation_of
from headway_runtime.release.plan import Plan
from headway_runtime.release.records import Release


def judged(
    release: Release,
    plan: Plan,
    look: Callable[[Release], StageObservation],
    period_s: float,
    renew: Callable[[Sequence[StageObservation]], Sequence[StageObservation]],
) -> tuple[Release, Verdict]:
    """Looks at the stage that a release is in, and judges it.

    Args:
        release: The release.
        plan: The release plan.
        look: What is to be seen of a release's stage since it arrived there.
        period_s: Length of a period of the metrics, in seconds.
        renew: What was counted in earlier stages, with what has become known of them since.

    Returns:
        The release with what was seen, and the verdict.
    """
    before = [observation_of(item) for item in release.observations if item["stage"] < release.stage]
    try:
        release, seen = counted_on(release, look, period_s)
        earlier = renew(before)
    except ClientError as error:
        why = f"what happened could not be read: {message_of(error)}"
        verdict = Verdict(phase=Phase.ERROR, why=why)
    else:
        observations = [*earlier, seen]
        verdict = assess(observations, _comparable(plan.judge, release))
        release = replace(release, observations=[observation_document(item) for item in observations])
    looked = replace(
        release,
        errors_in_a_row=release.errors_in_a_row + 1 if verdict.phase is Phase.ERROR else 0,
        metrics=[_metric_document(item) for item in verdict.metrics],
    )
    return looked, verdict


def _comparable(plan: JudgePlan, release: Release) -> JudgePlan:
    """The plan without what a placeholder is no measure for: how its one answer differs, what it costs."""
    if not release.over_placeholder:
        return plan
    kept = [metric for metric in plan.metrics if not _needs_a_model(metric)]
    return replace(plan, metrics=kept)


def _needs_a_model(metric: Metric) -> bool:
    """Whether a metric is held against the champion's alone, which then has to be a model."""
    is_value = metric.comparison is Comparison.VALUE
    return metric.comparison is Comparison.PAIRS or (is_value and metric.ceiling is None)


def _metric_document(verdict: MetricVerdict) -> dict[str, Any]:
    """A metric's verdict as JSON values, which know no infinity."""
    document = {**asdict(verdict), "standing": verdict.standing.value}
    unbounded = [name for name, item in document.items() if isinstance(item, float) and math.isinf(item)]
    return {**document, **dict.fromkeys(unbounded)}

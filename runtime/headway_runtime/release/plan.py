"""The release plan as the stack declares it, read by the machine from Systems Manager."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from headway_runtime.judge import Inconclusive, JudgePlan, Metric, Stage
from headway_runtime.judge.plan import SHADOW, Comparison
from headway_runtime.release.costs import Prices


@dataclass(frozen=True, kw_only=True)
class LateLabels:
    """Where true answers arrive.

    Attributes:
        prefix: Where in the data bucket, below the name of system and stack.
        wrong_from: Difference of an answer to the true one from which on it was wrong.
    """

    prefix: str
    wrong_from: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that decides how a model comes to answer users.

    Attributes:
        judge: Stages, metrics and how sure one wants to be.
        shadow_sampling_percent: Share of the traffic that is copied in the shadow; None without one.
        acceptable_latency_ms: Latency up to which no answer is slow, in milliseconds.
        divergence_threshold: Difference of two answers from which on they diverge.
        divergence_slices: Inputs whose values divergence is judged for separately.
        cool_down_s: Time after a release before the next one starts, in seconds.
        overridden_by: Who may release a rejected model again or end a stage by hand.
        maximum_duration_s: Time after which an unfinished release is rolled back, in seconds.
        prices: What machines and tokens cost.
        labels: Where true answers arrive later; None where none do.
    """

    judge: JudgePlan
    shadow_sampling_percent: int | None
    acceptable_latency_ms: float
    divergence_threshold: float
    divergence_slices: Sequence[str]
    cool_down_s: int
    overridden_by: Sequence[str]
    maximum_duration_s: int
    prices: Prices = field(default_factory=Prices)
    labels: LateLabels | None = None

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Plan":
        """The plan that a release plan's JSON document describes.

        Raises:
            KeyError: Something is missing.
            ValueError: A word is not one of those allowed.
        """
        shadow, labels = document["shadow"], document.get("labels")
        return cls(
            judge=JudgePlan.from_document(document),
            shadow_sampling_percent=None if shadow is None else shadow["sampling_percent"],
            acceptable_latency_ms=document["acceptable_latency_ms"],
            divergence_threshold=document["divergence_threshold"],
            divergence_slices=tuple(document["divergence_slices"]),
            cool_down_s=document["cool_down_s"],
            overridden_by=tuple(document["overridden_by"]),
            maximum_duration_s=document["maximum_duration_s"],
            prices=Prices.from_document(document.get("prices")),
            labels=None if labels is None else LateLabels(**labels),
        )

    def is_shadow(self, stage: int) -> bool:
        """Whether a stage is the one whose answers nobody gets."""
        return self.judge.stages[stage].name == SHADOW

    def challenger_percent(self, stage: int) -> float:
        """Share of the traffic that the challenger answers in a stage."""
        return self.judge.stages[stage].challenger_percent


def frozen(plan: Plan) -> str:
    """A plan as text, for the record of a release that goes by it."""
    return json.dumps(asdict(plan), default=lambda item: item.value, sort_keys=True)


def goes_by(text: str, declared: Plan) -> Plan:
    """The plan that a release goes by: the one it began with, whatever has been deployed since.

    Who may override is asked of what is declared now.

    Args:
        text: What `frozen` gave when it began; empty where it has not begun.
        declared: The plan as the stack declares it now, which holds where a machine of another version has
            written another form.
    """
    if not text:
        return declared
    try:
        began = _thawed(json.loads(text))
    except (KeyError, TypeError, ValueError):
        return declared
    return replace(began, overridden_by=declared.overridden_by)


def _thawed(known: Mapping[str, Any]) -> Plan:
    judge, labels = known["judge"], known["labels"]
    metrics = [{**item, "comparison": Comparison(item["comparison"])} for item in judge["metrics"]]
    parts = {
        "judge": JudgePlan(
            **{
                **judge,
                "stages": tuple(Stage(**item) for item in judge["stages"]),
                "metrics": tuple(Metric(**item) for item in metrics),
                "inconclusive": Inconclusive(judge["inconclusive"]),
            }
        ),
        "prices": Prices(**known["prices"]),
        "labels": None if labels is None else LateLabels(**labels),
        "divergence_slices": tuple(known["divergence_slices"]),
    }
    return Plan(**{**known, **parts})


def read_plan(ssm: Any, parameter: str) -> Plan:  # noqa: ANN401 - boto3 has no types
    """The plan in a parameter.

    Args:
        ssm: A boto3 client of Systems Manager.
        parameter: Name of the parameter.
    """
    return Plan.from_document(json.loads(ssm.get_parameter(Name=parameter)["Parameter"]["Value"]))

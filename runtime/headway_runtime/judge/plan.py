"""What a release is judged by: stages, metrics and how sure one wants to be. Read from the declared JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

SHADOW = "shadow"
"""Name of the stage whose answers nobody gets."""
TESTERS = "testers"
"""Name of the stage in which internal testers alone ask for the challenger, by its name."""


class Comparison(Enum):
    """How a metric is judged."""

    ARMS = "arms"
    """Bad events of the challenger against those of the champion in the same time."""
    PAIRS = "pairs"
    """Bad pairs of answers to the same request, against the largest share that is allowed."""
    VALUE = "value"
    """A measured number, against the largest that is allowed and what the champion's allows."""
    LEVELS = "levels"
    """A level of each arm, measured again and again in the same time, against the champion's."""


class Inconclusive(Enum):
    """What happens to a stage that nothing can be said about when its time is over."""

    HOLD = "hold"
    ROLL_BACK = "roll_back"
    ASK = "ask"


_BY_CHANCE = (Comparison.ARMS, Comparison.PAIRS)
"""What counts events, so that chance may raise an alarm; the others are measured against a limit."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One thing that a challenger must not be worse at.

    Attributes:
        name: Name of the metric.
        comparison: How it is judged.
        tolerance_ratio: Ratio of the arms' rates or levels up to which a challenger counts as no worse.
        acceptable_share: Share of bad events, or level, that is no reason to stop by itself; also the most
            that pairs may have.
        harmless_share: Share of bad events that is no harm even where the champion has fewer; 0 for none.
        ceiling: The most that is allowed whatever the champion does: a share of bad events, the value, or
            the level.
        weight: Share of the chance of a false alarm that this metric may use, in comparison to the others.
        slices: Whether bad pairs are judged for each slice of the inputs as well.
        required: Whether a stage needs this metric to pass; one with late labels may be missing.
    """

    name: str
    comparison: Comparison = Comparison.ARMS
    tolerance_ratio: float = 1.0
    acceptable_share: float = 0.0
    harmless_share: float = 0.0
    ceiling: float | None = None
    weight: float = 1.0
    slices: bool = False
    required: bool = True


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One step of a release.

    Attributes:
        name: `shadow`, `testers`, or the percentage of the traffic, as text.
        challenger_percent: Share of the users' traffic that the challenger answers; 0 in shadow and testers.
        samples: Requests that the challenger must have seen.
        time_limit_s: Time after which a stage without a verdict is inconclusive, in seconds.
        rule_out_ratio: How many times worse than acceptable a challenger is shown not to be before going on.
    """

    name: str
    challenger_percent: float
    samples: int
    time_limit_s: float
    rule_out_ratio: float


@dataclass(frozen=True, kw_only=True)
class JudgePlan:
    """How a release is judged.

    Attributes:
        stages: The stages in their order.
        metrics: What the challenger must not be worse at.
        false_rollback: Chance that a challenger that is no worse is rolled back, over the whole release.
        false_promotion: Chance that a stage lets through what it is to rule out.
        error_budget: Failed answers beyond the champion's that the release may cost; no limit when None.
        inconclusive: What happens to a stage without a verdict.
    """

    stages: Sequence[Stage]
    metrics: Sequence[Metric]
    false_rollback: float = 0.01
    false_promotion: float = 0.05
    error_budget: int | None = None
    inconclusive: Inconclusive = Inconclusive.HOLD

    def metric_alpha(self, metric: Metric) -> float:
        """The chance of a false alarm that one metric may use."""
        total = sum(item.weight for item in self.metrics if item.comparison in _BY_CHANCE)
        return self.false_rollback * metric.weight / total

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "JudgePlan":
        """The plan that a release plan's JSON document describes, as the stack declares it.

        Raises:
            KeyError: Something is missing.
            ValueError: A word is not one of those allowed.
        """
        shadow = document["shadow"]
        return cls(
            stages=(
                *(() if shadow is None else (_stage(SHADOW, 0, shadow),)),
                *(_stage(_name(step["percent"]), step["percent"], step) for step in document["ladder"]),
            ),
            metrics=tuple(_metric(metric) for metric in document["metrics"]),
            false_rollback=document["false_rollback"],
            false_promotion=document["false_promotion"],
            error_budget=document.get("error_budget"),
            inconclusive=Inconclusive(document["inconclusive"]),
        )


def _name(percent: float) -> str:
    return str(percent) if percent else TESTERS


def _stage(name: str, percent: float, document: Mapping[str, Any]) -> Stage:
    return Stage(
        name=name,
        challenger_percent=percent,
        samples=document["samples"],
        time_limit_s=document["time_limit_s"],
        rule_out_ratio=document["rule_out_ratio"],
    )


def _metric(document: Mapping[str, Any]) -> Metric:
    return Metric(**{**document, "comparison": Comparison(document["comparison"])})

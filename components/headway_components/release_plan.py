"""How an approved model comes to answer users: shadow, ladder, and what it is judged by at every stage."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from headway_components._declaration import Declaration, Problem, problem, refuse

DEFAULT_LADDER = (1, 5, 25, 50, 100)
FULL_PERCENT = 100
TESTER_SAMPLES = 50
"""Testers ask less than users."""
_RULED_OUT = ((1, 10.0), (5, 5.0), (25, 3.0))
"""Few users see an early stage, so less has to be ruled out there; from then on twice as bad."""


class Approval(Enum):
    """Who lets a registered model go live."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


class Inconclusive(Enum):
    """What becomes of a stage that has no verdict when its time is over."""

    HOLD = "hold"
    ROLL_BACK = "roll_back"
    ASK = "ask"


class MetricName(Enum):
    """What a challenger must not be worse at."""

    ERRORS = "errors"
    LATENCY = "latency"
    OUTPUT_FORMAT = "output_format"
    DIVERGENCE = "divergence"
    COST_PER_THOUSAND = "cost_per_thousand_usd"
    QUALITY = "quality"
    MEMORY = "memory"


class ReleaseMetric(Declaration):
    """One thing that a challenger must not be worse at: each measures something bad, so less is better."""

    name: MetricName
    """What is measured."""
    tolerance_ratio: float = Field(default=1.0, ge=1, le=100)
    """Ratio to the champion's rate or level that counts as no worse; 1 when left out."""
    acceptable_pct: float = Field(default=1.0, ge=0, le=100)
    """Share of bad events, or of the machine, that is no reason to stop, in percent; 1 when left out."""
    ceiling: float | None = Field(default=None, gt=0)
    """The most allowed whatever the champion does, in percent or US dollars; none when left out."""
    weight: float = Field(default=1.0, gt=0, le=100)
    """Part of the chance of a false alarm that it may use, against the other metrics; 1 when left out."""
    required: bool = True
    """Whether a stage waits for it; one whose labels come late may be missing. It does when left out."""


class Prices(Declaration):
    """What machines and tokens cost, in US dollars."""

    instance_hour_usd: float | None = Field(default=None, gt=0)
    """An hour of one machine that serves; it costs nothing when left out."""
    million_input_tokens_usd: float | None = Field(default=None, gt=0)
    """A million tokens that a model of language reads; they cost nothing when left out."""
    million_output_tokens_usd: float | None = Field(default=None, gt=0)
    """A million tokens that a model of language writes; they cost nothing when left out."""


class LateLabels(Declaration):
    """True answers that arrive later, by inference id, as ground truth of SageMaker's monitors."""

    prefix: str = Field(default="labels", pattern=r"^[A-Za-z0-9_-][\w./=-]*$", max_length=200)
    """Where they are in the data bucket, below `<system>-<stack>/`; `labels` when left out."""
    wrong_from: float = Field(default=0.5, gt=0)
    """Difference of an answer to the true one from which on it was wrong; 0.5 when left out."""


class ShadowStage(Declaration):
    """A copy of the traffic that the challenger answers and nobody sees."""

    sampling_pct: int = Field(default=50, ge=1, le=100)
    """Share of the requests that are copied, in percent; half when left out."""
    samples: int = Field(default=1_000, ge=1)
    """Requests that the challenger must have answered; 1,000 when left out."""
    time_limit_s: int = Field(default=3_600, ge=10, le=2_592_000)
    """Time after which the stage is inconclusive, in seconds, 30 days at most; an hour when left out."""


class LadderStage(Declaration):
    """One step of the ladder."""

    percent: int = Field(ge=0, le=100)
    """Share of the traffic that the challenger answers, in percent; at 0 only testers ask for it."""
    samples: int = Field(default=500, ge=1)
    """Requests that the challenger must have answered; 500 when left out."""
    time_limit_s: int = Field(default=3_600, ge=10, le=604_800)
    """Time after which the stage is inconclusive, in seconds; an hour when left out."""
    rule_out_ratio: float | None = Field(default=None, ge=1.5, le=100)
    """How many times worse is ruled out before going on; 10, 5, 3 and then 2 when left out."""

    def ruled_out(self) -> float:
        """How many times worse is ruled out before going on, given or not."""
        if self.rule_out_ratio is not None:
            return self.rule_out_ratio
        return next((ratio for percent, ratio in _RULED_OUT if self.percent <= percent), 2.0)


_DEFAULT_METRICS: tuple[Mapping[str, Any], ...] = (
    # The fewer bad events there are, the more of the chance of a false alarm it takes to see them.
    {"name": "errors", "ceiling": 2.0, "weight": 4.0},
    {"name": "latency", "tolerance_ratio": 1.1, "acceptable_pct": 5.0, "weight": 2.0},
    {"name": "output_format", "ceiling": 1.0},
    {"name": "divergence", "acceptable_pct": 5.0, "required": False},
    # A model may well be larger than the one before it, as long as the machine has room for it.
    {
        "name": "memory",
        "tolerance_ratio": 2.0,
        "acceptable_pct": 25.0,
        "ceiling": 90.0,
        "required": False,
    },
)


class ReleasePlan(Declaration):
    """How an approved model comes to answer users."""

    approval: Approval = Approval.MANUAL
    """Who approves a model that passed its evaluation; a person when left out."""
    shadow: ShadowStage | None = Field(default_factory=ShadowStage)
    """The stage that nobody sees; half of the traffic is copied when left out, none for null."""
    ladder: Sequence[LadderStage] = Field(
        default_factory=lambda: [LadderStage(percent=step) for step in DEFAULT_LADDER], min_length=1
    )
    """Shares of the traffic, rising to 100, 0 for testers before; 1, 5, 25, 50, 100 when left out."""
    metrics: Sequence[ReleaseMetric] = Field(
        default_factory=lambda: [ReleaseMetric.load(metric) for metric in _DEFAULT_METRICS], min_length=1
    )
    """What the challenger must not be worse at; all but cost and quality when left out."""
    prices: Prices | None = None
    """What machines and tokens cost, for the metric cost and the report; nothing is known when left out."""
    labels: LateLabels | None = None
    """Where true answers arrive later, for the metric quality and the report; nowhere when left out."""
    false_rollback_pct: float = Field(default=1.0, gt=0, le=20)
    """Chance that a model that is no worse is rolled back, over the release; 1 percent when left out."""
    false_promotion_pct: float = Field(default=5.0, gt=0, le=50)
    """Chance that a stage lets through what it is to rule out; 5 percent when left out."""
    acceptable_latency_ms: float = Field(default=25.0, ge=0)
    """Latency up to which no answer is slow, whatever the champion does, in ms; 25 when left out."""
    divergence_threshold: float = Field(default=0.5, gt=0)
    """Difference of two answers to one request from which on they diverge; 0.5 when left out."""
    divergence_slices: Sequence[str] = Field(default_factory=list)
    """Inputs whose values divergence is judged for separately; none when left out."""
    error_budget: int | None = Field(default=100, ge=0)
    """Failed answers beyond the champion's that it may cost; 100 when left out, any number for null."""
    inconclusive: Inconclusive = Inconclusive.ROLL_BACK
    """What becomes of a stage without a verdict; it is rolled back when left out."""
    cool_down_s: int = Field(default=0, ge=0, le=2_592_000)
    """Time after a release before the next one starts, in seconds; none when left out."""
    overridden_by: Sequence[str] = Field(default_factory=list)
    """Who may release a rejected model again or end a stage by hand; nobody when left out."""
    expected_requests_per_s: float | None = Field(default=None, gt=0)
    """Traffic to be expected, with which every stage must fit its time; not checked when left out."""
    maximum_duration_s: int = Field(default=86_400, ge=60, le=2_592_000)
    """Time after which an unfinished release is rolled back, in seconds; a day when left out."""

    @field_validator("ladder", mode="before")
    @classmethod
    def _numbers(cls, value: object) -> object:
        if not isinstance(value, list | tuple):
            return value
        return [_step(item) if isinstance(item, int) else item for item in value]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse((*_ladder_problems(self), *_metric_problems(self), *_traffic_problems(self)))
        return self

    def document(self, samples_pct: int = 100) -> dict[str, Any]:
        """The plan as the release machine and its judge read it.

        Args:
            samples_pct: Share of the samples that a stage waits for, in percent; less is a rehearsal.
        """
        shadow = self.shadow
        return {
            "shadow": None if shadow is None else _shadow_document(shadow, self.ladder[0], samples_pct),
            "ladder": [_stage_document(stage, samples_pct) for stage in self.ladder],
            "metrics": [_metric_document(metric, self) for metric in self.metrics],
            "false_rollback": self.false_rollback_pct / 100,
            "false_promotion": self.false_promotion_pct / 100,
            "acceptable_latency_ms": self.acceptable_latency_ms,
            "divergence_threshold": self.divergence_threshold,
            "divergence_slices": list(self.divergence_slices),
            "error_budget": self.error_budget,
            "inconclusive": self.inconclusive.value,
            "cool_down_s": self.cool_down_s,
            "overridden_by": list(self.overridden_by),
            "maximum_duration_s": self.maximum_duration_s,
            "prices": None if self.prices is None else self.prices.plain(),
            "labels": None if self.labels is None else self.labels.plain(),
        }


def _step(percent: int) -> dict[str, int]:
    return {"percent": percent} if percent else {"percent": 0, "samples": TESTER_SAMPLES}


def _shadow_document(shadow: ShadowStage, first: LadderStage, samples_pct: int) -> dict[str, Any]:
    return {
        "sampling_percent": shadow.sampling_pct,
        "samples": _scaled(shadow.samples, samples_pct),
        "time_limit_s": shadow.time_limit_s,
        "rule_out_ratio": first.ruled_out(),
    }


def _stage_document(stage: LadderStage, samples_pct: int) -> dict[str, Any]:
    return {
        "percent": stage.percent,
        "samples": _scaled(stage.samples, samples_pct),
        "time_limit_s": stage.time_limit_s,
        "rule_out_ratio": stage.ruled_out(),
    }


def _scaled(samples: int, percent: int) -> int:
    return -(-samples * percent // 100)


_COMPARISONS = {
    MetricName.DIVERGENCE: "pairs",
    MetricName.COST_PER_THOUSAND: "value",
    MetricName.MEMORY: "levels",
}


def _metric_document(metric: ReleaseMetric, plan: ReleasePlan) -> dict[str, Any]:
    comparison = _COMPARISONS.get(metric.name, "arms")
    ceiling = metric.ceiling
    return {
        "name": metric.name.value,
        "comparison": comparison,
        "tolerance_ratio": metric.tolerance_ratio,
        "acceptable_share": metric.acceptable_pct / 100,
        # Up to where an answer is slow is set so that this share of the champion's is; a champion with fewer,
        # such as a placeholder, makes no harm of it.
        "harmless_share": metric.acceptable_pct / 100 if metric.name is MetricName.LATENCY else 0.0,
        "ceiling": ceiling if ceiling is None or comparison == "value" else ceiling / 100,
        "weight": metric.weight,
        "slices": metric.name is MetricName.DIVERGENCE and bool(plan.divergence_slices),
        "required": metric.required,
    }


def _ladder_problems(plan: ReleasePlan) -> Iterator[Problem]:
    steps = [stage.percent for stage in plan.ladder]
    if any(later <= earlier for earlier, later in itertools.pairwise(steps)):
        yield problem("ladder", steps, "must rise from stage to stage", "sort it and name each share once")
    if steps[-1] != FULL_PERCENT:
        yield problem("ladder", steps, "must end at 100", "add 100")


def _metric_problems(plan: ReleasePlan) -> Iterator[Problem]:
    names = [metric.name.value for metric in plan.metrics]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield problem("metrics", name, "is declared more than once", "declare it once")
    for metric in plan.metrics:
        if metric.name is MetricName.COST_PER_THOUSAND:
            yield from _cost_problems(metric, plan)
        if metric.name is MetricName.QUALITY and plan.labels is None:
            message = "is measured with labels that come later, and none are declared"
            yield problem("metrics", metric.name.value, message, "declare labels, or leave the metric out")
        if metric.name is MetricName.DIVERGENCE and metric.required and plan.shadow is None:
            message = "is measured in the shadow alone, and the plan has none"
            yield problem("metrics", metric.name.value, message, "add a shadow or set required to false")
    if plan.divergence_slices and MetricName.DIVERGENCE.value not in names:
        message = "belongs to the metric divergence, which is not declared"
        yield problem("divergence_slices", list(plan.divergence_slices), message, "declare it or remove them")


def _cost_problems(metric: ReleaseMetric, plan: ReleasePlan) -> Iterator[Problem]:
    if plan.prices is None or not plan.prices.plain():
        message = "is measured with prices, and none are declared"
        fix = "declare prices with instance_hour_usd, or the price of tokens"
        yield problem("metrics", metric.name.value, message, fix)
    if metric.ceiling is None and metric.tolerance_ratio == 1:
        message = "is compared with a ceiling or the champion's, and neither limit is set"
        fix = "set ceiling, in US dollars per 1,000 requests, or tolerance_ratio above 1"
        yield problem("metrics", metric.name.value, message, fix)


def _traffic_problems(plan: ReleasePlan) -> Iterator[Problem]:
    rate = plan.expected_requests_per_s
    if rate is None:
        return
    shadow = plan.shadow
    stages = [
        (f"ladder.{place}", item.percent, item.samples, item.time_limit_s)
        for place, item in enumerate(plan.ladder)
        # How much testers ask is not said.
        if item.percent
    ]
    if shadow is not None:
        stages.insert(0, ("shadow", shadow.sampling_pct, shadow.samples, shadow.time_limit_s))
    for place, percent, samples, time_limit_s in stages:
        seen = rate * percent / 100 * time_limit_s
        if seen < samples:
            message = (
                f"is more than the {seen:,.0f} requests that {rate:g} requests a second bring "
                f"in {time_limit_s:,} s"
            )
            needed = int(samples / (rate * percent / 100)) + 1
            fix = f"raise time_limit_s to {needed} or lower samples to {int(seen)}"
            yield problem(f"{place}.samples", samples, message, fix)
    whole_s = math.ceil(sum(samples / (rate * percent / 100) for _, percent, samples, _ in stages))
    if whole_s > plan.maximum_duration_s:
        message = f"is less than the {whole_s:,} s in which {rate:g} requests a second fill every stage"
        fix = f"raise it to more than {whole_s:,} or lower the samples"
        yield problem("maximum_duration_s", plan.maximum_duration_s, message, fix)

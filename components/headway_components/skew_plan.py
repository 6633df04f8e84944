"""How often training-serving skew is measured, and from when on somebody is told."""

from collections.abc import Iterator
from typing import Self

from pydantic import Field, model_validator

from headway_components._declaration import Declaration, Problem, problem, refuse
from headway_components.training import INSTANCE_PATTERN


class SkewPlan(Declaration):
    """How often what an endpoint was asked with is held against history, and from when on it is told."""

    every_h: int = Field(default=24, ge=1, le=24 * 31)
    """Time between two comparisons, in hours; a day when left out."""
    delay_h: float = Field(default=48, ge=0, le=24 * 366)
    """Time in which history comes to know what was asked about, in hours; two days when left out."""
    maximum_share: float | None = Field(default=None, ge=0, lt=1)
    """Share of rows that differ above which an alarm rings; there is no alarm when left out."""
    instance_type: str = Field(default="ml.m5.large", pattern=INSTANCE_PATTERN)
    """Machine that compares; `ml.m5.large` when left out."""
    volume_size_gib: int = Field(default=30, ge=1, le=16_384)
    """Its disk, in GiB; 30 when left out."""
    max_runtime_s: int = Field(default=3_600, ge=60, le=432_000)
    """Time after which it is stopped, in seconds; one hour when left out."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse(_problems(self))
        return self

    def rehearsed(self) -> "SkewPlan":
        """The plan where nobody waits: history knows at once what is asked about."""
        return self.model_copy(update={"delay_h": 0.0})


def _problems(plan: SkewPlan) -> Iterator[Problem]:
    if plan.max_runtime_s > plan.every_h * 3_600:
        message = f"is longer than the {plan.every_h} h between two comparisons"
        yield problem("max_runtime_s", plan.max_runtime_s, message, "shorten it or compare less often")

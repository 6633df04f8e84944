"""Which answers people look at, and how many."""

from collections.abc import Iterator
from typing import Self

from pydantic import Field, model_validator

from headway_components._declaration import Declaration, Problem, problem, refuse


class ReviewPlan(Declaration):
    """Which answers of a classifier people look at: those that it is least sure of."""

    minimum_confidence: float = Field(default=0.6, gt=0.5, le=1)
    """Answers that the model is less sure of go to people, 0.6 for 60 %; 0.6 when left out."""
    maximum_a_day: int = Field(default=100, ge=1, le=100_000)
    """Answers that go to people in a day, the least sure first; 100 when left out."""
    double_share: float = Field(default=0.1, ge=0, le=1)
    """Share of them that two people look at, so that their agreement is known; a tenth when left out."""
    retention_d: int = Field(default=14, ge=1, le=365)
    """Days after its request in which an answer has to be labelled, before it goes; 14 when left out."""
    every_min: int = Field(default=60, ge=1, le=1_440)
    """Time between two looks at what was captured, in minutes; an hour when left out."""
    lease_min: int = Field(default=15, ge=1, le=1_440)
    """Time for which an answer is with the one who takes it, in minutes; 15 when left out."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse(_problems(self))
        return self


def _problems(plan: ReviewPlan) -> Iterator[Problem]:
    if plan.lease_min > plan.retention_d * 1_440:
        message = f"is longer than the {plan.retention_d} days that an answer waits"
        yield problem("lease_min", plan.lease_min, message, "shorten it or raise retention_d")

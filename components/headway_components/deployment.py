"""Where a system is deployed and how big it is there: everything that differs between environments."""

from collections.abc import Iterator
from enum import Enum
from typing import Self

from pydantic import Field, model_validator

from headway_components._declaration import Declaration, Problem, problem, refuse
from headway_components._image import is_pinned
from headway_components.training import INSTANCE_PATTERN


class DataClassification(Enum):
    """How sensitive the data is that an environment holds."""

    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    RESTRICTED = "restricted"


class Deployment(Declaration):
    """One environment: where it is, what runs there, how big it is."""

    environment: str = Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=20)
    """Name of the environment."""
    account_id: str = Field(pattern=r"^\d{12}$")
    """Account to deploy to, twelve digits."""
    region: str = Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")
    """Region to deploy to."""
    image: str
    """URI of the image that trains and serves, pinned by its digest."""
    instance_type: str = Field(default="ml.m5.large", pattern=INSTANCE_PATTERN)
    """Machine that serves; `ml.m5.large` when left out."""
    instance_count: int = Field(default=1, ge=1)
    """Number of machines that serve; one when left out."""
    data_classification: DataClassification = DataClassification.CONFIDENTIAL
    """How sensitive the data is; confidential when left out."""
    retain_data: bool | None = None
    """Whether data outlives the stack; it does when left out, and false is one of two keys to let it go."""
    release_poll_s: int = Field(default=15, ge=1, le=300)
    """Time between two looks at an endpoint that is being updated, in seconds; 15 when left out."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse(_deployment_problems(self))
        return self


def _deployment_problems(deployment: Deployment) -> Iterator[Problem]:
    if not is_pinned(deployment.image):
        fix = "write repository@sha256:<64 hex digits>"
        yield problem("image", deployment.image, "is not pinned by its digest", fix)

"""Where a system is deployed and how big it is there: everything that differs between environments."""

import json
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Self

from pydantic import Field, field_validator, model_validator

from headway_components._declaration import Declaration, Problem, problem, refuse
from headway_components._image import is_pinned, repository_arn
from headway_components.training import INSTANCE_PATTERN

TAG_PATTERN = r"^[\w .:/=+@-]+$"
"""What AWS lets a tag say."""


class DataClassification(Enum):
    """How sensitive the data is that an environment holds."""

    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    RESTRICTED = "restricted"


class Framework(Enum):
    """A compliance framework whose controls the gate reports on."""

    HIPAA = "hipaa"
    SOC2 = "soc2"
    GDPR = "gdpr"
    FEDRAMP_MODERATE = "fedramp-moderate"
    NIST_800_53_R5 = "nist-800-53-r5"
    AWS_AI_SECURITY_V1 = "aws-ai-security-v1"


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
    owner: str | None = Field(default=None, pattern=TAG_PATTERN, min_length=1, max_length=256)
    """Team or person that answers for the environment; nobody when left out, which production refuses."""
    cost_center: str | None = Field(default=None, pattern=TAG_PATTERN, min_length=1, max_length=256)
    """Who pays; nobody when left out, which production refuses."""
    frameworks: Sequence[Framework] = Field(default_factory=list)
    """Compliance frameworks in force; none when left out."""
    personal_data: bool = False
    """Whether the data speaks of people; it does not when left out."""
    private_network: bool = True
    """Whether jobs and models run in a network of the system's own; they do when left out."""
    network_cidr: str | None = None
    """Addresses of that network, /16 to /24; 10.0.0.0/16 when left out."""
    availability_zones: Sequence[str] | None = None
    """Zones of that network, two to six; the region's `a` and `b` when left out."""
    audit_trail: bool = True
    """Whether every access to the system's objects is recorded; it is when left out."""
    maximum_instance_count: int | None = Field(default=None, ge=1)
    """Number of machines that load may raise the count to; the count stays as it is when left out."""
    requests_per_machine_per_minute: int = Field(default=6_000, ge=1)
    """Load of one machine above which another is added; 6,000 a minute when left out."""
    silence_is_outage: bool = False
    """Whether the alarms ring when nobody asks, where users are always there; they do not when left out."""
    monthly_budget_usd: float | None = Field(default=None, gt=0)
    """What a system may cost in a month, in US dollars; nobody is told when left out."""
    manage_image_repository: bool = False
    """Whether this stack declares the repository of the image; somebody else does when left out."""
    release_samples_pct: int = Field(default=100, ge=1, le=100)
    """Share of the plan's samples that a stage waits for here, in percent: a rehearsal; all when left out."""
    release_maximum_duration_s: int | None = Field(default=None, ge=60, le=2_592_000)
    """Time after which a release is rolled back here, in seconds; what the plan says when left out."""
    release_poll_s: int = Field(default=15, ge=1, le=300)
    """Least time between two looks at a release, in seconds; 15 when left out."""
    metrics_period_s: int = Field(default=60, ge=1, le=3_600)
    """Length of a period of the endpoint's metrics, in seconds; a minute, as on AWS, when left out."""

    drift_rehearsal: bool = False
    """Whether drift and new data retrain at once here, without cool-down and label delay; no if left out."""

    @field_validator("frameworks", "availability_zones", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        # A list in the stack's configuration arrives as JSON text.
        return json.loads(value) if isinstance(value, str) and value.startswith("[") else value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse(_deployment_problems(self))
        return self


def _deployment_problems(deployment: Deployment) -> Iterator[Problem]:
    if not is_pinned(deployment.image):
        fix = "write repository@sha256:<64 hex digits>"
        yield problem("image", deployment.image, "is not pinned by its digest", fix)
    most, count = deployment.maximum_instance_count, deployment.instance_count
    if most is not None and most < count:
        fix = f"raise it to {count} or leave it out"
        yield problem("maximum_instance_count", most, f"is below instance_count {count}", fix)
    if deployment.manage_image_repository and own_repository(deployment) is None:
        message = f"needs an image in ECR of account {deployment.account_id} in {deployment.region}"
        yield problem("manage_image_repository", True, message, "correct image or leave it out")


def own_repository(deployment: Deployment) -> str | None:
    """Name of the image's repository where it is in the deployment's own account and region; else None."""
    arn = repository_arn(deployment.image, "aws")
    own = f"arn:aws:ecr:{deployment.region}:{deployment.account_id}:repository/"
    return arn.removeprefix(own) if arn is not None and arn.startswith(own) else None

"""A whole AI system as one value."""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Self

from pydantic import Field, field_validator, model_validator

from headway_components._declaration import Declaration, Problem, problem, refuse
from headway_components.arrival_plan import ArrivalPlan
from headway_components.contracts import (
    NAME_PATTERN,
    Feature,
    FeatureContract,
    FeatureServing,
    InferenceContract,
    MonitoringContract,
)
from headway_components.drift_plan import DriftPlan
from headway_components.model import ModelSource, ModelSpec
from headway_components.release_plan import MetricName, ReleasePlan
from headway_components.review_plan import ReviewPlan
from headway_components.skew_plan import SkewPlan

MAXIMUM_NAME_CHARACTERS = 30
"""Leaves room in IAM's 64 characters for what a role is for and for the suffix that tells it from others."""


class DataRetention(Enum):
    """What may happen to stored data when the system is destroyed."""

    KEEP = "keep"
    REPRODUCIBLE = "reproducible"


class ComplianceSpec(Declaration):
    """What rules outside the team ask of the system."""

    data_retention: DataRetention = DataRetention.KEEP
    """Whether the stored data can be made again; it is kept on destroy when left out."""
    log_retention_days: int = Field(default=365, ge=1, le=3_653)
    """Days that logs are kept; a year when left out."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse(_retention_problems(self))
        return self


class SystemSpec(Declaration):
    """Contracts, model, release and compliance of one AI system: the thing that is reviewed."""

    name: str = Field(pattern=NAME_PATTERN, max_length=MAXIMUM_NAME_CHARACTERS)
    """Name of the system: lower case, digits and hyphens, at most 30 characters."""
    contract: InferenceContract
    """What the system is asked and what it answers."""
    model: ModelSpec
    """The model that answers."""
    features: Sequence[FeatureContract] = Field(default_factory=list)
    """What the data track delivers, version beside version; nothing is checked when left out."""
    monitoring: MonitoringContract = Field(default_factory=MonitoringContract)
    """What is watched; latency, errors and all traffic when left out."""
    release: ReleasePlan = Field(default_factory=ReleasePlan)
    """How an approved model goes live; after a person's approval when left out."""
    drift: DriftPlan = Field(default_factory=DriftPlan)
    """From when on live traffic drifts from the training rows, and what follows; the default plan when left
    out."""
    arrival: ArrivalPlan = Field(default_factory=ArrivalPlan)
    """When batches that land start a training; the default plan when left out."""
    skew: SkewPlan | None = None
    """How often what the endpoint was asked with is held against history; never when left out."""
    review: ReviewPlan | None = None
    """Which answers people look at; none when left out."""
    compliance: ComplianceSpec = Field(default_factory=ComplianceSpec)
    """What rules outside the team ask; data kept and logs for a year when left out."""

    @field_validator("features", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return [value] if isinstance(value, FeatureContract | Mapping) else value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse(_system_problems(self))
        return self

    def taken_features(self) -> list[FeatureContract]:
        """The feature contracts that the model takes: those that its contract names, or all."""
        named = self.contract.features
        return [contract for contract in self.features if not named or contract.named in named]

    def stored_features(self) -> list[FeatureContract]:
        """The feature contracts whose values are in the feature store."""
        return [item for item in self.features if item.served is FeatureServing.STORED]


# The values that CloudWatch Logs accepts.
LOG_RETENTION_DAYS = (
    *(
        1,
        3,
        5,
        7,
        14,
        30,
        60,
        90,
        120,
        150,
        180,
        365,
        400,
        545,
        731,
        1096,
        1827,
        2192,
        2557,
        2922,
        3288,
        3653,
    ),
)


def _retention_problems(compliance: ComplianceSpec) -> Iterator[Problem]:
    days = compliance.log_retention_days
    if days not in LOG_RETENTION_DAYS:
        nearest = min(allowed for allowed in LOG_RETENTION_DAYS if allowed >= days)
        yield problem("log_retention_days", days, "is not a period that log groups know", f"use {nearest}")


def _system_problems(system: SystemSpec) -> Iterator[Problem]:
    if system.contract.name != system.name:
        message = f"must be the system's name {system.name!r}"
        yield problem("contract.name", system.contract.name, message, "rename one of the two")
    yield from system.model.problems_with(system.contract)
    yield from _feature_problems(system)
    yield from _release_problems(system)
    evaluation = system.model.evaluation
    if evaluation is not None:
        known = {field.name for field in system.contract.inputs}
        for index, column in enumerate(evaluation.slices):
            if column not in known:
                message = "is not an input of the contract"
                yield problem(f"model.evaluation.slices.{index}", column, message, "name one of the inputs")


def _release_problems(system: SystemSpec) -> Iterator[Problem]:
    """What the plan asks for that the rest of the system cannot deliver."""
    known = {field.name for field in system.contract.inputs}
    for index, column in enumerate(system.release.divergence_slices):
        if column not in known:
            message = "is not an input of the contract"
            yield problem(f"release.divergence_slices.{index}", column, message, "name one of the inputs")
    reads_capture = {MetricName.DIVERGENCE, MetricName.OUTPUT_FORMAT, MetricName.QUALITY}
    if system.model.source is ModelSource.TRAINED and system.monitoring.capture_sampling_pct == 0:
        message = "captures nothing, and drift is seen in what is captured"
        yield problem("monitoring.capture_sampling_pct", 0, message, "raise it to 1 or more")
    if system.skew is not None and system.monitoring.capture_sampling_pct == 0:
        message = "captures nothing, and skew is measured in what is captured"
        yield problem("monitoring.capture_sampling_pct", 0, message, "raise it to 1 or more")
    if system.review is not None and system.monitoring.capture_sampling_pct == 0:
        message = "captures nothing, and what people review is captured"
        yield problem("monitoring.capture_sampling_pct", 0, message, "raise it to 1 or more")
    asked = [metric.name.value for metric in system.release.metrics if metric.name in reads_capture]
    if asked and system.monitoring.capture_sampling_pct == 0:
        message = f"captures nothing, and the release judges {', '.join(asked)} by what is captured"
        yield problem("monitoring.capture_sampling_pct", 0, message, "raise it, or leave these metrics out")


def _feature_problems(system: SystemSpec) -> Iterator[Problem]:
    """What the model takes, against what the data track delivers and allows."""
    labels = [contract.label for contract in system.features]
    for label in sorted({label for label in labels if labels.count(label) > 1}):
        fix = "a change of meaning is a new version beside the old one; raise version"
        yield problem("features", label, "is declared more than once", fix)
    if not system.features:
        return
    for index, wanted in enumerate(system.contract.features):
        if wanted.label not in labels:
            message = f"is not declared; the system declares {', '.join(labels)}"
            fix = "take one of them, or add the contract to features"
            yield problem(f"contract.features.{index}", wanted.label, message, fix)
    taken = system.taken_features()
    if not taken:
        return
    yield from _delivery_problems(system, taken)
    for contract in taken:
        for feature in contract.personal().values():
            yield from _purpose_problems(system.contract.purpose, contract, feature)


def _delivery_problems(system: SystemSpec, taken: Sequence[FeatureContract]) -> Iterator[Problem]:
    count = "feature contract" if len(taken) == 1 else "none of the feature contracts"
    groups = f"{count} {', '.join(repr(contract.name) for contract in taken)}"
    delivered = {feature.name: (feature, contract) for contract in taken for feature in contract.features}
    for wanted in system.contract.inputs:
        if wanted.name not in delivered:
            does = "does not deliver" if len(taken) == 1 else "delivers"
            message = f"asks for {wanted.name!r}, which {groups} {does}"
            yield Problem("contract.inputs", "", message, "add the feature or remove the input")
            continue
        feature, contract = delivered[wanted.name]
        if feature.type is not wanted.type:
            message = (
                f"asks for {wanted.name!r} as {wanted.type.value}, "
                f"feature contract {contract.name!r} delivers {feature.type.value}"
            )
            yield Problem("contract.inputs", "", message, "make the two types equal")


def _purpose_problems(purpose: str | None, contract: FeatureContract, feature: Feature) -> Iterator[Problem]:
    """A value that speaks of a person is used for what it was given for, and for nothing else."""
    assert feature.personal_data is not None
    allowed = feature.personal_data.purposes
    if purpose in allowed:
        return
    what = (
        f"takes {feature.name!r} of {contract.label}, personal data that may be used for {', '.join(allowed)}"
    )
    owner = contract.owner if feature.owner is None else feature.owner
    ask = "its owner" if owner is None else f"its owner {owner}"
    fix = f"leave the feature out, or have {ask} add the purpose"
    if purpose is None:
        yield Problem("contract.purpose", "", f"is missing; the model {what}", "say what the answers are for")
    else:
        yield problem("contract.purpose", purpose, f"is not allowed; the model {what}", fix)

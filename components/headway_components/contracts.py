"""What tracks agree on before anybody builds: features, the inference interface, and what is watched."""

from collections.abc import Sequence
from enum import Enum
from typing import Any, Self

from pydantic import Field, model_validator

from headway_components._declaration import Declaration, problem, refuse
from headway_components.feature import (
    COLUMN_PATTERN,
    NAME_PATTERN,
    TAG_TEXT_PATTERN,
    Feature,
    FieldType,
    PersonalData,
    name_problems,
    range_problems,
)
from headway_components.feature_contract import FeatureContract, FeatureServing, FeatureVersion
from headway_runtime.contract import Contract

__all__ = [
    "COLUMN_PATTERN",
    "NAME_PATTERN",
    "Answer",
    "Feature",
    "FeatureContract",
    "FeatureServing",
    "FeatureVersion",
    "FieldType",
    "InferenceContract",
    "MonitoringContract",
    "PersonalData",
    "Task",
]


class Task(Enum):
    """The kind of question that a model answers."""

    BINARY_CLASSIFICATION = "binary-classification"


class Answer(Declaration):
    """The value that a model answers with."""

    name: str = Field(default="probability", pattern=COLUMN_PATTERN)
    """Name of the answer; `probability` when left out."""
    minimum: float = 0.0
    """Smallest value the model may answer; 0 when left out."""
    maximum: float = 1.0
    """Largest value the model may answer; 1 when left out."""
    prior: float | None = None
    """What the placeholder answers; the middle of the range when left out."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse(range_problems(self.minimum, self.maximum))
        if self.prior is not None and not self.minimum <= self.prior <= self.maximum:
            allowed = f"{self.minimum:g} to {self.maximum:g}"
            refuse([problem("prior", self.prior, f"must lie in {allowed}", "move it into the range")])
        return self


class InferenceContract(Declaration):
    """What a model is asked and what it answers: the interface between the model and everybody else."""

    name: str = Field(pattern=NAME_PATTERN)
    """Name of the system that answers: lower case, digits and hyphens."""
    version: int = Field(default=1, ge=1)
    """Version of the contract, from 1; 1 when left out."""
    task: Task = Task.BINARY_CLASSIFICATION
    """Kind of question; a binary classification when left out."""
    inputs: Sequence[Feature] = Field(min_length=1)
    """The inputs, in the order of a CSV row."""
    output: Answer = Field(default_factory=Answer)
    """The answer; a probability from 0 to 1 when left out."""
    features: Sequence[FeatureVersion] = Field(default_factory=list)
    """Versions of the feature contracts that the inputs come from; not said when left out."""
    purpose: str | None = Field(default=None, pattern=TAG_TEXT_PATTERN)
    """What the answers are for; a model that takes personal data has to say it. Not said when left out."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse(name_problems("inputs", self.inputs))
        return self

    @classmethod
    def over(
        cls,
        features: FeatureContract | Sequence[FeatureContract],
        *,
        name: str,
        version: int = 1,
        output: Answer | None = None,
        purpose: str | None = None,
    ) -> Self:
        """The contract that asks for exactly the features of feature contracts.

        Args:
            features: Contracts of the data track; their features become the inputs, in order.
            name: Name of the system that answers.
            version: Version of the inference contract, from 1.
            output: The answer; a probability when left out.
            purpose: What the answers are for.

        Raises:
            DeclarationError: with every problem.
        """
        contracts = [features] if isinstance(features, FeatureContract) else list(features)
        return cls(
            name=name,
            version=version,
            inputs=[feature for contract in contracts for feature in contract.features],
            output=Answer() if output is None else output,
            features=[contract.named for contract in contracts],
            purpose=purpose,
        )

    def document(self) -> dict[str, Any]:
        """The JSON that the runtime reads as `contract.json`; a key that was not declared is absent."""
        return {
            "name": self.name,
            "version": self.version,
            "task": self.task.value,
            "inputs": [_input_document(field) for field in self.inputs],
            "output": {
                "name": self.output.name,
                "type": FieldType.NUMBER.value,
                **_optional(self.output, "prior"),
            },
        }

    def contract(self) -> Contract:
        """The contract as the runtime's own type."""
        return Contract.from_document(self.document())

    def digest(self) -> str:
        """Digest of the document, the one that the runtime and the registry know the contract by."""
        return self.contract().digest


class MonitoringContract(Declaration):
    """What is watched on a live endpoint, and from when on somebody is told."""

    capture_sampling_pct: int = Field(default=100, ge=0, le=100)
    """Share of requests and answers that are captured, in percent; all when left out, none for 0."""
    maximum_latency_p99_ms: float = Field(default=200.0, gt=0)
    """Alarm when the model's 99th percentile latency is above this, in milliseconds; 200 when left out."""
    maximum_error_rate_pct: float = Field(default=1.0, ge=0, lt=100)
    """Alarm when more than this share of requests fails with a 5xx, in percent; 1 when left out."""
    period_s: int = Field(default=60, ge=60, multiple_of=60)
    """Length of one measurement, in seconds; 60 when left out."""
    periods: int = Field(default=3, ge=1, le=100)
    """Measurements in a row that must be bad before the alarm rings; 3 when left out."""


def _input_document(field: Feature) -> dict[str, Any]:
    document: dict[str, Any] = {"name": field.name, "type": field.type.value, "nullable": field.nullable}
    if field.values is not None:
        document["values"] = list(field.values)
    if field.closed:
        document["closed"] = True
    return document | _optional(field)


def _optional(field: Feature | Answer, *more: str) -> dict[str, Any]:
    values = {key: getattr(field, key) for key in ("minimum", "maximum", *more)}
    return {key: value for key, value in values.items() if value is not None}

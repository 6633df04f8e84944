"""What tracks agree on before anybody builds: features, the inference interface, and what is watched."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import Any, Self

from pydantic import Field, model_validator

from headway_components._declaration import Declaration, Problem, problem, refuse
from headway_runtime.contract import Contract

NAME_PATTERN = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
COLUMN_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"
RESERVED_COLUMNS = ("label", "event_time")


class FieldType(Enum):
    """The type of a value that crosses the inference interface."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"


class Task(Enum):
    """The kind of question that a model answers."""

    BINARY_CLASSIFICATION = "binary-classification"


class Feature(Declaration):
    """One value that is known about an entity before the model is asked."""

    name: str = Field(pattern=COLUMN_PATTERN)
    """Name of the column: letters, digits and underscores."""
    type: FieldType
    """Type of the value."""
    nullable: bool = False
    """Whether the value may be missing; a missing value is refused when left out."""
    values: Sequence[str] | None = None
    """Known categories of a string; any text is allowed when left out."""
    closed: bool = False
    """Whether a category outside `values` is refused; it is let through when left out."""
    minimum: float | None = None
    """Smallest value allowed; unbounded below when left out."""
    maximum: float | None = None
    """Largest value allowed; unbounded above when left out."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse(_feature_problems(self))
        return self


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
        refuse(_range_problems(self.minimum, self.maximum))
        if self.prior is not None and not self.minimum <= self.prior <= self.maximum:
            allowed = f"{self.minimum:g} to {self.maximum:g}"
            refuse([problem("prior", self.prior, f"must lie in {allowed}", "move it into the range")])
        return self


class FeatureContract(Declaration):
    """What is known about an entity, with types and ranges: the interface of the data track."""

    name: str = Field(pattern=NAME_PATTERN)
    """Name of the group of features: lower case, digits and hyphens."""
    version: int = Field(default=1, ge=1)
    """Version of the contract, from 1; 1 when left out."""
    entity: Sequence[str] = Field(min_length=1)
    """Columns that together identify the entity."""
    event_time: str = Field(default="event_time", pattern=COLUMN_PATTERN)
    """Column with the time at which the values were known; `event_time` when left out."""
    features: Sequence[Feature] = Field(min_length=1)
    """The features, in the order of a row."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse((*_name_problems("features", self.features), *_column_problems("entity", self.entity)))
        return self

    @classmethod
    def of(cls, name: str, columns: Iterable[object], *, entity: Sequence[str], version: int = 1) -> Self:
        """The contract over columns that feature code declares, so that nothing is written twice.

        Args:
            name: Name of the group of features.
            columns: Anything with the attributes of a `Feature`; other attributes are left alone.
            entity: Columns that together identify the entity.
            version: Version of the contract, from 1.

        Raises:
            DeclarationError: with every problem.
        """
        known = Feature.model_fields
        features = [
            {key: getattr(column, key) for key in known if hasattr(column, key)} for column in columns
        ]
        return cls.load({"name": name, "version": version, "entity": entity, "features": features})


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

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse(_name_problems("inputs", self.inputs))
        return self

    @classmethod
    def over(
        cls, features: FeatureContract, *, name: str, version: int = 1, output: Answer | None = None
    ) -> Self:
        """The contract that asks for exactly the features of a feature contract.

        Args:
            features: Contract of the data track; its features become the inputs, in order.
            name: Name of the system that answers.
            version: Version of the inference contract, from 1.
            output: The answer; a probability when left out.

        Raises:
            DeclarationError: with every problem.
        """
        answer = Answer() if output is None else output
        return cls(name=name, version=version, inputs=features.features, output=answer)

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


def _feature_problems(field: Feature) -> Iterator[Problem]:
    if field.name in RESERVED_COLUMNS:
        yield problem("name", field.name, "is a name that training data uses itself", "choose another name")
    if field.type is not FieldType.STRING:
        for key in ("values", "closed"):
            if getattr(field, key) not in (None, False):
                message = f"belongs to type string, not {field.type.value}"
                yield problem(key, getattr(field, key), message, "remove it or change the type")
    if field.type not in (FieldType.INTEGER, FieldType.NUMBER):
        for key in ("minimum", "maximum"):
            if getattr(field, key) is not None:
                message = f"belongs to types integer and number, not {field.type.value}"
                yield problem(key, getattr(field, key), message, "remove it or change the type")
    if field.closed and field.values is None:
        yield problem("closed", field.closed, "needs the categories that are allowed", "add values")
    if field.values is not None:
        repeated = sorted({value for value in field.values if list(field.values).count(value) > 1})
        if repeated:
            yield problem("values", repeated, "repeats categories", "name each one once")
        if not field.values:
            yield problem("values", [], "names no category", "add one or leave values out")
    yield from _range_problems(field.minimum, field.maximum)


def _range_problems(minimum: float | None, maximum: float | None) -> Iterator[Problem]:
    for key, bound in (("minimum", minimum), ("maximum", maximum)):
        if bound is not None and not math.isfinite(bound):
            yield problem(key, bound, "must be a finite number", "leave it out for no bound")
    if minimum is not None and maximum is not None and minimum > maximum:
        yield problem("minimum", minimum, f"is above maximum {maximum:g}", "swap or correct them")


def _column_problems(place: str, columns: Sequence[str]) -> Iterator[Problem]:
    for index, column in enumerate(columns):
        if re.fullmatch(COLUMN_PATTERN, column) is None:
            message = "is not the name of a column"
            yield problem(f"{place}.{index}", column, message, "use letters, digits and underscores")


def _name_problems(place: str, fields: Sequence[Feature]) -> Iterator[Problem]:
    names = [field.name for field in fields]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield problem(place, name, f"has this name {names.count(name)} times", "give each one its own name")

"""FeatureContract: what a group of features means, by version, and who may use it for what."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Protocol, Self

from pydantic import Field, model_validator

from headway_components._declaration import Declaration, Problem, problem, refuse
from headway_components.feature import (
    COLUMN_PATTERN,
    NAME_PATTERN,
    TAG_TEXT_PATTERN,
    Feature,
    FieldType,
    name_problems,
)
from headway_runtime.contract import digest

_STORED_COLUMN = r"[A-Za-z0-9](?:[_-]*[A-Za-z0-9]){0,63}"
_ADDED_BY_STORE = ("write_time", "api_invocation_time", "is_deleted")
_MEANING = ("name", "type", "nullable", "values", "closed", "minimum", "maximum", "sql")
"""What of a feature is its meaning; who answers for it and how it is described is not."""


class FeatureServing(Enum):
    """Where the value comes from when a model is asked."""

    ON_REQUEST = "on-request"
    STORED = "stored"


class Transformation(Protocol):
    """Feature code, as far as a contract is made of it; `headway_runtime.features` has the real one."""

    @property
    def name(self) -> str:
        """Name of the group of features."""

    @property
    def version(self) -> int:
        """Version, from 1."""

    @property
    def keys(self) -> Mapping[str, str]:
        """Columns that identify the entity, each with its expression."""

    @property
    def features(self) -> Sequence[object]:
        """The features, with the attributes of a `Feature`."""

    @property
    def ttl_s(self) -> int | None:
        """How long a value counts after its event time, in seconds; None for ever."""

    @property
    def digest(self) -> str:
        """Identifies the code that computes the values."""


class FeatureVersion(Declaration):
    """One version of a feature contract, as a model names what it takes."""

    name: str = Field(pattern=NAME_PATTERN)
    """Name of the contract."""
    version: int = Field(default=1, ge=1)
    """Version of the contract; 1 when left out."""

    @property
    def label(self) -> str:
        """`<name>-v<version>`."""
        return f"{self.name}-v{self.version}"


class FeatureContract(Declaration):
    """What is known about an entity, with types, ranges and promises: the interface of the data track."""

    name: str = Field(pattern=NAME_PATTERN)
    """Name of the group of features: lower case, digits and hyphens."""
    version: int = Field(default=1, ge=1)
    """Version, from 1: what means something else is a new version beside the old one; 1 when left out."""
    entity: Sequence[str] = Field(min_length=1)
    """Columns that together identify the entity."""
    event_time: str = Field(default="event_time", pattern=COLUMN_PATTERN)
    """Column with the time at which the values were known; `event_time` when left out."""
    features: Sequence[Feature] = Field(min_length=1)
    """The features, in the order of a row."""
    served: FeatureServing = FeatureServing.ON_REQUEST
    """Where values come from when a model is asked: computed from the request when left out, or stored."""
    ttl_s: int | None = Field(default=None, ge=1, le=100 * 366 * 86_400)
    """How long a value counts after its event time, in seconds; for ever when left out."""
    owner: str | None = Field(default=None, pattern=TAG_TEXT_PATTERN)
    """Team or person that answers for the features; nobody when left out."""
    description: str | None = Field(default=None, min_length=1, max_length=128)
    """What the features are about, for whoever looks for some; nothing when left out."""
    transformation: str | None = Field(default=None, pattern=r"^sha256:[0-9a-f]{64}$")
    """Digest of the code that computes the values; not known when left out."""
    code: str | None = Field(default=None, pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$")
    """`module:NAME` of the transformation that computes the values; not known when left out."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse(_contract_problems(self))
        return self

    @classmethod
    def of(cls, name: str, columns: Iterable[object], *, entity: Sequence[str], **more: Any) -> Self:  # noqa: ANN401 - any field
        """The contract over columns that feature code declares, so that nothing is written twice.

        Args:
            name: Name of the group of features.
            columns: Anything with the attributes of a `Feature`; other attributes are left alone.
            entity: Columns that together identify the entity.
            more: Further fields of the contract.

        Raises:
            DeclarationError: with every problem.
        """
        known = Feature.model_fields
        features = [
            {key: getattr(column, key) for key in known if getattr(column, key, None) is not None}
            for column in columns
        ]
        return cls.load({"name": name, "entity": entity, "features": features, **more})

    @classmethod
    def over(cls, transformation: Transformation, **more: Any) -> Self:  # noqa: ANN401 - any field
        """The contract of what a transformation computes.

        Args:
            transformation: The code: names, types and expressions are taken from it.
            more: What code does not say: owner, description, how the values are served, `code`.

        Raises:
            DeclarationError: with every problem.
        """
        return cls.of(
            transformation.name,
            transformation.features,
            entity=list(transformation.keys),
            version=transformation.version,
            ttl_s=transformation.ttl_s,
            transformation=transformation.digest,
            **more,
        )

    @property
    def label(self) -> str:
        """`<name>-v<version>`."""
        return self.named.label

    @property
    def named(self) -> FeatureVersion:
        """Name and version."""
        return FeatureVersion(name=self.name, version=self.version)

    def meaning(self) -> dict[str, Any]:
        """What the digest is made of: all that changes the values, and nothing that only describes them."""
        fields = {"name", "version", "entity", "event_time", "ttl_s", "transformation"}
        plain = {key: value for key, value in self.plain().items() if key in fields}
        features = [
            {key: value for key, value in feature.plain().items() if key in _MEANING}
            for feature in self.features
        ]
        return plain | {"features": features}

    def digest(self) -> str:
        """Identifies this version of the contract; it is recorded in every training run."""
        return digest(self.meaning())

    def personal(self) -> dict[str, Feature]:
        """The features that speak of people, by name."""
        return {item.name: item for item in self.features if item.personal_data is not None}

    def purposes(self) -> list[str]:
        """What all features that speak of people may be used for, sorted; empty where none does."""
        allowed = [set(item.personal_data.purposes) for item in self.features if item.personal_data]
        return sorted(set.intersection(*allowed)) if allowed else []

    def retention_d(self) -> int | None:
        """Days until the first feature that speaks of people has to be gone; None without any."""
        return min(
            (item.personal_data.retention_d for item in self.features if item.personal_data), default=None
        )


def _contract_problems(contract: FeatureContract) -> Iterator[Problem]:
    yield from name_problems("features", contract.features)
    for index, column in enumerate(contract.entity):
        if re.fullmatch(COLUMN_PATTERN, column) is None:
            message = "is not the name of a column"
            yield problem(f"entity.{index}", column, message, "use letters, digits and underscores")
    if contract.personal() and not contract.purposes():
        message = "speak of people and have no purpose in common"
        fix = "put them into contracts of their own, or let them share a purpose"
        yield problem("features", sorted(contract.personal()), message, fix)
    if contract.served is FeatureServing.STORED:
        yield from _stored_problems(contract)


def _stored_problems(contract: FeatureContract) -> Iterator[Problem]:
    """What SageMaker's feature store cannot hold."""
    if len(contract.entity) > 1:
        message = "identify a record together, and the feature store knows one identifier"
        yield problem("entity", list(contract.entity), message, "compute one key column of them")
    columns = [*contract.entity, contract.event_time, *(item.name for item in contract.features)]
    for column in columns:
        if re.fullmatch(_STORED_COLUMN, column) is None:
            message = "is not a name that the feature store takes"
            yield problem("features", column, message, "begin and end with a letter or digit, 64 at most")
        elif column.lower() in _ADDED_BY_STORE:
            message = "is a column that the feature store adds itself"
            yield problem("features", column, message, "choose another name")
    for name in sorted(
        {name for name in columns if [each.lower() for each in columns].count(name.lower()) > 1}
    ):
        message = "comes more than once, and the feature store knows no case"
        yield problem("features", name, message, "give each column its own name")
    for index, feature in enumerate(contract.features):
        if feature.type is FieldType.BOOLEAN:
            message = f"{feature.name!r} is boolean, which the feature store does not know"
            yield Problem(f"features.{index}.type", "", message, "declare an integer of 0 and 1")
        if (
            feature.freshness_s is not None
            and contract.ttl_s is not None
            and feature.freshness_s > contract.ttl_s
        ):
            message = f"is longer than the {contract.ttl_s} s that the value counts"
            yield problem(
                f"features.{index}.freshness_s", feature.freshness_s, message, "lower it or raise ttl_s"
            )
    if contract.personal() and contract.ttl_s is None:
        message = "is missing, and the contract has features that speak of people"
        yield Problem("ttl_s", "", message, "say how long a value counts")

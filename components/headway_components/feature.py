"""One value that is known about an entity: type, range, owner, and what it may be used for."""

import math
import re
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Protocol, Self

from pydantic import Field, model_validator

from headway_components._declaration import Declaration, Problem, problem, refuse

NAME_PATTERN = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
COLUMN_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"
TAG_TEXT_PATTERN = r"^[\w :/=+@-][\w .:/=+@-]*$"
"""What a tag of AWS can say."""
RESERVED_COLUMNS = ("label", "event_time")
MAXIMUM_RETENTION_D = 36_500


class FieldType(Enum):
    """The type of a value that crosses the inference interface."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"


class Named(Protocol):
    """Anything with a name."""

    @property
    def name(self) -> str:
        """The name."""


class PersonalData(Declaration):
    """That a value speaks of a person: what it may be used for, and when it has to be gone."""

    purposes: Sequence[str] = Field(min_length=1)
    """What the value may be used for; a model that serves another purpose is refused."""
    retention_d: int = Field(ge=1, le=MAXIMUM_RETENTION_D)
    """Days after which the value is erased everywhere."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse(
            problem(f"purposes.{index}", purpose, "cannot be written into a tag", "use letters and spaces")
            for index, purpose in enumerate(self.purposes)
            if re.fullmatch(TAG_TEXT_PATTERN, purpose) is None
        )
        return self


class Feature(Declaration):
    """One value that is known about an entity before the model is asked."""

    name: str = Field(pattern=COLUMN_PATTERN)
    """Name of the column: letters, digits and underscores, with the unit at its end."""
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
    sql: str | None = Field(default=None, min_length=1)
    """Expression that computes the value, part of its meaning; not known to the contract when left out."""
    description: str | None = Field(default=None, min_length=1)
    """What the value says, for whoever looks for one; nothing when left out."""
    owner: str | None = Field(default=None, pattern=TAG_TEXT_PATTERN)
    """Team or person that answers for the value; the contract's owner when left out."""
    freshness_s: int | None = Field(default=None, ge=1)
    """Age in seconds that the owner promises the newest value not to exceed; no promise when left out."""
    personal_data: PersonalData | None = None
    """What a value that speaks of a person may be used for; it speaks of none when left out."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse(_feature_problems(self))
        return self


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
    yield from range_problems(field.minimum, field.maximum)


def range_problems(minimum: float | None, maximum: float | None) -> Iterator[Problem]:
    """What is wrong with the two ends of a range."""
    for key, bound in (("minimum", minimum), ("maximum", maximum)):
        if bound is not None and not math.isfinite(bound):
            yield problem(key, bound, "must be a finite number", "leave it out for no bound")
    if minimum is not None and maximum is not None and minimum > maximum:
        yield problem("minimum", minimum, f"is above maximum {maximum:g}", "swap or correct them")


def name_problems(place: str, fields: Sequence[Named]) -> Iterator[Problem]:
    """Names that several fields have."""
    names = [field.name for field in fields]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield problem(place, name, f"has this name {names.count(name)} times", "give each one its own name")

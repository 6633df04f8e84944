"""Checks a program's inputs before anything is called: names, required properties, allowed values. Pure.

Everything that is wrong is reported at once, each problem with the resource type, the property, the value and
what is allowed; a secret's value is never shown.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from headway_sandbox.provider import mapping, paths, scalars
from headway_sandbox.provider.assets import Archive, Asset
from headway_sandbox.provider.schema import ListOf, MapOf, ObjectOf, PropertyType, Scalar
from headway_sandbox.provider.table import Autoname, ResourceType
from headway_sandbox.provider.values import Value
from headway_sandbox.provider.wire import UNKNOWN, Secret, reveal

SUFFIX_LENGTH = 7
_SHOWN_CHOICES = 12
_HINT = "leave it out for the sandbox, or deploy with the official aws provider"
_PLANNABLE = (
    "a stack with it can be planned for AWS (`headway gate --stack STACK`) and deployed there with the "
    "official aws provider; leave it out of stacks for the sandbox"
)
WHOLE_TYPE = ""
"""Key of a table's ``lacks`` that stands for the whole type."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with the inputs.

    Attributes:
        property: dotted path of the property.
        reason: sentence for a person.
    """

    property: str
    reason: str


@dataclass(frozen=True)
class Naming:
    """What the engine says about names.

    Attributes:
        logical_name: name of the resource in the program.
        seed: bytes that the engine gives, the same in a preview with a plan and its update.
        proposed: name that the stack's autonaming configuration proposes, or None.
        enforced: whether the proposed name must be taken as it is.
        disabled: whether names must be given by the program.
    """

    logical_name: str
    seed: bytes
    proposed: str | None = None
    enforced: bool = False
    disabled: bool = False


def serialise_documents(value: Value, kind: PropertyType | None) -> Value:
    """Policies may be given as objects; AWS takes them as text."""
    match value, kind:
        case Secret(), _:
            return Secret(serialise_documents(value.value, kind))
        case dict(), Scalar(kind="json"):
            revealed = reveal(value)
            return UNKNOWN if _unknown_inside(revealed) else json.dumps(revealed, sort_keys=True)
        case dict(), ObjectOf():
            return {
                name: serialise_documents(item, kind.properties.get(name)) for name, item in value.items()
            }
        case list(), ListOf():
            return [serialise_documents(item, kind.item) for item in value]
    return value


def _unknown_inside(value: Value) -> bool:
    match value:
        case dict():
            return any(_unknown_inside(item) for item in value.values())
        case list():
            return any(_unknown_inside(item) for item in value)
    return value is UNKNOWN


def with_defaults(table: ResourceType, inputs: dict[str, Any]) -> dict[str, Any]:
    """The inputs with the table's defaults where the program says nothing. Changes and returns ``inputs``."""
    for pattern, value in table.defaults.items():
        taken = {
            name
            for group in table.exclusive
            if pattern in group
            for name in group
            if inputs.get(name) is not None
        }
        if not taken:
            paths.set_default(inputs, pattern, value)
    return inputs


def _suffix(seed: bytes, logical_name: str) -> str:
    return hashlib.sha256(seed + logical_name.encode()).hexdigest()[:SUFFIX_LENGTH]


def named(
    table: ResourceType, inputs: dict[str, Any], olds: Mapping[str, Any], naming: Naming
) -> tuple[dict[str, Any], list[Problem]]:
    """The inputs with a name where the program gives none: the old made-up name, or a new one.

    Args:
        table: the type's table.
        inputs: the program's inputs; changed in place.
        olds: inputs of the existing resource, empty for a new one.
        naming: what the engine says about names.
    """
    auto = table.autoname
    if auto is None or inputs.get(auto.property) is not None:
        return inputs, []
    stem, limit = _stem(auto, inputs, naming), auto.max_length
    suffix = auto.suffix(reveal(inputs))
    kept = reveal(olds.get(auto.property))
    if isinstance(kept, str) and _was_made(kept, stem, suffix, auto):
        inputs[auto.property] = kept
        return inputs, []
    if naming.disabled:
        return inputs, [
            Problem(
                auto.property, f"{table.pulumi_type}: {auto.property} is required, because autonaming is off"
            )
        ]
    made = f"{stem}{suffix}"
    if auto.random:
        made = f"{stem}{auto.separator}{_suffix(naming.seed, naming.logical_name)}{suffix}"
    if naming.proposed is not None:
        made = f"{auto.prefix}{naming.proposed}"
    if naming.proposed is None and f"{auto.property}Prefix" in inputs:
        made = f"{stem}{_suffix(naming.seed, naming.logical_name)}{suffix}"
    if limit is not None and len(made) > limit:
        reason = (
            f"{table.pulumi_type}: the name {made!r} made from the logical name {naming.logical_name!r} has "
            f"{len(made)} characters, at most {limit} are allowed; "
            f"give {auto.property} or shorten the logical name"
        )
        return inputs, [Problem(auto.property, reason)]
    inputs[auto.property] = made
    return inputs, []


def _stem(auto: Autoname, inputs: Mapping[str, Any], naming: Naming) -> str:
    prefix = reveal(inputs.get(f"{auto.property}Prefix"))
    if isinstance(prefix, str):
        return prefix
    name = naming.logical_name.lower() if auto.lower else naming.logical_name
    return f"{auto.prefix}{name}"


def _was_made(name: str, stem: str, suffix: str, auto: Autoname) -> bool:
    if not auto.random:
        return name == f"{stem}{suffix}"
    return (
        re.fullmatch(
            rf"{re.escape(stem)}{re.escape(auto.separator)}?[0-9a-f]{{{SUFFIX_LENGTH}}}{re.escape(suffix)}",
            name,
        )
        is not None
    )


def is_made_up(table: ResourceType, logical_name: str, inputs: Mapping[str, Any]) -> bool:
    """Whether the resource's name was made from its logical name, so that an update may make another one."""
    auto = table.autoname
    if auto is None:
        return False
    naming = Naming(logical_name, b"")
    name = inputs.get(auto.property)
    return (
        isinstance(name, str)
        and auto.random
        and _was_made(name, _stem(auto, inputs, naming), auto.suffix(dict(inputs)), auto)
    )


class Validator:
    """Checks the inputs of one resource type.

    Args:
        table: the type's table.
        declared: the declared inputs.
        requests: shapes that the inputs are sent in, whose enumerations and ranges apply.
        deploys: whether there is a sandbox to deploy to; a plan for AWS may hold what the sandbox lacks.
    """

    def __init__(
        self,
        table: ResourceType,
        declared: ObjectOf,
        requests: Sequence[StructureShape],
        *,
        deploys: bool = True,
    ) -> None:
        self._table = table
        self._declared = declared
        self._requests = requests
        self._deploys = deploys
        self._problems: list[Problem] = []

    def problems(self, inputs: Mapping[str, Any]) -> list[Problem]:
        """Everything that is wrong with the inputs (secret markers included)."""
        self._problems = []
        self._object(inputs, self._declared, None, "", hidden=False)
        self._groups(inputs)
        if self._deploys and WHOLE_TYPE in self._table.lacks:
            self._add("", f"the sandbox has no {self._table.lacks[WHOLE_TYPE]}; {_PLANNABLE}")
        return self._problems

    def _add(self, path: str, text: str) -> None:
        self._problems.append(Problem(path, f"{self._table.pulumi_type}: {text}"))

    def _groups(self, inputs: Mapping[str, Any]) -> None:
        for group in self._table.exclusive:
            given = [name for name in group if inputs.get(name) is not None]
            if len(given) > 1:
                self._add(given[1], f"{' and '.join(given)} exclude each other; give one of them")
        for group in self._table.one_of:
            if all(inputs.get(name) is None for name in group):
                self._add(group[0], f"one of {', '.join(group)} is required")

    def _object(
        self, value: Mapping[str, Any], kind: ObjectOf, shape: Shape | None, prefix: str, *, hidden: bool
    ) -> None:
        for name in sorted(kind.required - {key for key, item in value.items() if item is not None}):
            self._add(f"{prefix}{name}", f"{prefix}{name} is required")
        for name, item in value.items():
            path = f"{prefix}{name}"
            declared = kind.properties.get(name)
            if declared is None:
                self._add(path, self._unknown_name(path, name, kind))
            elif item is not None:
                self._property(item, declared, shape, path, hidden=hidden)

    def _property(
        self, value: Value, kind: PropertyType, shape: Shape | None, path: str, *, hidden: bool
    ) -> None:
        pattern = paths.pattern_of(path)
        member = self.member(shape, pattern)
        lost = isinstance(shape, StructureShape) and member is None
        if self._deploys and (lost or paths.covered(self._table.unsupported, pattern)):
            self._add(path, f"{path} is an input that the sandbox does not translate; {_HINT}")
        if self._deploys and pattern in self._table.lacks:
            self._add(path, f"{path} needs {self._table.lacks[pattern]}, which the sandbox lacks; {_HINT}")
        self._value(value, kind, member, path, hidden=hidden)

    def _unknown_name(self, path: str, name: str, kind: ObjectOf) -> str:
        wanted = mapping.normalised(name)
        near = next((known for known in kind.properties if mapping.normalised(known) == wanted), None)
        advice = f"did you mean {near}?" if near else f"allowed are {', '.join(sorted(kind.properties))}"
        return f"{path} is no property of this type; {advice}"

    def member(self, shape: Shape | None, pattern: str) -> Shape | None:
        """The shape that limits a property: in its block, or for a top-level one in any of the requests."""
        if paths.covered(self._table.folded | self._table.attributes.keys(), pattern):
            return None
        candidates = self._requests if paths.top_of(pattern) == pattern else [shape]
        for candidate in candidates:
            if isinstance(candidate, StructureShape):
                target = mapping.member_for(candidate, pattern, self._table.renames)
                found = candidate if target == mapping.SAME else mapping.resolve(candidate, target or "")
                if found is not None:
                    return found
        return None

    def _value(
        self, value: Value, kind: PropertyType, shape: Shape | None, path: str, *, hidden: bool
    ) -> None:
        if isinstance(value, Secret):
            self._value(value.value, kind, shape, path, hidden=True)
            return
        if value is UNKNOWN or value is None:
            return
        match kind:
            case ObjectOf() if isinstance(value, dict):
                block = shape.member if isinstance(shape, ListShape) else shape
                self._object(value, kind, block, f"{path}.", hidden=hidden)
            case ListOf() if isinstance(value, list):
                self._length(len(value), shape, path, "elements")
                item_shape = shape.member if isinstance(shape, ListShape) else shape
                for index, item in enumerate(value):
                    self._value(item, kind.item, item_shape, f"{path}[{index}]", hidden=hidden)
            case MapOf() if isinstance(value, dict):
                item_shape = shape.value if isinstance(shape, MapShape) else None
                for key, item in value.items():
                    self._value(item, kind.item, item_shape, f"{path}.{key}", hidden=hidden)
            case Scalar():
                self._scalar(value, kind, shape, path, hidden=hidden)
            case _:
                wanted = {ObjectOf: "an object", ListOf: "a list", MapOf: "a map"}[type(kind)]
                self._add(path, f"{path} must be {wanted}, got {_shown(value, hidden=hidden)}")

    def _scalar(self, value: Value, kind: Scalar, shape: Shape | None, path: str, *, hidden: bool) -> None:
        wanted = _KINDS.get(kind.kind)
        converted = scalars.as_kind(kind, value)
        if wanted is not None and not wanted[1](converted):
            self._add(path, f"{path} must be {wanted[0]}, got {_shown(value, hidden=hidden)}")
            return
        if kind.kind == "json" or paths.pattern_of(path) in self._table.json:
            self._json(value, path)
        elif shape is not None and scalars.convertible(shape, value):
            self._limits(converted, shape, path, hidden=hidden)
        elif shape is not None:
            self._add(path, f"{path} must be a {shape.type_name}, got {_shown(value, hidden=hidden)}")

    def _json(self, value: Value, path: str) -> None:
        try:
            json.loads(value)
        except (TypeError, ValueError) as error:
            self._add(path, f"{path} must be JSON text: {error}")

    def _limits(self, value: Value, shape: Shape, path: str, *, hidden: bool) -> None:
        choices = list(shape.metadata.get("enum", ()))
        if choices and value not in choices:
            shown = ", ".join(choices[:_SHOWN_CHOICES]) + (", …" if len(choices) > _SHOWN_CHOICES else "")
            self._add(path, f"{path} must be one of {shown}, got {_shown(value, hidden=hidden)}")
            return
        if isinstance(value, str) and shape.type_name == "string":
            self._length(len(value), shape, path, "characters")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            low, high = shape.metadata.get("min"), shape.metadata.get("max")
            if (low is not None and value < low) or (high is not None and value > high):
                self._add(path, f"{path} must be {_range(low, high)}, got {_shown(value, hidden=hidden)}")

    def _length(self, length: int, shape: Shape | None, path: str, unit: str) -> None:
        if shape is None:
            return
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        if (low is not None and length < low) or (high is not None and length > high):
            self._add(path, f"{path} must have {_range(low, high)} {unit}, got {length}")


def _range(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"{low} to {high}"
    return f"at least {low}" if low is not None else f"at most {high}"


def _shown(value: Value, *, hidden: bool) -> str:
    return "a secret value" if hidden else repr(value)


_KINDS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "string": ("text", lambda value: isinstance(value, str)),
    "json": ("JSON text", lambda value: isinstance(value, str)),
    "integer": ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "number": ("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool)),
    "boolean": ("true or false", lambda value: isinstance(value, bool)),
    "asset": ("an asset or archive", lambda value: isinstance(value, Asset | Archive)),
}

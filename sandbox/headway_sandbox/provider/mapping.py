"""Names and structures between pulumi-aws properties and botocore shapes. Pure.

Names match mechanically: lower-case, without underscores, singular or plural. Open maps keep the user's keys.
Blocks are plain objects in Pulumi where AWS sometimes wants a list of one, and the other way round; a map of
text stands for a list of key and value pairs. A type's table names only what differs, as renames from the
dotted path of a property (``[]`` marks a list element) to a dotted path of members (``[]``: a list of one).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from headway_sandbox.provider import scalars
from headway_sandbox.provider.schema import ListOf, MapOf, ObjectOf, PropertyType, Scalar
from headway_sandbox.provider.values import Value

Renames = Mapping[str, str]
Translate = Callable[[Value], Value]
SAME = "."
"""Rename of a block whose properties are members of the structure that the block is in."""
_ANYTHING = Scalar("any")
_PAIR_NAMES = (("key", "value"), ("name", "value"), ("tagkey", "tagvalue"))


class UntranslatableError(ValueError):
    """Properties that no member of the request stands for."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = tuple(paths)
        super().__init__(f"no member of the AWS request stands for {', '.join(self.paths)}")


def normalised(name: str) -> str:
    """A name without case, underscores and plural, for comparison."""
    plain = name.replace("_", "").replace("-", "").lower()
    if plain.endswith("ies"):
        return plain[:-3] + "y"
    if plain.endswith(("sses", "shes", "ches", "xes")):
        return plain[:-2]
    return plain[:-1] if plain.endswith("s") and not plain.endswith("ss") else plain


@lru_cache(maxsize=4096)
def _members_by_name(names: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(normalised(name), name)
    return found


def member_for(shape: StructureShape, path: str, renames: Renames) -> str | None:
    """The member (or dotted path of members) of a structure that stands for a property, or None.

    Args:
        shape: botocore structure.
        path: dotted path of the property, ``[]`` after list properties.
        renames: the table's exceptions.
    """
    target = renames.get(path)
    if target is not None and (target == SAME or resolve(shape, target) is not None):
        return target
    name = path.rsplit(".", 1)[-1].removesuffix("[]")
    members: Mapping[str, Shape] = shape.members
    return _members_by_name(tuple(members)).get(normalised(name))


def resolve(shape: Shape, target: str) -> Shape | None:
    """The shape at a dotted path of members below a structure; None where a step does not exist."""
    for step in target.split("."):
        name = step.removesuffix("[]")
        if not isinstance(shape, StructureShape) or name not in shape.members:
            return None
        shape = shape.members[name]
        if step != name and isinstance(shape, ListShape):
            shape = shape.member
    return shape


def pair_members(shape: Shape) -> tuple[str, str] | None:
    """The members of a list of key and value structures, or None for any other shape."""
    if not isinstance(shape, ListShape) or not isinstance(shape.member, StructureShape):
        return None
    by_name = {name.lower(): name for name in shape.member.members}
    for key, value in _PAIR_NAMES:
        if set(by_name) == {key, value}:
            return by_name[key], by_name[value]
    return None


def _single_list_member(shape: Shape) -> str | None:
    if isinstance(shape, StructureShape):
        lists = [name for name, member in shape.members.items() if isinstance(member, ListShape)]
        if len(lists) == 1:
            return str(lists[0])
    return None


class _Direction(ABC):
    """Which form of a property stands for which form of a shape: the same for requests and answers.

    Args:
        renames: the table's exceptions.
    """

    def __init__(self, renames: Renames) -> None:
        self._renames = renames

    def value(self, shape: Shape, kind: PropertyType, value: Value, path: str) -> Value:
        """One value in the form of the other side."""
        match kind, shape:
            case (ObjectOf(), StructureShape()):
                return self.structure(shape, kind, value, f"{path}.")
            case (ObjectOf(), ListShape()):
                return self._list_of_one(lambda item: self.value(shape.member, kind, item, path), value)
            case (ObjectOf() | MapOf(), MapShape()):
                return self._entries(shape, kind, value, path)
            case (ListOf(), ListShape() | StructureShape()):
                return self._elements(shape, kind, value, path)
            case (MapOf(), ListShape()) if (members := pair_members(shape)) is not None:
                return self._pairs(members, value)
        return self._scalar(shape, kind, value, path)

    def _entries(self, shape: MapShape, kind: ObjectOf | MapOf, value: Mapping[str, Any], path: str) -> Value:
        present = {key: item for key, item in value.items() if item is not None}
        if isinstance(kind, ObjectOf):
            kinds = {key: kind.properties.get(key, _ANYTHING) for key in present}
            return {key: self.value(shape.value, kinds[key], item, path) for key, item in present.items()}
        return {key: self.value(shape.value, kind.item, item, f"{path}[]") for key, item in present.items()}

    def _elements(self, shape: Shape, kind: ListOf, value: Value, path: str) -> Value:
        if isinstance(shape, ListShape):
            items = [item for item in value if item is not None]
            return [self.value(shape.member, kind.item, item, f"{path}[]") for item in items]
        inner = _single_list_member(shape)
        if inner is None:
            return self._only_element(shape, kind, value, path)
        return self._inside(inner, lambda item: self.value(shape.members[inner], kind, item, path), value)

    @abstractmethod
    def structure(
        self, shape: StructureShape, declared: ObjectOf, values: Mapping[str, Any], prefix: str = ""
    ) -> dict[str, Any]:
        """A structure's members for an object's properties, or the other way round."""

    @abstractmethod
    def _list_of_one(self, translate: Translate, value: Value) -> Value:
        """A block where AWS has a list."""

    @abstractmethod
    def _only_element(self, shape: Shape, kind: ListOf, value: Value, path: str) -> Value:
        """A list of at most one block where AWS has a structure."""

    @abstractmethod
    def _inside(self, member: str, translate: Translate, value: Value) -> Value:
        """A list where AWS has a structure around a list."""

    @abstractmethod
    def _pairs(self, members: tuple[str, str], value: Value) -> Value:
        """A map where AWS has a list of key and value pairs."""

    @abstractmethod
    def _scalar(self, shape: Shape, kind: PropertyType, value: Value, path: str) -> Value:
        """A scalar, or a property that has no form that the shape has."""


class RequestBuilder(_Direction):
    """Translates property values into the members of one request shape.

    Args:
        renames: the table's exceptions.
    """

    def __init__(self, renames: Renames) -> None:
        super().__init__(renames)
        self.unmatched: list[str] = []

    def matches(self, shape: StructureShape, name: str) -> bool:
        """Whether a structure has a member for a top-level property."""
        return member_for(shape, name, self._renames) is not None

    def structure(
        self, shape: StructureShape, declared: ObjectOf, values: Mapping[str, Any], prefix: str = ""
    ) -> dict[str, Any]:
        """The members for an object's properties; names without a member are kept in ``unmatched``."""
        built: dict[str, Any] = {}
        for name, value in values.items():
            if value is None:
                continue
            path = f"{prefix}{name}"
            target = member_for(shape, path, self._renames)
            kind = declared.properties.get(name)
            if target == SAME and isinstance(kind, ObjectOf):
                built.update(self.structure(shape, kind, value, f"{path}."))
                continue
            member = resolve(shape, target) if target is not None else None
            if target is None or member is None or kind is None:
                self.unmatched.append(path)
                continue
            _put(built, target, self.value(member, kind, value, path))
        return built

    def _list_of_one(self, translate: Translate, value: Value) -> Value:
        return [translate(value)]

    def _only_element(self, shape: Shape, kind: ListOf, value: Value, path: str) -> Value:
        if not isinstance(kind.item, ObjectOf):
            self.unmatched.append(path)
            return None
        if len(value) > 1:
            self.unmatched.append(f"{path}[1]")
        return self.value(shape, kind.item, value[0], f"{path}[]") if value else {}

    def _inside(self, member: str, translate: Translate, value: Value) -> Value:
        return {member: translate(value)}

    def _pairs(self, members: tuple[str, str], value: Value) -> Value:
        key_member, value_member = members
        return [{key_member: key, value_member: item} for key, item in sorted(value.items())]

    def _scalar(self, shape: Shape, kind: PropertyType, value: Value, path: str) -> Value:
        if not isinstance(kind, Scalar):
            self.unmatched.append(path)
            return None
        return scalars.to_request(shape, value)


class ResponseReader(_Direction):
    """Translates a response into property values.

    Args:
        renames: the table's exceptions, the same as for requests.
    """

    def structure(
        self, shape: StructureShape, declared: ObjectOf, values: Mapping[str, Any], prefix: str = ""
    ) -> dict[str, Any]:
        """The properties that the response holds a value for; absent members give no property."""
        found: dict[str, Any] = {}
        for name, kind in declared.properties.items():
            path = f"{prefix}{name}"
            target = member_for(shape, path, self._renames)
            if target is None:
                continue
            if target == SAME and isinstance(kind, ObjectOf):
                inner = self.structure(shape, kind, values, f"{path}.")
                found.update({name: inner} if inner else {})
                continue
            member = resolve(shape, target)
            value = get(values, target)
            if member is not None and value is not None and _fits(kind, member):
                found[name] = self.value(member, kind, value, path)
        return found

    def _list_of_one(self, translate: Translate, value: Value) -> Value:
        return translate(value[0]) if value else None

    def _only_element(self, shape: Shape, kind: ListOf, value: Value, path: str) -> Value:
        return [self.value(shape, kind.item, value, f"{path}[]")]

    def _inside(self, member: str, translate: Translate, value: Value) -> Value:
        return translate(value.get(member) or [])

    def _pairs(self, members: tuple[str, str], value: Value) -> Value:
        key_member, value_member = members
        return {item[key_member]: item.get(value_member, "") for item in value}

    def _scalar(self, shape: Shape, kind: PropertyType, value: Value, path: str) -> Value:
        if isinstance(kind, ListOf):
            return [self.value(shape, kind.item, value, f"{path}[]")]
        return scalars.from_response(kind, value)


def _put(built: dict[str, Any], target: str, value: Value) -> None:
    *parents, last = target.split(".")
    for parent in parents:
        name = parent.removesuffix("[]")
        built = built.setdefault(name, {}) if parent == name else built.setdefault(name, [{}])[0]
    if isinstance(value, dict) and isinstance(built.get(last), dict):
        built[last].update(value)
    else:
        built[last] = value


def _fits(kind: PropertyType, shape: Shape) -> bool:
    """Whether a property can hold a member: names alone also match a text with a structure around it."""
    return not (isinstance(kind, Scalar) and shape.type_name in {"structure", "list", "map"})


def get(response: Value, target: str) -> Value:
    """The value at a dotted path of members (``[]``: first element) in an answer, or None."""
    for step in target.split("."):
        name = step.removesuffix("[]")
        if not isinstance(response, Mapping) or name not in response:
            return None
        response = response[name]
        if step != name:
            response = response[0] if response else None
    return response

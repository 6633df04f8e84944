"""Names and structures between pulumi-aws properties and botocore shapes. Pure.

Names match mechanically: lower-case, without underscores, singular or plural. Open maps keep the user's keys.
Blocks are plain objects in Pulumi where AWS sometimes wants a list of one, and the other way round; a map of
text stands for a list of key and value pairs. A type's table names only what differs, as renames from the
dotted path of a property (``[]`` marks a list element) to a dotted path of members (``[]``: a list of one).
"""

from __future__ import annotations

import base64
import datetime
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from headway_sandbox.provider.schema import ListOf, MapOf, ObjectOf, PropertyType, Scalar
from headway_sandbox.provider.values import Value

Renames = Mapping[str, str]
SAME = "."
"""Rename of a block whose properties are members of the structure that the block is in."""
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


class RequestBuilder:
    """Translates property values into the members of one request shape.

    Args:
        renames: the table's exceptions.
    """

    def __init__(self, renames: Renames) -> None:
        self._renames = renames
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

    def value(self, shape: Shape, kind: PropertyType, value: Value, path: str) -> Value:
        """One value in the form of its shape."""
        match kind:
            case ObjectOf():
                return self._object(shape, kind, value, path)
            case ListOf():
                return self._list(shape, kind, value, path)
            case MapOf():
                return self._map(shape, kind, value, path)
        return _scalar_to_request(shape, value)

    def _object(self, shape: Shape, kind: ObjectOf, value: Value, path: str) -> Value:
        if isinstance(shape, StructureShape):
            return self.structure(shape, kind, value, f"{path}.")
        if isinstance(shape, ListShape):
            return [self._object(shape.member, kind, value, path)]
        if isinstance(shape, MapShape):
            return {
                key: _scalar_to_request(shape.value, item) for key, item in value.items() if item is not None
            }
        self.unmatched.append(path)
        return None

    def _list(self, shape: Shape, kind: ListOf, value: Value, path: str) -> Value:
        if isinstance(shape, ListShape):
            items = [item for item in value if item is not None]
            return [self.value(shape.member, kind.item, item, f"{path}[]") for item in items]
        inner = _single_list_member(shape)
        if isinstance(shape, StructureShape) and isinstance(kind.item, ObjectOf) and inner is None:
            if len(value) > 1:
                self.unmatched.append(f"{path}[1]")
            return self.value(shape, kind.item, value[0], f"{path}[]") if value else {}
        if isinstance(shape, StructureShape) and inner is not None:
            return {inner: self._list(shape.members[inner], kind, value, path)}
        self.unmatched.append(path)
        return None

    def _map(self, shape: Shape, kind: MapOf, value: Value, path: str) -> Value:
        pairs = pair_members(shape)
        if pairs is not None:
            key_member, value_member = pairs
            return [{key_member: key, value_member: item} for key, item in sorted(value.items())]
        if isinstance(shape, MapShape):
            return {key: self.value(shape.value, kind.item, item, f"{path}[]") for key, item in value.items()}
        self.unmatched.append(path)
        return None


def _put(built: dict[str, Any], target: str, value: Value) -> None:
    *parents, last = target.split(".")
    for parent in parents:
        name = parent.removesuffix("[]")
        built = built.setdefault(name, {}) if parent == name else built.setdefault(name, [{}])[0]
    if isinstance(value, dict) and isinstance(built.get(last), dict):
        built[last].update(value)
    else:
        built[last] = value


def _scalar_to_request(shape: Shape, value: Value) -> Value:
    convert = _TO_REQUEST.get(shape.type_name)
    return value if convert is None else convert(value)


def convertible(shape: Shape, value: Value) -> bool:
    """Whether a scalar has a form that its shape takes: the text of a number or a time may be neither."""
    try:
        _scalar_to_request(shape, value)
    except (TypeError, ValueError):
        return False
    return True


def _flag_of(value: Value) -> bool:
    return value == "true" if isinstance(value, str) else bool(value)


def _blob_of(value: Value) -> Value:
    return value.encode() if isinstance(value, str) else value


def _time_of(value: Value) -> Value:
    return datetime.datetime.fromisoformat(value) if isinstance(value, str) else value


def text_of(value: Value) -> str:
    """A scalar as the text that AWS's text attributes use."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


class ResponseReader:
    """Translates a response into property values.

    Args:
        renames: the table's exceptions, the same as for requests.
    """

    def __init__(self, renames: Renames) -> None:
        self._renames = renames

    def structure(
        self, shape: StructureShape, declared: ObjectOf, response: Mapping[str, Any], prefix: str = ""
    ) -> dict[str, Any]:
        """The properties that the response holds a value for; absent members give no property."""
        found: dict[str, Any] = {}
        for name, kind in declared.properties.items():
            path = f"{prefix}{name}"
            target = member_for(shape, path, self._renames)
            if target is None:
                continue
            if target == SAME and isinstance(kind, ObjectOf):
                inner = self.structure(shape, kind, response, f"{path}.")
                found.update({name: inner} if inner else {})
                continue
            member = resolve(shape, target)
            value = get(response, target)
            if member is not None and value is not None and _fits(kind, member):
                found[name] = self.value(member, kind, value, path)
        return found

    def value(self, shape: Shape, kind: PropertyType, value: Value, path: str) -> Value:
        """One value in the form of its property."""
        match kind:
            case ObjectOf():
                return self._object(shape, kind, value, path)
            case ListOf():
                return self._list(shape, kind, value, path)
            case MapOf():
                return self._map(shape, kind, value, path)
        return _scalar_from_response(kind, value)

    def _object(self, shape: Shape, kind: ObjectOf, value: Value, path: str) -> Value:
        if isinstance(shape, ListShape):
            return self._object(shape.member, kind, value[0], path) if value else None
        if isinstance(shape, StructureShape):
            return self.structure(shape, kind, value, f"{path}.")
        return dict(value)

    def _list(self, shape: Shape, kind: ListOf, value: Value, path: str) -> Value:
        if isinstance(shape, ListShape):
            return [self.value(shape.member, kind.item, item, f"{path}[]") for item in value]
        inner = _single_list_member(shape)
        if isinstance(shape, StructureShape) and inner is not None:
            return self._list(shape.members[inner], kind, value.get(inner) or [], path)
        return [self.value(shape, kind.item, value, f"{path}[]")]

    def _map(self, shape: Shape, kind: MapOf, value: Value, path: str) -> Value:
        pairs = pair_members(shape)
        if pairs is not None:
            key_member, value_member = pairs
            return {item[key_member]: item.get(value_member, "") for item in value}
        if isinstance(shape, MapShape):
            return {key: self.value(shape.value, kind.item, item, f"{path}[]") for key, item in value.items()}
        return dict(value)


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


def _scalar_from_response(kind: PropertyType, value: Value) -> Value:
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    return as_kind(kind, value)


def as_kind(kind: PropertyType, value: Value) -> Value:
    """A scalar in the declared kind where the conversion loses nothing; any other value as it is."""
    convert = _TO_KIND.get(kind.kind) if isinstance(kind, Scalar) else None
    return value if convert is None else convert(value)


def _as_text(value: Value) -> Value:
    return text_of(value) if isinstance(value, bool | int | float) else value


def _as_integer(value: Value) -> Value:
    number = _as_number(value)
    return int(number) if isinstance(number, float) and number.is_integer() else value


def _as_number(value: Value) -> Value:
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _as_flag(value: Value) -> Value:
    return value == "true" if value in ("true", "false") else value


_TO_REQUEST: Mapping[str, Callable[[Value], Value]] = {
    "string": text_of,
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "boolean": _flag_of,
    "blob": _blob_of,
    "timestamp": _time_of,
}
_TO_KIND: Mapping[str, Callable[[Value], Value]] = {
    "string": _as_text,
    "json": _as_text,
    "integer": _as_integer,
    "number": _as_number,
    "boolean": _as_flag,
}

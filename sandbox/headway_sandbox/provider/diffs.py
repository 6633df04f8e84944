"""What changed between two sets of inputs, and whether it replaces the resource. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from headway_sandbox.provider.assets import Archive, Asset, body
from headway_sandbox.provider.paths import covered, leaves, pattern_of, step_to, top_of
from headway_sandbox.provider.schema import ListOf, MapOf, ObjectOf, PropertyType, Scalar
from headway_sandbox.provider.table import ResourceType
from headway_sandbox.provider.values import Value
from headway_sandbox.provider.wire import UNKNOWN

Kind = Literal["add", "delete", "update"]


@dataclass(frozen=True)
class Change:
    """One changed property.

    Attributes:
        path: concrete path, such as ``productionVariants[0].instanceType``.
        kind: whether the property appeared, vanished or has another value.
        replaces: whether the change needs a new resource.
    """

    path: str
    kind: Kind
    replaces: bool


def same_json(one: Value, other: Value) -> bool:
    """Whether two texts hold the same JSON; object keys have no order, nor has whitespace a meaning."""
    if one == other:
        return True
    try:
        return bool(_document(one) == _document(other))
    except (TypeError, ValueError):
        return False


def _document(value: Value) -> Value:
    return _canonical_policy(json.loads(value) if isinstance(value, str) else value)


def _canonical_policy(value: Value) -> Value:
    """Policy documents may write a list of one as the element itself."""
    match value:
        case dict():
            return {key: _canonical_policy(item) for key, item in value.items()}
        case [single]:
            return _canonical_policy(single)
        case list():
            return sorted(
                (_canonical_policy(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True)
            )
    return value


def empty(value: Value) -> bool:
    """Whether a value is one of Terraform's zero values: None, False, 0, or an empty text, list or map."""
    return value is None or value in ("", [], {}, 0)


class Comparison:
    """Compares values of one resource type.

    Args:
        table: the type's table.
        declared: the declared properties.
    """

    def __init__(self, table: ResourceType, declared: ObjectOf) -> None:
        self._table = table
        self._declared = declared

    def same(self, name: str, one: Value, other: Value) -> bool:
        """Whether two values of a top-level property mean the same."""
        return not any(self._compare(one, other, self._declared.properties.get(name), name))

    def changes(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[Change]:
        """Every changed property; an omitted one that AWS fills by itself is no change.

        Args:
            olds: inputs that the resource was last made with, without secret markers.
            news: checked inputs of the program, without secret markers.
        """
        found: list[Change] = []
        for name in sorted(olds.keys() | news.keys()):
            found.extend(
                self._compare(olds.get(name), news.get(name), self._declared.properties.get(name), name)
            )
        tests = self._table.replace_when
        return [
            replace(change, replaces=change.replaces or tests[change.path](dict(olds), dict(news)))
            if change.path in tests
            else change
            for change in found
        ]

    def _compare(self, old: Value, new: Value, kind: PropertyType | None, path: str) -> Iterator[Change]:
        pattern = pattern_of(path)
        if self._equal(old, new, kind, pattern):
            return
        children = _children(old, new, kind)
        if children is not None:
            for step, one, other, inner in children:
                yield from self._compare(one, other, inner, path + step)
        elif new is not None or not covered(self._table.computed, pattern):
            change: Kind = "add" if old is None else "delete" if new is None else "update"
            yield Change(path, change, self._replaces(old, new, pattern))

    def _equal(self, old: Value, new: Value, kind: PropertyType | None, pattern: str) -> bool:
        if old is UNKNOWN or new is UNKNOWN:
            return False
        if isinstance(old, Asset | Archive) or isinstance(new, Asset | Archive):
            return same_asset(old, new)
        if old == new or (empty(old) and empty(new)):
            return True
        return old is not None and new is not None and self._equivalent(old, new, kind, pattern)

    def _equivalent(self, old: Value, new: Value, kind: PropertyType | None, pattern: str) -> bool:
        """Whether two different values mean the same by what the table says about the property."""
        test = self._table.equivalent.get(pattern)
        if test is not None and test(old, new):
            return True
        if pattern in self._table.json or (isinstance(kind, Scalar) and kind.kind == "json"):
            return same_json(old, new)
        unordered = pattern in self._table.sets and isinstance(old, list) and isinstance(new, list)
        return unordered and sorted(map(repr, old)) == sorted(map(repr, new))

    def _replaces(self, old: Value, new: Value, pattern: str) -> bool:
        if top_of(pattern) in {"tags", "tagsAll"} or covered(self._table.local, pattern):
            return covered(self._table.force_new, pattern)
        if self._table.immutable or pattern == "region":
            return True
        touched = {*leaves(old, pattern), *leaves(new, pattern)}
        return any(covered(self._table.force_new, leaf) for leaf in touched)


def _children(
    old: Value, new: Value, kind: PropertyType | None
) -> list[tuple[str, Value, Value, PropertyType | None]] | None:
    """Step, old and new value and type of what two values hold; None where they are compared as a whole."""
    match old, new, kind:
        case dict(), dict(), ObjectOf():
            names = sorted(old.keys() | new.keys())
            return [(f".{name}", old.get(name), new.get(name), kind.properties.get(name)) for name in names]
        case dict(), dict(), MapOf():
            keys = sorted(old.keys() | new.keys())
            return [(step_to(key), old.get(key), new.get(key), kind.item) for key in keys]
        case list(), list(), ListOf() if len(old) == len(new):
            pairs = enumerate(zip(old, new, strict=True))
            return [(f"[{index}]", one, other, kind.item) for index, (one, other) in pairs]
    return None


def same_asset(one: Value, other: Value) -> bool:
    """Whether two assets hold the same bytes, by the engine's hash where both have one."""
    if type(one) is not type(other):
        return False
    if one.hash and other.hash:
        return bool(one.hash == other.hash)
    return body(one) == body(other)


def keeps_identity(table: ResourceType, olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Whether a replacement would be named as what it replaces, so that the old one must go first.

    Args:
        table: the type's table.
        olds: the old inputs, and outputs.
        news: the new inputs.
    """
    named = table.id
    if table.autoname is not None and not set(named) <= news.keys():
        # AWS makes the id, but only one resource of a name.
        named = (table.autoname.property,)
    return all(name in news and news[name] is not UNKNOWN and news[name] == olds.get(name) for name in named)

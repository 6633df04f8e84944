"""Builds the requests of a table's calls. Pure, given the service's model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from botocore.model import ListShape, StructureShape

from headway_sandbox.provider.mapping import RequestBuilder, UntranslatableError, resolve, text_of
from headway_sandbox.provider.schema import ObjectOf
from headway_sandbox.provider.table import Call, ResourceType
from headway_sandbox.provider.values import Properties, Value

Request = dict[str, Any]


def identity_members(
    identity: Mapping[str, str], shape: StructureShape | None, known: Mapping[str, Any]
) -> Request:
    """The members that name a resource.

    Args:
        identity: member to property name; members that the shape lacks are left out.
        shape: the request's shape.
        known: what is known of the resource.
    """
    members: Request = {}
    for member, name in identity.items():
        value = known.get(name)
        declared = shape.members.get(member) if shape is not None else None
        if value is not None and declared is not None:
            members[member] = [value] if isinstance(declared, ListShape) else value
    return members


def build(
    table: ResourceType,
    declared: ObjectOf,
    call: Call,
    shape: StructureShape | None,
    inputs: Properties,
    known: Mapping[str, Any],
) -> list[Request]:
    """The requests of a call: one, or one for each attribute.

    Args:
        table: the type's table.
        declared: the type's inputs.
        call: the call.
        shape: shape of its request; None for operations without input.
        inputs: what to send; may hold members under AWS's own names.
        known: what is known of the resource, for its identity.

    Raises:
        UntranslatableError: an input below the top has no member.
    """
    identity = table.identity if call.identity is None else call.identity
    request: Request = {**call.constants, **identity_members(identity, shape, known)}
    values = {name: value for name, value in call.fold(inputs).items() if value is not None and name != "region"}
    if call.only is not None:
        values = {
            name: value
            for name, value in values.items()
            if name in call.only or name not in declared.properties
        }
    if shape is None:
        return [request]
    if call.each_attribute:
        return [
            {
                **request,
                "AttributeName": table.attributes[name],
                "AttributeValue": text_of(values.get(name, "")),
            }
            for name in (call.only if call.only is not None else table.attributes)
            if name in table.attributes
        ]
    attributes = {
        table.attributes[name]: text_of(value) for name, value in values.items() if name in table.attributes
    }
    if attributes and "Attributes" in shape.members:
        request["Attributes"] = attributes
    values = {name: value for name, value in values.items() if name not in table.attributes}
    raw = {
        name: value
        for name, value in values.items()
        if name not in declared.properties and name in shape.members
    }
    request = _merged(request, raw)
    members = _members(table, declared, call, shape, values)
    return [_merged(members, request)]


def _members(
    table: ResourceType, declared: ObjectOf, call: Call, shape: StructureShape, values: Mapping[str, Any]
) -> Request:
    inner = resolve(shape, call.at) if call.at else shape
    in_list = isinstance(inner, ListShape)
    inner = inner.member if isinstance(inner, ListShape) else inner
    if not isinstance(inner, StructureShape):
        return {}
    builder = RequestBuilder(table.renames)
    properties = {name: value for name, value in values.items() if name in declared.properties}
    members = builder.structure(inner, declared, properties)
    nested = [path for path in builder.unmatched if path.split(".")[0].removesuffix("[]") != path]
    if nested:
        raise UntranslatableError(nested)
    if not call.at:
        return members
    wrapped: Value = [members] if in_list else members
    for step in reversed(call.at.split(".")):
        wrapped = {step: wrapped}
    found: Request = wrapped
    return found


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> Request:
    """Two requests as one; structures are merged member by member, the second wins."""
    merged = dict(one)
    for name, value in other.items():
        present = merged.get(name)
        both = isinstance(present, dict) and isinstance(value, dict)
        merged[name] = _merged(present, value) if both and isinstance(present, dict) else value
    return merged


def untranslated(
    table: ResourceType, declared: ObjectOf, shapes: Iterable[tuple[Call, StructureShape]]
) -> list[str]:
    """Top-level inputs that none of a type's calls has a member for.

    Args:
        table: the type's table.
        declared: the type's inputs.
        shapes: the calls that create and change the resource, with the shapes of their requests.
    """
    sent: set[str] = set()
    for call, shape in shapes:
        inner = resolve(shape, call.at) if call.at else shape
        inner = inner.member if isinstance(inner, ListShape) else inner
        builder = RequestBuilder(table.renames)
        if isinstance(inner, StructureShape):
            sent |= {name for name in declared.properties if builder.matches(inner, name)}
    return sorted(set(declared.properties) - sent)

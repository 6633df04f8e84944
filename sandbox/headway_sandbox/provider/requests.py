"""Builds the requests of a table's calls. Pure, given the service's model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from botocore.model import ListShape, OperationModel, StructureShape

from headway_sandbox.provider.mapping import RequestBuilder, UntranslatableError, resolve
from headway_sandbox.provider.scalars import text_of
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


def holds_pairs(shape: StructureShape, member: str) -> bool:
    """Whether a member of a request is a list of structures, such as tags, and not one of plain keys."""
    inner = resolve(shape, member)
    return isinstance(inner, ListShape) and isinstance(inner.member, StructureShape)


class Models(Protocol):
    """Where the models of operations come from."""

    def operation(self, service: str, operation: str) -> OperationModel:
        """The model of an operation."""


class RequestFactory:
    """Builds requests for one resource type.

    Args:
        table: the type's table.
        declared: the type's inputs.
    """

    def __init__(self, table: ResourceType, declared: ObjectOf) -> None:
        self._table = table
        self._declared = declared

    def build(
        self, call: Call, shape: StructureShape | None, inputs: Properties, known: Mapping[str, Any]
    ) -> list[Request]:
        """The requests of a call: one, or one for each attribute.

        Args:
            call: the call.
            shape: shape of its request; None for operations without input.
            inputs: what to send; may hold members under AWS's own names.
            known: what is known of the resource, for its identity.

        Raises:
            UntranslatableError: an input below the top has no member.
        """
        identity = self._table.identity if call.identity is None else call.identity
        request: Request = {**call.constants, **identity_members(identity, shape, known)}
        if shape is None:
            return [request]
        values = {
            name: value
            for name, value in call.fold(inputs).items()
            if value is not None and name != "region" and self._may_be_sent(call, name)
        }
        attributes = self._table.attributes
        if call.each_attribute:
            names = [
                name for name in (call.only if call.only is not None else attributes) if name in attributes
            ]
            return [
                {
                    **request,
                    "AttributeName": attributes[name],
                    "AttributeValue": text_of(values.get(name, "")),
                }
                for name in names
            ]
        present = {attributes[name]: text_of(value) for name, value in values.items() if name in attributes}
        if present and "Attributes" in shape.members:
            request["Attributes"] = present
        raw = {
            name: value
            for name, value in values.items()
            if name not in self._declared.properties and name in shape.members
        }
        return [_merged(self._members(call, shape, values), _merged(request, raw))]

    def _may_be_sent(self, call: Call, name: str) -> bool:
        return call.only is None or name in call.only or name not in self._declared.properties

    def _members(self, call: Call, shape: StructureShape, values: Mapping[str, Any]) -> Request:
        inner = request_shape(call, shape)
        if inner is None:
            return {}
        builder = RequestBuilder(self._table.renames)
        properties = {
            name: value
            for name, value in values.items()
            if name in self._declared.properties
            and name not in self._table.attributes
            and name not in self._table.folded
        }
        members = builder.structure(inner, self._declared, properties)
        nested = [path for path in builder.unmatched if path.split(".")[0].removesuffix("[]") != path]
        if nested:
            raise UntranslatableError(nested)
        if not call.at:
            return members
        wrapped: Value = [members] if isinstance(resolve(shape, call.at), ListShape) else members
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


def request_shape(call: Call, shape: StructureShape | None) -> StructureShape | None:
    """The structure that a call puts the inputs into; None where it takes none.

    Args:
        call: the call.
        shape: shape of its request.
    """
    inner = resolve(shape, call.at) if call.at and shape is not None else shape
    inner = inner.member if isinstance(inner, ListShape) else inner
    return inner if isinstance(inner, StructureShape) else None


def request_shapes(table: ResourceType, models: Models) -> list[StructureShape]:
    """What a type's inputs are sent in: the limits of these requests are the limits of the inputs.

    Args:
        table: the type's table.
        models: where the models of operations come from.
    """
    calls = [table.create, *(step.put for step in table.steps)]
    shapes = (
        request_shape(call, models.operation(table.service, call.operation).input_shape)
        for call in calls
        if call is not None
    )
    return [shape for shape in shapes if shape is not None]

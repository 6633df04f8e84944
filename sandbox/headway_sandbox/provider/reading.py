"""Reads a live resource over its table: calls, parts of answers, tags and derived outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from botocore.model import MapShape, Shape, StructureShape

from headway_sandbox.provider import paths
from headway_sandbox.provider.aws import Aws, AwsError, partition_of
from headway_sandbox.provider.mapping import ResponseReader, member_for, resolve
from headway_sandbox.provider.requests import identity_members
from headway_sandbox.provider.scalars import as_kind
from headway_sandbox.provider.schema import ObjectOf, ResourceSchema
from headway_sandbox.provider.table import Read, ResourceType
from headway_sandbox.provider.values import Properties

_AWS_TAG_PREFIX = "aws:"


class LiveReader:
    """Reads resources of one type.

    Args:
        aws: the sandbox.
        table: the type's table.
        schema: the type's properties.
        default_tags: tags that the provider's configuration puts on every resource.
    """

    def __init__(
        self, aws: Aws, table: ResourceType, schema: ResourceSchema, default_tags: Mapping[str, str]
    ) -> None:
        self._aws = aws
        self._table = table
        self._outputs = schema.outputs
        self._default_tags = default_tags

    def live(self, known: Properties) -> Properties | None:
        """The properties of the live resource, or None when it is gone.

        Args:
            known: what is known of it: inputs, outputs or only the id's parts.

        Raises:
            AwsError: a service refused a call for another reason than absence.
        """
        if self._table.handler is not None:
            found = self._table.handler.read(self._aws, known)
            if found is None:
                return None
            found = {**found, **self.derived({**known, **found})}
            return self._with_tags(found, {**known, **found})
        live: Properties = {}
        context = dict(known)
        for index, read in enumerate(self._table.reads):
            answer = self.answer(read, context)
            if answer is None and index == 0:
                return None
            if answer is not None:
                found = self._properties(read, answer)
                live.update(found)
                # Members without a property, such as a policy's default version, may name what is read next.
                context.update({name: value for name, value in answer.items() if isinstance(value, str)})
                context.update(found)
        live = {**_present(self._table.id, known), **live}
        live = self._table.unfold({**live, **self._table.gather(self._aws, {**known, **live})})
        live.update(self.derived({**known, **live}))
        return self._with_tags(live, {**known, **live})

    def exists(self, known: Properties) -> bool:
        """Whether the first read finds anything, even a resource that is on its way out."""
        return self.answer(replace(self._table.reads[0], gone={}), known) is not None

    def answer(self, read: Read, known: Properties) -> Properties | None:
        """The part of an answer that a read is about, or None when it is absent."""
        shape = self._aws.operation(self._table.service, read.operation).input_shape
        identity = self._table.identity if read.identity is None else read.identity
        request = {**read.constants, **identity_members(identity, shape, known)}
        try:
            part = self._part(read, request, known)
        except AwsError as error:
            if is_absence(error, (read,)):
                return None
            raise
        if part is None or any(paths.get(part, member) in values for member, values in read.gone.items()):
            return None
        if not read.match(part):
            return None
        return read.unfold(part)

    def _part(self, read: Read, request: Mapping[str, Any], known: Properties) -> Properties | None:
        if not read.where:
            answer = read.decode(self._aws.call(self._table.service, read.operation, request))
            part: Properties | None = paths.get(answer, read.at) if read.at else answer
            return part
        for page in self._aws.pages(self._table.service, read.operation, request):
            for element in paths.get(read.decode(page), read.at) or ():
                named = all(element.get(member) == known.get(name) for member, name in read.where.items())
                if named and read.match(element):
                    found: Properties = element
                    return found
        return None

    def _properties(self, read: Read, answer: Properties) -> Properties:
        part = self._part_shape(read)
        names = self._outputs.properties
        members: Iterable[str] = ()
        found: Properties = {}
        if isinstance(part, MapShape):
            found = self._attributes(answer)
        elif isinstance(part, StructureShape):
            members = part.members
            found = ResponseReader(self._table.renames).structure(part, self._outputs, answer)
        added = {name: value for name, value in answer.items() if name in names and name not in members}
        found = {**found, **added}
        return found if read.only is None else {name: found[name] for name in read.only if name in found}

    def _attributes(self, answer: Properties) -> Properties:
        return {
            name: as_kind(self._outputs.properties[name], answer[attribute])
            for name, attribute in self._table.attributes.items()
            if answer.get(attribute) not in {None, ""}
        }

    def readable(self) -> frozenset[str]:
        """Properties that one of the reads has a member for."""
        names = {"tags"} if self._table.tagging is not None else set()
        for read in self._table.reads:
            part = self._part_shape(read)
            if isinstance(part, MapShape):
                names |= self._table.attributes.keys()
            elif isinstance(part, StructureShape):
                matching = {
                    name
                    for name in self._outputs.properties
                    if member_for(part, name, self._table.renames) is not None
                }
                names |= matching if read.only is None else matching & set(read.only)
        return frozenset(names)

    def _part_shape(self, read: Read) -> Shape | None:
        shape = self._aws.operation(self._table.service, read.operation).output_shape
        part = resolve(shape, read.at) if read.at and shape is not None else shape
        return getattr(part, "member", part) if read.where else part

    def answered(self, operation: str, answer: Properties) -> Properties:
        """Properties in the answer of a create call, at its top or one level below."""
        shape = self._aws.operation(self._table.service, operation).output_shape
        if shape is None:
            return {}
        reader = ResponseReader(self._table.renames)
        found = reader.structure(shape, self._outputs, answer)
        for name, member in shape.members.items():
            if isinstance(member, StructureShape) and isinstance(answer.get(name), dict):
                found = {**reader.structure(member, self._outputs, answer[name]), **found}
        return {name: value for name, value in found.items() if name != "tags"}

    def derived(self, known: Mapping[str, Any]) -> Properties:
        """Outputs that follow from other properties, the region and the account."""
        needed = {place for template in self._table.derived.values() for place in placeholders(template)}
        places = {"region": self._aws.region}
        if "partition" in needed:
            places["partition"] = partition_of(self._aws.region)
        if "account" in needed:
            places["account"] = self._aws.account
        return derive(self._table, {**known, **places})

    def _with_tags(self, live: Properties, known: Properties) -> Properties:
        if self._table.tagging is None:
            return live
        everything = {
            key: value
            for key, value in self._tags(live, known).items()
            if not key.startswith(_AWS_TAG_PREFIX)
        }
        declared: Mapping[str, str] = known.get("tags") or {}
        own = {
            key: value
            for key, value in everything.items()
            if key in declared or self._default_tags.get(key) != value
        }
        return {**live, "tags": own or None, "tagsAll": everything}

    def _tags(self, live: Properties, known: Properties) -> Mapping[str, str]:
        tagging = self._table.tagging
        assert tagging is not None
        if not tagging.read:
            return live.get("tags") or {}
        model = self._aws.operation(self._table.service, tagging.read)
        assert model.output_shape is not None
        request = {**tagging.constants, **identity_members(tagging.identity, model.input_shape, known)}
        try:
            answer = self._aws.call(self._table.service, tagging.read, request)
        except AwsError as error:
            if error.code in tagging.absent:
                return {}
            raise
        member = tagging.read_member or tagging.member.rsplit(".", 1)[-1]
        declared = ObjectOf({"tags": self._outputs.properties["tags"]}, frozenset())
        found = ResponseReader({"tags": member}).structure(model.output_shape, declared, answer)
        tags: Mapping[str, str] = found.get("tags") or {}
        return tags


def is_absence(error: AwsError, reads: Iterable[Read]) -> bool:
    """Whether an error says that what one of the reads looks for is not there."""
    return any(
        error.code in read.absent or any(text in error.message for text in read.absent_text) for read in reads
    )


def derive(table: ResourceType, known: Mapping[str, Any]) -> Properties:
    """Outputs whose template has a value for every placeholder.

    Args:
        table: the type's table.
        known: properties and, as far as they are known, ``region``, ``partition`` and ``account``.
    """
    found: Properties = {}
    for name, template in table.derived.items():
        needed = placeholders(template)
        if all(isinstance(known.get(item), str | int) and known[item] != "" for item in needed):
            found[name] = template.format(**{item: known[item] for item in needed})
    return found


def placeholders(template: str) -> list[str]:
    """Names between braces."""
    return [part.split("}")[0] for part in template.split("{")[1:]]


def _present(names: Iterable[str], known: Properties) -> Properties:
    return {name: known[name] for name in names if name in known}

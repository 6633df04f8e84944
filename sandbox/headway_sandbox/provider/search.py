"""Finds a resource whose id AWS made up, by what it was made with, after the id was lost."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from headway_sandbox.provider import mapping, paths, registry, schema
from headway_sandbox.provider.aws import Aws, AwsError
from headway_sandbox.provider.diffs import Comparison
from headway_sandbox.provider.reading import LiveReader
from headway_sandbox.provider.requests import identity_members
from headway_sandbox.provider.table import Read, ResourceType
from headway_sandbox.provider.values import Properties, Value
from headway_sandbox.provider.wire import SIGNATURE_KEY


def find(aws: Aws, token: str, inputs: Mapping[str, Any], taken: Collection[str]) -> str | None:
    """The id of a live resource that was made with these inputs, or None.

    What the create call fixes must be the same; what later calls set may not have been set yet.

    Args:
        aws: the sandbox.
        token: resource type.
        inputs: what the resource was made with, as an exported state has it; secrets and assets tell nothing.
        taken: ids of resources that are known already.

    Raises:
        AwsError: a service refused to list or to describe.
    """
    table = registry.table(token)
    known = {name: value for name, value in inputs.items() if not _is_marked(value)}
    for parts in _candidates(aws, table, known):
        resource_id = table.id_of(parts)
        if resource_id not in taken and _is_made_with(aws, token, parts, known):
            return resource_id
    return None


def _is_marked(value: Value) -> bool:
    """Whether a value holds a secret, an asset or anything else that a state marks."""
    match value:
        case dict():
            return SIGNATURE_KEY in value or any(_is_marked(item) for item in value.values())
        case list():
            return any(_is_marked(item) for item in value)
    return False


def _candidates(aws: Aws, table: ResourceType, known: Properties) -> Iterator[Properties]:
    """The id's parts of every resource that there is, as far as the inputs say where to look."""
    if table.handler is not None:
        found = table.handler.read(aws, known)
        if found is not None and all(found.get(name) is not None for name in table.id):
            yield found
        return
    listing = table.listing if table.listing is not None else _all_of(table.reads[0])
    if listing is None:
        return
    shape = aws.operation(table.service, listing.operation).input_shape
    request = {**listing.constants, **identity_members(listing.identity or {}, shape, known)}
    for page in aws.pages(table.service, listing.operation, request):
        for element in paths.get(listing.decode(page), listing.at) or ():
            if listing.match(element):
                parts = {name: mapping.get(element, member) for member, name in listing.where.items()}
                yield {**{name: known[name] for name in table.id if name in known}, **parts}


def _all_of(read: Read) -> Read | None:
    """A read that looks for one element of a list lists all when it names none."""
    return replace(read, identity={}) if read.where else None


def _is_made_with(aws: Aws, token: str, parts: Properties, known: Mapping[str, Any]) -> bool:
    table, declared = registry.table(token), schema.of(token)
    reader = LiveReader(aws, table, declared, {})
    try:
        named = table.identify(table.id_of(parts))
        live = reader.live({**known, **named, **parts})
    except AwsError:
        # What cannot be described, such as one of AWS's own, is nobody's to take over.
        return False
    if live is None:
        return False
    live = {**named, **live}
    comparison = Comparison(table, declared.outputs)
    wanted = {name: value for name, value in known.items() if _is_fixed(table, name)}
    return all(comparison.same(name, value, live.get(name)) for name, value in wanted.items())


def _is_fixed(table: ResourceType, name: str) -> bool:
    """Whether the create call alone decides a property, so that the live one must be the same."""
    if name == "tags":
        return table.tagging is not None and not table.tagging.on_create
    if name in table.unread or name in {"region", "tagsAll", "timeouts"}:
        return False
    named = table.autoname is not None and name == table.autoname.property
    fixed = {paths.top_of(path) for path in table.force_new}
    return table.immutable or name in fixed or name in table.recognised or named

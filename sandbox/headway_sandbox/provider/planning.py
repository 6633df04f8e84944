"""Types that the stand-in has no table for, in plans that are made without a sandbox.

A plan for AWS may hold any type of pulumi-aws. Without a table, what is certain is what the installed
pulumi-aws declares: the names of the inputs and which are required. What AWS would fill in is unknown, and
whether a change replaces is for the official provider to say.
"""

from __future__ import annotations

from functools import cache

from headway_sandbox.provider import registry, schema
from headway_sandbox.provider.registry import UnknownTypeError
from headway_sandbox.provider.schema import ObjectOf, ResourceSchema
from headway_sandbox.provider.table import ResourceType, Tagging


@cache
def declared(token: str) -> ResourceSchema:
    """The schema of a type, with or without a table.

    Args:
        token: pulumi-aws type token.

    Raises:
        UnknownTypeError: the installed pulumi-aws has no such type.
    """
    if token in registry.tokens():
        return schema.of(token)
    from headway_sandbox.provider import schema_generator  # noqa: PLC0415 - it imports pulumi-aws

    try:
        found = schema_generator.describe(token)
    except (AttributeError, ImportError, StopIteration, ValueError) as error:
        message = f"the installed pulumi-aws has no resource type {token}"
        raise UnknownTypeError(message) from error
    inputs, outputs = (schema.parse({"object": found[side]}) for side in ("inputs", "outputs"))
    assert isinstance(inputs, ObjectOf)
    assert isinstance(outputs, ObjectOf)
    return ResourceSchema(inputs, outputs)


@cache
def table(token: str) -> ResourceType:
    """The table of a type, or one that only says what every type has in common.

    Args:
        token: pulumi-aws type token.

    Raises:
        UnknownTypeError: the installed pulumi-aws has no such type.
    """
    if token in registry.tokens():
        return registry.table(token)
    found = declared(token)
    return ResourceType(
        pulumi_type=token,
        service=token.split(":")[1].split("/", maxsplit=1)[0],
        id=("id",),
        tagging=Tagging("", "", identity={}) if "tagsAll" in found.outputs.properties else None,
        computed=frozenset(found.inputs.properties),
    )

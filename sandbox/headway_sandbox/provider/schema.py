"""The properties of resource types as pulumi-aws declares them, read from compact generated files.

The files under ``schema/`` come from the installed ``pulumi_aws`` (see ``schema_generator``), one for each
module of pulumi-aws. Reading them costs about a millisecond, importing the classes they come from up to half
a second.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from headway_sandbox.provider.values import Value

SCHEMA_DIR = Path(__file__).parent / "schema"

ScalarKind = Literal["string", "integer", "number", "boolean", "json", "asset", "any"]


@dataclass(frozen=True)
class Scalar:
    """One value; ``json`` is the text of a policy, which programs may also give as an object."""

    kind: ScalarKind


@dataclass(frozen=True)
class ListOf:
    """A list whose elements have one type."""

    item: PropertyType


@dataclass(frozen=True)
class MapOf:
    """An open map: the keys belong to the user and are never renamed."""

    item: PropertyType


@dataclass(frozen=True)
class ObjectOf:
    """A block with declared properties."""

    properties: Mapping[str, PropertyType]
    required: frozenset[str]


PropertyType = Scalar | ListOf | MapOf | ObjectOf


@dataclass(frozen=True)
class ResourceSchema:
    """Inputs and outputs of one resource type; outputs include the echoed inputs."""

    inputs: ObjectOf
    outputs: ObjectOf


def parse(document: Value) -> PropertyType:
    """A property type from its compact JSON form.

    Args:
        document: a scalar kind as a string, or ``{"list": T}``, ``{"map": T}``, ``{"object": {name: T}}``,
            where a required name ends in ``!``.

    Raises:
        ValueError: the document has none of these forms.
    """
    if isinstance(document, str):
        return Scalar(document)  # type: ignore[arg-type]  # the generator writes only the declared kinds
    match document:
        case {"list": item}:
            return ListOf(parse(item))
        case {"map": item}:
            return MapOf(parse(item))
        case {"object": properties}:
            return ObjectOf(
                {name.rstrip("!"): parse(item) for name, item in properties.items()},
                frozenset(name.rstrip("!") for name in properties if name.endswith("!")),
            )
    message = f"not a property type: {document!r}"
    raise ValueError(message)


@cache
def _module(name: str) -> dict[str, Any]:
    path = SCHEMA_DIR / f"{name}.json"
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


@cache
def of(token: str) -> ResourceSchema:
    """The schema of a resource type.

    Args:
        token: pulumi-aws type token, such as ``aws:s3/bucket:Bucket``.

    Raises:
        KeyError: no schema has been generated for the token.
    """
    document = _module(token.split(":")[1].split("/", maxsplit=1)[0])[token]
    inputs = parse({"object": document["inputs"]})
    outputs = parse({"object": document["outputs"]})
    assert isinstance(inputs, ObjectOf)
    assert isinstance(outputs, ObjectOf)
    return ResourceSchema(inputs, outputs)

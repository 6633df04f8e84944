"""What the stand-in makes of every input of every resource type: the rows of the coverage page. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from botocore.model import ListShape, Shape, StructureShape

from headway_sandbox.provider import paths, registry, schema
from headway_sandbox.provider.aws import Aws, Target
from headway_sandbox.provider.checks import WHOLE_TYPE, Validator
from headway_sandbox.provider.requests import request_shapes
from headway_sandbox.provider.schema import ListOf, ObjectOf, PropertyType
from headway_sandbox.provider.table import ResourceType

Status = Literal["behaves", "keeps state", "refused"]
Row = tuple[str, str, Status, str]
"""Type token, dotted path of the input (empty for the type itself), status, note."""

# Services whose resources nothing in the sandbox acts on: what is declared is kept and told, and no more.
_ONLY_KEPT = {
    "athena": "workgroups are kept; queries are not held to them",
    "bedrock": "guardrails are kept; nothing is filtered by them",
    "bedrock-agent": "prompts are kept; no model answers them",
    "budgets": "budgets are kept; nothing is billed and nobody is told",
    "cloudtrail": "trails are kept and calls are recorded; no log file is delivered",
    "ec2": "the network is kept; no packet is held to it",
    "ecr": "repositories and images are kept; nothing is scanned and no image expires",
    "service-quotas": "quotas and requests are kept; nothing is held to them",
}


def properties() -> list[Row]:
    """Every resource type and each of its inputs, sorted, with what happens to it in the sandbox."""
    return [row for token in sorted(registry.tokens()) for row in _rows(token)]


def _rows(token: str) -> Iterator[Row]:
    table, declared = registry.table(token), schema.of(token).inputs
    yield (token, "", *_type_status(table))
    shapes = request_shapes(table, Aws(Target()))
    validator = Validator(table, declared, shapes)
    for path, translated in _paths(validator, table, declared, None, ""):
        status, note = _status(table, path, translated=translated)
        yield token, path, status, note


def _type_status(table: ResourceType) -> tuple[Status, str]:
    if WHOLE_TYPE in table.lacks:
        return "refused", f"can be planned for AWS; the sandbox has no {table.lacks[WHOLE_TYPE]}"
    if table.service in _ONLY_KEPT:
        return "keeps state", _ONLY_KEPT[table.service]
    return "behaves", ""


def _status(table: ResourceType, path: str, *, translated: bool) -> tuple[Status, str]:
    status, note = _type_status(table)
    if status == "refused":
        return status, note
    lacking = next((table.lacks[known] for known in table.lacks if known and paths.covers(known, path)), "")
    cases: tuple[tuple[bool, Status, str], ...] = (
        (
            paths.covered(table.unsupported, path) or not translated,
            "refused",
            "an input that the stand-in does not translate",
        ),
        (bool(lacking), "refused", f"the sandbox lacks {lacking}"),
        (paths.covers("timeouts", path), "keeps state", "the stand-in waits as its tables say"),
        (
            paths.covered(table.forgotten, path),
            "keeps state",
            "the sandbox's service does not tell it, so a change from outside is not seen",
        ),
        (paths.covered(table.local, path), "behaves", "used by the provider itself, never sent"),
        (
            paths.covered(table.write_only, path),
            status,
            "AWS does not tell it, so a change from outside is not seen",
        ),
    )
    return next(((found, why) for applies, found, why in cases if applies), (status, note))


def _paths(
    validator: Validator, table: ResourceType, kind: ObjectOf, shape: Shape | None, prefix: str
) -> Iterator[tuple[str, bool]]:
    """Paths of all inputs below an object, and whether a request has a place for each."""
    for name, inner in sorted(kind.properties.items()):
        path = f"{prefix}{name}"
        member = validator.member(shape, path)
        translated = not (isinstance(shape, StructureShape) and member is None)
        yield path, translated
        if translated and not (table.handler is not None and member is None):
            yield from _below(validator, table, inner, member, path)
        else:
            yield from ((below, translated) for below, _ in _below(validator, table, inner, None, path))


def _below(
    validator: Validator, table: ResourceType, kind: PropertyType, shape: Shape | None, path: str
) -> Iterator[tuple[str, bool]]:
    block = shape.member if isinstance(shape, ListShape) else shape
    if isinstance(kind, ObjectOf):
        yield from _paths(validator, table, kind, block, f"{path}.")
    elif isinstance(kind, ListOf):
        yield from _below(validator, table, kind.item, block, f"{path}[]")

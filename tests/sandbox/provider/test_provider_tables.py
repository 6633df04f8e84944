"""The tables agree with pulumi-aws and with AWS's models: nothing is misspelt, nothing silently dropped."""

from __future__ import annotations

import json
from collections.abc import Iterator

import botocore.session
import pytest
from botocore.model import MapShape, Shape, StructureShape

from headway_sandbox.provider import registry, schema, schema_generator
from headway_sandbox.provider.mapping import SAME, member_for, resolve
from headway_sandbox.provider.paths import covered
from headway_sandbox.provider.requests import request_shape
from headway_sandbox.provider.schema import ListOf, MapOf, ObjectOf, PropertyType
from headway_sandbox.provider.table import Call, ResourceType, Step

SESSION = botocore.session.get_session()
TOKENS = sorted(registry.tokens())
ALWAYS = {"region", "tags", "timeouts"}

each_type = pytest.mark.parametrize("token", TOKENS)


def input_shape(table: ResourceType, operation: str) -> StructureShape | None:
    shape: StructureShape | None = (
        SESSION.get_service_model(table.service).operation_model(operation).input_shape
    )
    return shape


def calls(table: ResourceType) -> Iterator[Call]:
    steps = [call for step in table.steps for call in (step.put, step.remove) if call is not None]
    yield from (call for call in (table.create, *steps, *table.delete) if call is not None)


def holds(table: ResourceType, operation: str, member: str) -> bool:
    """Whether the answer of an operation has a member."""
    shape = SESSION.get_service_model(table.service).operation_model(operation).output_shape
    return shape is not None and resolve(shape, member) is not None


def paths_of(kind: PropertyType, path: str = "") -> Iterator[str]:
    match kind:
        case ObjectOf():
            for name, inner in kind.properties.items():
                inner_path = f"{path}.{name}" if path else name
                yield inner_path
                yield from paths_of(inner, inner_path)
        case ListOf():
            yield from paths_of(kind.item, f"{path}[]")


def test_the_schema_files_are_what_the_installed_pulumi_aws_says() -> None:
    generated = schema_generator.generate()
    present = {path.name: path.read_text() for path in schema.SCHEMA_DIR.glob("*.json")}
    assert present == generated, "run python -m headway_sandbox.provider.schema_generator"


@each_type
def test_every_path_of_a_table_is_a_property_of_the_type(token: str) -> None:
    table, declared = registry.table(token), schema.of(token)
    inputs, outputs = set(paths_of(declared.inputs)), set(paths_of(declared.outputs))
    known = inputs | {path.replace("[]", "") for path in inputs}
    named = table.autoname.property if table.autoname else table.id[0]
    stepped = {name for step in table.steps for name in step.properties}
    grouped = {name for group in (*table.exclusive, *table.one_of) for name in group}
    assert not (table.force_new - known - {"expectedBucketOwner"})
    assert not (table.unsupported | set(table.defaults) | table.unread | set(table.lacks)) - known - {""}
    assert (
        not (table.folded | stepped | grouped | set(table.replace_when) | {named}) - known - outputs - {"id"}
    )
    assert not (table.computed | table.json | table.sets) - known - outputs
    assert (
        not (set(table.derived) | table.volatile | set(table.fingerprints) | set(table.attributes)) - outputs
    )
    assert not {path.split(".")[0] for path in table.renames} - {
        path.split(".")[0] for path in known | outputs
    }


@each_type
def test_every_operation_and_its_members_exist(token: str) -> None:
    table = registry.table(token)
    for call in calls(table):
        shape = input_shape(table, call.operation)
        members = set(shape.members) if shape is not None else set()
        assert not set(call.constants) - members, call
        assert not set(call.identity or {}) - members, call
        assert not call.at or (shape is not None and resolve(shape, call.at) is not None), call
    if table.id_member:
        assert table.create is None or holds(table, table.create.operation, table.id_member)
    for read in table.reads:
        model = SESSION.get_service_model(table.service).operation_model(read.operation)
        members = set(model.input_shape.members)
        assert not (set(read.identity or {}) | set(read.constants)) - members, read
    if table.tagging is not None:
        for operation in filter(
            None, (table.tagging.tag, table.tagging.untag, table.tagging.read, table.tagging.clear)
        ):
            shape = input_shape(table, operation)
            assert shape is not None
            assert set(table.tagging.identity) & set(shape.members), operation


@each_type
def test_every_input_is_sent_by_a_call_or_is_declared_not_to_be(token: str) -> None:
    table, declared = registry.table(token), schema.of(token).inputs
    if table.handler is not None:
        return
    structures = [request_shape(call, input_shape(table, call.operation)) for call in calls(table)]
    switches = {step.properties[0] for step in table.steps if step.when is not None}
    fine = (
        ALWAYS
        | switches
        | {table.own_account}
        | table.local
        | table.unsupported
        | table.folded
        | table.attributes.keys()
    )
    lost = {
        name
        for name in declared.properties.keys() - fine - set(table.identity.values())
        if not any(member_for(shape, name, table.renames) for shape in structures if shape is not None)
    }
    assert lost == set()


@each_type
def test_every_property_is_changed_in_place_or_replaces(token: str) -> None:
    table, declared = registry.table(token), schema.of(token).inputs
    if table.immutable or table.handler is not None:
        return
    stepped = {name for step in table.steps for name in step.properties}
    if any(not step.properties for step in table.steps):
        return
    fixed = {path.split(".")[0] for path in table.force_new}
    unchanged = declared.properties.keys() - stepped - fixed - ALWAYS - table.local - table.unsupported
    # What a table's attributes name, DynamoDB only keeps as part of its indexes.
    assert unchanged - ({"attributes"} if token == "aws:dynamodb/table:Table" else set()) == set()


@each_type
def test_every_step_has_a_member_for_what_it_sends(token: str) -> None:
    table = registry.table(token)

    def sends(step: Step, call: Call) -> bool:
        outer = input_shape(table, call.operation)
        shape = request_shape(call, outer)
        names = step.properties
        return (
            not names
            or call.each_attribute
            or step.when is not None
            or bool(set(names) & (table.attributes.keys() | table.folded))
            or call.fold(_sample(names)).keys() - set(names) != set()
            or any(shape is not None and _holds(table, shape, name) for name in names)
        )

    for step in table.steps:
        if step.put is not None:
            assert sends(step, step.put), step


def _sample(names: tuple[str, ...]) -> dict[str, object]:
    return {name: {} for name in names} | {"bucket": "b", "region": "us-east-1"}


def _holds(table: ResourceType, shape: Shape, name: str) -> bool:
    if isinstance(shape, MapShape) or not isinstance(shape, StructureShape):
        return True
    target = member_for(shape, name, table.renames)
    return target == SAME or target is not None


@each_type
def test_reads_find_what_the_type_promises(token: str) -> None:
    table, declared = registry.table(token), schema.of(token)
    assert table.reads or table.handler is not None
    assert (table.create is not None) + (table.adopt is not None) + (table.handler is not None) == 1
    assert (table.id == ("id",)) == (
        bool(table.id_member) or (table.handler is not None and "id" in table.id)
    )
    assert not table.waits or table.reads
    promised = declared.outputs.properties.keys() - declared.inputs.properties.keys()
    assert set(table.derived) <= declared.outputs.properties.keys()
    assert promised >= {"tagsAll"} or table.tagging is None


def test_a_type_without_a_table_is_named_with_what_there_is() -> None:
    with pytest.raises(
        registry.UnknownTypeError, match=r"no resource type aws:s3/nothing:Nothing.*aws:s3/bucket:Bucket"
    ):
        registry.table("aws:s3/nothing:Nothing")
    with pytest.raises(registry.UnknownTypeError, match="no resource type nonsense"):
        registry.table("nonsense")


def test_schemas_keep_open_maps_apart_from_blocks() -> None:
    environment = schema.of("aws:sagemaker/model:Model").inputs.properties["primaryContainer"]
    assert isinstance(environment, ObjectOf)
    assert isinstance(environment.properties["environment"], MapOf)
    assert covered({"a[].b"}, "a[].b.c")
    assert json.loads((schema.SCHEMA_DIR / "kms.json").read_text()).keys() == {
        "aws:kms/alias:Alias",
        "aws:kms/key:Key",
        "aws:kms/keyPolicy:KeyPolicy",
    }

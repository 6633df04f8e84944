"""Properties become members of AWS's requests, and answers become properties again."""

from __future__ import annotations

import datetime
from typing import Any

import botocore.session
import pytest
from botocore.model import StructureShape
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headway_sandbox.provider import registry, schema
from headway_sandbox.provider.mapping import (
    RequestBuilder,
    ResponseReader,
    UntranslatableError,
    member_for,
    normalised,
    resolve,
)
from headway_sandbox.provider.paths import covered
from headway_sandbox.provider.requests import RequestFactory
from headway_sandbox.provider.scalars import as_kind
from headway_sandbox.provider.schema import ListOf, MapOf, ObjectOf, PropertyType, Scalar

SESSION = botocore.session.get_session()


def input_shape(service: str, operation: str) -> StructureShape:
    shape: StructureShape = SESSION.get_service_model(service).operation_model(operation).input_shape
    return shape


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("volumeSizeInGb", "VolumeSizeInGB"),
        ("productionVariants", "ProductionVariants"),
        ("routingConfigs", "RoutingConfig"),
        ("kmsKeyArn", "KMSKeyArn"),
        ("policies", "Policy"),
        ("addresses", "Address"),
        ("serverSideEncryption", "ServerSideEncryption"),
        ("evaluateLowSampleCountPercentiles", "EvaluateLowSampleCountPercentile"),
    ],
)
def test_names_match_without_case_and_number(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


def test_blocks_lists_maps_and_kinds_take_the_form_of_their_shape() -> None:
    table = registry.table("aws:sagemaker/endpointConfiguration:EndpointConfiguration")
    declared = schema.of(table.pulumi_type).inputs
    inputs = {
        "name": "config",
        "kmsKeyArn": "key",
        "tags": {"b": "2", "a": "1"},
        "productionVariants": [
            {
                "variantName": "a",
                "initialInstanceCount": 1,
                "initialVariantWeight": 1,
                "routingConfigs": [{"routingStrategy": "RANDOM"}],
            }
        ],
        "dataCaptureConfig": {"captureContentTypeHeader": {"jsonContentTypes": ["application/json"]}},
    }
    builder = RequestBuilder(table.renames)

    request = builder.structure(input_shape("sagemaker", "CreateEndpointConfig"), declared, inputs)

    assert builder.unmatched == []
    assert request == {
        "EndpointConfigName": "config",
        "KmsKeyId": "key",
        "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}],
        "ProductionVariants": [
            {
                "VariantName": "a",
                "InitialInstanceCount": 1,
                "InitialVariantWeight": 1.0,
                "RoutingConfig": {"RoutingStrategy": "RANDOM"},
            }
        ],
        "DataCaptureConfig": {"CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]}},
    }


def test_a_rename_may_lead_through_structures_and_a_list_of_one() -> None:
    table = registry.table("aws:sfn/stateMachine:StateMachine")
    declared = schema.of(table.pulumi_type).inputs
    shape = input_shape("stepfunctions", "CreateStateMachine")
    block = {"level": "ERROR", "logDestination": "arn:x:*"}

    request = RequestBuilder(table.renames).structure(shape, declared, {"loggingConfiguration": block})

    destination = {"cloudWatchLogsLogGroup": {"logGroupArn": "arn:x:*"}}
    assert request == {"loggingConfiguration": {"level": "ERROR", "destinations": [destination]}}
    assert ResponseReader(table.renames).structure(shape, declared, request) == {
        "loggingConfiguration": block
    }


def test_a_nested_input_that_the_request_does_not_have_is_an_error_not_dropped() -> None:
    table = registry.table("aws:lambda/function:Function")
    declared = schema.of(table.pulumi_type).inputs
    call = table.create
    assert call is not None
    factory = RequestFactory(table, declared)
    inputs = {"name": "f", "vpcConfig": {"subnetIds": ["s"], "securityGroupIds": ["g"], "vpcId": "v"}}
    with pytest.raises(UntranslatableError, match=r"vpcConfig\.vpcId"):
        factory.build(call, input_shape("lambda", call.operation), inputs, {})


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("string", 7, "7"),
        ("string", True, "true"),
        ("integer", "7", 7),
        ("integer", "7.5", "7.5"),
        ("integer", "seven", "seven"),
        ("number", "0.5", 0.5),
        ("boolean", "true", True),
        ("boolean", "perhaps", "perhaps"),
        ("any", "x", "x"),
    ],
)
def test_scalars_are_converted_where_nothing_is_lost(kind: Any, value: Any, expected: Any) -> None:
    assert as_kind(Scalar(kind), value) == expected


def test_times_and_bytes_become_text() -> None:
    shape = (
        SESSION.get_service_model("kms").operation_model("DescribeKey").output_shape.members["KeyMetadata"]
    )
    declared = ObjectOf({"creationDate": Scalar("string")}, frozenset())
    answer = {"CreationDate": datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)}
    assert ResponseReader({}).structure(shape, declared, answer) == {"creationDate": "2026-01-02T03:04:05Z"}


WORDS = st.text("abc", min_size=1, max_size=4)
BY_KIND: dict[str, st.SearchStrategy[Any]] = {
    "string": WORDS,
    "json": st.just("{}"),
    "integer": st.integers(0, 1000),
    "number": st.floats(0, 1000, allow_nan=False),
    "boolean": st.booleans(),
}
MECHANICAL = sorted(
    token
    for token in registry.tokens()
    if (table := registry.table(token)).create is not None and token.split(":")[1].split("/")[0] != "dynamodb"
)


def values_of(kind: PropertyType, shape: Any, path: str, token: str) -> st.SearchStrategy[Any] | None:
    """Values of a property that its shape has a place for."""
    table = registry.table(token)
    match kind:
        case ObjectOf():
            structure = getattr(shape, "member", shape)
            if not isinstance(structure, StructureShape):
                return None
            found = {}
            for name, inner in kind.properties.items():
                inner_path = f"{path}.{name}" if path else name
                target = member_for(structure, inner_path, table.renames)
                member = None if target in {None, "."} else resolve(structure, str(target))
                skipped = covered(table.unsupported | table.folded | table.attributes.keys(), inner_path)
                strategy = None if member is None or skipped else values_of(inner, member, inner_path, token)
                if strategy is not None:
                    found[name] = strategy
            return st.fixed_dictionaries({}, optional=found) if found else None
        case ListOf():
            inner_shape = getattr(shape, "member", shape)
            strategy = values_of(kind.item, inner_shape, f"{path}[]", token)
            if strategy is None:
                return None
            return st.lists(strategy, min_size=1, max_size=2 if shape.type_name == "list" else 1)
        case MapOf():
            return st.dictionaries(WORDS, BY_KIND["string"], min_size=1, max_size=2)
        case Scalar():
            if shape.type_name in {"timestamp", "blob", "structure", "list", "map"}:
                return None
            if kind.kind == "string" and shape.type_name in {"double", "float", "integer", "long"}:
                return None
            return BY_KIND.get(kind.kind)
    return None


@pytest.mark.parametrize("token", MECHANICAL)
@settings(max_examples=15, suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
def test_what_is_sent_reads_back_as_it_was(token: str, data: st.DataObject) -> None:
    table, declared = registry.table(token), schema.of(token).inputs
    call = table.create
    assert call is not None
    shape = input_shape(table.service, call.operation)
    strategy = values_of(declared, shape, "", token)
    if strategy is None:
        return
    values = data.draw(strategy)

    builder = RequestBuilder(table.renames)
    request = builder.structure(shape, declared, values)

    assert builder.unmatched == []
    assert ResponseReader(table.renames).structure(shape, declared, request) == values

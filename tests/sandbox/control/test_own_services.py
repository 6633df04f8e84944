"""The services that the sandbox implements itself: their protocols, and what they say of what they lack."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from headway_sandbox.own_services import JSON_SERVICES, REST_APIS
from headway_sandbox.sagemaker.conformance import ServiceModel
from headway_sandbox.sagemaker.protocol import ServiceError
from headway_sandbox.wire import rest_json, routes
from headway_sandbox.wire.models import model_of
from headway_sandbox.wire.request import HttpRequest
from support.control import Cloud, refused


def test_the_table_of_services_is_what_botocore_publishes() -> None:
    session = botocore.session.get_session()
    for own in JSON_SERVICES:
        metadata = session.get_service_model(own.api).metadata
        assert metadata["targetPrefix"] == own.target_prefix
        assert metadata.get("signingName", metadata["endpointPrefix"]) in (own.signing_name, "api.sagemaker")
    for api in REST_APIS:
        metadata = session.get_service_model(api).metadata
        assert (metadata["signingName"], metadata["protocol"]) == ("sagemaker", "rest-json")


@pytest.mark.parametrize(
    ("service", "method", "arguments", "title"),
    [
        ("sagemaker", "list_hubs", {}, "SageMaker"),
        ("service-quotas", "get_association_for_service_quota_template", {}, "Service Quotas"),
        ("application-autoscaling", "describe_scheduled_actions", {"ServiceNamespace": "ecs"}, "Application"),
        (
            "sagemaker-a2i-runtime",
            "list_human_loops",
            {"FlowDefinitionArn": "arn:aws:sagemaker:us-east-1:000000000000:flow-definition/none"},
            "SageMaker A2I Runtime",
        ),
    ],
)
def test_what_is_not_emulated_is_refused_by_name(
    cloud: Cloud, service: str, method: str, arguments: dict[str, Any], title: str
) -> None:
    client = cloud.client(service)
    code, message = refused(getattr(client, method), **arguments)

    assert code == "UnknownOperationException"
    operation = client.meta.method_to_api_mapping[method]
    assert message.startswith(f"The operation {operation} is part of {title}")
    assert message.endswith("not emulated by this sandbox.")


@pytest.mark.parametrize(
    ("api", "method", "path", "query", "operation", "labels"),
    [
        (
            "sagemaker-featurestore-runtime",
            "GET",
            "/FeatureGroup/a%2Fb",
            "RecordIdentifierValueAsString=1",
            "GetRecord",
            {"FeatureGroupName": "a/b"},
        ),
        (
            "sagemaker-featurestore-runtime",
            "PUT",
            "/FeatureGroup/a",
            "",
            "PutRecord",
            {"FeatureGroupName": "a"},
        ),
        ("sagemaker-featurestore-runtime", "POST", "/BatchGetRecord", "", "BatchGetRecord", {}),
        (
            "sagemaker-runtime",
            "POST",
            "/endpoints/a/invocations",
            "",
            "InvokeEndpoint",
            {"EndpointName": "a"},
        ),
        ("s3", "GET", "/b", "policy", "GetBucketPolicy", {"Bucket": "b"}),
        ("s3", "GET", "/b", "list-type=2&prefix=x", "ListObjectsV2", {"Bucket": "b"}),
        ("s3", "PUT", "/b/k/l", "", "PutObject", {"Bucket": "b", "Key": "k/l"}),
        ("s3", "PUT", "/b/k", "partNumber=1&uploadId=u", "UploadPart", {"Bucket": "b", "Key": "k"}),
        (
            "lambda",
            "POST",
            "/2015-03-31/functions/f/invocations",
            "",
            "Invoke",
            {"FunctionName": "f"},
        ),
        ("scheduler", "DELETE", "/schedules/n", "groupName=g", "DeleteSchedule", {"Name": "n"}),
        ("lambda", "GET", "/nowhere", "", None, {}),
    ],
)
def test_a_rest_request_is_found_by_its_path(
    api: str, method: str, path: str, query: str, operation: str | None, labels: dict[str, str]
) -> None:
    found = routes.match(api, HttpRequest(method, path, query, {}))

    assert (None if found is None else found.operation) == operation
    assert ({} if found is None else found.labels) == labels


def test_a_rest_message_is_read_and_written_where_the_model_says() -> None:
    model = model_of("sagemaker-featurestore-runtime")
    request = HttpRequest(
        "GET", "/FeatureGroup/a", "RecordIdentifierValueAsString=7&FeatureName=x&FeatureName=y", {}
    )

    document = rest_json.request_document(model.input_shape("GetRecord"), {"FeatureGroupName": "a"}, request)

    assert document == {
        "FeatureGroupName": "a",
        "RecordIdentifierValueAsString": "7",
        "FeatureNames": ["x", "y"],
    }
    body = rest_json.request_document(
        model.input_shape("PutRecord"),
        {"FeatureGroupName": "a"},
        HttpRequest("PUT", "/FeatureGroup/a", "", {}, b'{"Record": [], "Surprise": 1}'),
    )
    assert body == {"FeatureGroupName": "a", "Record": [], "Surprise": 1}
    runtime = ServiceModel("sagemaker-runtime")
    headers, answer = rest_json.answer(
        runtime.output_shape("InvokeEndpoint"),
        {"Body": b"\x00", "ContentType": "text/csv", "InvokedProductionVariant": "v"},
    )
    assert answer == b"\x00"
    assert headers["x-Amzn-Invoked-Production-Variant"] == "v"
    with pytest.raises(ServiceError, match="not JSON"):
        rest_json.request_document(
            model.input_shape("PutRecord"), {}, HttpRequest("PUT", "/FeatureGroup/a", "", {}, b"{")
        )

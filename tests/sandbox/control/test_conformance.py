"""Every operation of the sandbox's own services: requests held to the model, answers that parse."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any

import pytest
from botocore.exceptions import ClientError

from headway_sandbox.coverage_page import operation_status
from headway_sandbox.own_services import JSON_SERVICES, REST_APIS
from headway_sandbox.sagemaker.conformance import ServiceModel
from headway_sandbox.sagemaker.operations import load_operations
from headway_sandbox.sagemaker.protocol import operations
from support.control import Cloud, refused, unique
from support.signed import SIGNED

load_operations()
MODEL = ServiceModel()
APIS = [*(own.api for own in JSON_SERVICES), *REST_APIS]


@pytest.mark.parametrize("api", APIS)
def test_every_registered_operation_exists_and_every_other_is_refused(api: str) -> None:
    published = ServiceModel(api).operation_names

    assert set(operations(api)) <= published
    assert set(operation_status(api)) == published


def test_an_operation_that_is_listed_as_refused_is_refused_by_name(cloud: Cloud) -> None:
    status = operation_status("sagemaker")
    for name in [name for name, found in status.items() if found == "refused"]:
        code, message = call(cloud, name, {})
        assert code == "UnknownOperationException", name
        assert f"The operation {name} is part of SageMaker but not emulated" in message


def call(cloud: Cloud, operation: str, request: Any, raw: bytes | None = None) -> tuple[str, str]:
    """Code and message with which SageMaker refuses what no SDK would send; empty if it does not."""
    connection = http.client.HTTPConnection("127.0.0.1", cloud.record.port, timeout=10)
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"SageMaker.{operation}",
        "Authorization": SIGNED["Authorization"],
    }
    connection.request("POST", "/", body=json.dumps(request) if raw is None else raw, headers=headers)
    answer = connection.getresponse()
    document = json.loads(answer.read())
    connection.close()
    return document.get("__type", ""), document.get("message", "")


@pytest.mark.parametrize("name", sorted(operations("sagemaker")))
def test_every_operation_holds_its_request_to_the_model(cloud: Cloud, name: str) -> None:
    """A request without what is required, or with what nobody knows, is refused in AWS's words."""
    shape = MODEL.input_shape(name)
    assert shape is not None

    unknown = call(cloud, name, {"Surprise": 1})
    assert unknown[0] == "ValidationException"
    assert "validation error" in unknown[1]
    required = [member for member in shape.required_members if member not in shape.metadata]
    if required:
        code, message = call(cloud, name, {})
        assert code == "ValidationException"
        missing = [member for member in required if member not in MODEL.idempotency_tokens(name)]
        for member in missing:
            quoted = f"'{member[:1].lower()}{member[1:]}'"
            assert (
                f"Value 'null' at {quoted} failed to satisfy constraint: Member must not be null" in message
            )


LISTS = sorted(name for name in operations("sagemaker") if name.startswith("List"))


@pytest.mark.parametrize("name", LISTS)
def test_every_list_answers_what_an_unmodified_client_parses(cloud: Cloud, name: str) -> None:
    """It parses the answer, or the refusal of a parent that is not there."""
    shape = MODEL.input_shape(name)
    assert shape is not None
    execution = f"arn:aws:sagemaker:us-east-1:000000000000:pipeline/{unique('p')}/execution/abcdefghijkl"
    required = {
        member: execution if member.endswith("Arn") else unique("absent") for member in shape.required_members
    }
    client = cloud.sagemaker
    method = next(key for key, value in client.meta.method_to_api_mapping.items() if value == name)

    try:
        answer = getattr(client, method)(**required)
    except ClientError as error:
        answer = error.response["Error"]
    listed = [value for value in answer.values() if isinstance(value, list)]
    assert len(listed) == 1 or answer["Code"] in (
        "ValidationException",
        "ResourceNotFound",
        "ResourceNotFoundException",
    )


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"{", "SerializationException"),
        (b"\xff\xfe", "SerializationException"),
        (b"[" * 100_000, "SerializationException"),
        (b"[]", "ValidationException"),
        (b'"text"', "ValidationException"),
        (json.dumps({"ModelName": "../../etc/passwd"}).encode(), "ValidationException"),
        (json.dumps({"ModelName": "a\x00b"}).encode(), "ValidationException"),
        (json.dumps({"ModelName": "a" * 5_000_000}).encode(), "ValidationException"),
    ],
)
def test_what_is_no_request_is_refused(cloud: Cloud, raw: bytes, code: str) -> None:
    found, message = call(cloud, "DescribeModel", None, raw)

    assert found == code
    assert len(message) < 2000


def test_an_unknown_target_is_refused_by_name(cloud: Cloud) -> None:
    code, message = call(cloud, "DropEverything", {})

    assert (code, message) == (
        "UnknownOperationException",
        "The operation DropEverything does not exist in SageMaker.",
    )


@pytest.mark.parametrize(
    "path",
    [
        "/endpoints/..%2f..%2fetc/invocations",
        "/endpoints/%2e%2e/invocations",
        "/FeatureGroup/..%2f..%2f..%2fetc%2fpasswd",
        "/../../etc/passwd",
    ],
)
def test_path_tricks_lead_nowhere(cloud: Cloud, path: str) -> None:
    before = set(cloud.state_dir.parent.iterdir())
    connection = http.client.HTTPConnection("127.0.0.1", cloud.record.port, timeout=10)
    for method in ("GET", "PUT", "POST", "DELETE"):
        connection.request(method, path, body=b"{}", headers=SIGNED)
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status >= 400, (method, text)
        assert b"root:" not in text
    connection.close()
    assert set(cloud.state_dir.parent.iterdir()) == before


def test_it_listens_on_the_loopback_only(cloud: Cloud) -> None:
    addresses = {item[4][0] for item in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in addresses - {"127.0.0.1"}:
        with socket.socket() as probe:
            probe.settimeout(1)
            assert probe.connect_ex((str(address), cloud.record.port)) != 0


def test_a_made_up_success_is_refused_instead(cloud: Cloud) -> None:
    code, message = refused(
        cloud.client("bedrock-runtime").converse,
        modelId="anthropic.claude-3-haiku-20240307-v1:0",
        messages=[{"role": "user", "content": [{"text": "hello"}]}],
    )

    assert code == "UnknownOperationException"
    assert message.startswith("The operation Converse of bedrock-runtime is not emulated")

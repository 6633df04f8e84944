"""The services that this sandbox implements itself, beside SageMaker's control plane.

An implementation registers with `headway_sandbox.sagemaker.protocol.service_operation`; its module is listed
in `headway_sandbox.sagemaker.operations`. A service of the JSON protocol is listed here with what its
requests start with; every request of the REST protocol that is signed for SageMaker is found by its path.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from headway_sandbox.sagemaker.protocol import (
    CONTENT_TYPE,
    Document,
    SageMaker,
    ServiceError,
    call,
    error_body,
    validation_error,
)
from headway_sandbox.wire import rest_json, routes
from headway_sandbox.wire.models import apis_signed_as, model_of
from headway_sandbox.wire.request import HttpRequest

Answer = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True)
class JsonService:
    """A service of the JSON protocol.

    Attributes:
        api: botocore's name of it.
        signing_name: The name that its requests are signed for.
        target_prefix: What their ``X-Amz-Target`` starts with.
    """

    api: str
    signing_name: str
    target_prefix: str


# Spelled out, because reading botocore's models would take longer than a start may; a test compares them.
JSON_SERVICES = (
    JsonService("sagemaker", "sagemaker", "SageMaker"),
    JsonService("service-quotas", "servicequotas", "ServiceQuotasV20190624"),
    JsonService("application-autoscaling", "application-autoscaling", "AnyScaleFrontendService"),
)
REST_APIS = tuple(api for api in apis_signed_as("sagemaker") if api != "sagemaker")


async def json_call(service: SageMaker, api: str, path: str, target: str, body: bytes) -> Answer:
    """One call of the JSON protocol.

    Args:
        service: The running SageMaker.
        api: botocore's name of the service.
        path: The request's path; these services have no other than ``/``.
        target: ``X-Amz-Target``.
        body: The body.
    """
    name = target.rpartition(".")[2]
    headers = {"Content-Type": CONTENT_TYPE}
    try:
        model = model_of(api)
        _require_operation(model.title, path, name)
        document = await call(service, model, name, _parsed(body))
    except ServiceError as error:
        return error.status, headers, error_body(error)
    return 200, headers, json.dumps(document).encode()


async def rest_call(service: SageMaker, request: HttpRequest) -> Answer:
    """One call of the REST JSON protocol.

    Args:
        service: The running SageMaker.
        request: The request, signed for SageMaker.
    """
    try:
        api, match = _matched(request)
        model = model_of(api)
        asked = rest_json.request_document(model.input_shape(match.operation), match.labels, request)
        document = await call(service, model, match.operation, asked)
    except ServiceError as error:
        return error.status, rest_error_headers(error), json.dumps({"message": error.message}).encode()
    headers, answer = rest_json.answer(model.output_shape(match.operation), document)
    return int(model.http(match.operation).get("responseCode", 200)), headers, answer


def rest_error_headers(error: ServiceError) -> dict[str, str]:
    """The headers that carry an error of the REST JSON protocol."""
    return {"Content-Type": "application/json", "x-amzn-errortype": error.code}


def _matched(request: HttpRequest) -> tuple[str, routes.Match]:
    for api in REST_APIS:
        match = routes.match(api, request)
        if match is not None:
            return api, match
    message = f"SageMaker has no operation at {request.method} {request.path}."
    raise ServiceError("UnknownOperationException", message, 404)


def _require_operation(title: str, path: str, name: str) -> None:
    if path != "/" or not name:
        message = f"{title} has no operation at {path} that this sandbox emulates."
        raise ServiceError("UnknownOperationException", message)


def _parsed(body: bytes) -> Document:
    try:
        request = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise ServiceError("SerializationException", f"The request body is not JSON: {error}.") from error
    if not isinstance(request, dict):
        raise validation_error("The request body must be a JSON object.")
    return request

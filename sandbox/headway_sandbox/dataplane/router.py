"""InvokeEndpoint: chooses the variant, asks its model, says who answered."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from time import perf_counter

from headway_sandbox.dataplane.errors import ConcurrencyError, NoWorkerError
from headway_sandbox.dataplane.fleet import Fleet, Replica, Variant
from headway_sandbox.dataplane.http_client import HttpResponse
from headway_sandbox.dataplane.log_stream import group_name
from headway_sandbox.dataplane.metrics import Invocation
from headway_sandbox.dataplane.model_call import (
    ModelFailureError,
    ModelRequest,
    UnknownContainerError,
    call_model,
)
from headway_sandbox.dataplane.plane import DataPlane, plane_of
from headway_sandbox.sagemaker.protocol import SageMaker, ServiceError

Answer = tuple[int, dict[str, str], bytes]

MAX_BODY_BYTES = 6_291_456
"""The longest payload: the maximum of BodyBlob in botocore's model of sagemaker-runtime."""

_PATH = re.compile(r"/endpoints/(?P<endpoint>[^/]+)/(?P<action>[^/]+)")
_NOT_EMULATED = {
    "async-invocations": "InvokeEndpointAsync",
    "invocations-response-stream": "InvokeEndpointWithResponseStream",
    "invocations-bidirectional-stream": "InvokeEndpointWithBidirectionalStream",
}
_TARGET_VARIANT = "x-amzn-sagemaker-target-variant"
_TARGET_CONTAINER = "x-amzn-sagemaker-target-container-hostname"
_COMPONENT = "x-amzn-sagemaker-inference-component"
_INVOKED_VARIANT = "x-Amzn-Invoked-Production-Variant"
# Of a caller's headers, SageMaker passes on those that its API defines and strips the others.
_TO_MODEL = {
    "content-type": "Content-Type",
    "accept": "Accept",
    "x-amzn-sagemaker-custom-attributes": "X-Amzn-SageMaker-Custom-Attributes",
    "x-amzn-sagemaker-inference-id": "X-Amzn-SageMaker-Inference-Id",
    "x-amzn-sagemaker-target-model": "X-Amzn-SageMaker-Target-Model",
    "x-amzn-sagemaker-session-id": "X-Amzn-SageMaker-Session-Id",
    "x-amzn-sagemaker-enable-explanations": "X-Amzn-SageMaker-Enable-Explanations",
}
_TO_CALLER = {
    "content-type": "Content-Type",
    "x-amzn-sagemaker-custom-attributes": "X-Amzn-SageMaker-Custom-Attributes",
    "x-amzn-sagemaker-new-session-id": "X-Amzn-SageMaker-New-Session-Id",
    "x-amzn-sagemaker-closed-session-id": "X-Amzn-SageMaker-Closed-Session-Id",
}
_MAX_MIRRORED = 64


class _RefusalError(Exception):
    """An answer that is not the model's; `code` is empty where AWS sends none."""

    def __init__(self, status: int, code: str, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.reason = reason
        self.message = message


@dataclass(frozen=True)
class _Request:
    headers: Mapping[str, str]
    body: bytes
    arrived: float


async def invoke(service: SageMaker, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
    """Answers one call of SageMaker Runtime.

    Args:
        service: The running SageMaker.
        method: HTTP method.
        path: ``/endpoints/<name>/invocations``.
        headers: Headers by lower-cased name.
        body: The payload.

    Returns:
        HTTP status, headers and body.

    Raises:
        ServiceError: The path is not an operation of this sandbox.
    """
    arrived = perf_counter()
    match = _PATH.fullmatch(path)
    if match is None or method != "POST":
        raise ServiceError(
            "UnknownOperationException", f"SageMaker Runtime has no operation {method} {path}.", 404
        )
    if match["action"] != "invocations":
        name = _NOT_EMULATED.get(match["action"], match["action"])
        raise ServiceError(
            "UnknownOperationException", f"The operation {name} is not emulated by this sandbox."
        )
    plane = plane_of(service)
    try:
        _check_request(headers, body)
        fleet = await plane.next_fleet(match["endpoint"])
        if fleet is None:
            raise _RefusalError(  # noqa: TRY301
                400,
                "ValidationError",
                "NO_SUCH_ENDPOINT",
                f"Endpoint {match['endpoint']} of account {service.account} not found.",
            )
        with fleet.request():
            return await _answer(service, plane, fleet, _Request(headers, body, arrived))
    except _RefusalError as refusal:
        document = {"ErrorCode": refusal.reason, "Message": refusal.message}
        return refusal.status, _error_headers(refusal.code), json.dumps(document).encode()


async def _answer(service: SageMaker, plane: DataPlane, fleet: Fleet, asked_for: _Request) -> Answer:
    variant = _choose(fleet, asked_for.headers)
    passed = {_TO_MODEL[name]: value for name, value in asked_for.headers.items() if name in _TO_MODEL}
    request = ModelRequest(passed, asked_for.body, asked_for.headers.get(_TARGET_CONTAINER))
    _mirror(plane, fleet, request)
    asked = perf_counter()
    response: HttpResponse | None = None
    try:
        response = await call_model(_copy(variant), request)
        status, model_status = 200, response.status
    except ModelFailureError as failure:
        status, model_status = 424, failure.status
        answer = _model_error(service, fleet, failure)
    except NoWorkerError as error:
        raise _no_worker(variant) from error
    except UnknownContainerError as error:
        raise _RefusalError(400, "ValidationError", "INVALID_TARGET_CONTAINER", str(error)) from error
    answered = perf_counter()
    if response is not None:
        own = {_TO_CALLER[name]: value for name, value in response.headers.items() if name in _TO_CALLER}
        answer = (200, {**own, _INVOKED_VARIANT: variant.plan.name}, response.body)
    call = Invocation(
        endpoint=fleet.endpoint,
        variant=variant.plan.name,
        shadow=False,
        status=status,
        model_status=model_status,
        model_latency_s=answered - asked,
        overhead_s=0.0,
    )
    plane.observe(replace(call, overhead_s=perf_counter() - asked_for.arrived - call.model_latency_s))
    return answer


def _check_request(headers: Mapping[str, str], body: bytes) -> None:
    if len(body) > MAX_BODY_BYTES:
        message = f"HTTP content length exceeded {MAX_BODY_BYTES} bytes."
        raise _RefusalError(413, "", "PAYLOAD_TOO_LARGE", message)
    if _COMPONENT in headers:
        message = "Inference components are not emulated by this sandbox; invoke a variant instead."
        raise _RefusalError(400, "ValidationError", "INFERENCE_COMPONENT", message)


def _choose(fleet: Fleet, headers: Mapping[str, str]) -> Variant:
    target = headers.get(_TARGET_VARIANT)
    if target is None:
        try:
            return fleet.variants[fleet.choice.next()]
        except LookupError as error:
            message = (
                f"Endpoint {fleet.endpoint} has no production variant with a weight greater than 0; raise a "
                "weight with UpdateEndpointWeightsAndCapacities, or name a variant in TargetVariant."
            )
            raise _RefusalError(400, "ValidationError", "NO_WEIGHTED_VARIANT", message) from error
    if target not in fleet.variants:
        names = ", ".join(fleet.variants)
        message = f"Endpoint {fleet.endpoint} has no production variant {target}; it has: {names}."
        raise _RefusalError(400, "ValidationError", "NO_SUCH_VARIANT", message)
    return fleet.variants[target]


def _copy(variant: Variant) -> Replica:
    try:
        return variant.next_replica()
    except NoWorkerError as error:
        raise _no_worker(variant) from error
    except ConcurrencyError as error:
        raise _RefusalError(
            429, "ThrottlingException", "MAX_CONCURRENCY", f"Rate exceeded: {error}."
        ) from error


def _no_worker(variant: Variant) -> _RefusalError:
    known = (
        "has no instances; raise its DesiredInstanceCount" if not variant.replicas else "is being recovered"
    )
    message = (
        "A transient exception occurred while retrieving variant instances. Please try again later. "
        f"(Variant {variant.plan.name} {known}.)"
    )
    return _RefusalError(503, "ServiceUnavailable", "NO_INSTANCES", message)


def _mirror(plane: DataPlane, fleet: Fleet, request: ModelRequest) -> None:
    """Sends copies of a request to the shadow variants without waiting for them."""
    for name, shadow in fleet.shadows.items():
        if not fleet.sampling[name].next():
            continue
        if len(plane.mirrored) >= _MAX_MIRRORED:
            plane.mirrors_dropped += 1  # a slow shadow must not pile up work beside the production traffic
            continue
        task = asyncio.create_task(_ask_shadow(plane, fleet, shadow, request))
        plane.mirrored.add(task)
        task.add_done_callback(plane.mirrored.discard)


async def _ask_shadow(plane: DataPlane, fleet: Fleet, shadow: Variant, request: ModelRequest) -> None:
    asked = perf_counter()
    with fleet.request():
        try:
            status = (await call_model(shadow.next_replica(), request)).status
        except ModelFailureError as failure:
            status = failure.status
        except (UnknownContainerError, NoWorkerError, ConcurrencyError):
            return
    plane.observe(
        Invocation(
            endpoint=fleet.endpoint,
            variant=shadow.plan.name,
            shadow=True,
            status=200 if 200 <= status < 300 else 424,
            model_status=status,
            model_latency_s=perf_counter() - asked,
            overhead_s=0.0,
        )
    )


def _model_error(service: SageMaker, fleet: Fleet, failure: ModelFailureError) -> Answer:
    side = "client" if 400 <= failure.status < 500 else "server"
    group = group_name(fleet.endpoint)
    message = (
        f"Received {side} error ({failure.status}) from {failure.container} with message "
        f'"{failure.message}". See the log group {group} in account {service.account} for more information.'
    )
    document = {
        "ErrorCode": f"{side.upper()}_ERROR_FROM_MODEL",
        "Message": message,
        "OriginalStatusCode": failure.status,
        "OriginalMessage": failure.message,
        "LogStreamArn": f"arn:aws:logs:{service.region}:{service.account}:log-group:{group}",
    }
    return 424, _error_headers("ModelError"), json.dumps(document).encode()


def _error_headers(code: str) -> dict[str, str]:
    headers = {"Content-Type": "application/json"}
    return {**headers, "x-amzn-ErrorType": code} if code else headers

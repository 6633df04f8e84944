"""SageMaker Runtime: which operation a request is for, and InvokeEndpoint."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter

from headway_sandbox.dataplane.async_inference import invoke_async
from headway_sandbox.dataplane.invocation import (
    CUSTOM_ATTRIBUTES,
    INVOKED_VARIANT,
    Call,
    begin,
    captured,
    check,
    keep,
    mirror,
)
from headway_sandbox.dataplane.model_call import ModelFailureError, UnknownContainerError
from headway_sandbox.dataplane.plane import plane_of
from headway_sandbox.dataplane.refusals import Answer, RefusalError, invalid, model_error
from headway_sandbox.dataplane.response_stream import StreamedAnswer, invoke_with_stream
from headway_sandbox.sagemaker.protocol import CONTENT_TYPE, SageMaker, ServiceError, error_body

_PATH = re.compile(r"/endpoints/(?P<endpoint>[^/]+)/(?P<action>[a-z-]+)")
_TO_CALLER = {"content-type": "Content-Type", "x-amzn-sagemaker-custom-attributes": CUSTOM_ATTRIBUTES}
_NOT_EMULATED = {"invocations-bidirectional-stream": "InvokeEndpointWithBidirectionalStream"}

_log = logging.getLogger(__name__)


async def answer(
    service: SageMaker, method: str, path: str, headers: dict[str, str], body: bytes
) -> Answer | StreamedAnswer:
    """Answers one call of SageMaker Runtime.

    Args:
        service: The running SageMaker.
        method: HTTP method.
        path: For example ``/endpoints/<name>/invocations``.
        headers: Headers by lower-cased name.
        body: The payload.
    """
    arrived = perf_counter()
    request_id = str(uuid.uuid4())
    match = _PATH.fullmatch(path)
    operation = None if match is None or method != "POST" else _BY_ACTION.get(match["action"])
    if match is None or operation is None:
        name = f"{method} {path}" if match is None else _NOT_EMULATED.get(match["action"], f"{method} {path}")
        message = f"The operation {name} of SageMaker Runtime is not emulated by this sandbox."
        return _error(ServiceError("UnknownOperationException", message), request_id)
    try:
        call = Call(service, plane_of(service), match["endpoint"], headers, body, request_id, arrived)
        answered = await operation(call)
    except RefusalError as refusal:
        answered = refusal.answer
    except Exception:  # noqa: BLE001 - the last place that can answer: the caller would wait for ever
        _log.exception("a call of %s failed", path)
        message = "The sandbox failed to answer this call; its log says why."
        return _error(ServiceError("InternalFailure", message, 500), request_id)
    answered[1]["x-amzn-RequestId"] = request_id
    return answered


async def invoke(call: Call) -> Answer:
    """InvokeEndpoint."""
    check(call)
    work = await begin(call)
    with work.fleet.request():
        captured_by = captured(call, work)
        mirror(call, work, captured_by)
        try:
            response = await work.ask()
        except ModelFailureError as failure:
            work.observe(failure.status)
            return model_error(call.service, call.endpoint, failure)
        except UnknownContainerError as error:
            raise invalid("INVALID_TARGET_CONTAINER", str(error)) from error
        keep(call, work.variant, work.request, response, captured_by)
        work.observe(response.status)
    headers = {_TO_CALLER[name]: value for name, value in response.headers.items() if name in _TO_CALLER}
    headers[INVOKED_VARIANT] = work.variant.plan.name
    return 200, headers, response.body


def _error(error: ServiceError, request_id: str) -> Answer:
    headers = {"Content-Type": CONTENT_TYPE, "x-amzn-errortype": error.code, "x-amzn-RequestId": request_id}
    return error.status, headers, error_body(error)


Operation = Callable[[Call], Awaitable[Answer | StreamedAnswer]]

OPERATIONS: Mapping[str, Operation] = {
    "InvokeEndpoint": invoke,
    "InvokeEndpointAsync": invoke_async,
    "InvokeEndpointWithResponseStream": invoke_with_stream,
}
"""The operations of SageMaker Runtime that are emulated."""

_BY_ACTION = {
    "invocations": OPERATIONS["InvokeEndpoint"],
    "async-invocations": OPERATIONS["InvokeEndpointAsync"],
    "invocations-response-stream": OPERATIONS["InvokeEndpointWithResponseStream"],
}

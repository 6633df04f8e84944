"""InvokeEndpointWithResponseStream: what the model answers, passed on part by part."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import NamedTuple

from headway_sandbox.dataplane import event_stream
from headway_sandbox.dataplane.http_client import BrokenConnectionError, HttpResponse
from headway_sandbox.dataplane.http_stream import HttpStream
from headway_sandbox.dataplane.invocation import (
    CUSTOM_ATTRIBUTES,
    INVOKED_VARIANT,
    Call,
    Captured,
    Work,
    begin,
    captured,
    check,
    keep,
    mirror,
)
from headway_sandbox.dataplane.model_call import ModelFailureError, UnknownContainerError
from headway_sandbox.dataplane.refusals import Answer, invalid, model_error

TIMEOUT_S = 480.0
"""Seconds that a streamed answer may take: 8 minutes ("Amazon SageMaker Model Hosting FAQs")."""

_PART = "PayloadPart"
_ERROR = "ModelStreamError"
_TO_CALLER = {
    "content-type": "X-Amzn-SageMaker-Content-Type",
    "x-amzn-sagemaker-custom-attributes": CUSTOM_ATTRIBUTES,
}


class StreamedAnswer(NamedTuple):
    """An answer that is sent as it comes.

    Attributes:
        status: HTTP status.
        headers: Headers.
        parts: The body; must be read.
    """

    status: int
    headers: dict[str, str]
    parts: AsyncIterator[bytes]


async def invoke_with_stream(call: Call) -> Answer | StreamedAnswer:
    """InvokeEndpointWithResponseStream."""
    check(call)
    work = await begin(call)
    with contextlib.ExitStack() as in_flight:
        in_flight.enter_context(work.fleet.request())
        captured_by = captured(call, work)
        mirror(call, work, captured_by)
        try:
            stream = await work.stream()
        except ModelFailureError as failure:
            work.observe(failure.status)
            return model_error(call.service, call.endpoint, failure)
        except UnknownContainerError as error:
            raise invalid("INVALID_TARGET_CONTAINER", str(error)) from error
        headers = {_TO_CALLER[name]: value for name, value in stream.headers.items() if name in _TO_CALLER}
        headers |= {INVOKED_VARIANT: work.variant.plan.name, "Content-Type": event_stream.CONTENT_TYPE}
        return StreamedAnswer(200, headers, _messages(call, work, stream, captured_by, in_flight.pop_all()))


async def _messages(
    call: Call, work: Work, stream: HttpStream, captured_by: Captured, in_flight: contextlib.ExitStack
) -> AsyncIterator[bytes]:
    """The parts of an answer as messages; an answer that breaks off ends with an exception."""
    deadline = asyncio.get_running_loop().time() + TIMEOUT_S
    whole: list[bytes] = []
    status = 0
    with in_flight:
        try:
            while (part := await _next(stream, deadline)) is not None:
                if captured_by is not None:
                    whole.append(part)
                yield event_stream.event(_PART, part)
            status = stream.status
            keep(
                call,
                work.variant,
                work.request,
                HttpResponse(status, stream.headers, b"".join(whole)),
                captured_by,
            )
        except BrokenConnectionError as error:
            yield event_stream.exception(_ERROR, {"Message": str(error), "ErrorCode": "StreamBroken"})
        except TimeoutError:
            message = f"The model did not finish its answer within {TIMEOUT_S:g} seconds."
            members = {"Message": message, "ErrorCode": "ModelInvocationTimeExceeded"}
            yield event_stream.exception(_ERROR, members)
        finally:
            work.answered()
            work.observe(status)


async def _next(stream: HttpStream, deadline: float) -> bytes | None:
    async with asyncio.timeout_at(deadline):
        return await anext(stream.parts, None)

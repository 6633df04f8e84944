"""One request to one copy of a model, through all of its containers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Self

from headway_sandbox.dataplane.container import Container
from headway_sandbox.dataplane.fleet import Replica
from headway_sandbox.dataplane.http_client import (
    BrokenConnectionError,
    ConnectFailedError,
    HttpClient,
    HttpResponse,
)
from headway_sandbox.dataplane.http_stream import HttpStream, open_stream
from headway_sandbox.dataplane.plan import DIRECT

MODEL_TIMEOUT_S = 60.0
"""Seconds that a model has for an answer (documentation of InvokeEndpoint)."""

_SERVERS = 2
_BREAKS = 3
_NOTICE_S = 0.02
_MESSAGE_CHARACTERS = 4096


class ModelFailureError(Exception):
    """The model gave no usable answer.

    Args:
        container: Hostname of the container.
        status: Its HTTP status; 0 when there was no answer in time.
        message: What it said.
    """

    def __init__(self, container: str, status: int, message: str) -> None:
        super().__init__(message)
        self.container = container
        self.status = status
        self.message = message

    @classmethod
    def timeout(cls, container: str) -> Self:
        """The failure of a container that gave no answer in time.

        Args:
            container: Its hostname.
        """
        message = (
            f"Your invocation timed out while waiting for a response from container {container}. Review the "
            "latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
        )
        return cls(container, 0, message)


class UnknownContainerError(Exception):
    """The request names a container that the model does not have, or names none where it must."""


@dataclass(frozen=True)
class ModelRequest:
    """What a container is given.

    Attributes:
        headers: The headers that SageMaker passes on, by the name it passes them under.
        body: The payload.
        container: Hostname of the container to ask, for models whose containers are invoked directly.
    """

    headers: dict[str, str]
    body: bytes
    container: str | None = None


async def call_model(
    copy: Replica, request: ModelRequest, timeout_s: float = MODEL_TIMEOUT_S
) -> HttpResponse:
    """Asks a model: every container in turn, or the one that the request names.

    While a container restarts, the request waits for it. A request whose connection breaks before the answer
    is complete is tried again: it has failed when a second server process breaks it too, or when one process
    breaks it three times.

    Args:
        copy: The copy of the model.
        request: What it is asked.
        timeout_s: Seconds until all containers must have answered.

    Raises:
        ModelFailureError: A container answered with an error, broke off twice or took too long.
        UnknownContainerError: The named container does not exist.
        NoWorkerError: A container's model server has ended and does not come back.
    """
    deadline = asyncio.get_running_loop().time() + timeout_s
    copy.in_flight += 1
    try:
        for container in (containers := route(copy, request)):
            response = await _ask(container, request, deadline)
            if container is not containers[-1]:
                request = _passed_on(request, response)
    finally:
        copy.in_flight -= 1
    return response


async def stream_model(copy: Replica, request: ModelRequest, timeout_s: float) -> HttpStream:
    """Asks a model for an answer that is passed on as it comes; the copy is busy until its end.

    Of several containers in series the last one streams.

    Args:
        copy: The copy of the model.
        request: What it is asked.
        timeout_s: Seconds until the answer must begin.

    Raises:
        ModelFailureError: A container answered with an error, broke off or took too long.
        UnknownContainerError: The named container does not exist.
        NoWorkerError: A container's model server has ended and does not come back.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    copy.in_flight += 1
    try:
        *first, last = route(copy, request)
        for container in first:
            request = _passed_on(request, await _ask(container, request, deadline))
        hostname = last.plan.hostname
        try:
            async with asyncio.timeout_at(deadline):
                client = await last.wait_healthy()
            answer = await open_stream(
                client.port,
                "/invocations",
                headers=list(request.headers.items()),
                body=request.body,
                timeout_s=deadline - loop.time(),
            )
        except TimeoutError:
            raise ModelFailureError.timeout(hostname) from None
        except ConnectionError as error:
            raise ModelFailureError(hostname, 500, str(error)) from error
        await _refuse_errors(hostname, answer)
    except BaseException:
        copy.in_flight -= 1
        raise
    return replace(answer, parts=_until_the_end(copy, answer.parts))


async def _refuse_errors(hostname: str, answer: HttpStream) -> None:
    if not 200 <= answer.status < 300:
        message = b"".join([part async for part in answer.parts])
        raise ModelFailureError(hostname, answer.status, _text(message))


async def _until_the_end(copy: Replica, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        async for part in parts:
            yield part
    finally:
        copy.in_flight -= 1


def _passed_on(request: ModelRequest, response: HttpResponse) -> ModelRequest:
    """What the next container in series is asked."""
    content_type = response.headers.get("content-type", "application/octet-stream")
    return replace(request, headers={**request.headers, "Content-Type": content_type}, body=response.body)


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")[:_MESSAGE_CHARACTERS]


def route(copy: Replica, request: ModelRequest) -> list[Container]:
    """The containers that answer a request, in order.

    Raises:
        UnknownContainerError: The request names a container that does not exist, or none where it must.
    """
    names = [container.plan.hostname for container in copy.containers]
    if copy.mode != DIRECT:
        if request.container is not None:
            raise UnknownContainerError(
                f"TargetContainerHostname {request.container} was given, but the containers of this endpoint "
                "are invoked one after the other; leave it out, or give the model an "
                "InferenceExecutionConfig of Mode Direct."
            )
        return copy.containers
    chosen = [container for container in copy.containers if container.plan.hostname == request.container]
    if not chosen:
        given = "is missing" if request.container is None else f"names {request.container}"
        raise UnknownContainerError(
            f"TargetContainerHostname {given}, but the containers of this endpoint are: {', '.join(names)}."
        )
    return chosen


async def _ask(container: Container, request: ModelRequest, deadline: float) -> HttpResponse:
    hostname = container.plan.hostname
    loop = asyncio.get_running_loop()
    broken: Counter[HttpClient] = Counter()
    try:
        while True:
            if container.healthy:  # a timer for nothing would cost a tenth of the call
                client = await container.wait_healthy()
            else:
                async with asyncio.timeout_at(deadline):
                    client = await container.wait_healthy()
            try:
                response = await client.request(
                    "POST",
                    "/invocations",
                    headers=list(request.headers.items()),
                    body=request.body,
                    timeout_s=deadline - loop.time(),
                )
            except ConnectFailedError:
                pass
            except BrokenConnectionError as error:
                broken[client] += 1
                if len(broken) == _SERVERS or broken[client] == _BREAKS:
                    raise ModelFailureError(hostname, 500, str(error)) from error
            else:
                break
            # The end of a process is noticed a moment after its connections and its port have closed.
            async with asyncio.timeout_at(deadline):
                await asyncio.sleep(_NOTICE_S)
    except TimeoutError:
        raise ModelFailureError.timeout(hostname) from None
    if not 200 <= response.status < 300:
        raise ModelFailureError(hostname, response.status, _text(response.body))
    return response

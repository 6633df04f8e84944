"""One request to one copy of a model, through all of its containers."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, replace

from headway_sandbox.dataplane.container import Container
from headway_sandbox.dataplane.fleet import Replica
from headway_sandbox.dataplane.http_client import (
    BrokenConnectionError,
    ConnectFailedError,
    HttpClient,
    HttpResponse,
)
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


async def call_model(copy: Replica, request: ModelRequest) -> HttpResponse:
    """Asks a model: every container in turn, or the one that the request names.

    While a container restarts, the request waits for it. A request whose connection breaks before the answer
    is complete is tried again: it has failed when a second server process breaks it too, or when one process
    breaks it three times.

    Raises:
        ModelFailureError: A container answered with an error, broke off twice or took too long.
        UnknownContainerError: The named container does not exist.
    """
    deadline = asyncio.get_running_loop().time() + MODEL_TIMEOUT_S
    copy.in_flight += 1
    try:
        for container in (containers := _route(copy, request)):
            response = await _ask(container, request, deadline)
            if container is not containers[-1]:
                content_type = response.headers.get("content-type", "application/octet-stream")
                headers = {**request.headers, "Content-Type": content_type}
                request = replace(request, headers=headers, body=response.body)
    finally:
        copy.in_flight -= 1
    return response


def _route(copy: Replica, request: ModelRequest) -> list[Container]:
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
        message = (
            f"Your invocation timed out while waiting for a response from container {hostname}. Review the "
            "latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
        )
        raise ModelFailureError(hostname, 0, message) from None
    if not 200 <= response.status < 300:
        message = response.body.decode("utf-8", "replace")[:_MESSAGE_CHARACTERS]
        raise ModelFailureError(hostname, response.status, message)
    return response

"""Model servers that misbehave on demand: late, wrong, failing, silent or crashing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from headway_sandbox.dataplane.choice import Sampling
from headway_sandbox.dataplane.fleet import Replica
from headway_sandbox.dataplane.http_client import HttpResponse
from headway_sandbox.dataplane.http_stream import HttpStream
from headway_sandbox.dataplane.model_call import ModelFailureError, ModelRequest, call_model, stream_model
from headway_sandbox.faults import WorkerFault

FaultOf = Callable[[str, str], WorkerFault | None]

_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_ERROR_STATUS = 500
_ERROR_MESSAGE = "The model server fails on demand."


class FaultyCalls:
    """Asks models, and lets them misbehave where a fault says so.

    A rate is kept exactly: a rate of 0.25 meets every fourth call.

    Args:
        fault_of: How a variant of an endpoint misbehaves now, or None.
        timeout_s: Seconds that a model has for an answer.
    """

    def __init__(self, fault_of: FaultOf, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._fault_of = fault_of
        self._sampling: dict[tuple[str, str, str, float], Sampling] = {}

    async def ask(
        self,
        endpoint: str,
        variant: str,
        replica: Replica,
        request: ModelRequest,
        timeout_s: float | None = None,
    ) -> HttpResponse:
        """Asks one copy of a model and waits for the whole answer.

        Args:
            endpoint: Name of the endpoint.
            variant: Name of the variant.
            replica: The copy.
            request: What it is asked.
            timeout_s: Seconds that the model has for an answer; None for those of a real-time endpoint.

        Raises:
            ModelFailureError: The model failed, or was made to.
            UnknownContainerError: The request names no container of the model.
            NoWorkerError: No model server can answer.
        """
        limit_s = self._timeout_s if timeout_s is None else timeout_s
        fault = self._fault_of(endpoint, variant)
        if fault is None or fault.body_has.encode() not in request.body:
            return await call_model(replica, request, limit_s)
        wrong = await self._misbehave(fault, endpoint, variant, replica, limit_s)
        response = await call_model(replica, request, limit_s - fault.delay_s)
        return replace(response, body=falsified(response.body)) if wrong else response

    async def stream(
        self, endpoint: str, variant: str, replica: Replica, request: ModelRequest
    ) -> HttpStream:
        """Asks one copy of a model and waits for the begin of its answer; otherwise as `ask`."""
        fault = self._fault_of(endpoint, variant)
        if fault is None or fault.body_has.encode() not in request.body:
            return await stream_model(replica, request, self._timeout_s)
        wrong = await self._misbehave(fault, endpoint, variant, replica, self._timeout_s)
        answer = await stream_model(replica, request, self._timeout_s - fault.delay_s)
        return replace(answer, parts=_falsified_parts(answer.parts)) if wrong else answer

    async def _misbehave(
        self, fault: WorkerFault, endpoint: str, variant: str, replica: Replica, limit_s: float
    ) -> bool:
        """Does what comes before an answer; whether that is to be wrong."""

        def met(kind: str, rate: float) -> bool:
            key = (endpoint, variant, kind, rate)
            return self._sampling.setdefault(key, Sampling(rate)).next()

        hostname = replica.containers[0].plan.hostname
        wrong, failing = met("wrong", fault.wrong_rate), met("error", fault.error_rate)
        silent = met("silent", fault.silent_rate)
        if met("crash", fault.crash_rate):
            replica.containers[0].kill()
        if silent or fault.delay_s >= limit_s:
            await asyncio.sleep(limit_s)
            raise ModelFailureError.timeout(hostname)
        await asyncio.sleep(fault.delay_s)
        if failing:
            raise ModelFailureError(hostname, _ERROR_STATUS, _ERROR_MESSAGE)
        return wrong


async def _falsified_parts(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for part in parts:
        yield falsified(part)


def falsified(body: bytes) -> bytes:
    """A wrong answer of the same form: every number n becomes 1 - n, so a probability becomes its opposite.

    >>> falsified(b'{"probability": 0.25}')
    b'{"probability": 0.75}'
    """
    return _NUMBER.sub(lambda number: f"{1 - float(number[0]):.12g}".encode(), body)

"""What goes between a batch transform job and its model: requests, retries, and what went wrong."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

from headway_sandbox.dataplane.container import Container
from headway_sandbox.dataplane.errors import NoWorkerError
from headway_sandbox.dataplane.http_client import BrokenConnectionError, ConnectFailedError
from headway_sandbox.sagemaker.jobs.transform_records import Batch
from headway_sandbox.sagemaker.protocol import Document

DEFAULT_TIMEOUT_S = 600
DEFAULT_RETRIES = 3
_SAID_CHARACTERS = 500
_PARAMETERS_TIMEOUT_S = 5.0
_PARAMETERS: dict[str, type] = {
    "MaxConcurrentTransforms": int,
    "BatchStrategy": str,
    "MaxPayloadInMB": int,
}


class ModelRefusedError(Exception):
    """The model did not answer a batch.

    Args:
        kind: ``ClientError`` or ``AlgorithmError``.
        message: What happened.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class Exchange:
    """How batches are given to a model.

    Attributes:
        servers: Its containers; each is given the answer of the one before.
        headers: Headers of the first request.
        limits: ``ModelClientConfig`` of the job.
    """

    servers: list[Container]
    headers: dict[str, str]
    limits: Document

    async def ask(self, batch: Batch) -> bytes:
        """What the model answers; asks again when it fails by itself."""
        attempts = 1 + self.limits.get("InvocationsMaxRetries", DEFAULT_RETRIES)
        for attempt in range(attempts):
            try:
                return await self._once(batch)
            except ModelRefusedError as error:
                if error.kind == "ClientError" or attempt == attempts - 1:
                    raise
        raise AssertionError("a loop of at least one attempt ends in an answer or an error")

    async def _once(self, batch: Batch) -> bytes:
        timeout_s = float(self.limits.get("InvocationsTimeoutInSeconds", DEFAULT_TIMEOUT_S))
        body, headers = batch.payload, self.headers
        where = f"record {batch.first}"
        for server in self.servers:
            try:
                async with asyncio.timeout(timeout_s):
                    client = await server.wait_healthy()
                    answer = await client.request(
                        "POST", "/invocations", headers=list(headers.items()), body=body, timeout_s=timeout_s
                    )
            except (ConnectFailedError, BrokenConnectionError, NoWorkerError) as error:
                raise ModelRefusedError(
                    "AlgorithmError", f"{where}: the model server ended: {error}"
                ) from error
            except TimeoutError as error:
                raise ModelRefusedError(
                    "AlgorithmError", f"{where}: the model gave no answer within {timeout_s:g} seconds"
                ) from error
            if answer.status >= 400:
                said = answer.body.decode("utf-8", "replace")[:_SAID_CHARACTERS]
                kind = "ClientError" if answer.status < 500 else "AlgorithmError"
                raise ModelRefusedError(
                    kind, f"{where}: the model answered with status {answer.status}: {said}"
                )
            body = answer.body
            content_type = answer.headers.get("content-type")
            headers = {**headers, **({} if content_type is None else {"Content-Type": content_type})}
        return body


async def execution_parameters(server: Container) -> Document:
    """What the model server wants where the job does not say: its ``/execution-parameters``, if any."""
    try:
        client = await server.wait_healthy()
        answer = await client.request("GET", "/execution-parameters", timeout_s=_PARAMETERS_TIMEOUT_S)
        wanted = json.loads(answer.body) if answer.status == 200 else {}
    except (ConnectFailedError, BrokenConnectionError, NoWorkerError, TimeoutError, ValueError):
        return {}
    if not isinstance(wanted, dict):
        return {}
    return {
        member: wanted[member] for member, kind in _PARAMETERS.items() if isinstance(wanted.get(member), kind)
    }


def request_headers(given: Document, output: Document) -> dict[str, str]:
    """The headers of a request to the model.

    Args:
        given: ``TransformInput`` of the job.
        output: ``TransformOutput`` of the job.
    """
    named = {"Content-Type": given.get("ContentType"), "Accept": output.get("Accept")}
    return {name: value for name, value in named.items() if value}

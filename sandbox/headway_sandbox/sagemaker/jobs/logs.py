"""A container's output in CloudWatch Logs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from headway_sandbox.sagemaker.protocol import SageMaker

INTERVAL_S = 0.3
BATCH = 1000


class LogStream:
    """One log stream, written in batches.

    Args:
        service: The running SageMaker.
        group: Log group, created if missing.
        stream: Log stream.
    """

    def __init__(self, service: SageMaker, group: str, stream: str) -> None:
        self._service = service
        self._group = group
        self._stream = stream
        self._pending: list[dict[str, Any]] = []

    async def create(self) -> None:
        """Creates group and stream; that they exist is no error."""
        await asyncio.to_thread(self._create)

    def write(self, message: str) -> None:
        """Adds a line; it is sent with the next batch."""
        if message:
            self._pending.append({"timestamp": round(self._service.clock() * 1000), "message": message})

    async def flush(self) -> None:
        """Sends what is pending."""
        while self._pending:
            batch = self._pending[:BATCH]
            await self._service.aws.call(
                "logs",
                "put_log_events",
                logGroupName=self._group,
                logStreamName=self._stream,
                logEvents=batch,
            )
            del self._pending[: len(batch)]

    def _create(self) -> None:
        from botocore.exceptions import ClientError  # noqa: PLC0415 - costs too much at start

        logs = self._service.aws.client("logs")
        for create, arguments in (
            (logs.create_log_group, {"logGroupName": self._group}),
            (logs.create_log_stream, {"logGroupName": self._group, "logStreamName": self._stream}),
        ):
            try:
                create(**arguments)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
                    raise


@contextlib.asynccontextmanager
async def shipping(log: LogStream, *others: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """While the body runs, sends its log and whatever else accumulates; at the end, all of the rest.

    Args:
        log: The log stream; created first.
        others: Called each time the log is sent.
    """
    await log.create()

    async def send() -> None:
        await log.flush()
        for other in others:
            await other()

    async def repeat() -> None:
        while True:
            await asyncio.sleep(INTERVAL_S)
            await send()

    repeating = asyncio.ensure_future(repeat())
    try:
        yield
    finally:
        repeating.cancel()
        await asyncio.gather(repeating, return_exceptions=True)
    # Not when the job is cancelled: then the sandbox is stopping and answers no more.
    await send()

"""Answers of model servers that are passed on as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import h11

from headway_sandbox.dataplane.http_client import (
    BrokenConnectionError,
    ConnectFailedError,
    Headers,
    head_bytes,
)

_READ_BYTES = 2**16


@dataclass(frozen=True)
class HttpStream:
    """An answer whose body is still coming.

    Attributes:
        status: HTTP status.
        headers: Header values by lower-cased name; the last one counts.
        parts: The body as it arrives; must be read to its end or closed. Raises BrokenConnectionError where
            it ends early.
    """

    status: int
    headers: dict[str, str]
    parts: AsyncIterator[bytes]


async def open_stream(
    port: int, target: str, *, headers: Headers, body: bytes, timeout_s: float
) -> HttpStream:
    """Posts a request on a connection of its own and waits for the head of the answer.

    Args:
        port: Port on 127.0.0.1.
        target: Path and query.
        headers: Header fields besides Host and Content-Length.
        body: Request body.
        timeout_s: Seconds until the head must be there.

    Raises:
        ConnectFailedError: Nothing listens on the port.
        BrokenConnectionError: The answer ended early or was not HTTP.
        TimeoutError: The deadline passed.
    """
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError as error:
        raise ConnectFailedError(f"nothing answers on port {port}") from error
    exchange = _Exchange(reader, writer)
    try:
        async with asyncio.timeout(timeout_s):
            writer.write(head_bytes("POST", target, port, headers, len(body)) + body)
            response = await exchange.head()
    except BaseException:
        writer.close()
        raise
    fields = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
    return HttpStream(response.status_code, fields, exchange.parts())


class _Exchange:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._parser = h11.Connection(h11.CLIENT)
        # What was sent is on its way already; the parser only has to know that something was asked.
        self._parser.send(h11.Request(method="GET", target="/", headers=[("Host", "model")]))
        self._parser.send(h11.EndOfMessage())

    async def head(self) -> h11.Response:
        while True:
            event = await self._next()
            if isinstance(event, h11.Response):
                return event

    async def parts(self) -> AsyncIterator[bytes]:
        try:
            while not isinstance(event := await self._next(), h11.EndOfMessage):
                if isinstance(event, h11.Data):
                    yield bytes(event.data)
        finally:
            self._writer.close()

    async def _next(self) -> object:
        try:
            while (event := self._parser.next_event()) is h11.NEED_DATA:
                self._parser.receive_data(await self._reader.read(_READ_BYTES))
        except (OSError, h11.RemoteProtocolError) as error:
            if isinstance(error, TimeoutError):
                raise
            raise BrokenConnectionError(f"the server broke off the answer: {error}") from error
        if isinstance(event, h11.ConnectionClosed):
            raise BrokenConnectionError("the server closed the connection without an answer")
        return event

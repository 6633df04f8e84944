"""A small HTTP/1.1 client for one model server: keep-alive connections, whole answers, one deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import h11

_READ_BYTES = 2**16
_MAX_IDLE = 32

Headers = Sequence[tuple[str, str]]


class ConnectFailedError(ConnectionError):
    """Nothing listens at the address: the request was not sent."""


class BrokenConnectionError(ConnectionError):
    """The server closed the connection, or broke the protocol, before its answer was complete."""


@dataclass(frozen=True)
class HttpResponse:
    """A whole answer.

    Attributes:
        status: HTTP status.
        headers: Header values by lower-cased name; the last one counts.
        body: The body, decoded from its transfer encoding.
    """

    status: int
    headers: dict[str, str]
    body: bytes


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._state = h11.Connection(h11.CLIENT)

    async def exchange(self, request: h11.Request, body: bytes) -> HttpResponse:
        data = (
            self._send(request)
            + (self._send(h11.Data(data=body)) if body else b"")
            + self._send(h11.EndOfMessage())
        )
        self._writer.write(data)
        await self._writer.drain()
        response: h11.Response | None = None
        chunks: list[bytes] = []
        while True:
            event = self._state.next_event()
            if event is h11.NEED_DATA:
                self._state.receive_data(await self._reader.read(_READ_BYTES))
            elif isinstance(event, h11.Response):
                response = event
            elif isinstance(event, h11.Data):
                chunks.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                break
            elif isinstance(event, h11.ConnectionClosed):
                raise BrokenConnectionError("the server closed the connection without an answer")
        assert response is not None
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers
        }
        return HttpResponse(response.status_code, headers, b"".join(chunks))

    def reusable(self) -> bool:
        """Makes the connection ready for another exchange, if both sides keep it open."""
        if self._state.our_state is h11.DONE and self._state.their_state is h11.DONE:
            self._state.start_next_cycle()
            return True
        return False

    def stale(self) -> bool:
        return self._reader.at_eof() or self._writer.is_closing()

    def close(self) -> None:
        self._writer.close()

    def _send(self, event: h11.Request | h11.Data | h11.EndOfMessage) -> bytes:
        data = self._state.send(event)
        assert data is not None
        return data


class HttpClient:
    """Keep-alive connections to one local port.

    Args:
        port: Port on 127.0.0.1.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[_Connection] = []
        self._closed = False

    async def request(
        self, method: str, target: str, *, headers: Headers = (), body: bytes = b"", timeout_s: float
    ) -> HttpResponse:
        """Sends one request and reads the whole answer.

        Args:
            method: HTTP method.
            target: Path and query.
            headers: Header fields besides Host, Content-Length and Connection.
            body: Request body.
            timeout_s: Seconds for everything: connecting, sending and reading.

        Raises:
            ConnectFailedError: Nothing listens on the port.
            BrokenConnectionError: The answer ended early or was not HTTP; also when the server closed a kept
                connection at the very moment it was used again.
            TimeoutError: The deadline passed.
        """
        message = h11.Request(
            method=method,
            target=target,
            headers=[("Host", f"127.0.0.1:{self._port}"), ("Content-Length", str(len(body))), *headers],
        )
        async with asyncio.timeout(timeout_s):
            connection = self._take_idle()
            if connection is None:
                connection = await self._connect()
            return await self._exchange(connection, message, body)

    def close(self) -> None:
        """Closes the idle connections; those in use close when their exchange ends."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _take_idle(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.stale():
                return connection
            connection.close()
        return None

    async def _connect(self) -> _Connection:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError as error:
            raise ConnectFailedError(f"nothing answers on port {self._port}") from error
        return _Connection(reader, writer)

    async def _exchange(self, connection: _Connection, request: h11.Request, body: bytes) -> HttpResponse:
        keep = False
        try:
            response = await connection.exchange(request, body)
            keep = not self._closed and len(self._idle) < _MAX_IDLE and connection.reusable()
        except (OSError, h11.RemoteProtocolError) as error:
            if isinstance(error, BrokenConnectionError | TimeoutError):
                raise
            raise BrokenConnectionError(f"the server broke off the answer: {error}") from error
        finally:
            if keep:
                self._idle.append(connection)
            else:
                connection.close()
        return response

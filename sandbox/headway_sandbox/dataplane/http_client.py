"""An HTTP/1.1 client for one model server: keep-alive connections, whole answers, one deadline.

Almost every answer is a head with a Content-Length and that many bytes; such an answer is cut out of what
arrives with a few searches. Every other answer (chunked, ended by the end of the connection, with interim
responses, malformed) is h11's. h11 for all of them would cost more than the rest of a call together.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass

import h11

_MAX_IDLE = 64
_MAX_HEAD_BYTES = 2**16
_HEAD_END = b"\r\n\r\n"
_STATUS_LINE = re.compile(r"HTTP/1\.1 ([2-9]\d\d)(?: [^\r\n]*)?")
_FIELD_NAME = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")

Headers = Sequence[tuple[str, str]]


class ConnectFailedError(ConnectionError):
    """Nothing listens at the address: the request was not sent."""


class BrokenConnectionError(ConnectionError):
    """The server closed the connection, or broke the protocol, before its answer was complete."""


@dataclass(frozen=True, slots=True)
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


def head_bytes(method: str, target: str, port: int, headers: Headers, length: int) -> bytes:
    """The head of a request.

    Args:
        method: HTTP method.
        target: Path and query.
        port: Port on 127.0.0.1 that it goes to.
        headers: Header fields besides Host and Content-Length.
        length: Bytes of the body.

    Raises:
        ValueError: A field holds the end of a line.
    """
    lines = [f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {length}\r\n"]
    lines += [f"{name}: {value}\r\n" for name, value in headers]
    head = "".join(lines)
    if head.count("\n") != len(headers) + 3 or head.count("\r") != len(headers) + 3:
        raise ValueError("a header field must not hold the end of a line")
    return f"{head}\r\n".encode("latin-1")


def plain_head(head: bytes) -> tuple[int, dict[str, str], int] | None:
    """Status, headers by lower-cased name and Content-Length of a plain head.

    Args:
        head: Everything before the empty line.

    Returns:
        None where it takes a whole parser to tell what follows, or whether it is HTTP at all.
    """
    text = head.decode("latin-1")
    first, *lines = text.split("\r\n")
    status = _STATUS_LINE.fullmatch(first)
    if status is None or text.count("\n") != len(lines) or text.count("\r") != len(lines) or "\0" in text:
        return None
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _FIELD_NAME.fullmatch(name):
            return None
        name = name.lower()
        if name == "transfer-encoding" or (name == "content-length" and name in headers):
            return None
        headers[name] = value.strip(" \t")
    length = headers.get("content-length", "")
    code = int(status[1])
    if not (length.isascii() and length.isdigit()) or code in (204, 304):
        return None
    return code, headers, int(length)


class _Connection(asyncio.Protocol):
    """One connection with one exchange at a time."""

    def __init__(self) -> None:
        self.lost = False
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[HttpResponse] | None = None
        self._buffer = bytearray()
        self._head: tuple[int, dict[str, str]] | None = None
        self._body_from = 0
        self._body_to = 0
        self._parser: h11.Connection | None = None
        self._response: h11.Response | None = None
        self._chunks: list[bytes] = []
        self._reusable = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            self.close()  # nobody has asked for anything
        elif self._parser is not None:
            self._parse(data)
        else:
            self._buffer += data
            if self._head is not None or self._read_head():
                self._read_body()

    def eof_received(self) -> bool:
        if self._parser is not None and self._answer is not None:
            self._parse(b"")
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        why = "before its answer was complete" if error is None else f"with {error}"
        self._fail(f"the server closed the connection {why}")

    def ask(self, head: bytes, body: bytes) -> asyncio.Future[HttpResponse]:
        """Sends a request; the future holds the whole answer."""
        assert self._transport is not None
        self._buffer.clear()
        self._head = self._parser = self._response = None
        self._chunks = []
        self._reusable = False
        answer = self._answer = self._loop.create_future()
        if self.lost:
            self._fail("the server closed the connection without an answer")
        else:
            self._transport.write(head + body)
        return answer

    @property
    def reusable(self) -> bool:
        """Whether another request may follow the one that was answered."""
        return self._reusable and not self.lost

    def close(self) -> None:
        """Closes the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def _read_head(self) -> bool:
        """Whether the head is there and plain; where it is not plain, everything goes to h11."""
        end = self._buffer.find(_HEAD_END)
        if end < 0 and len(self._buffer) < _MAX_HEAD_BYTES:
            return False
        plain = plain_head(bytes(self._buffer[:end])) if end >= 0 else None
        if plain is None:
            self._start_parser()
            return False
        status, headers, length = plain
        self._head = status, headers
        self._body_from = end + len(_HEAD_END)
        self._body_to = self._body_from + length
        return True

    def _read_body(self) -> None:
        if len(self._buffer) < self._body_to:
            return
        assert self._head is not None
        status, headers = self._head
        keeps = headers.get("connection", "keep-alive").lower() == "keep-alive"
        body = bytes(memoryview(self._buffer)[self._body_from : self._body_to])
        self._succeed(
            HttpResponse(status, headers, body), reusable=keeps and len(self._buffer) == self._body_to
        )

    def _start_parser(self) -> None:
        # What was sent is on its way already; the parser only has to know that something was asked.
        self._parser = h11.Connection(h11.CLIENT)
        self._parser.send(h11.Request(method="GET", target="/", headers=[("Host", "model")]))
        self._parser.send(h11.EndOfMessage())
        self._parse(bytes(self._buffer))

    def _parse(self, data: bytes) -> None:
        assert self._parser is not None
        try:
            self._parser.receive_data(data)
            while (event := self._parser.next_event()) is not h11.NEED_DATA:
                if isinstance(event, h11.Response):
                    self._response = event
                elif isinstance(event, h11.Data):
                    self._chunks.append(bytes(event.data))
                elif isinstance(event, h11.EndOfMessage):
                    self._finish_parsed(self._parser)
                    return
                elif isinstance(event, h11.ConnectionClosed):
                    self._fail("the server closed the connection without an answer")
                    return
        except h11.RemoteProtocolError as error:
            self._fail(f"the server broke off the answer: {error}")
            self.close()

    def _finish_parsed(self, parser: h11.Connection) -> None:
        assert self._response is not None
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in self._response.headers
        }
        response = HttpResponse(self._response.status_code, headers, b"".join(self._chunks))
        self._succeed(
            response, reusable=parser.their_state is h11.DONE and parser.trailing_data == (b"", False)
        )

    def _succeed(self, response: HttpResponse, *, reusable: bool) -> None:
        self._reusable = reusable
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_result(response)

    def _fail(self, reason: str) -> None:
        self._reusable = False
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(BrokenConnectionError(reason))


class HttpClient:
    """Keep-alive connections to one local port.

    Args:
        port: Port on 127.0.0.1.
    """

    def __init__(self, port: int) -> None:
        self.port = port
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
        head = head_bytes(method, target, self.port, headers, len(body))
        async with asyncio.timeout(timeout_s):
            connection = self._take_idle()
            if connection is None:
                connection = await self._connect()
            keep = False
            try:
                response = await connection.ask(head, body)
                keep = not self._closed and len(self._idle) < _MAX_IDLE and connection.reusable
            finally:
                if keep:
                    self._idle.append(connection)
                else:
                    connection.close()
        return response

    def close(self) -> None:
        """Closes the idle connections; those in use close when their exchange ends."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _take_idle(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable:
                return connection
            connection.close()
        return None

    async def _connect(self) -> _Connection:
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                _Connection, "127.0.0.1", self.port
            )
        except OSError as error:
            if isinstance(error, TimeoutError):
                raise
            raise ConnectFailedError(f"nothing answers on port {self.port}") from error
        return connection

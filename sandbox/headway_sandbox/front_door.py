"""The sandbox's one port: calls of InvokeEndpoint take a short way, everything else the general server.

A call of a model is the one thing that happens thousands of times a second here, and a general server of
ASGI costs more than all the rest of such a call. So a connection is looked at where it arrives. As long as
its requests are plain calls of InvokeEndpoint (one POST, HTTP/1.1, a Content-Length, no field twice, signed
for SageMaker), they are answered at once. With the first request that is anything else, the connection, as it
is, is the general server's for good; what it gets is unchanged, so nothing depends on the short way.
"""

from __future__ import annotations

import asyncio
import functools
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

ProtocolFactory = Callable[[], asyncio.BaseProtocol]
Answer = tuple[int, dict[str, str], bytes]
Answerer = Callable[[str, dict[str, str], bytes], Awaitable[Answer]]
"""Answers a call: path, headers by lower-cased name, body."""

_BEGIN = b"POST /endpoints/"
_HEAD_END = b"\r\n\r\n"
_REQUEST_LINE = re.compile(r"POST (/endpoints/[a-zA-Z0-9-]{1,63}/invocations) HTTP/1\.1")
_FIELD_NAME = re.compile(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+")
_MAX_HEAD_BYTES = 2**14
_MAX_BODY_BYTES = 32 * 2**20  # a longer one is refused on the general way
_MAX_AHEAD_BYTES = 2**16
_NOT_PLAIN = frozenset({"transfer-encoding", "expect", "upgrade", "content-encoding"})
_SIGNED_FOR_SAGEMAKER = "/sagemaker/aws4_request"


class FrontDoor:
    """Watches the connections of a server.

    Args:
        answer: Answers a plain call.
        is_open: Whether calls may take the short way now.
    """

    def __init__(self, answer: Answerer, is_open: Callable[[], bool]) -> None:
        self.answer = answer
        self.is_open = is_open
        self._busy: set[asyncio.Task[None]] = set()

    def before(self, general: ProtocolFactory) -> ProtocolFactory:
        """A protocol factory that takes the short way where it can, else the given one's."""
        return lambda: _Connection(self, general)

    def started(self, task: asyncio.Task[None]) -> None:
        """Takes note of a call that is being answered."""
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)

    async def drain(self, limit_s: float) -> None:
        """Waits until no call is being answered, but not longer than a limit in seconds."""
        if self._busy:
            await asyncio.wait(self._busy, timeout=limit_s)


class FrontDoorLoop(asyncio.SelectorEventLoop):
    """An event loop whose servers have a front door once it is set."""

    door: FrontDoor | None = None

    async def create_server(self, protocol_factory: Any, *rest: Any, **named: Any) -> Any:  # noqa: ANN401
        """Creates a server as its base does, behind the front door."""
        factory = protocol_factory if self.door is None else self.door.before(protocol_factory)
        return await super().create_server(factory, *rest, **named)


class _Connection(asyncio.Protocol):
    def __init__(self, door: FrontDoor, general: ProtocolFactory) -> None:
        self._door = door
        self._general = general
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._answering = False
        self._choked = False
        self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._answering and not self._choked:
            self._next()
        elif len(self._buffer) > _MAX_AHEAD_BYTES and self._transport is not None:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        self._ended = True
        return self._answering  # the answer is still to be sent

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None

    def pause_writing(self) -> None:
        self._choked = True

    def resume_writing(self) -> None:
        self._choked = False
        if not self._answering:
            self._next()

    def _next(self) -> None:
        """Begins with the request at the head of the buffer, or waits for the rest of it."""
        buffer = self._buffer
        if not buffer:
            return
        if buffer[: len(_BEGIN)] != _BEGIN[: len(buffer)]:
            self._hand_over()
            return
        end = buffer.find(_HEAD_END)
        if end < 0:
            if len(buffer) > _MAX_HEAD_BYTES:
                self._hand_over()
            return
        plain = plain_request(bytes(memoryview(buffer)[:end])) if self._door.is_open() else None
        if plain is None:
            self._hand_over()
            return
        path, headers, length = plain
        begin = end + len(_HEAD_END)
        if len(buffer) < begin + length:
            return
        body = bytes(memoryview(buffer)[begin : begin + length])
        del buffer[: begin + length]
        self._answering = True
        self._door.started(self._loop.create_task(self._answer(path, headers, body)))

    async def _answer(self, path: str, headers: dict[str, str], body: bytes) -> None:
        status, answer_headers, answer_body = await self._door.answer(path, headers, body)
        self._answering = False
        transport = self._transport
        if transport is None:
            return
        keep = headers.get("connection", "keep-alive").lower() == "keep-alive" and not self._ended
        transport.write(response_bytes(status, answer_headers, answer_body, keep=keep))
        if not keep:
            transport.close()
            return
        transport.resume_reading()
        if not self._choked:
            self._next()

    def _hand_over(self) -> None:
        """Gives the connection, with what has arrived on it, to the general server."""
        transport = self._transport
        if transport is None:
            return
        general = self._general()
        assert isinstance(general, asyncio.Protocol)
        transport.set_protocol(general)
        general.connection_made(transport)
        general.data_received(bytes(self._buffer))
        self._buffer.clear()


def plain_request(head: bytes) -> tuple[str, dict[str, str], int] | None:
    """Path, headers by lower-cased name and Content-Length of a plain call of InvokeEndpoint.

    Args:
        head: Everything before the empty line.

    Returns:
        None where it is anything else.
    """
    text = head.decode("latin-1")
    first, *lines = text.split("\r\n")
    request = _REQUEST_LINE.fullmatch(first)
    if request is None or text.count("\n") != len(lines) or text.count("\r") != len(lines) or "\0" in text:
        return None
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        known = _lower(name)
        if not colon or known is None or known in headers:
            return None
        headers[known] = value.strip(" \t")
    length = headers.get("content-length", "")
    if not (length.isascii() and length.isdigit()) or int(length) > _MAX_BODY_BYTES:
        return None
    if "host" not in headers or _SIGNED_FOR_SAGEMAKER not in headers.get("authorization", ""):
        return None
    return (request[1], headers, int(length)) if _NOT_PLAIN.isdisjoint(headers) else None


@functools.lru_cache(maxsize=256)
def _lower(name: str) -> str | None:
    """A field's name in lower case, or None if it is none or makes a request anything but plain."""
    return name.lower() if _FIELD_NAME.fullmatch(name) else None


def response_bytes(status: int, headers: dict[str, str], body: bytes, *, keep: bool) -> bytes:
    """A whole answer.

    Args:
        status: HTTP status.
        headers: Header fields besides Content-Length and Connection.
        body: The body.
        keep: Whether the connection stays open.
    """
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"]
    lines += [f"{name}: {value}\r\n" for name, value in headers.items()]
    lines.append(
        f"Content-Length: {len(body)}\r\n"
        if keep
        else f"Content-Length: {len(body)}\r\nConnection: close\r\n"
    )
    return "".join(lines).encode("latin-1") + b"\r\n" + body

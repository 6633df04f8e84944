"""The client for model servers against servers that behave and servers that do not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from headway_sandbox.dataplane.http_client import (
    BrokenConnectionError,
    ConnectFailedError,
    HttpClient,
    HttpResponse,
    head_bytes,
    plain_head,
)

Respond = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-One: 1\r\n\r\nok"


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    return await reader.readexactly(length)


def run(respond: Respond, use: Callable[[HttpClient], Awaitable[HttpResponse]]) -> tuple[HttpResponse, int]:
    """Uses a client against a server; returns what it got and how many connections it made."""
    connections = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        try:
            await respond(reader, writer)
        except asyncio.IncompleteReadError:
            return
        finally:
            writer.close()

    async def main() -> HttpResponse:
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        client = HttpClient(server.sockets[0].getsockname()[1])
        try:
            return await use(client)
        finally:
            client.close()
            server.close()

    return asyncio.run(main()), connections


async def post(client: HttpClient, body: bytes = b"body", timeout_s: float = 5.0) -> HttpResponse:
    return await client.request(
        "POST", "/invocations", headers=[("Accept", "*/*")], body=body, timeout_s=timeout_s
    )


async def keep_answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await read_request(reader)
        writer.write(OK)


def test_connections_are_kept() -> None:
    async def use(client: HttpClient) -> HttpResponse:
        for _ in range(4):
            await post(client)
        return await post(client)

    response, connections = run(keep_answering, use)

    assert (response.status, response.headers["x-one"], response.body) == (200, "1", b"ok")
    assert connections == 1


def test_requests_at_once_use_connections_of_their_own() -> None:
    async def use(client: HttpClient) -> HttpResponse:
        responses = await asyncio.gather(*(post(client, bytes(200_000)) for _ in range(5)))
        return responses[0]

    response, connections = run(keep_answering, use)

    assert response.body == b"ok"
    assert connections == 5


def test_a_connection_that_the_server_closed_is_not_used_again() -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)

    async def use(client: HttpClient) -> HttpResponse:
        await post(client)
        await asyncio.sleep(0.05)  # the close arrives
        return await post(client)

    response, connections = run(once, use)

    assert response.body == b"ok"
    assert connections == 2


def test_chunked_answers_are_read_whole() -> None:
    async def chunked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        await writer.drain()
        writer.write(b"2\r\nde\r\n0\r\n\r\n")

    response, _ = run(chunked, post)

    assert response.body == b"abcde"


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"this is not http\r\n\r\n",
    ],
)
def test_an_answer_that_is_not_whole_is_an_error(sent: bytes) -> None:
    async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(sent)

    with pytest.raises(BrokenConnectionError):
        run(broken, post)


def test_the_deadline_holds_for_everything() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    with pytest.raises(TimeoutError):
        run(silent, lambda client: post(client, timeout_s=0.1))


def test_nobody_listening_is_an_error_of_its_own() -> None:
    async def use() -> HttpResponse:
        server = await asyncio.start_server(keep_answering, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        return await post(HttpClient(port))

    with pytest.raises(ConnectFailedError):
        asyncio.run(use())


@pytest.mark.parametrize(
    ("head", "length"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2", 2),
        (b"HTTP/1.1 500\r\ncontent-length:0", 0),
        (b"HTTP/1.1 200 OK", None),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2", None),
        (b"HTTP/1.1 100 Continue\r\nContent-Length: 2", None),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 0", None),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: +2", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: a\nb", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n folded", None),
    ],
)
def test_only_plain_heads_are_read_without_a_parser(head: bytes, length: int | None) -> None:
    found = plain_head(head)

    assert (None if found is None else found[2]) == length


def test_a_server_that_closes_after_its_answer_is_asked_on_a_new_connection() -> None:
    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        await reader.read()

    async def use(client: HttpClient) -> HttpResponse:
        await post(client)
        return await post(client)

    response, connections = run(closing, use)

    assert response.body == b"ok"
    assert connections == 2


def test_a_field_cannot_smuggle_another() -> None:
    with pytest.raises(ValueError, match="end of a line"):
        head_bytes("POST", "/invocations", 1, [("Accept", "a\r\nX-Smuggled: b")], 0)

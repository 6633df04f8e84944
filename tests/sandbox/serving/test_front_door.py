"""The short way of plain calls: the same answers as on the general way, and nothing else ever takes it."""

from __future__ import annotations

import itertools
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_sandbox.front_door import plain_request
from support.serving import Serving

SIGNED = "Authorization: AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/sagemaker/aws4_request, Signature=0"
PATH = "/endpoints/e/invocations"


@pytest.fixture(scope="module")
def champion(serving: Serving) -> str:
    return serving.endpoint(serving.config_of({"NAME": "champion"}))


def head(*lines: str, first: str = f"POST {PATH} HTTP/1.1") -> bytes:
    return "\r\n".join([first, *lines]).encode()


def call(endpoint: str, body: bytes, *more: str) -> bytes:
    lines = (f"Content-Length: {len(body)}", "Host: h", SIGNED, "Content-Type: text/csv", *more)
    return head(*lines, first=f"POST /endpoints/{endpoint}/invocations HTTP/1.1") + b"\r\n\r\n" + body


class Connection:
    """A raw connection to the sandbox."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._file = self._socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        status = int(self._file.readline().split()[1])
        headers = {}
        while (line := self._file.readline().strip()) != b"":
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return status, headers, self._file.read(int(headers["content-length"]))


def test_a_plain_call_is_read() -> None:
    found = plain_request(head("Host: h", "Content-Length: 3", "Accept:  text/csv ", SIGNED))

    assert found is not None
    path, headers, length = found
    assert (path, length, headers["accept"]) == (PATH, 3, "text/csv")


@pytest.mark.parametrize(
    "request_head",
    [
        head("Host: h", "Content-Length: 3"),
        head("Content-Length: 3", SIGNED),
        head("Host: h", SIGNED),
        head("Host: h", "Content-Length: 3", "Content-Length: 4", SIGNED),
        head("Host: h", "Content-Length: 3", "Accept: a", "accept: b", SIGNED),
        head("Host: h", "Content-Length: -3", SIGNED),
        head("Host: h", "Content-Length: ٣", SIGNED),
        head("Host: h", "Content-Length: 999999999999", SIGNED),
        head("Host: h", "Content-Length: 3", "Transfer-Encoding: chunked", SIGNED),
        head("Host: h", "Content-Length: 3", "Expect: 100-continue", SIGNED),
        head("Host: h", "Content-Length: 3", "Upgrade: h2c", SIGNED),
        head("Host: h", "Content-Length: 3", "Accept: a\nX-Smuggled: b", SIGNED),
        head("Host: h", "Content-Length: 3", "Accept : a", SIGNED),
        head("Host: h", "Content-Length: 3", "no colon", SIGNED),
        head("Host: h", "Content-Length: 3", " folded", SIGNED),
        head("Host: h", "Content-Length: 3", SIGNED, first=f"GET {PATH} HTTP/1.1"),
        head("Host: h", "Content-Length: 3", SIGNED, first=f"POST {PATH} HTTP/1.0"),
        head("Host: h", "Content-Length: 3", SIGNED, first=f"POST {PATH}?q=1 HTTP/1.1"),
        head("Host: h", "Content-Length: 3", SIGNED, first="POST /endpoints/../x/invocations HTTP/1.1"),
        head("Host: h", "Content-Length: 3", SIGNED, first="POST /endpoints/e/async-invocations HTTP/1.1"),
    ],
)
def test_everything_else_is_for_the_general_server(request_head: bytes) -> None:
    assert plain_request(request_head) is None


@given(st.binary(max_size=200))
def test_no_bytes_break_it(data: bytes) -> None:
    plain_request(data)
    plain_request(head("Host: h", "Content-Length: 3", SIGNED) + data)


@given(cuts=st.lists(st.integers(1, 400), max_size=6))
def test_a_call_in_pieces_is_one_call(serving: Serving, champion: str, cuts: list[int]) -> None:
    connection, data = Connection(serving.record.port), call(champion, b"0,1")
    places = [0, *sorted(cut for cut in set(cuts) if cut < len(data)), len(data)]
    for begin, end in itertools.pairwise(places):
        connection.send(data[begin:end])

    status, headers, body = connection.answer()

    assert (status, headers["x-amzn-invoked-production-variant"]) == (200, "main")
    assert b'"body": "0,1"' in body


def test_calls_sent_at_once_are_answered_in_order(serving: Serving, champion: str) -> None:
    connection = Connection(serving.record.port)
    connection.send(b"".join(call(champion, str(number).encode()) for number in range(5)))

    bodies = [connection.answer()[2] for _ in range(5)]

    assert all(f'"body": "{number}"'.encode() in body for number, body in enumerate(bodies))


def test_a_connection_may_change_its_mind(serving: Serving, champion: str) -> None:
    connection = Connection(serving.record.port)
    health = b"GET /_headway/health HTTP/1.1\r\nHost: h\r\n\r\n"

    connection.send(call(champion, b"1") + health + call(champion, b"2"))

    assert [connection.answer()[0] for _ in range(3)] == [200, 200, 200]


def test_both_ways_give_the_same_answer(serving: Serving, champion: str) -> None:
    bodies = (b"1,2", b"status:418", b"x" * 100_000)
    answers = []
    for more in ((), ("X-Twice: 1", "X-Twice: 2")):  # a field twice takes the general way
        connection = Connection(serving.record.port)
        for body in bodies:
            connection.send(call(champion, body, *more))
            status, headers, answer = connection.answer()
            kept = {name: value for name, value in headers.items() if name.startswith(("content", "x-amzn"))}
            kept.pop("x-amzn-requestid")
            answers.append((status, kept, len(answer)))

    assert answers[:3] == answers[3:]


def test_a_caller_that_wants_to_close_is_let_go(serving: Serving, champion: str) -> None:
    connection = Connection(serving.record.port)
    connection.send(call(champion, b"1", "Connection: close"))

    status, headers, _ = connection.answer()

    assert (status, headers["connection"]) == (200, "close")
    assert connection._file.read() == b""

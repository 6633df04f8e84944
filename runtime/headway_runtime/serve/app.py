"""The two routes of SageMaker's inference contract as an ASGI application."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headway_runtime.models.model import Model
from headway_runtime.serve.media import accepted, content_type
from headway_runtime.serve.payload import JSON, read_batch, write_answers
from headway_runtime.serve.refusal import Refusal

Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

MAXIMUM_BODY_BYTES = 6 * 1024 * 1024
"""Largest request body: what InvokeEndpoint accepts."""
DISCARDED_BYTES = 10 * MAXIMUM_BODY_BYTES
"""A body that is too large is read to its end up to here, because most clients read no answer before."""
INLINE_BODY_BYTES = 64 * 1024
"""A larger body is answered on another thread, so that /ping never waits for it."""

_log = logging.getLogger("headway.serve")


@dataclass(frozen=True)
class Response:
    """What is sent back."""

    status: int
    body: bytes = b""
    media_type: str = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


class ModelServer:
    """Answers /ping and /invocations for one loaded model.

    Args:
        model: The model, ready to answer.
    """

    def __init__(self, model: Model) -> None:
        self._model = model

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await _send(send, await self._respond(scope, receive))

    async def _respond(self, scope: Mapping[str, Any], receive: Receive) -> Response:
        path, method = scope["path"], scope["method"]
        if path not in _METHODS:
            return _refused(Refusal(404, f"there is no {path[:200]}; the routes are {', '.join(_METHODS)}"))
        if method not in _METHODS[path]:
            allow = ", ".join(_METHODS[path])
            return _refused(Refusal(405, f"{path} is asked with {allow}"), ((b"allow", allow.encode()),))
        if path == "/ping":
            return Response(200)
        try:
            return await self._invoke(_headers(scope["headers"]), receive)
        except Refusal as refusal:
            return _refused(refusal)
        except Exception:  # noqa: BLE001 - a caller gets an answer, the log gets the defect
            _log.exception("an invocation failed")
            return Response(500, _document({"error": "the model failed to answer; its log says why"}))

    async def _invoke(self, headers: Mapping[str, str], receive: Receive) -> Response:
        body = await _body(receive)
        media, accept = content_type(headers.get("content-type")), accepted(headers.get("accept"))
        if len(body) <= INLINE_BODY_BYTES:
            return Response(200, self._answer(body, media, accept), accept)
        return Response(200, await asyncio.to_thread(self._answer, body, media, accept), accept)

    def _answer(self, body: bytes, media: str, accept: str) -> bytes:
        contract = self._model.contract
        batch = read_batch(body, media, contract)
        return write_answers(self._model.predict(batch.columns, batch.rows), accept, contract)


_METHODS: dict[str, Sequence[str]] = {"/ping": ("GET", "HEAD"), "/invocations": ("POST",)}


async def _body(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "the client went away before the body was complete")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= MAXIMUM_BODY_BYTES:
            chunks.append(chunk)
        if size > DISCARDED_BYTES or not message.get("more_body", False):
            break
    if size > MAXIMUM_BODY_BYTES:
        raise Refusal(
            413, f"the body is larger than {MAXIMUM_BODY_BYTES} bytes; send the rows in several requests"
        )
    return b"".join(chunks)


async def _send(send: Send, response: Response) -> None:
    headers = [
        (b"content-type", response.media_type.encode()),
        (b"content-length", str(len(response.body)).encode()),
        *response.headers,
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw}


def _refused(refusal: Refusal, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Response:
    document = {"error": refusal.error, "problems": list(refusal.problems)}
    return Response(refusal.status, _document(document), headers=headers)


def _document(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value).encode("ascii")

"""Serves a model with a user's inference code under SageMaker's serving contract."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headway_sandbox.toolkits.errors import ToolkitError
from headway_sandbox.toolkits.handlers import Answer, Context, Handlers, import_handlers
from headway_sandbox.toolkits.media import JSON, UnsupportedFormatError, accepted
from headway_sandbox.toolkits.packages import (
    REQUIREMENTS,
    install_requirements,
    missing_package,
    restart_in_own_environment,
)
from headway_sandbox.toolkits.user_code import fetch_code, inside

DEFAULT_PROGRAM = "inference.py"
_Message = dict[str, Any]


@dataclass(frozen=True)
class _Reply:
    status: int
    answer: Answer


class InferenceApp:
    """The ASGI application: ``GET /ping`` and ``POST /invocations``.

    Handlers of users are seldom safe to run at the same time, so one call runs after the other, as in each
    worker process of AWS's model servers.

    Args:
        handlers: The user's code.
        model: The loaded model.
        properties: What a handler's context says of the system.
        default_accept: Media type of an answer where any will do.
    """

    def __init__(
        self, handlers: Handlers, model: object, properties: Mapping[str, Any], default_accept: str
    ) -> None:
        self._handlers = handlers
        self._model = model
        self._properties = properties
        self._default_accept = default_accept
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="handlers")

    async def __call__(
        self,
        scope: _Message,
        receive: Callable[[], Awaitable[_Message]],
        send: Callable[[_Message], Awaitable[None]],
    ) -> None:
        """Answers one request."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        body = await _body(receive)
        reply = await self._reply(scope, body)
        headers = [(b"content-type", reply.answer.content_type.encode("latin-1"))]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.answer.body})

    async def _reply(self, scope: _Message, body: bytes) -> _Reply:
        call = scope["method"], scope["path"]
        if call == ("GET", "/ping"):
            return _Reply(200, Answer(b"", JSON))
        if call != ("POST", "/invocations"):
            return _text(404, f"{' '.join(call)} is not part of the serving contract.")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        return await asyncio.get_running_loop().run_in_executor(self._worker, self._answer, headers, body)

    def _answer(self, headers: dict[str, str], body: bytes) -> _Reply:
        content_type = headers.get("content-type", JSON)
        accept = accepted(headers.get("accept", ""), self._default_accept)
        context = Context(self._properties, headers)
        try:
            return _Reply(200, self._handlers.answer(self._model, body, content_type, accept, context))
        except UnsupportedFormatError as error:
            return _text(415, str(error))
        except Exception as error:  # noqa: BLE001 - the user's code may raise anything; the caller is told
            traceback.print_exc()
            return _text(500, f"{type(error).__name__}: {error}")


def serve(base: Path, needs: Mapping[str, str], arguments: Sequence[str]) -> int:
    """Serves until it is asked to stop.

    Args:
        base: What stands for /opt/ml.
        needs: Packages that the image has: for pip, by the name they are imported under.
        arguments: Arguments of the interpreter that start this again.

    Returns:
        The exit code.
    """
    try:
        app = _load(base, needs, arguments)
    except ToolkitError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    host = os.environ.get("SAGEMAKER_BIND_TO_HOST", "127.0.0.1")
    port = os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080")
    asyncio.run(_serve(app, f"{host}:{port}"))
    return 0


def _load(base: Path, needs: Mapping[str, str], arguments: Sequence[str]) -> InferenceApp:
    model_dir = base / "model"
    source = os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY", f"{model_dir}/code")
    code = fetch_code(source, base) if source.startswith("s3://") else inside(base, source)
    if code.is_file():
        code = fetch_code(source, base)
    if (code / REQUIREMENTS).is_file():
        restart_in_own_environment(base / "python", arguments)
        install_requirements(code)
    try:
        handlers = import_handlers(code, os.environ.get("SAGEMAKER_PROGRAM", DEFAULT_PROGRAM))
        model = handlers.load(str(model_dir))
    except ModuleNotFoundError as error:
        hint = missing_package(str(error), needs)
        if hint is None:
            raise
        raise ToolkitError(f"{error}. {hint}") from error
    properties = {"model_dir": str(model_dir), "gpu_id": None}
    default = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", JSON)
    return InferenceApp(handlers, model, properties, default)


async def _serve(app: InferenceApp, address: str) -> None:
    from hypercorn.asyncio import serve as serve_app  # noqa: PLC0415 - after the model, which fails sooner
    from hypercorn.config import Config  # noqa: PLC0415

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    config = Config()
    config.bind = [address]
    config.accesslog = None
    config.errorlog = None
    await serve_app(app, config, shutdown_trigger=stop.wait)  # type: ignore[arg-type]


async def _body(receive: Callable[[], Awaitable[_Message]]) -> bytes:
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def _lifespan(
    receive: Callable[[], Awaitable[_Message]], send: Callable[[_Message], Awaitable[None]]
) -> None:
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})


def _text(status: int, message: str) -> _Reply:
    return _Reply(status, Answer(message.encode(), "text/plain"))

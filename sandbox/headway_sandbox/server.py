"""The sandbox's process: one port, ministack's services and our SageMaker behind it."""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config

from headway_sandbox.durability import StateWriter
from headway_sandbox.faults import Faults
from headway_sandbox.ministack_seam import Answer, Handler, Ministack, Settings, configure
from headway_sandbox.own_services import JSON_SERVICES, json_call, rest_call
from headway_sandbox.processes import ProcessGroups
from headway_sandbox.sagemaker.aws import LoopbackAws
from headway_sandbox.sagemaker.events import EventSink
from headway_sandbox.sagemaker.images import ImageTable
from headway_sandbox.sagemaker.operations import load_operations
from headway_sandbox.sagemaker.protocol import (
    CONTENT_TYPE,
    SageMaker,
    ServiceError,
    error_body,
)
from headway_sandbox.sagemaker.store import Store
from headway_sandbox.tasks import TaskRegistry
from headway_sandbox.wire.request import HttpRequest

if TYPE_CHECKING:
    from hypercorn.typing import ASGIFramework

_log = logging.getLogger(__name__)

REGION = "us-east-1"
ACCOUNT = "000000000000"
HEALTH_PATH = "/_headway/health"
RESET_PATH = "/_headway/reset"
MINISTACK_DIRECTORY = "ministack"
SAGEMAKER_DIRECTORY = "sagemaker"

# A reset of ministack alone would leave SageMaker's half of the state behind.
_MINISTACK_RESET_PATH = "/_ministack/reset"
_OWN_PAGES = ("/_headway/", _MINISTACK_RESET_PATH)
_RUNTIME_PREFIX = "/endpoints/"
_SIGNED_FOR_SAGEMAKER = b"/sagemaker/aws4_request"


def settings_for(state_dir: Path, port: int) -> Settings:
    """Settings of ministack for a state directory and a port."""
    return Settings(state_dir=state_dir / MINISTACK_DIRECTORY, port=port, region=REGION, account=ACCOUNT)


class Sandbox:
    """The ASGI application of one sandbox.

    Args:
        state_dir: Directory that holds all of its state.
        port: Port it answers on.
        clock: Seconds since the epoch.
    """

    def __init__(self, state_dir: Path, port: int, clock: Callable[[], float] = time.time) -> None:
        settings = settings_for(state_dir, port)
        self._ministack = Ministack(settings)
        self._writer = StateWriter(self._ministack, settings.state_dir / "services")
        self._ministack.on_change = self._writer.changed
        endpoint_url = f"http://127.0.0.1:{port}"
        work_dir = state_dir / SAGEMAKER_DIRECTORY / "work"
        work_dir.mkdir(parents=True, exist_ok=True)
        store = Store(state_dir / SAGEMAKER_DIRECTORY / "state.sqlite")
        self.service = SageMaker(
            store=store,
            clock=clock,
            events=EventSink(publish=self._ministack.put_event),
            put_metrics=self._ministack.put_metrics,
            aws=LoopbackAws(endpoint_url, REGION),
            region=REGION,
            account=ACCOUNT,
            endpoint_url=endpoint_url,
            work_dir=work_dir,
            images=ImageTable.load(state_dir / "images.toml"),
            tasks=TaskRegistry(),
            processes=ProcessGroups(),
            faults=Faults(store),
            access=self._ministack.access,
        )
        self._housekeeping: asyncio.Task[None] | None = None
        load_operations()
        for own in JSON_SERVICES:
            self._ministack.add_service(own.signing_name, own.target_prefix, self._json_handler(own.api))

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's callables
        """Answers one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        elif scope["type"] == "http" and scope["path"].startswith(_OWN_PAGES):
            await self._own_page(scope, send)
        elif scope["type"] == "http" and scope["path"] != "/" and _is_signed_for_sagemaker(scope):
            if scope["path"].startswith(_RUNTIME_PREFIX):
                await self._data_plane(scope, receive, send)
            else:
                await self._own_rest_call(scope, receive, send)
        else:
            await self._ministack.asgi(scope, receive, send)
            if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD"):
                self._writer.changed()

    def _json_handler(self, api: str) -> Handler:
        """Answers the calls of one of our own services of the JSON protocol."""

        async def handle(
            _method: str, path: str, headers: dict[str, str], body: bytes, _query: dict[str, Any]
        ) -> Answer:
            return await json_call(self.service, api, path, headers.get("x-amz-target", ""), body)

        return handle

    async def _own_rest_call(self, scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401
        """A call of one of our own services of the REST protocol, for example to the feature store."""
        request = HttpRequest.from_scope(scope, await _read_body(receive))
        status, headers, answer = await rest_call(self.service, request)
        await _send(send, status, headers, answer)

    async def _data_plane(self, scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401
        """InvokeEndpoint; answered before ministack sees it, which would relabel its content type."""
        router = importlib.import_module("headway_sandbox.dataplane.router")
        body = await _read_body(receive)
        try:
            status, answer_headers, answer = await router.invoke(
                self.service, scope["method"], scope["path"], _headers(scope), body
            )
        except ServiceError as error:
            status, answer = error.status, error_body(error)
            answer_headers = {"Content-Type": CONTENT_TYPE, "x-amzn-errortype": error.code}
        await _send(send, status, answer_headers, answer)

    async def _own_page(self, scope: dict[str, Any], send: Any) -> None:  # noqa: ANN401
        match scope["method"], scope["path"]:
            case "GET", path if path == HEALTH_PATH:
                status, document = 200, {"status": "ok", "pid": os.getpid()}
            case "POST", path if path in (RESET_PATH, _MINISTACK_RESET_PATH):
                await self._reset()
                status, document = 200, {"status": "reset"}
            case method, path:
                status, document = (
                    404,
                    {"status": "not found", "message": f"The sandbox has no page {method} {path}."},
                )
        await _send(send, status, {"Content-Type": "application/json"}, json.dumps(document).encode())

    async def _reset(self) -> None:
        await self._end_work()
        self.service.faults.clear()
        self.service.store.clear()
        shutil.rmtree(self.service.work_dir)
        self.service.work_dir.mkdir()
        await self._writer.forget(self._ministack.reset)

    async def _end_work(self) -> None:
        await self.service.tasks.close()
        await _data_plane_hook("close", self.service)
        await self.service.processes.close()

    async def _lifespan(self, scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401
        async def send_when_ready(message: dict[str, Any]) -> None:
            if message["type"] == "lifespan.startup.complete":
                await self._start()
            await send(message)

        async def receive_and_stop() -> Any:  # noqa: ANN401
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self._stop()
            return message

        await self._ministack.asgi(scope, receive_and_stop, send_when_ready)

    async def _start(self) -> None:
        recovery = importlib.import_module("headway_sandbox.sagemaker.recovery")
        recovery.fail_interrupted_work(self.service)
        self._housekeeping = asyncio.get_running_loop().create_task(self._writer.run(), name="state-writer")
        # In the background: it may call this very server, which does not answer before it has started.
        self.service.tasks.start("restore-endpoints", _data_plane_hook("restore", self.service))

    async def _stop(self) -> None:
        if self._housekeeping is not None:
            self._housekeeping.cancel()
            await asyncio.gather(self._housekeeping, return_exceptions=True)
        await self._end_work()
        await self._writer.save(now=True)
        self.service.store.close()


def serve(state_dir: Path, listener: socket.socket, on_listening: Callable[[], None]) -> None:
    """Runs the sandbox in this process until SIGTERM or SIGINT.

    Args:
        state_dir: Directory that holds all state.
        listener: Bound and listening socket; taken over.
        on_listening: Called once the first request would be answered.
    """
    configure(settings_for(state_dir, listener.getsockname()[1]))
    asyncio.run(_serve(state_dir, listener, on_listening))


async def _serve(state_dir: Path, listener: socket.socket, on_listening: Callable[[], None]) -> None:

    port = listener.getsockname()[1]
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1.0
    config.accesslog = None
    config.errorlog = "-"
    config.loglevel = "ERROR"
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)

    async def until_stopped() -> None:
        # hypercorn awaits the trigger once its sockets accept.
        on_listening()
        await stopping.wait()

    sandbox = Sandbox(state_dir, port)
    await hypercorn_serve(cast("ASGIFramework", sandbox), config, shutdown_trigger=until_stopped, mode="asgi")


async def _data_plane_hook(name: str, service: SageMaker) -> None:
    """Calls ``restore`` or ``close`` of the data plane."""
    dataplane = importlib.import_module("headway_sandbox.dataplane")
    await getattr(dataplane, name)(service)


def _headers(scope: dict[str, Any]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _is_signed_for_sagemaker(scope: dict[str, Any]) -> bool:
    return any(
        name.lower() == b"authorization" and _SIGNED_FOR_SAGEMAKER in value
        for name, value in scope["headers"]
    )


async def _read_body(receive: Any) -> bytes:  # noqa: ANN401
    parts = []
    more = True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


async def _send(send: Any, status: int, headers: dict[str, str], body: bytes) -> None:  # noqa: ANN401
    lines = [(name.encode("latin-1"), str(value).encode("latin-1")) for name, value in headers.items()]
    if not any(name.lower() == b"content-length" for name, _ in lines):
        lines.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body})

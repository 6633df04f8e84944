"""The sandbox's process: one port, ministack's services and our SageMaker behind it."""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import logging
import shutil
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config

from headway_sandbox import canned
from headway_sandbox.api_faults import error_of, faulted
from headway_sandbox.authorisation import refused
from headway_sandbox.clock_pages import add_clock_pages, passing_time
from headway_sandbox.control_pages import OWN_PAGES, ControlPages
from headway_sandbox.durability import StateWriter
from headway_sandbox.faults import Faults
from headway_sandbox.front_door import FrontDoor, FrontDoorLoop
from headway_sandbox.ministack_seam import Answer, Handler, Ministack, Settings, configure
from headway_sandbox.own_services import JSON_SERVICES, json_call, rest_call
from headway_sandbox.permissions import Place, needs_of
from headway_sandbox.processes import ProcessGroups
from headway_sandbox.sagemaker.aws import LoopbackAws
from headway_sandbox.sagemaker.events import EventSink
from headway_sandbox.sagemaker.images import ImageTable
from headway_sandbox.sagemaker.operations import load_operations
from headway_sandbox.sagemaker.protocol import SageMaker, ServiceError, call
from headway_sandbox.sagemaker.store import Store
from headway_sandbox.schedule_clock import ScheduleClock
from headway_sandbox.tasks import TaskRegistry
from headway_sandbox.wire.identify import Call, Protocol
from headway_sandbox.wire.request import HttpRequest

if TYPE_CHECKING:
    from hypercorn.typing import ASGIFramework

_log = logging.getLogger(__name__)

REGION = "us-east-1"
ACCOUNT = "000000000000"
MINISTACK_DIRECTORY = "ministack"
SAGEMAKER_DIRECTORY = "sagemaker"

# What goes on between calls: packages with the coroutines `restore` and `close`.
_PARTS = (
    "headway_sandbox.dataplane",
    "headway_sandbox.sagemaker.feature_store",
    "headway_sandbox.sagemaker.monitoring",
    "headway_sandbox.services.application_autoscaling",
)
_GRACE_S = 1.0  # that requests in flight get when the sandbox stops
_FLUSH_S = 3.0
_SWITCH_INTERVAL_S = 0.001
_RUNTIME_PREFIX = "/endpoints/"
_SIGNED_FOR_SAGEMAKER = b"/sagemaker/aws4_request"


def settings_for(state_dir: Path, port: int, *, enforce_iam: bool = False) -> Settings:
    """Settings of ministack for a state directory and a port."""
    return Settings(
        state_dir=state_dir / MINISTACK_DIRECTORY,
        port=port,
        region=REGION,
        account=ACCOUNT,
        enforce_iam=enforce_iam,
    )


class Sandbox:
    """The ASGI application of one sandbox.

    Args:
        state_dir: Directory that holds all of its state.
        port: Port it answers on.
        clock: Seconds since the epoch.
        enforce_iam: Whether every call is authorised against the policies of its caller.
    """

    def __init__(
        self,
        state_dir: Path,
        port: int,
        clock: Callable[[], float] = time.time,
        *,
        enforce_iam: bool = False,
    ) -> None:
        settings = settings_for(state_dir, port, enforce_iam=enforce_iam)
        self._ministack = Ministack(settings)
        self._writer = StateWriter(self._ministack, settings.state_dir / "services")
        self._ministack.on_change = self._writer.changed
        endpoint_url = f"http://127.0.0.1:{port}"
        work_dir = state_dir / SAGEMAKER_DIRECTORY / "work"
        work_dir.mkdir(parents=True, exist_ok=True)
        store = Store(state_dir / SAGEMAKER_DIRECTORY / "state.sqlite")
        self._schedule_clock = ScheduleClock(store, clock)
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
            schedule_time=self._schedule_clock.now,
        )
        self.door = FrontDoor(self._invoke, self._takes_plain_calls)
        self._housekeeping: list[asyncio.Task[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        load_operations()
        for own in JSON_SERVICES:
            self._ministack.add_service(own.signing_name, own.target_prefix, self._json_handler(own.api))
        self._place = Place(REGION, ACCOUNT)
        self._schedules = self._ministack.connect(
            needs=lambda api, operation, request: needs_of(api, operation, request, self._place),
            failure=self._failure,
            start_pipeline=self._start_pipeline,
            schedule_time=self._schedule_clock.now,
            journal=store,
        )
        self._ministack.intercept(self._before)
        self.pages = ControlPages(self.service.faults, self._reset)
        add_clock_pages(
            self.pages, self.service, self._schedule_clock, self._schedules, self._ministack.in_own_account
        )

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's callables
        """Answers one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        elif scope["type"] == "http" and scope["path"].startswith(OWN_PAGES):
            await self._own_page(scope, receive, send)
        elif scope["type"] == "http" and scope["path"] != "/" and _is_signed_for_sagemaker(scope):
            await self._rest(scope, receive, send)
        else:
            await self._ministack.asgi(scope, receive, send)
            if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD"):
                self._writer.changed()

    async def _before(self, name: str, request: Callable[[], HttpRequest]) -> Answer | None:
        """What is answered to a call instead of what the service would answer."""
        return await self._looked_at(name, request, seen=True)

    async def _looked_at(self, name: str, request: Callable[[], HttpRequest], *, seen: bool) -> Answer | None:
        access, faults = self.service.access, self.service.faults
        if name in canned.SERVICES and (made_up := canned.refused(request(), name)) is not None:
            return made_up
        if access.enforced:
            answer = refused(access, self._place, request(), name, seen=seen)
            if answer is not None:
                return answer
        return await faulted(faults, request(), name) if faults.touches_api else None

    def _failure(self, api: str, operation: str) -> tuple[float, str | None, str] | None:
        """What a fault does to a call that Step Functions makes without our front door."""
        fault = self.service.faults.api(api, operation)
        if fault is None:
            return None
        error = error_of(Call(api, operation, Protocol.JSON), fault)
        return (fault.delay_s, None, "") if error is None else (fault.delay_s, error.code, error.message)

    def _start_pipeline(self, arn: str, parameters: list[dict[str, Any]]) -> None:
        """Starts a pipeline for EventBridge or its Scheduler, from any thread."""

        async def start() -> None:
            request = {"PipelineName": arn, "PipelineParameters": parameters}
            try:
                await call(self.service, self.service.model, "StartPipelineExecution", request)
            except ServiceError as error:
                _log.warning("the pipeline %s was not started for its target: %s", arn, error.message)

        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(start(), self._loop)

    def _json_handler(self, api: str) -> Handler:
        """Answers the calls of one of our own services of the JSON protocol."""

        async def handle(
            _method: str, path: str, headers: dict[str, str], body: bytes, _query: dict[str, Any]
        ) -> Answer:
            return await json_call(self.service, api, path, headers.get("x-amz-target", ""), body)

        return handle

    async def _rest(self, scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401
        """A REST call for SageMaker; answered before ministack sees it, which would relabel its content."""
        request = HttpRequest.from_scope(scope, await _read_body(receive))
        answer = await self._looked_at("sagemaker", lambda: request, seen=False)
        if answer is None and scope["path"].startswith(_RUNTIME_PREFIX):
            router = importlib.import_module("headway_sandbox.dataplane.router")
            answer = await router.answer(
                self.service, request.method, scope["path"], dict(request.headers), request.body
            )
        elif answer is None:
            answer = await rest_call(self.service, request)
        await _send(send, *answer)

    async def _invoke(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """A plain call of InvokeEndpoint."""
        router = importlib.import_module("headway_sandbox.dataplane.router")
        answer: Answer = await router.answer(self.service, "POST", path, headers, body)
        return answer

    def _takes_plain_calls(self) -> bool:
        """Whether nothing but the model has a say in a call of InvokeEndpoint now."""
        return not (self.service.faults.touches_api or self.service.access.enforced)

    async def about_to_stop(self) -> None:
        """Finishes what only a sandbox that still answers can finish."""
        dataplane = importlib.import_module("headway_sandbox.dataplane")
        self._ministack.leave_machines()
        await self.door.drain(_GRACE_S)
        await dataplane.flush(self.service, _FLUSH_S)

    async def _own_page(self, scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401
        body = await _read_body(receive)
        status, document = await self.pages.answer(scope["method"], scope["path"], body)
        await _send(send, status, {"Content-Type": "application/json"}, json.dumps(document).encode())

    async def _reset(self) -> None:
        await self._end_work()
        self.service.faults.clear()
        self._schedule_clock.reset()
        self.service.store.clear()
        shutil.rmtree(self.service.work_dir)
        self.service.work_dir.mkdir()
        await self._writer.forget(self._ministack.reset)

    async def _end_work(self) -> None:
        await self.service.tasks.close()
        for part in _PARTS:
            await _hook(part, "close", self.service)
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
        self._loop = asyncio.get_running_loop()
        recovery = importlib.import_module("headway_sandbox.sagemaker.recovery")
        interrupted = recovery.fail_interrupted_work(self.service)
        for arn in interrupted:
            _log.warning("the last run of the sandbox ended in the middle of %s; it is marked as failed", arn)
        self.pages.interrupted = interrupted
        for arn in self._ministack.go_on_with_machines():
            _log.warning("the last run of the sandbox ended in the middle of %s; it goes on", arn)
        time_passes = passing_time(self._ministack, self._schedules, self._schedule_clock)
        self._housekeeping = [
            self._loop.create_task(self._writer.run(), name="state-writer"),
            self._loop.create_task(time_passes, name="passing-time"),
        ]
        # In the background: it may call this very server, which does not answer before it has started.
        for part in _PARTS:
            self.service.tasks.start(f"restore {part}", _hook(part, "restore", self.service))

    async def _stop(self) -> None:
        for task in self._housekeeping:
            task.cancel()
        await asyncio.gather(*self._housekeeping, return_exceptions=True)
        await self._end_work()
        await self._writer.save(now=True)
        self.service.store.close()


def serve(
    state_dir: Path, listener: socket.socket, on_listening: Callable[[], None], *, enforce_iam: bool
) -> None:
    """Runs the sandbox in this process until SIGTERM or SIGINT.

    Args:
        state_dir: Directory that holds all state.
        listener: Bound and listening socket; taken over.
        on_listening: Called once the first request would be answered.
        enforce_iam: Whether every call is authorised against the policies of its caller.
    """
    configure(settings_for(state_dir, listener.getsockname()[1], enforce_iam=enforce_iam))
    # Uploads and saves run in threads; a call of a model is not to wait long for its turn between them.
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    with asyncio.Runner(loop_factory=FrontDoorLoop) as runner:
        runner.run(_serve(state_dir, listener, on_listening, enforce_iam))


async def _serve(
    state_dir: Path, listener: socket.socket, on_listening: Callable[[], None], enforce_iam: bool
) -> None:

    port = listener.getsockname()[1]
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = _GRACE_S
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
        # What is loaded by now stays; looking through all of it again would make calls wait for 100 ms.
        gc.freeze()
        await stopping.wait()
        await sandbox.about_to_stop()

    sandbox = Sandbox(state_dir, port, enforce_iam=enforce_iam)
    assert isinstance(loop, FrontDoorLoop)
    loop.door = sandbox.door
    await hypercorn_serve(cast("ASGIFramework", sandbox), config, shutdown_trigger=until_stopped, mode="asgi")


async def _hook(part: str, name: str, service: SageMaker) -> None:
    """Calls ``restore`` or ``close`` of one of the parts."""
    await getattr(importlib.import_module(part), name)(service)


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


async def _send(
    send: Any,  # noqa: ANN401
    status: int,
    headers: dict[str, str],
    body: bytes | AsyncIterator[bytes],
) -> None:
    lines = [(name.encode("latin-1"), str(value).encode("latin-1")) for name, value in headers.items()]
    if isinstance(body, bytes) and not any(name.lower() == b"content-length" for name, _ in lines):
        lines.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": lines})
    if not isinstance(body, bytes):
        async for part in body:
            await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": body if isinstance(body, bytes) else b""})

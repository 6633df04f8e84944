"""The real control and data plane of endpoints in this process, with model servers that cost next to nothing.

A model server is a real HTTP server on the port that it is given, started, watched and ended through the
interface through which processes are; only that it lives on this process's event loop. So thousands of
endpoints can come and go in a test.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from botocore.exceptions import EndpointConnectionError

from headway_sandbox.dataplane import close, restore
from headway_sandbox.dataplane.plane import plane_of
from headway_sandbox.dataplane.router import answer
from headway_sandbox.faults import Faults
from headway_sandbox.processes import ProcessGroups
from headway_sandbox.sagemaker.aws import LoopbackAws
from headway_sandbox.sagemaker.conformance import ServiceModel
from headway_sandbox.sagemaker.events import EventSink
from headway_sandbox.sagemaker.images import ImageTable
from headway_sandbox.sagemaker.operations import load_operations
from headway_sandbox.sagemaker.protocol import SageMaker, call
from headway_sandbox.sagemaker.store import Store
from headway_sandbox.tasks import TaskRegistry

IMAGE = "light-server"
ACCOUNT = "000000000000"

_MODEL = ServiceModel()
_numbers = itertools.count(1)


class _NoAws(LoopbackAws):
    """Where no other service runs: whoever wants to publish there is told so at once."""

    def client(self, service: str) -> Any:
        raise EndpointConnectionError(endpoint_url=service)


class LightServer:
    """One model server; has what the supervision uses of a process."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.pid = next(_numbers)
        self.returncode: int | None = None
        self.stdout = asyncio.StreamReader()
        self._ended = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def listen(self, port: int) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)

    async def wait(self) -> int:
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    def end(self, code: int) -> None:
        if self.returncode is not None:
            return
        self.returncode = code
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.close()
        self.stdout.feed_eof()
        self._ended.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while self.returncode is None:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                length = head.partition("content-length:")[2].partition("\r\n")[0].strip()
                await reader.readexactly(int(length or 0))
                body = json.dumps({"name": self.name}).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()


class LightServers(ProcessGroups):
    """Starts light servers; ``EXIT`` in a model's environment is the code with which its server ends.

    Args:
        gate: Closed, it holds up every start.
    """

    def __init__(self, gate: asyncio.Event) -> None:
        super().__init__()
        self._gate = gate
        self.running: list[LightServer] = []

    async def start(
        self, command: Sequence[str], *, environment: Mapping[str, str], cwd: Path, **_other: Any
    ) -> asyncio.subprocess.Process:
        await self._gate.wait()
        server = LightServer(environment.get("NAME", ""))
        if "EXIT" in environment:
            server.end(int(environment["EXIT"]))
        else:
            await server.listen(int(environment["SAGEMAKER_BIND_TO_PORT"]))
            self.running.append(server)
        return cast("asyncio.subprocess.Process", server)

    async def ended(self, process: asyncio.subprocess.Process) -> int:
        return await process.wait()

    async def stop(self, process: asyncio.subprocess.Process, grace_s: float) -> int:
        server = cast("LightServer", process)
        server.end(-15)
        if server in self.running:
            self.running.remove(server)
        return await server.wait()


class LightSandbox:
    """SageMaker's endpoints, without the other services.

    Args:
        directory: Where its state is.
    """

    def __init__(self, directory: Path) -> None:
        load_operations()
        self._directory = directory
        self.gate = asyncio.Event()
        self.gate.set()
        self.statuses: dict[str, list[str]] = {}
        self.service = self._service()

    async def call(self, operation: str, **request: Any) -> dict[str, Any]:
        """One operation of the control plane."""
        return await call(self.service, self.service.model, operation, request)

    async def invoke(self, endpoint: str, **headers: str) -> tuple[int, dict[str, Any]]:
        """InvokeEndpoint; the status and the answer's document."""
        path = f"/endpoints/{endpoint}/invocations"
        status, _, body = await answer(self.service, "POST", path, headers, b"1")
        assert isinstance(body, bytes)
        return status, json.loads(body)

    @property
    def servers(self) -> list[LightServer]:
        """The model servers that run."""
        return cast("LightServers", self.service.processes).running

    async def restart(self) -> None:
        """Ends it without a chance to write anything, and starts it on the same state."""
        await self.close()
        self.service = self._service()
        await restore(self.service)

    async def close(self) -> None:
        """Ends it."""
        await self.service.tasks.close()
        await close(self.service)
        for server in list(self.servers):
            server.end(-9)
        self.service.store.close()

    def _service(self) -> SageMaker:
        store = Store(self._directory / "state.sqlite")
        images = ImageTable(
            MappingProxyType({IMAGE: ("python",)}), self._directory / "images.toml", sys.executable
        )
        work_dir = self._directory / "work"
        work_dir.mkdir(exist_ok=True)
        service = SageMaker(
            store=store,
            clock=time.time,
            schedule_time=time.time,
            events=EventSink(self._record),
            put_metrics=lambda _namespace, _data: None,
            aws=_NoAws("http://127.0.0.1:9", "us-east-1"),
            region="us-east-1",
            account=ACCOUNT,
            endpoint_url="http://127.0.0.1:9",
            work_dir=work_dir,
            images=images,
            tasks=TaskRegistry(),
            processes=LightServers(self.gate),
            faults=Faults(store),
            access=cast("Any", None),  # asked only for models that may reach AWS
            model=_MODEL,
        )
        plane_of(service)
        return service

    def _record(self, _source: str, kind: str, detail: dict[str, Any], _arns: Sequence[str]) -> None:
        if kind == "SageMaker Endpoint State Change":
            self.statuses.setdefault(detail["EndpointName"], []).append(detail["EndpointStatus"])

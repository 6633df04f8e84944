"""One running container: a model server started under SageMaker's serving contract, watched and restarted."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from headway_sandbox.dataplane.artifacts import fetch_model
from headway_sandbox.dataplane.errors import DeploymentError, UnhealthyError
from headway_sandbox.dataplane.http_client import (
    BrokenConnectionError,
    ConnectFailedError,
    HttpClient,
)
from headway_sandbox.dataplane.log_stream import LogStream
from headway_sandbox.dataplane.plan import ContainerPlan
from headway_sandbox.dataplane.ports import HOST, reserved_port
from headway_sandbox.processes import ProcessGroups
from headway_sandbox.sagemaker.aws import LoopbackAws
from headway_sandbox.sagemaker.images import ImageError, ImageTable
from headway_sandbox.sagemaker.protocol import ServiceError

_PING_TIMEOUT_S = 2.0  # the documented limit for an answer to /ping
_FIRST_POLL_S, _LONGEST_POLL_S = 0.01, 0.2
_FIRST_BACKOFF_S, _LONGEST_BACKOFF_S = 0.2, 10.0
_STABLE_AFTER_S = 5.0
_STOP_GRACE_S = 1.0
_INHERITED = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "VIRTUAL_ENV")


@dataclass(frozen=True)
class Host:
    """What a container needs of the machine it runs on.

    Attributes:
        aws: Access to the sandbox's own services.
        images: Which command stands for which image.
        processes: Starts and ends processes.
        role_environment: Gives the environment with which a process reaches AWS as a role, by the role's ARN
            and the session's name.
    """

    aws: LoopbackAws
    images: ImageTable
    processes: ProcessGroups
    role_environment: Callable[[str | None, str], Awaitable[dict[str, str]]]


class Container:
    """A model server and its supervision.

    Args:
        host: The machine.
        plan: Image, environment and model data.
        base_dir: Directory that stands for the container's /opt/ml.
        log: Where its output goes.
        isolated: Whether it gets no access to AWS.
        role_arn: The role as which it reaches AWS otherwise.
        startup_timeout_s: Seconds until it must answer GET /ping with 200.
    """

    def __init__(
        self,
        host: Host,
        plan: ContainerPlan,
        base_dir: Path,
        log: LogStream,
        *,
        isolated: bool,
        role_arn: str | None,
        startup_timeout_s: float,
    ) -> None:
        self.plan = plan
        self.log = log
        self.restarts = 0
        self._host = host
        self._base_dir = base_dir
        self._isolated = isolated
        self._role_arn = role_arn
        self._startup_timeout_s = startup_timeout_s
        self._process: asyncio.subprocess.Process | None = None
        self._output: asyncio.Task[None] | None = None
        self._client: HttpClient | None = None
        self._healthy = asyncio.Event()
        self._stopping = asyncio.Event()

    @property
    def healthy(self) -> bool:
        """Whether the model server has answered its health check and has not ended since."""
        return self._healthy.is_set()

    async def start(self) -> None:
        """Fetches the model, starts the server and waits until it is healthy.

        Raises:
            UnhealthyError: The server ended or did not become healthy.
            DeploymentError: The image is unknown or the model data is missing.
        """
        await fetch_model(self._host.aws, self.plan.model_data, self.plan.hostname, self._base_dir / "model")
        await self._launch()

    async def supervise(self) -> None:
        """Restarts the server whenever it ends, with growing pauses while it keeps ending, until `stop`."""
        loop = asyncio.get_running_loop()
        backoff_s = 0.0
        while not self._stopping.is_set():
            healthy_since = loop.time()
            if self._process is not None:
                code = await self._host.processes.ended(self._process)
                self._process = None
                self._set_down(code)
            if self._stopping.is_set():
                return
            stable = loop.time() - healthy_since > _STABLE_AFTER_S
            backoff_s = 0.0 if stable else min(max(2 * backoff_s, _FIRST_BACKOFF_S), _LONGEST_BACKOFF_S)
            if self.restarts > 0 and await self._stopped_within(backoff_s):
                return
            self.restarts += 1
            try:
                await self._launch()
            except DeploymentError as error:
                self.log.write(f"Restart {self.restarts} failed: {error}")

    async def wait_healthy(self) -> HttpClient:
        """Waits until the server is healthy and returns its client."""
        await self._healthy.wait()
        assert self._client is not None
        return self._client

    async def stop(self) -> None:
        """Ends the server; no restart follows."""
        self._stopping.set()
        self._healthy.clear()
        if self._client is not None:
            self._client.close()
        await self._end_process()

    async def _launch(self) -> None:
        try:
            with reserved_port() as port:
                await self._launch_on(port)
        except UnhealthyError:
            if "in use" not in self.log.last_line:
                raise
            with reserved_port(hold=False) as port:
                await self._launch_on(port)

    async def _launch_on(self, port: int) -> None:
        try:
            command = self._host.images.command(self.plan.image, ["serve"])
            self._process = await self._host.processes.start(
                command, environment=await self._environment(port), cwd=self._base_dir
            )
        except (ImageError, OSError) as error:
            raise DeploymentError(str(error)) from error
        except ServiceError as error:
            raise DeploymentError(error.message) from error
        if self._stopping.is_set():  # it was told to stop while the process was being started
            await self._end_process()
            raise DeploymentError("It was stopped")
        self._output = asyncio.create_task(self._read_output(self._process))
        self._client = HttpClient(port)
        try:
            await self._become_healthy(self._process, self._client)
        except BaseException:
            await self._end_process()
            raise
        self._healthy.set()

    async def _become_healthy(self, process: asyncio.subprocess.Process, client: HttpClient) -> None:
        ended = asyncio.ensure_future(process.wait())
        poll_s = _FIRST_POLL_S
        try:
            async with asyncio.timeout(self._startup_timeout_s):
                while not await _ping(client):
                    await asyncio.wait({ended}, timeout=poll_s)
                    if ended.done():
                        await self._drain_output()
                        raise UnhealthyError(
                            f"Its process ended with exit code {ended.result()}{self._last_words()}"
                        )
                    poll_s = min(2 * poll_s, _LONGEST_POLL_S)
        except TimeoutError:
            limit = f"{self._startup_timeout_s:g} seconds"
            raise UnhealthyError(
                f"It did not answer GET /ping with 200 within {limit}{self._last_words()}"
            ) from None
        finally:
            ended.cancel()

    def _set_down(self, exit_code: int) -> None:
        self._healthy.clear()
        if self._client is not None:
            self._client.close()
        if not self._stopping.is_set():
            number = self.restarts + 1
            self.log.write(f"The model server ended with exit code {exit_code}; restart {number} follows.")

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def _read_output(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:  # a line beyond the reader's limit; the reader has dropped it
                continue
            if not line:
                return
            self.log.write(line.decode("utf-8", "replace"))

    async def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await self._host.processes.stop(process, _STOP_GRACE_S)
            await self._drain_output()

    async def _drain_output(self) -> None:
        # Bounded: a process that has left the group may hold the pipe open.
        if self._output is not None:
            await asyncio.wait({self._output}, timeout=_STOP_GRACE_S)

    def _last_words(self) -> str:
        return f"; its last output was: {self.log.last_line[:300]}" if self.log.last_line else ""

    async def _environment(self, port: int) -> dict[str, str]:
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        environment["PYTHONUNBUFFERED"] = "1"  # or the log would lag behind
        if not self._isolated:
            environment |= await self._host.role_environment(self._role_arn, self._base_dir.parent.name)
        return environment | {
            **self.plan.environment,
            "SAGEMAKER_BASE_DIR": str(self._base_dir),
            "SAGEMAKER_BIND_TO_HOST": HOST,
            "SAGEMAKER_BIND_TO_PORT": str(port),
        }


async def _ping(client: HttpClient) -> bool:
    try:
        response = await client.request("GET", "/ping", timeout_s=_PING_TIMEOUT_S)
    except (ConnectFailedError, BrokenConnectionError, TimeoutError):
        return False
    return response.status == 200

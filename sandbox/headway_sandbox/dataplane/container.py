"""One running container: a model server started under SageMaker's serving contract, watched and restarted."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from headway_sandbox.container_root import BASE_DIRECTORY_VARIABLE, ContainerRoot, mounts_allowed
from headway_sandbox.dataplane.artifacts import fetch_model
from headway_sandbox.dataplane.errors import DeploymentError, NoWorkerError, UnhealthyError
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

_FIRST_POLL_S, _LONGEST_POLL_S = 0.01, 0.2
_FIRST_BACKOFF_S, _LONGEST_BACKOFF_S = 0.2, 10.0
_STABLE_AFTER_S = 5.0
_STOP_GRACE_S = 1.0
_INHERITED = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "VIRTUAL_ENV")


STARTUP_TIMEOUT_VARIABLE = "HEADWAY_SANDBOX_STARTUP_TIMEOUT_S"
PING_INTERVAL_VARIABLE = "HEADWAY_SANDBOX_PING_INTERVAL_S"


@dataclass(frozen=True)
class HealthCheck:
    """How a model server's health is watched.

    Attributes:
        startup_timeout_s: Seconds until it must be healthy for the first time.
        download_timeout_s: Seconds that fetching its model may take.
        interval_s: Seconds between two health checks while it serves.
        ping_timeout_s: Seconds that it has to answer GET /ping: the limit that SageMaker documents.
        misses: Health checks in a row that it may leave unanswered; then it hangs and is replaced. Together
            they take longer than the longest answer that SageMaker waits for, so that a server which does
            one thing at a time is never ended in the middle of one.
    """

    startup_timeout_s: float = 30.0
    download_timeout_s: float = 600.0
    interval_s: float = 5.0
    ping_timeout_s: float = 2.0
    misses: int = 10

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> HealthCheck:
        """The sandbox's health check, with what the environment overrides."""
        return cls(
            startup_timeout_s=float(environment.get(STARTUP_TIMEOUT_VARIABLE, cls.startup_timeout_s)),
            interval_s=float(environment.get(PING_INTERVAL_VARIABLE, cls.interval_s)),
        )

    def limited(self, startup_timeout_s: float | None, download_timeout_s: float | None) -> HealthCheck:
        """The same with a variant's own limits, where it has any."""
        return replace(
            self,
            startup_timeout_s=self.startup_timeout_s if startup_timeout_s is None else startup_timeout_s,
            download_timeout_s=self.download_timeout_s if download_timeout_s is None else download_timeout_s,
        )


@dataclass(frozen=True)
class Host:
    """What a container needs of the machine it runs on.

    Attributes:
        aws: Access to the sandbox's own services.
        images: Which command stands for which image.
        processes: Starts and ends processes.
        role_environment: Gives the environment with which a process reaches AWS as a role, by the role's ARN
            and the session's name.
        acting_as: Gives clients that act as a role, in the same way.
    """

    aws: LoopbackAws
    images: ImageTable
    processes: ProcessGroups
    role_environment: Callable[[str | None, str], Awaitable[dict[str, str]]]
    acting_as: Callable[[str | None, str], Awaitable[LoopbackAws]]


class Container:
    """A model server and its supervision.

    Args:
        host: The machine.
        plan: Image, environment and model data.
        base_dir: Directory that stands for the container's /opt/ml.
        log: Where its output goes.
        isolated: Whether it gets no access to AWS.
        role_arn: The role as which it reaches AWS otherwise.
        health: How its health is watched.
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
        health: HealthCheck,
    ) -> None:
        self.plan = plan
        self.log = log
        self.restarts = 0
        self._host = host
        self._base_dir = base_dir
        self._isolated = isolated
        self._role_arn = role_arn
        self._health = health
        self._process: asyncio.subprocess.Process | None = None
        self._output: asyncio.Task[None] | None = None
        self._client: HttpClient | None = None
        self._healthy = False
        self._decided = asyncio.Event()  # set while it is healthy, and once it is known not to be
        self._stopping = asyncio.Event()

    @property
    def healthy(self) -> bool:
        """Whether the model server has answered its health check and has not ended since."""
        return self._healthy

    @property
    def available(self) -> bool:
        """Whether a request may be given to it: it is healthy, or a first restart is on its way."""
        return self._healthy or not self._decided.is_set()

    async def start(self) -> None:
        """Fetches the model, starts the server and waits until it is healthy.

        Raises:
            UnhealthyError: The server ended or did not become healthy.
            DeploymentError: The image is unknown, the model data is missing, or SageMaker cannot take on the
                role.
        """
        limit_s = self._health.download_timeout_s
        directory = self._base_dir / "model"
        try:
            async with asyncio.timeout(limit_s):
                aws = await self._host.acting_as(self._role_arn, "SageMaker")
                await fetch_model(aws, self.plan.model_data, self.plan.hostname, directory)
        except TimeoutError:
            raise DeploymentError(
                f'Downloading the model data of container "{self.plan.hostname}" took longer than the '
                f"ModelDataDownloadTimeoutInSeconds of {limit_s:g} seconds"
            ) from None
        except ServiceError as error:
            raise DeploymentError(error.message) from error
        await self._launch()

    async def supervise(self) -> None:
        """Restarts the server whenever it ends or hangs, until `stop`; pauses grow while it keeps ending."""
        loop = asyncio.get_running_loop()
        backoff_s = 0.0
        while not self._stopping.is_set():
            healthy_since = loop.time()
            if self._process is not None:
                self._set_down(await self._end_of(self._process))
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
                self._decided.set()  # those who wait for this restart are not to wait for the next ones
                self.log.write(f"Restart {self.restarts} failed: {error}")

    async def wait_healthy(self) -> HttpClient:
        """Waits until the server is healthy and returns its client.

        Raises:
            NoWorkerError: It has been stopped, or its last restart failed.
        """
        await self._decided.wait()
        if not self._healthy or self._client is None:
            raise NoWorkerError(f"no model server of container {self.plan.hostname} is healthy")
        return self._client

    @property
    def pid(self) -> int | None:
        """The server's process, or None while there is none."""
        return None if self._process is None else self._process.pid

    def kill(self) -> None:
        """Kills the server's process, as a crash would end it; `supervise` starts another."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def stop(self) -> None:
        """Ends the server; no restart follows."""
        self._stopping.set()
        self._healthy = False
        self._decided.set()
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
            root = ContainerRoot(self._base_dir, mounted=await asyncio.to_thread(mounts_allowed))
            environment = await self._environment(port, root)
            command = root.command(self._host.images.command(self.plan.image, ["serve"]), environment)
            self._process = await self._host.processes.start(
                command, environment=environment, cwd=self._base_dir
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
        self._healthy = not self._stopping.is_set()
        self._decided.set()

    async def _become_healthy(self, process: asyncio.subprocess.Process, client: HttpClient) -> None:
        ended = asyncio.ensure_future(process.wait())
        poll_s = _FIRST_POLL_S
        try:
            async with asyncio.timeout(self._health.startup_timeout_s):
                while not await _ping(client, self._health.ping_timeout_s):
                    await asyncio.wait({ended}, timeout=poll_s)
                    if ended.done():
                        await self._drain_output()
                        raise UnhealthyError(
                            f"Its process ended with exit code {ended.result()}{self._last_words()}"
                        )
                    poll_s = min(2 * poll_s, _LONGEST_POLL_S)
        except TimeoutError:
            limit = f"{self._health.startup_timeout_s:g} seconds"
            raise UnhealthyError(
                f"It did not answer GET /ping with 200 within {limit}{self._last_words()}"
            ) from None
        finally:
            ended.cancel()

    async def _end_of(self, process: asyncio.subprocess.Process) -> str:
        """Waits until the server has ended, or ends it when it hangs, and says what happened."""
        assert self._client is not None
        ended = asyncio.ensure_future(self._host.processes.ended(process))
        hanging = asyncio.ensure_future(self._hang(self._client))
        try:
            await asyncio.wait({ended, hanging}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                self._healthy = False
                self._decided.clear()
                await self._host.processes.stop(process, _STOP_GRACE_S)
                await ended
                return f"left {self._health.misses} health checks in a row unanswered and was ended"
            return f"ended with exit code {ended.result()}"
        finally:
            ended.cancel()
            hanging.cancel()
            self._process = None

    async def _hang(self, client: HttpClient) -> None:
        """Returns once the server has left too many health checks unanswered in a row."""
        missed = 0
        while missed < self._health.misses:
            await asyncio.sleep(self._health.interval_s)
            missed = 0 if await _ping(client, self._health.ping_timeout_s) else missed + 1

    def _set_down(self, reason: str) -> None:
        self._healthy = False
        if not self._stopping.is_set():
            self._decided.clear()
        if self._client is not None:
            self._client.close()
        if not self._stopping.is_set():
            number = self.restarts + 1
            self.log.write(f"The model server {reason}; restart {number} follows.")

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

    async def _environment(self, port: int, root: ContainerRoot) -> dict[str, str]:
        environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        environment["PYTHONUNBUFFERED"] = "1"  # or the log would lag behind
        if not self._isolated:
            environment |= await self._host.role_environment(self._role_arn, self._base_dir.parent.name)
        return environment | {
            **root.variables(self.plan.environment),
            BASE_DIRECTORY_VARIABLE: root.path,
            "SAGEMAKER_BIND_TO_HOST": HOST,
            "SAGEMAKER_BIND_TO_PORT": str(port),
        }


async def _ping(client: HttpClient, timeout_s: float) -> bool:
    try:
        response = await client.request("GET", "/ping", timeout_s=timeout_s)
    except (ConnectFailedError, BrokenConnectionError, TimeoutError):
        return False
    return response.status == 200

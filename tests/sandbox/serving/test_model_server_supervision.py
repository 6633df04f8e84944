"""Model servers that die, hang or are slow: replaced, counted, and callers are told what AWS tells them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from headway_sandbox.dataplane.container import Container, HealthCheck, Host
from headway_sandbox.dataplane.errors import DeploymentError, NoWorkerError
from headway_sandbox.dataplane.log_stream import LogStream
from headway_sandbox.dataplane.plan import ContainerPlan
from headway_sandbox.processes import ProcessGroups
from headway_sandbox.sagemaker.aws import LoopbackAws
from headway_sandbox.sagemaker.images import ImageTable
from support.serving import Serving, until

QUICK = HealthCheck(startup_timeout_s=5.0, interval_s=0.05, ping_timeout_s=0.1, misses=2)
MODEL_SERVER = Path(__file__).with_name("model_server.py")


class Watched:
    """One container of the tiny model server, supervised."""

    def __init__(
        self, directory: Path, health: HealthCheck, model_data: dict[str, str], aws: LoopbackAws
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        command = (sys.executable, "-S", "-u", str(MODEL_SERVER))
        images = ImageTable({"tiny": command}, directory / "images.toml", sys.executable)
        self.processes = ProcessGroups()

        async def no_credentials(_role: str | None, _session: str) -> dict[str, str]:
            return {}

        async def administrator(_role: str | None, _session: str) -> LoopbackAws:
            return aws

        self.log = LogStream(aws, "group", "stream", lambda: 0.0, lambda: None)
        self.container = Container(
            Host(aws, images, self.processes, no_credentials, administrator),
            ContainerPlan("primary", "tiny", {}, model_data, 0.0),
            directory / "primary",
            self.log,
            isolated=True,
            role_arn=None,
            health=health,
        )

    async def __aenter__(self) -> Container:
        await self.container.start()
        self.supervision = asyncio.create_task(self.container.supervise())
        return self.container

    async def __aexit__(self, *_error: object) -> None:
        await self.container.stop()
        await self.supervision
        await self.processes.close()


def offline() -> LoopbackAws:
    return LoopbackAws("http://127.0.0.1:9", "us-east-1")


async def replaced(container: Container, pid: int | None) -> int:
    """Waits until another process serves."""
    async with asyncio.timeout(10):
        while container.pid in (None, pid) or not container.healthy:
            await asyncio.sleep(0.01)
    assert container.pid is not None
    return container.pid


def test_a_server_that_hangs_is_replaced_and_counted(tmp_path: Path) -> None:
    async def scenario() -> None:
        watched = Watched(tmp_path, QUICK, {}, offline())
        async with watched as container:
            hung = container.pid
            assert hung is not None
            os.kill(hung, signal.SIGSTOP)

            await replaced(container, hung)

            assert container.restarts == 1
            assert "left 2 health checks in a row unanswered" in watched.log.last_line
            client = await container.wait_healthy()
            assert (await client.request("GET", "/ping", timeout_s=2)).status == 200

    asyncio.run(scenario())


def test_a_server_that_is_slow_once_is_left_alone(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Watched(tmp_path, QUICK, {}, offline()) as container:
            pid = container.pid
            assert pid is not None
            os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(0.12)  # one health check goes unanswered
            os.kill(pid, signal.SIGCONT)
            await asyncio.sleep(0.4)

            assert (container.pid, container.restarts) == (pid, 0)

    asyncio.run(scenario())


def test_waiting_for_a_stopped_server_ends(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Watched(tmp_path, QUICK, {}, offline()) as container:
            pass
        with pytest.raises(NoWorkerError):
            await container.wait_healthy()

    asyncio.run(scenario())


def test_a_model_that_takes_too_long_to_download_is_given_up(tmp_path: Path) -> None:
    async def scenario() -> None:
        silent = socket.create_server(("127.0.0.1", 0))
        aws = LoopbackAws(f"http://127.0.0.1:{silent.getsockname()[1]}", "us-east-1")
        health = HealthCheck(download_timeout_s=0.1)
        watched = Watched(tmp_path, health, {"ModelDataUrl": "s3://models/a.tar.gz"}, aws)
        try:
            with pytest.raises(DeploymentError, match=r"ModelDataDownloadTimeoutInSeconds of 0\.1 seconds"):
                await watched.container.start()
        finally:
            silent.close()
            await watched.processes.close()

    asyncio.run(scenario())


@pytest.fixture
def broken(serving: Serving, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """An endpoint whose model server cannot start while a file exists."""
    obstacle = tmp_path / "obstacle"
    yield serving.endpoint(serving.config_of({"NAME": "phoenix", "OBSTACLE": str(obstacle)})), obstacle
    obstacle.unlink(missing_ok=True)


def test_without_a_worker_callers_get_the_error_of_aws_until_it_recovers_by_itself(
    serving: Serving, broken: tuple[str, Path]
) -> None:
    endpoint, obstacle = broken
    pid = serving.invoke(endpoint)["Body"]["pid"]
    obstacle.touch()
    os.kill(pid, signal.SIGKILL)

    with pytest.raises(ClientError) as caught:
        serving.invoke(endpoint)
    response = caught.value.response
    assert response["Error"]["Code"] == "ServiceUnavailable"
    assert "A transient exception occurred while retrieving variant instances" in response["Error"]["Message"]
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert serving.describe(endpoint)["EndpointStatus"] == "InService"

    obstacle.unlink()

    def answered() -> str | None:
        try:
            name: str = serving.invoke(endpoint)["Body"]["name"]
        except ClientError:
            return None
        return name

    assert until(answered, lambda name: name is not None) == "phoenix"
    lines = until(
        lambda: log_of(serving, endpoint), lambda found: any("Restart 1 failed" in line for line in found)
    )
    assert any("ended with exit code -9; restart 1 follows" in line for line in lines)


def log_of(serving: Serving, endpoint: str) -> list[str]:
    logs = serving.client("logs")
    try:
        found = logs.filter_log_events(logGroupName=f"/aws/sagemaker/Endpoints/{endpoint}")
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [event["message"] for event in found["events"]]


def test_a_copy_that_leaves_answers_what_it_was_given(serving: Serving) -> None:
    endpoint = serving.endpoint(serving.config_of({"LATENCY": "0.6", "NAME": "slow"}, InitialInstanceCount=2))
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(serving.invoke, endpoint) for _ in range(4)]
        serving.client("sagemaker").update_endpoint_weights_and_capacities(
            EndpointName=endpoint,
            DesiredWeightsAndCapacities=[{"VariantName": "main", "DesiredInstanceCount": 1}],
        )
        settled = serving.settled(endpoint)

    assert [item["CurrentInstanceCount"] for item in settled["ProductionVariants"]] == [1]
    assert [call.result()["Body"]["name"] for call in asked] == ["slow"] * 4


def test_a_serverless_variant_answers_as_many_requests_at_once_as_it_may(serving: Serving) -> None:
    serverless = {"MemorySizeInMB": 1024, "MaxConcurrency": 2}
    model = serving.model({"LATENCY": "0.8", "NAME": "serverless"})
    name = serving.name("config")
    serving.client("sagemaker").create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[{"VariantName": "main", "ModelName": model, "ServerlessConfig": serverless}],
    )
    endpoint = serving.endpoint(name)

    def outcome(_number: int) -> str:
        try:
            name: str = serving.invoke(endpoint)["Body"]["name"]
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return name

    with ThreadPoolExecutor(3) as pool:
        outcomes = sorted(pool.map(outcome, range(3)))

    assert outcomes == ["ThrottlingException", "serverless", "serverless"]
    (variant,) = serving.describe(endpoint)["ProductionVariants"]
    assert variant["CurrentServerlessConfig"] == serverless
    assert "CurrentInstanceCount" not in variant


def test_a_sandbox_can_be_told_how_patient_to_be() -> None:
    environment = {"HEADWAY_SANDBOX_STARTUP_TIMEOUT_S": "90", "HEADWAY_SANDBOX_PING_INTERVAL_S": "0.5"}

    check = HealthCheck.from_environment(environment)

    assert (check.startup_timeout_s, check.interval_s) == (90.0, 0.5)
    assert HealthCheck.from_environment({}) == HealthCheck()
    assert check.limited(7.0, None) == HealthCheck(startup_timeout_s=7.0, interval_s=0.5)

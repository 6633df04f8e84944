"""What the containers of training and processing jobs share on their way from start to end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from headway_sandbox.container_root import mounts_allowed
from headway_sandbox.sagemaker.credentials import acting_as
from headway_sandbox.sagemaker.jobs import container
from headway_sandbox.sagemaker.jobs.hosts import JobHost, make_hosts, run_on
from headway_sandbox.sagemaker.jobs.logs import LogStream, shipping
from headway_sandbox.sagemaker.jobs.record import Job, JobFailure
from headway_sandbox.sagemaker.protocol import Document

CAPACITY_ERROR = (
    "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML "
    "instance type."
)


@dataclass(frozen=True)
class Program:
    """What runs in the containers of a job.

    Attributes:
        image: Image URI.
        entrypoint: Replaces the image's own, if given.
        arguments: What follows the entry point.
        role_arn: The role that it acts as; None for a program that is to have no access to AWS.
    """

    image: str
    entrypoint: Sequence[str] | None
    arguments: Sequence[str]
    role_arn: str | None


async def s3_client(job: Job, document: Document) -> Any:  # noqa: ANN401 - a boto3 client
    """The client with which SageMaker fetches and stores a job's data, in the name of the job's role."""
    aws = await acting_as(job.service, document.get("RoleArn"), job.name)
    return await asyncio.to_thread(aws.client, "s3")


async def provide_hosts(job: Job, cluster: Document, *, isolated: bool) -> tuple[JobHost, ...]:
    """The hosts of a job.

    Args:
        job: The job.
        cluster: ``InstanceType`` and ``InstanceCount``.
        isolated: ``EnableNetworkIsolation``: containers reach nothing and have no credentials.

    Raises:
        JobFailure: If there is no capacity for the instance type.
    """
    if not job.service.faults.capacity(str(cluster.get("InstanceType"))):
        raise JobFailure(CAPACITY_ERROR)
    mounted = await asyncio.to_thread(mounts_allowed)
    return await asyncio.to_thread(
        make_hosts, job.directory, cluster["InstanceCount"], mounted=mounted, isolated=isolated
    )


async def run_containers(
    job: Job,
    hosts: Sequence[JobHost],
    program: Program,
    variables: Callable[[JobHost], Mapping[str, str]],
    stop: asyncio.Event,
    *,
    on_line: Callable[[str], None] = lambda _line: None,
    meanwhile: Callable[[], Awaitable[None]] | None = None,
) -> tuple[JobHost, container.Outcome]:
    """Runs a job's program on all of its hosts.

    Args:
        job: The job.
        hosts: Its hosts, with their files in place.
        program: What runs.
        variables: What a host's environment has beyond what every container's has.
        stop: Asks it to stop.
        on_line: Gets each line that a container prints.
        meanwhile: Called again and again while it runs, and once at its end.

    Returns:
        The host that decides how the job ended, and its outcome.

    Raises:
        JobFailure: If the program cannot be started.
        ImageError: If the image is unknown.
    """
    service = job.service
    document = job.document
    commands = {
        host.name: replace(service.images, python=str(host.programs / "python")).command(
            program.image, program.arguments, program.entrypoint
        )
        for host in hosts
    }
    started = round(service.clock())
    logs = {
        host.name: LogStream(service, job.kind.log_group, f"{job.name}/{host.name}-{started}")
        for host in hosts
    }

    async def run(host: JobHost, asked: asyncio.Event) -> container.Outcome:
        base = await container.base_environment(service, host.root, host.programs, program.role_arn, job.name)
        log = logs[host.name]

        def take(line: str) -> None:
            log.write(line)
            on_line(line)

        try:
            return await container.run_container(
                service,
                commands[host.name],
                environment={**base, **variables(host)},
                root=host.root,
                on_line=take,
                stop=asked,
                timeout_s=document["StoppingCondition"]["MaxRuntimeInSeconds"],
            )
        except OSError as error:
            raise JobFailure(f"ClientError: The container cannot start: {error}") from error

    async with contextlib.AsyncExitStack() as stack:
        for position, log in enumerate(logs.values()):
            others = (meanwhile,) if meanwhile is not None and position == 0 else ()
            await stack.enter_async_context(shipping(log, *others))
        return await run_on(hosts, run, stop)

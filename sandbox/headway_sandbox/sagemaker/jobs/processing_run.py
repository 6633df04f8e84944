"""What happens in a processing job, from its inputs to its outputs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from headway_sandbox.sagemaker.jobs import container
from headway_sandbox.sagemaker.jobs.hosts import JobHost
from headway_sandbox.sagemaker.jobs.processing_files import ProcessingFiles
from headway_sandbox.sagemaker.jobs.record import Job, JobFailure, job_slot
from headway_sandbox.sagemaker.jobs.run import Program, provide_hosts, run_containers, s3_client
from headway_sandbox.sagemaker.jobs.sync import syncing
from headway_sandbox.sagemaker.monitoring.metric_files import publish_metrics
from headway_sandbox.sagemaker.protocol import Document


def fail(job: Job, reason: str) -> None:
    """Ends a job as failed."""
    _end(job, "Failed", FailureReason=reason)


async def process(job: Job, stop: asyncio.Event) -> None:
    """Runs a processing job to its end.

    Raises:
        JobFailure: If the container fails.
        S3FileError: If data cannot be moved.
        ImageError: If the image is unknown.
    """
    document = job.document
    async with job_slot(job.service, stop) as its_turn:
        if not its_turn:
            _end(job, "Stopped")
            return
        cluster = document["ProcessingResources"]["ClusterConfig"]
        hosts = await provide_hosts(job, cluster, isolated=_isolated(document))
        job.update(ProcessingStartTime=job.service.clock())
        files = ProcessingFiles(await s3_client(job, document), document, hosts)
        await asyncio.to_thread(files.place)
        if stop.is_set():
            _end(job, "Stopped")
            return
        async with syncing(files.continuous):
            host, outcome = await _run(job, document, hosts, stop)
        message = container.read_message(host.base / "output" / "message")
        if message:
            job.save({**job.document, "ExitMessage": message})
        if outcome.stopped or outcome.timed_out:
            _end(job, "Stopped")
            return
        if outcome.exit_code != 0:
            raise JobFailure(container.failure_reason(host.base, outcome))
        await asyncio.to_thread(files.upload)
        await publish_metrics(job.service.aws, document.get("Environment", {}), host.base)
    _end(job, "Completed")


async def _run(
    job: Job, document: Document, hosts: Sequence[JobHost], stop: asyncio.Event
) -> tuple[JobHost, container.Outcome]:
    application = document["AppSpecification"]
    program = Program(
        application["ImageUri"],
        application.get("ContainerEntrypoint"),
        application.get("ContainerArguments", []),
        None if _isolated(document) else document["RoleArn"],
    )

    def variables(host: JobHost) -> dict[str, str]:
        return {
            "PROCESSING_JOB_NAME": job.name,
            "PROCESSING_JOB_ARN": job.arn,
            **host.root.variables(document.get("Environment", {})),
        }

    return await run_containers(job, hosts, program, variables, stop)


def _isolated(document: Document) -> bool:
    isolated: bool = document.get("NetworkConfig", {}).get("EnableNetworkIsolation", False)
    return isolated


def _end(job: Job, status: str, **members: Any) -> None:  # noqa: ANN401 - members of the service model
    job.update(ProcessingJobStatus=status, ProcessingEndTime=job.service.clock(), **members)

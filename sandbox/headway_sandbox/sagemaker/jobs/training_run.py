"""What happens in a training job, from its channels to its model."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from headway_sandbox.sagemaker.jobs import container
from headway_sandbox.sagemaker.jobs.hosts import JobHost
from headway_sandbox.sagemaker.jobs.metrics import NAMESPACE, MetricScanner
from headway_sandbox.sagemaker.jobs.record import Job, JobFailure, job_slot
from headway_sandbox.sagemaker.jobs.run import Program, provide_hosts, run_containers, s3_client
from headway_sandbox.sagemaker.jobs.sync import syncing
from headway_sandbox.sagemaker.jobs.training_files import TrainingFiles
from headway_sandbox.sagemaker.protocol import Document
from headway_sandbox.toolkits.training_variables import configured_variables

_MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Stopping": "Stopping the training job",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "Failed": "Training job failed",
}


def transition(job: Job, secondary: str, **members: Any) -> None:  # noqa: ANN401 - members of the service model
    """Moves a job to its next secondary status.

    Args:
        job: The job.
        secondary: The secondary status.
        members: What else changes with it.
    """
    now = job.service.clock()
    transitions = job.document["SecondaryStatusTransitions"]
    if transitions:
        transitions[-1].setdefault("EndTime", now)
    transitions.append({"Status": secondary, "StartTime": now, "StatusMessage": _MESSAGES[secondary]})
    if "TrainingEndTime" in members:
        transitions[-1]["EndTime"] = now
    job.update(SecondaryStatus=secondary, SecondaryStatusTransitions=transitions, **members)


def fail(job: Job, reason: str) -> None:
    """Ends a job as failed."""
    _end(job, "Failed", "Failed", FailureReason=reason)


async def train(job: Job, stop: asyncio.Event) -> None:
    """Runs a training job to its end.

    Raises:
        JobFailure: If the container fails.
        S3FileError: If data cannot be moved.
        ImageError: If the image is unknown.
    """
    service = job.service
    document = job.document
    async with job_slot(service, stop) as its_turn:
        if not its_turn:
            _end(job, "Stopped", "Stopped")
            return
        hosts = await provide_hosts(
            job, document["ResourceConfig"], isolated=document["EnableNetworkIsolation"]
        )
        transition(job, "Downloading", TrainingStartTime=service.clock())
        files = TrainingFiles(await s3_client(job, document), document, hosts)
        await asyncio.to_thread(files.place)
        if stop.is_set():
            _end(job, "Stopped", "Stopped")
            return
        transition(job, "Training")
        with files.pipes():
            async with syncing(files.synchronised):
                host, outcome = await _run(job, document, hosts, stop)
        transition(job, "Uploading")
        with_model = outcome.exit_code == 0 or outcome.stopped or outcome.timed_out
        await asyncio.to_thread(files.upload, job.directory, with_model=with_model)
    if outcome.timed_out:
        _end(job, "Stopped", "MaxRuntimeExceeded")
    elif outcome.stopped:
        _end(job, "Stopped", "Stopped")
    elif outcome.exit_code != 0:
        raise JobFailure(container.failure_reason(host.base, outcome))
    else:
        _end(job, "Completed", "Completed")


async def _run(
    job: Job, document: Document, hosts: Sequence[JobHost], stop: asyncio.Event
) -> tuple[JobHost, container.Outcome]:
    algorithm = document["AlgorithmSpecification"]
    scanner = MetricScanner(algorithm.get("MetricDefinitions", []), job.service.clock)
    program = Program(
        algorithm["TrainingImage"],
        algorithm.get("ContainerEntrypoint"),
        algorithm.get("ContainerArguments", ["train"] if "ContainerEntrypoint" not in algorithm else []),
        None if document["EnableNetworkIsolation"] else document["RoleArn"],
    )

    async def send_metrics() -> None:
        data = scanner.take(job.name)
        for begin in range(0, len(data), 500):
            await job.service.aws.call(
                "cloudwatch", "put_metric_data", Namespace=NAMESPACE, MetricData=data[begin : begin + 500]
            )

    def variables(host: JobHost) -> dict[str, str]:
        return {
            "TRAINING_JOB_NAME": job.name,
            "TRAINING_JOB_ARN": job.arn,
            **configured_variables(host.base, host.root.path),
            **host.root.variables(document.get("Environment", {})),
        }

    ended = await run_containers(
        job, hosts, program, variables, stop, on_line=scanner.scan, meanwhile=send_metrics
    )
    if found := scanner.final():
        job.save({**job.document, "FinalMetricDataList": found})
    return ended


def _end(job: Job, status: str, secondary: str, **members: Any) -> None:  # noqa: ANN401
    now = job.service.clock()
    started = job.document.get("TrainingStartTime")
    times = (
        {}
        if started is None
        else {"TrainingTimeInSeconds": round(now - started), "BillableTimeInSeconds": round(now - started)}
    )
    transition(job, secondary, TrainingJobStatus=status, TrainingEndTime=now, **times, **members)

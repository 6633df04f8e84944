"""What happens in a processing job, from its inputs to its outputs."""

from __future__ import annotations

import asyncio
from typing import Any

from headway_sandbox.sagemaker.jobs import container
from headway_sandbox.sagemaker.jobs.logs import LogStream, shipping
from headway_sandbox.sagemaker.jobs.record import Job, JobFailure, job_slot
from headway_sandbox.sagemaker.protocol import Document
from headway_sandbox.sagemaker.s3_files import S3Location, download, encryption_arguments, upload_tree


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
    service = job.service
    document = job.document
    application = document["AppSpecification"]
    command = service.images.command(
        application["ImageUri"],
        application.get("ContainerArguments", []),
        application.get("ContainerEntrypoint"),
    )
    async with job_slot(service, stop) as its_turn:
        if its_turn:
            job.update(ProcessingStartTime=service.clock())
            await asyncio.to_thread(_prepare, job, document)
        if stop.is_set():
            _end(job, "Stopped")
            return
        outcome = await _run(job, document, command, stop)
        message = container.read_message(job.base / "output" / "message")
        if message:
            job.save({**job.document, "ExitMessage": message})
        if outcome.stopped or outcome.timed_out:
            _end(job, "Stopped")
            return
        if outcome.exit_code != 0:
            raise JobFailure(container.failure_reason(job.base, outcome))
        await asyncio.to_thread(_upload, job, document)
    _end(job, "Completed")


async def _run(job: Job, document: Document, command: list[str], stop: asyncio.Event) -> container.Outcome:
    service = job.service
    log = LogStream(service, job.kind.log_group, f"{job.name}/algo-1-{round(service.clock())}")
    environment = {
        **await container.base_environment(service, job.base, document.get("RoleArn"), job.name),
        "PROCESSING_JOB_NAME": job.name,
        "PROCESSING_JOB_ARN": job.arn,
        **document.get("Environment", {}),
    }
    async with shipping(log):
        try:
            return await container.run_container(
                service,
                command,
                environment=environment,
                base=job.base,
                on_line=log.write,
                stop=stop,
                timeout_s=document["StoppingCondition"]["MaxRuntimeInSeconds"],
            )
        except OSError as error:
            raise JobFailure(f"ClientError: The container cannot start: {error}") from error


def _prepare(job: Job, document: Document) -> None:
    """Lays out the container's directories and copies the inputs. Blocks."""
    base = job.base
    for directory in ("config", "output", "processing/input", "processing/output"):
        (base / directory).mkdir(parents=True, exist_ok=True)
    cluster = document["ProcessingResources"]["ClusterConfig"]
    container.write_json(base / "config" / "processingjobconfig.json", document)
    container.write_json(
        base / "config" / "resourceconfig.json",
        {"current_host": "algo-1", "current_instance_type": cluster["InstanceType"], "hosts": ["algo-1"]},
    )
    s3 = job.service.aws.client("s3")
    for item in document.get("ProcessingInputs", []):
        source = item["S3Input"]
        download(s3, source["S3Uri"], source["S3DataType"], container.local_path(base, source["LocalPath"]))
    for output in _outputs(document):
        container.local_path(base, output["LocalPath"]).mkdir(parents=True, exist_ok=True)


def _upload(job: Job, document: Document) -> None:
    """Copies the outputs to S3. Blocks."""
    s3 = job.service.aws.client("s3")
    encryption = encryption_arguments(document.get("ProcessingOutputConfig", {}).get("KmsKeyId"))
    for output in _outputs(document):
        directory = container.local_path(job.base, output["LocalPath"])
        upload_tree(s3, directory, S3Location.parse(output["S3Uri"]), encryption)


def _outputs(document: Document) -> list[Document]:
    return [item["S3Output"] for item in document.get("ProcessingOutputConfig", {}).get("Outputs", [])]


def _end(job: Job, status: str, **members: Any) -> None:  # noqa: ANN401 - members of the service model
    job.update(ProcessingJobStatus=status, ProcessingEndTime=job.service.clock(), **members)

"""Processing jobs: create, describe, list, stop, delete."""

from __future__ import annotations

from collections.abc import Iterator

from headway_sandbox.sagemaker.jobs import processing_run
from headway_sandbox.sagemaker.jobs.alike import delete_ended, list_jobs, require_active
from headway_sandbox.sagemaker.jobs.hosts import host_problems
from headway_sandbox.sagemaker.jobs.record import PROCESSING, Job, start
from headway_sandbox.sagemaker.jobs.training import uri_problems
from headway_sandbox.sagemaker.protocol import Document, SageMaker, ServiceError, operation, validation_error
from headway_sandbox.sagemaker.tags import save_tags

DEFAULT_MAX_RUNTIME_S = 86_400
_LOCAL_ROOT = "/opt/ml/processing/"

_SUMMARY = (
    "ProcessingJobName",
    "ProcessingJobArn",
    "CreationTime",
    "ProcessingEndTime",
    "LastModifiedTime",
    "ProcessingJobStatus",
    "FailureReason",
    "ExitMessage",
)


@operation("CreateProcessingJob")
async def create_processing_job(service: SageMaker, request: Document) -> Document:
    """Accepts a processing job and starts it."""
    name = request["ProcessingJobName"]
    job = Job(service, PROCESSING, name)
    if job.exists:
        raise ServiceError(
            "ResourceInUse",
            "Job name must be unique within an AWS account and region, and a processing job with "
            "this name already "
            f"exists ({job.arn})",
        )
    problems = list(_problems(request))
    if problems:
        raise validation_error("; ".join(problems))
    now = service.clock()
    document = {
        "StoppingCondition": {"MaxRuntimeInSeconds": DEFAULT_MAX_RUNTIME_S},
        **{member: value for member, value in request.items() if member != "Tags"},
        "ProcessingJobArn": job.arn,
        "ProcessingJobStatus": "InProgress",
        "CreationTime": now,
        "LastModifiedTime": now,
    }
    save_tags(service, job.arn, request.get("Tags"))
    job.save(document)
    job.update()
    start(
        job, lambda stop: processing_run.process(job, stop), lambda reason: processing_run.fail(job, reason)
    )
    return {"ProcessingJobArn": job.arn}


@operation("DescribeProcessingJob")
async def describe_processing_job(service: SageMaker, request: Document) -> Document:
    """Describes a processing job."""
    return Job(service, PROCESSING, request["ProcessingJobName"]).document


@operation("ListProcessingJobs")
async def list_processing_jobs(service: SageMaker, request: Document) -> Document:
    """Lists processing jobs, newest first unless asked otherwise."""
    return list_jobs(service, PROCESSING, request, _SUMMARY)


@operation("StopProcessingJob")
async def stop_processing_job(service: SageMaker, request: Document) -> Document:
    """Asks a processing job to stop."""
    job = Job(service, PROCESSING, request["ProcessingJobName"])
    require_active(job)
    job.update(ProcessingJobStatus="Stopping")
    service.stop_requests[job.arn].set()
    return {}


@operation("DeleteProcessingJob")
async def delete_processing_job(service: SageMaker, request: Document) -> Document:
    """Deletes a processing job that has ended."""
    job = Job(service, PROCESSING, request["ProcessingJobName"])
    delete_ended(job)
    return {}


def _problems(request: Document) -> Iterator[str]:
    """What this sandbox cannot do with a request that AWS might accept, and what AWS would refuse."""
    cluster = request["ProcessingResources"]["ClusterConfig"]
    yield from host_problems("ProcessingResources.ClusterConfig", cluster)
    inputs = request.get("ProcessingInputs", [])
    outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", [])
    for label, names in (
        ("ProcessingInputs", [item["InputName"] for item in inputs]),
        ("ProcessingOutputConfig.Outputs", [item["OutputName"] for item in outputs]),
    ):
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"The name {name} is used more than once in {label}"
    for item in inputs:
        yield from _end_problems(f"ProcessingInputs {item['InputName']}", item, "S3Input")
    for item in outputs:
        yield from _end_problems(f"ProcessingOutputConfig.Outputs {item['OutputName']}", item, "S3Output")


def _end_problems(where: str, item: Document, member: str) -> Iterator[str]:
    """Problems of one input or output."""
    if item.get("AppManaged"):
        yield f"{where}: AppManaged is not emulated by this sandbox"
    end = item.get(member)
    if end is None:
        yield f"{where}: only {member} is emulated by this sandbox"
        return
    path = end.get("LocalPath", "")
    if not f"{path}/".startswith(_LOCAL_ROOT) or ".." in path.split("/"):
        yield f"{where}: LocalPath is {path!r}; it must be a path below {_LOCAL_ROOT}"
    if end.get("S3InputMode", "File") == "Pipe":
        yield f"{where}: S3InputMode Pipe is not emulated by this sandbox; use File"
    if end.get("S3CompressionType", "None") != "None":
        yield (
            f"{where}: S3CompressionType {end['S3CompressionType']} is not emulated by this sandbox; use None"
        )
    yield from uri_problems(f"{where}: S3Uri", end["S3Uri"])

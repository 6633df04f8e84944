"""Batch transform jobs: create, describe, list, stop."""

from __future__ import annotations

from collections.abc import Iterator

from headway_sandbox.sagemaker.credentials import check_role
from headway_sandbox.sagemaker.jobs import transform_run
from headway_sandbox.sagemaker.jobs.alike import list_jobs, require_active
from headway_sandbox.sagemaker.jobs.json_paths import JsonPathError
from headway_sandbox.sagemaker.jobs.record import TRANSFORM, Job, start
from headway_sandbox.sagemaker.jobs.training import uri_problems
from headway_sandbox.sagemaker.jobs.transform_records import FILTERED_TYPES, LINE, DataProcessing
from headway_sandbox.sagemaker.models import execution_mode, find_model
from headway_sandbox.sagemaker.protocol import Document, SageMaker, ServiceError, operation, validation_error
from headway_sandbox.sagemaker.tags import save_tags

_SUMMARY = (
    "TransformJobName",
    "TransformJobArn",
    "CreationTime",
    "TransformEndTime",
    "LastModifiedTime",
    "TransformJobStatus",
    "FailureReason",
)
_NOT_DESCRIBED = ("LastModifiedTime",)


@operation("CreateTransformJob")
async def create_transform_job(service: SageMaker, request: Document) -> Document:
    """Accepts a transform job and starts it."""
    job = Job(service, TRANSFORM, request["TransformJobName"])
    if job.exists:
        raise ServiceError(
            "ResourceInUse",
            "Job name must be unique within an AWS account and region, and a transform job with this name "
            f"already exists ({job.arn})",
        )
    model = find_model(service, request["ModelName"])
    problems = list(_problems(request, model))
    if problems:
        raise validation_error("; ".join(problems))
    check_role(service, model.get("ExecutionRoleArn"))
    now = service.clock()
    document = {
        **{member: value for member, value in request.items() if member != "Tags"},
        "TransformJobArn": job.arn,
        "TransformJobStatus": "InProgress",
        "CreationTime": now,
        "LastModifiedTime": now,
    }
    save_tags(service, job.arn, request.get("Tags"))
    job.save(document)
    job.update()
    start(
        job,
        lambda stop: transform_run.transform(job, model, stop),
        lambda reason: transform_run.fail(job, reason),
    )
    return {"TransformJobArn": job.arn}


@operation("DescribeTransformJob")
async def describe_transform_job(service: SageMaker, request: Document) -> Document:
    """Describes a transform job."""
    document = Job(service, TRANSFORM, request["TransformJobName"]).document
    return {member: value for member, value in document.items() if member not in _NOT_DESCRIBED}


@operation("ListTransformJobs")
async def list_transform_jobs(service: SageMaker, request: Document) -> Document:
    """Lists transform jobs, newest first unless asked otherwise."""
    return list_jobs(service, TRANSFORM, request, _SUMMARY)


@operation("StopTransformJob")
async def stop_transform_job(service: SageMaker, request: Document) -> Document:
    """Asks a transform job to stop."""
    job = Job(service, TRANSFORM, request["TransformJobName"])
    require_active(job)
    job.update(TransformJobStatus="Stopping")
    service.stop_requests[job.arn].set()
    return {}


def _problems(request: Document, model: Document) -> Iterator[str]:
    """What this sandbox cannot do with a request that AWS might accept, and what AWS would refuse."""
    given, output = request["TransformInput"], request["TransformOutput"]
    source = given["DataSource"]["S3DataSource"]
    split_type = given.get("SplitType", "None")
    if execution_mode(model) == "Direct":
        yield f"The model {model['ModelName']} is invoked directly, which a transform job cannot do"
    if "DataCaptureConfig" in request:
        yield "DataCaptureConfig is not emulated by this sandbox for transform jobs; leave it out"
    if split_type not in ("None", LINE):
        yield (f"TransformInput.SplitType {split_type} is not emulated by this sandbox; use None or {LINE}")
    if source["S3DataType"] not in ("S3Prefix", "ManifestFile"):
        yield (
            f"TransformInput: S3DataType {source['S3DataType']} is not emulated by this sandbox; use "
            "S3Prefix or ManifestFile"
        )
    if request.get("BatchStrategy") == "MultiRecord" and split_type == "None":
        yield "BatchStrategy MultiRecord needs records: set TransformInput.SplitType to Line"
    yield from uri_problems("TransformInput: S3Uri", source["S3Uri"])
    yield from uri_problems("TransformOutput: S3OutputPath", output["S3OutputPath"])
    yield from _processing_problems(request, split_type)


def _processing_problems(request: Document, split_type: str) -> Iterator[str]:
    try:
        processing = DataProcessing.of(request)
    except JsonPathError as error:
        yield str(error)
        return
    content_type = request["TransformInput"].get("ContentType", "").split(";", 1)[0].strip()
    if processing.looks_inside and content_type not in FILTERED_TYPES:
        yield (
            f"DataProcessing needs records that it can read: TransformInput.ContentType is "
            f"{content_type!r}; it must be one of {', '.join(FILTERED_TYPES)}"
        )
    assembled = request["TransformOutput"].get("AssembleWith", "None")
    if processing.join and assembled != split_type:
        yield (
            f"DataProcessing.JoinSource Input needs AssembleWith to be what SplitType is, {split_type}, and "
            f"it is {assembled}"
        )

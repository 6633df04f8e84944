"""Training jobs: create, describe, list, stop, delete."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from headway_sandbox.sagemaker.jobs import training_run
from headway_sandbox.sagemaker.jobs.alike import delete_ended, list_jobs, require_active
from headway_sandbox.sagemaker.jobs.channels import channel_mode
from headway_sandbox.sagemaker.jobs.hosts import host_problems
from headway_sandbox.sagemaker.jobs.metrics import MetricScanner
from headway_sandbox.sagemaker.jobs.record import TRAINING, Job, start
from headway_sandbox.sagemaker.jobs.training_files import DIRECTORIES, model_location
from headway_sandbox.sagemaker.protocol import Document, SageMaker, ServiceError, operation, validation_error
from headway_sandbox.sagemaker.s3_files import S3FileError, S3Location
from headway_sandbox.sagemaker.tags import save_tags

DEFAULT_MAX_RUNTIME_S = 86_400

_NOT_EMULATED = (
    "DebugRuleConfigurations",
    "MlflowConfig",
    "ModelPackageConfig",
    "ProfilerRuleConfigurations",
    "ServerlessJobConfig",
    "SessionChainingConfig",
)
_SUMMARY = (
    "TrainingJobName",
    "TrainingJobArn",
    "CreationTime",
    "TrainingEndTime",
    "LastModifiedTime",
    "TrainingJobStatus",
    "SecondaryStatus",
)


@operation("CreateTrainingJob")
async def create_training_job(service: SageMaker, request: Document) -> Document:
    """Accepts a training job and starts it."""
    name = request["TrainingJobName"]
    job = Job(service, TRAINING, name)
    if job.exists:
        raise ServiceError(
            "ResourceInUse",
            "Training job names must be unique within an AWS account and region, and a training "
            "job with this "
            f"name already exists ({job.arn})",
        )
    problems = list(_problems(request))
    if problems:
        raise validation_error("; ".join(problems))
    now = service.clock()
    output = model_location(request["OutputDataConfig"], name)
    document = {
        "StoppingCondition": {"MaxRuntimeInSeconds": DEFAULT_MAX_RUNTIME_S},
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": False,
        "EnableManagedSpotTraining": False,
        **{member: value for member, value in request.items() if member != "Tags"},
        "TrainingJobArn": job.arn,
        "TrainingJobStatus": "InProgress",
        "SecondaryStatus": "Starting",
        "SecondaryStatusTransitions": [],
        "ModelArtifacts": {"S3ModelArtifacts": str(output)},
        "CreationTime": now,
        "LastModifiedTime": now,
    }
    save_tags(service, job.arn, request.get("Tags"))
    job.save(document)
    training_run.transition(job, "Starting")
    start(job, lambda stop: training_run.train(job, stop), lambda reason: training_run.fail(job, reason))
    return {"TrainingJobArn": job.arn}


@operation("DescribeTrainingJob")
async def describe_training_job(service: SageMaker, request: Document) -> Document:
    """Describes a training job."""
    return Job(service, TRAINING, request["TrainingJobName"]).document


@operation("ListTrainingJobs")
async def list_training_jobs(service: SageMaker, request: Document) -> Document:
    """Lists training jobs, newest first unless asked otherwise."""
    return list_jobs(service, TRAINING, request, _SUMMARY)


@operation("StopTrainingJob")
async def stop_training_job(service: SageMaker, request: Document) -> Document:
    """Asks a training job to stop."""
    job = Job(service, TRAINING, request["TrainingJobName"])
    require_active(job)
    training_run.transition(job, "Stopping", TrainingJobStatus="Stopping")
    service.stop_requests[job.arn].set()
    return {}


@operation("DeleteTrainingJob")
async def delete_training_job(service: SageMaker, request: Document) -> Document:
    """Deletes a training job that has ended."""
    job = Job(service, TRAINING, request["TrainingJobName"])
    delete_ended(job)
    return {}


def _problems(request: Document) -> Iterator[str]:
    """What this sandbox cannot do with a request that AWS might accept, and what AWS would refuse."""
    for member in _NOT_EMULATED:
        if member in request:
            yield f"{member} is not emulated by this sandbox; leave it out"
    algorithm = request.get("AlgorithmSpecification", {})
    if "TrainingImage" not in algorithm:
        yield (
            "AlgorithmSpecification.TrainingImage is required; algorithms by name are not "
            "emulated by this sandbox"
        )
    try:
        MetricScanner(algorithm.get("MetricDefinitions", []), lambda: 0.0)
    except ValueError as error:
        yield str(error)
    yield from host_problems("ResourceConfig", request["ResourceConfig"])
    names = [channel["ChannelName"] for channel in request.get("InputDataConfig", [])]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"The channel name {name} is used more than once in InputDataConfig"
    for channel in request.get("InputDataConfig", []):
        yield from _channel_problems(channel, algorithm.get("TrainingInputMode", "File"))
    yield from _synchronised_problems(request)
    yield from uri_problems("OutputDataConfig.S3OutputPath", request["OutputDataConfig"]["S3OutputPath"])


def _synchronised_problems(request: Document) -> Iterator[str]:
    """Problems of the directories that are copied to S3 while the job runs."""
    for member, uri in (("CheckpointConfig", "S3Uri"), ("TensorBoardOutputConfig", "S3OutputPath")):
        if member not in request:
            continue
        config = request[member]
        yield from uri_problems(f"{member}.{uri}", config[uri])
        parts = PurePosixPath(config.get("LocalPath", DIRECTORIES[member])).parts
        if parts[:3] != ("/", "opt", "ml") or len(parts) < 4 or ".." in parts:
            yield f"{member}.LocalPath is {config['LocalPath']!r}; it must be a path below /opt/ml"


def _channel_problems(channel: Document, default_mode: str) -> Iterator[str]:
    where = f"InputDataConfig channel {channel['ChannelName']}"
    if channel["ChannelName"] in (".", ".."):
        yield f"{where}: the name of a channel is the name of its directory, and this is none"
    source = channel["DataSource"].get("S3DataSource")
    if source is None:
        yield f"{where}: only S3DataSource is emulated by this sandbox"
        return
    if source["S3DataType"] not in ("S3Prefix", "ManifestFile"):
        yield (
            f"{where}: S3DataType {source['S3DataType']} is not emulated by this sandbox; use "
            f"S3Prefix or ManifestFile"
        )
    mode = channel_mode(channel, default_mode)
    for member in ("CompressionType", "RecordWrapperType"):
        if mode != "Pipe" and channel.get(member, "None") != "None":
            yield f"{where}: {member} {channel[member]} is for InputMode Pipe, and this is {mode}"
    yield from uri_problems(f"{where}: S3Uri", source["S3Uri"])


def uri_problems(where: str, uri: str) -> list[str]:
    """What is wrong with an S3 URI in a request; empty if nothing is."""
    try:
        S3Location.parse(uri)
    except S3FileError as error:
        return [f"{where}: {error}"]
    return []

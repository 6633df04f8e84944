"""What happens in a training job, from its channels to its model."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from headway_sandbox.sagemaker.jobs import container
from headway_sandbox.sagemaker.jobs.logs import LogStream, shipping
from headway_sandbox.sagemaker.jobs.metrics import NAMESPACE, MetricScanner
from headway_sandbox.sagemaker.jobs.record import Job, JobFailure, job_slot
from headway_sandbox.sagemaker.protocol import Document
from headway_sandbox.sagemaker.s3_files import (
    S3FileError,
    S3Location,
    download,
    encryption_arguments,
    upload_file,
    upload_tree,
)

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
    algorithm = document["AlgorithmSpecification"]
    command = service.images.command(
        algorithm["TrainingImage"],
        algorithm.get("ContainerArguments", ["train"] if "ContainerEntrypoint" not in algorithm else []),
        algorithm.get("ContainerEntrypoint"),
    )
    async with job_slot(service, stop) as its_turn:
        if not its_turn:
            _end(job, "Stopped", "Stopped")
            return
        transition(job, "Downloading", TrainingStartTime=service.clock())
        await asyncio.to_thread(_prepare, job, document)
        if stop.is_set():
            _end(job, "Stopped", "Stopped")
            return
        transition(job, "Training")
        scanner = MetricScanner(algorithm.get("MetricDefinitions", []), service.clock)
        outcome = await _run(job, document, command, scanner, stop)
        metrics = {"FinalMetricDataList": found} if (found := scanner.final()) else {}
        job.save({**job.document, **metrics})
        transition(job, "Uploading")
        await asyncio.to_thread(
            _upload, job, document, with_model=outcome.exit_code == 0 or outcome.stopped or outcome.timed_out
        )
    if outcome.timed_out:
        _end(job, "Stopped", "MaxRuntimeExceeded")
    elif outcome.stopped:
        _end(job, "Stopped", "Stopped")
    elif outcome.exit_code != 0:
        raise JobFailure(container.failure_reason(job.base, outcome))
    else:
        _end(job, "Completed", "Completed")


async def environment(job: Job, document: Document) -> dict[str, str]:
    """The environment of a training container."""
    base = job.base
    hyperparameters = {name: _decoded(value) for name, value in document.get("HyperParameters", {}).items()}
    channels = [channel["ChannelName"] for channel in document.get("InputDataConfig", [])]
    return {
        **await container.base_environment(job.service, base, document["RoleArn"], job.name),
        "TRAINING_JOB_NAME": job.name,
        "TRAINING_JOB_ARN": job.arn,
        "SM_MODEL_DIR": str(base / "model"),
        "SM_OUTPUT_DIR": str(base / "output"),
        "SM_OUTPUT_DATA_DIR": str(base / "output" / "data"),
        "SM_HPS": json.dumps(hyperparameters, sort_keys=True),
        "SM_CHANNELS": json.dumps(sorted(channels)),
        "SM_CURRENT_HOST": "algo-1",
        "SM_HOSTS": '["algo-1"]',
        **{f"SM_CHANNEL_{name.upper()}": str(base / "input" / "data" / name) for name in channels},
        **document.get("Environment", {}),
    }


async def _run(
    job: Job, document: Document, command: list[str], scanner: MetricScanner, stop: asyncio.Event
) -> container.Outcome:
    service = job.service
    log = LogStream(service, job.kind.log_group, f"{job.name}/algo-1-{round(service.clock())}")

    async def send_metrics() -> None:
        data = scanner.take(job.name)
        for begin in range(0, len(data), 500):
            await service.aws.call(
                "cloudwatch", "put_metric_data", Namespace=NAMESPACE, MetricData=data[begin : begin + 500]
            )

    def on_line(line: str) -> None:
        log.write(line)
        scanner.scan(line)

    async with shipping(log, send_metrics):
        try:
            return await container.run_container(
                service,
                command,
                environment=await environment(job, document),
                base=job.base,
                on_line=on_line,
                stop=stop,
                timeout_s=document["StoppingCondition"]["MaxRuntimeInSeconds"],
            )
        except OSError as error:
            raise JobFailure(f"ClientError: The container cannot start: {error}") from error


def _prepare(job: Job, document: Document) -> None:
    """Lays out the container's directories and copies the channels' data. Blocks."""
    base = job.base
    for directory in ("model", "output/data", "checkpoints", "input/config", "input/data"):
        (base / directory).mkdir(parents=True, exist_ok=True)
    channels = document.get("InputDataConfig", [])
    resources = document["ResourceConfig"]
    config = base / "input" / "config"
    container.write_json(config / "hyperparameters.json", document.get("HyperParameters", {}))
    container.write_json(
        config / "inputdataconfig.json", {item["ChannelName"]: _channel(item, document) for item in channels}
    )
    container.write_json(
        config / "resourceconfig.json",
        {
            "current_host": "algo-1",
            "current_instance_type": resources.get("InstanceType"),
            "current_group_name": "homogeneousCluster",
            "hosts": ["algo-1"],
            "instance_groups": [
                {
                    "instance_group_name": "homogeneousCluster",
                    "instance_type": resources.get("InstanceType"),
                    "hosts": ["algo-1"],
                }
            ],
            "network_interface_name": "eth0",
        },
    )
    s3 = job.service.aws.client("s3")
    for channel in channels:
        source = channel["DataSource"]["S3DataSource"]
        download(s3, source["S3Uri"], source["S3DataType"], base / "input" / "data" / channel["ChannelName"])
    checkpoints = document.get("CheckpointConfig")
    if checkpoints is not None:
        _restore_checkpoints(s3, checkpoints["S3Uri"], _checkpoint_path(base, checkpoints))


def _upload(job: Job, document: Document, *, with_model: bool) -> None:
    """Copies what the container produced to S3. Blocks."""
    s3 = job.service.aws.client("s3")
    output = document["OutputDataConfig"]
    encryption = encryption_arguments(output.get("KmsKeyId"))
    target = S3Location.parse(document["ModelArtifacts"]["S3ModelArtifacts"])
    archives = job.base / "archives"
    archives.mkdir()
    if with_model:
        container.pack(job.base / "model", archives / "model.tar.gz")
        upload_file(s3, archives / "model.tar.gz", target, encryption)
    data = job.base / "output" / "data"
    if data.is_dir() and any(data.iterdir()):
        container.pack(data, archives / "output.tar.gz")
        upload_file(
            s3,
            archives / "output.tar.gz",
            S3Location(target.bucket, f"{target.key.rpartition('/')[0]}/output.tar.gz"),
            encryption,
        )
    checkpoints = document.get("CheckpointConfig")
    if checkpoints is not None:
        upload_tree(
            s3, _checkpoint_path(job.base, checkpoints), S3Location.parse(checkpoints["S3Uri"]), encryption
        )


def _end(job: Job, status: str, secondary: str, **members: Any) -> None:  # noqa: ANN401
    now = job.service.clock()
    started = job.document.get("TrainingStartTime")
    times = (
        {}
        if started is None
        else {"TrainingTimeInSeconds": round(now - started), "BillableTimeInSeconds": round(now - started)}
    )
    transition(job, secondary, TrainingJobStatus=status, TrainingEndTime=now, **times, **members)


def _restore_checkpoints(s3: Any, uri: str, directory: Path) -> None:  # noqa: ANN401 - a boto3 client
    try:
        download(s3, uri, "S3Prefix", directory)
    except S3FileError:
        # The first run of a job finds no checkpoints.
        directory.mkdir(parents=True, exist_ok=True)


def _checkpoint_path(base: Path, checkpoints: Document) -> Path:
    return container.local_path(base, checkpoints.get("LocalPath", "/opt/ml/checkpoints"))


def _channel(channel: Document, document: Document) -> dict[str, str]:
    source = channel["DataSource"]["S3DataSource"]
    return {
        "TrainingInputMode": channel.get(
            "InputMode", document["AlgorithmSpecification"].get("TrainingInputMode", "File")
        ),
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
        **({"ContentType": channel["ContentType"]} if "ContentType" in channel else {}),
    }


def _decoded(value: str) -> Any:  # noqa: ANN401 - any JSON value
    """A hyperparameter as the sagemaker-training toolkit hands it on."""
    try:
        return json.loads(value)
    except ValueError:
        return value

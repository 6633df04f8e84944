"""What happens in a batch transform job: a model server is started, asked record by record, and ended."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gzip
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from headway_sandbox.dataplane.container import Container, HealthCheck, Host
from headway_sandbox.dataplane.errors import DeploymentError
from headway_sandbox.dataplane.log_stream import LogStream
from headway_sandbox.dataplane.plane import plane_of
from headway_sandbox.sagemaker.credentials import acting_as, role_environment
from headway_sandbox.sagemaker.jobs.record import Job, JobFailure, job_slot
from headway_sandbox.sagemaker.jobs.run import CAPACITY_ERROR
from headway_sandbox.sagemaker.jobs.transform_exchange import (
    Exchange,
    ModelRefusedError,
    execution_parameters,
    request_headers,
)
from headway_sandbox.sagemaker.jobs.transform_records import (
    DEFAULT_PAYLOAD_MB,
    LINE,
    SINGLE,
    Batch,
    DataProcessing,
    RecordError,
    RecordProcessor,
    assemble,
    batches,
    payload_limit,
    split,
)
from headway_sandbox.sagemaker.models import container_plans
from headway_sandbox.sagemaker.protocol import Document
from headway_sandbox.sagemaker.s3_files import (
    S3Location,
    S3Object,
    encryption_arguments,
    find_objects,
    read_object,
)

OUTPUT_SUFFIX = ".out"


def fail(job: Job, reason: str) -> None:
    """Ends a job as failed."""
    _end(job, "Failed", FailureReason=reason)


async def transform(job: Job, model: Document, stop: asyncio.Event) -> None:
    """Runs a transform job to its end.

    Args:
        job: The job.
        model: Its model, as it was when the job was created.
        stop: Asks it to stop.

    Raises:
        JobFailure: If the model cannot be started, or fails on a record.
        S3FileError: If data cannot be moved.
    """
    document = job.document
    async with job_slot(job.service, stop) as its_turn:
        if not its_turn:
            _end(job, "Stopped")
            return
        if not job.service.faults.capacity(document["TransformResources"]["InstanceType"]):
            raise JobFailure(CAPACITY_ERROR)
        job.update(TransformStartTime=job.service.clock())
        working = asyncio.ensure_future(_work(job, document, model))
        asked = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({working, asked}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                await working
        finally:
            for task in (working, asked):
                task.cancel()
            await asyncio.gather(working, asked, return_exceptions=True)
    _end(job, "Stopped" if stop.is_set() else "Completed")


async def _work(job: Job, document: Document, model: Document) -> None:
    role = model.get("ExecutionRoleArn")
    s3 = await asyncio.to_thread((await acting_as(job.service, role, job.name)).client, "s3")
    source = document["TransformInput"]["DataSource"]["S3DataSource"]
    objects = await asyncio.to_thread(find_objects, s3, source["S3Uri"], source["S3DataType"])
    async with _model_servers(job, document, model) as servers:
        settled = {**await execution_parameters(servers[0]), **document}
        for item in objects:
            await _transform_object(s3, settled, servers, item)


@contextlib.asynccontextmanager
async def _model_servers(job: Job, document: Document, model: Document) -> AsyncIterator[list[Container]]:
    """The containers of the model, healthy and supervised while the body runs."""
    service = job.service
    host = Host(
        aws=service.aws,
        images=service.images,
        processes=service.processes,
        role_environment=functools.partial(role_environment, service),
        acting_as=functools.partial(acting_as, service),
    )
    publisher = plane_of(service).publisher
    added = _batch_environment(document)
    containers = []
    for plan in container_plans(service, model):
        stream = f"{job.name}/{plan.hostname}-{round(service.clock())}"
        log = LogStream(service.aws, job.kind.log_group, stream, service.clock, publisher.notify)
        containers.append(
            Container(
                host,
                replace(plan, environment={**plan.environment, **added}),
                job.directory / plan.hostname,
                log,
                isolated=model["EnableNetworkIsolation"],
                role_arn=model.get("ExecutionRoleArn"),
                health=HealthCheck.from_environment(os.environ),
            )
        )
    supervising: list[asyncio.Future[None]] = []
    for container in containers:
        publisher.add(container.log.flush)
    try:
        try:
            await asyncio.gather(*(container.start() for container in containers))
        except DeploymentError as error:
            raise JobFailure(f"ClientError: The model cannot be started: {error}") from error
        supervising = [asyncio.ensure_future(container.supervise()) for container in containers]
        yield containers
    finally:
        await asyncio.gather(*(container.stop() for container in containers))
        for task in supervising:
            task.cancel()
        await asyncio.gather(*supervising, return_exceptions=True)
        for container in containers:
            await publisher.remove(container.log.flush)
        await asyncio.to_thread(shutil.rmtree, job.directory, ignore_errors=True)


def _batch_environment(document: Document) -> dict[str, str]:
    """What a model server finds in its environment when it works for a transform job."""
    members = {
        "SAGEMAKER_BATCH_STRATEGY": document.get("BatchStrategy", "MultiRecord"),
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": document.get("MaxPayloadInMB", DEFAULT_PAYLOAD_MB),
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": _concurrency(document),
    }
    variables = {name: str(value) for name, value in members.items()}
    return {"SAGEMAKER_BATCH": "true", **variables, **document.get("Environment", {})}


async def _transform_object(
    s3: Any,  # noqa: ANN401 - a boto3 client
    document: Document,
    servers: list[Container],
    item: S3Object,
) -> None:
    given, output = document["TransformInput"], document["TransformOutput"]
    content = await asyncio.to_thread(lambda: b"".join(read_object(s3, item.location)))
    if given.get("CompressionType") == "Gzip":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError) as error:
            raise JobFailure(f"ClientError: {item.location} is not in gzip format: {error}") from error
    split_type = given.get("SplitType", "None")
    processor = RecordProcessor(
        DataProcessing.of(document), given.get("ContentType", ""), by_line=split_type == LINE
    )
    exchange = Exchange(servers, request_headers(given, output), document.get("ModelClientConfig", {}))
    turns = asyncio.Semaphore(_concurrency(document))

    async def ask(batch: Batch) -> bytes:
        async with turns:
            return processor.result(batch, await exchange.ask(batch))

    asking: list[asyncio.Future[bytes]] = []
    try:
        planned = batches(
            split(content, split_type),
            strategy=document.get("BatchStrategy", "MultiRecord" if split_type == LINE else SINGLE),
            limit=payload_limit(document),
            chosen=processor.chosen,
        )
        asking = [asyncio.ensure_future(ask(batch)) for batch in planned]
        outputs = await asyncio.gather(*asking)
    except RecordError as error:
        raise JobFailure(f"ClientError: {item.location}: {error}") from error
    except ModelRefusedError as error:
        raise JobFailure(f"{error.kind}: {item.location}: {error}") from error
    finally:
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
    target = S3Location.parse(output["S3OutputPath"]).child(f"{item.name}{OUTPUT_SUFFIX}")
    body = assemble(outputs, output.get("AssembleWith", "None"))
    await asyncio.to_thread(_store, s3, target, body, encryption_arguments(output.get("KmsKeyId")))


def _concurrency(document: Document) -> int:
    """How many requests are under way at once; 0 leaves it to the model server, whose default is 1."""
    at_once: int = document.get("MaxConcurrentTransforms", 0)
    return max(at_once, 1)


def _store(s3: Any, target: S3Location, body: bytes, encryption: dict[str, str]) -> None:  # noqa: ANN401
    from botocore.exceptions import ClientError  # noqa: PLC0415 - costs too much at start

    try:
        s3.put_object(Bucket=target.bucket, Key=target.key, Body=body, **encryption)
    except ClientError as error:
        message = error.response["Error"]["Message"]
        raise JobFailure(f"ClientError: Data upload failed: {message} ({target})") from error


def _end(job: Job, status: str, **members: Any) -> None:  # noqa: ANN401 - members of the service model
    job.update(TransformJobStatus=status, TransformEndTime=job.service.clock(), **members)

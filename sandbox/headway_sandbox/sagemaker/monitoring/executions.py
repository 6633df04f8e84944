"""Executions of monitoring schedules: run as processing jobs, judged by what they leave, listed."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from typing import Any

from headway_sandbox.sagemaker.credentials import acting_as
from headway_sandbox.sagemaker.jobs.record import ACTIVE, PROCESSING, REASON_LIMIT, Job
from headway_sandbox.sagemaker.monitoring.definitions import Definition, capture_config
from headway_sandbox.sagemaker.monitoring.job_request import (
    Run,
    baseline_uris,
    merge_job,
    merged_uri,
    monitoring_job,
)
from headway_sandbox.sagemaker.monitoring.times import hour_paths, window_of
from headway_sandbox.sagemaker.paging import page, select
from headway_sandbox.sagemaker.protocol import Document, SageMaker, ServiceError, call, operation
from headway_sandbox.sagemaker.s3_files import S3FileError, S3Location

KIND = "monitoring-execution"
PENDING = "Pending"
IN_PROGRESS = "InProgress"
UNFINISHED = (PENDING, IN_PROGRESS)
FAILED = "Failed"
COMPLETED = "Completed"
WITH_VIOLATIONS = "CompletedWithViolations"
SESSION = "SageMakerModelMonitor"
NO_DATA = "Job inputs had no data"
VIOLATIONS_FILES = ("constraint_violations.json", "constraints_violations.json")
"""AWS's container writes the first; AWS's documentation of the container contract names the second."""

_ID = "ExecutionId"
_log = logging.getLogger(__name__)


class ExecutionError(Exception):
    """Why an execution failed, as its FailureReason says it."""


@operation("ListMonitoringExecutions")
async def list_monitoring_executions(service: SageMaker, request: Document) -> Document:
    """Lists executions, the newest first unless asked otherwise."""
    documents = [
        item
        for item in service.store.list(KIND)
        if request.get("ScheduledTimeAfter", item["ScheduledTime"])
        <= item["ScheduledTime"]
        <= request.get("ScheduledTimeBefore", item["ScheduledTime"])
    ]
    chosen = select(
        documents,
        request,
        name="MonitoringScheduleName",
        equal={
            "MonitoringScheduleName": "MonitoringScheduleName",
            "EndpointName": "EndpointName",
            "StatusEquals": "MonitoringExecutionStatus",
            "MonitoringJobDefinitionName": "MonitoringJobDefinitionName",
            "MonitoringTypeEquals": "MonitoringType",
        },
        sort_keys={"ScheduledTime": "ScheduledTime", "Status": "MonitoringExecutionStatus"},
    )
    found, token = page(chosen, request)
    return {"MonitoringExecutionSummaries": [summary(item) for item in found], **token}


def summary(document: Document) -> Document:
    """An execution as it is listed."""
    return {name: value for name, value in document.items() if name != _ID}


def last_execution(service: SageMaker, schedule: str) -> Document | None:
    """The newest execution of a schedule as it is listed; None if there is none."""
    found = [item for item in service.store.list(KIND) if item["MonitoringScheduleName"] == schedule]
    return summary(found[-1]) if found else None


def begin(service: SageMaker, schedule: Document, definition: Definition, scheduled: float) -> str:
    """Starts an execution of a schedule.

    Args:
        service: The running SageMaker.
        schedule: The schedule's document.
        definition: What it runs.
        scheduled: The time that it was scheduled for, seconds since the epoch.

    Returns:
        The execution's id.
    """
    now = service.clock()
    config = schedule["MonitoringScheduleConfig"]
    document: Document = {
        _ID: str(uuid.uuid4()),
        "MonitoringScheduleName": schedule["MonitoringScheduleName"],
        "ScheduledTime": scheduled,
        "CreationTime": now,
        "LastModifiedTime": now,
        "MonitoringExecutionStatus": PENDING,
        "MonitoringType": definition.kind.type,
    }
    if definition.endpoint is not None:
        document["EndpointName"] = definition.endpoint
    if "MonitoringJobDefinitionName" in config:
        document["MonitoringJobDefinitionName"] = config["MonitoringJobDefinitionName"]
    service.store.put(KIND, document[_ID], document)
    service.tasks.start(f"{KIND}/{document[_ID]}", _supervise(service, document, schedule, definition))
    return str(document[_ID])


def fail_interrupted(service: SageMaker, reason: str) -> None:
    """Ends executions that a stop or a kill of the sandbox interrupted."""
    for document in service.store.list(KIND):
        if document["MonitoringExecutionStatus"] in UNFINISHED:
            _update(service, document, MonitoringExecutionStatus=FAILED, FailureReason=reason)


async def _supervise(
    service: SageMaker, document: Document, schedule: Document, definition: Definition
) -> None:
    try:
        await _run(service, document, schedule, definition)
    except (ExecutionError, S3FileError, ServiceError) as error:
        reason = error.message if isinstance(error, ServiceError) else str(error)
        _update(service, document, MonitoringExecutionStatus=FAILED, FailureReason=reason[:REASON_LIMIT])
    except Exception as error:  # noqa: BLE001 - an execution must end in a state, whatever happens
        _log.exception("the monitoring execution %s failed inside the sandbox", document[_ID])
        reason = f"InternalServerError: {type(error).__name__}: {error}"
        _update(service, document, MonitoringExecutionStatus=FAILED, FailureReason=reason[:REASON_LIMIT])


async def _run(service: SageMaker, document: Document, schedule: Document, definition: Definition) -> None:
    run = _planned(service, document, schedule, definition)
    aws = await acting_as(service, definition.role, SESSION)
    data = await asyncio.to_thread(_data, aws.client("s3"), definition, run)
    if not data:
        raise ExecutionError(NO_DATA)
    if definition.kind.labelled:
        data = await _merged(service, document, definition, run, data)
    baselines = baseline_uris(definition, _baselining_outputs(service, definition))
    name = run.job_name(f"{definition.kind.noun}-monitoring", document["CreationTime"])
    job = await _processed(
        service, document, monitoring_job(definition, run, name, data, baselines), definition.kind.noun
    )
    status = await asyncio.to_thread(_verdict, aws.client("s3"), job)
    _update(service, document, MonitoringExecutionStatus=status)


def _planned(service: SageMaker, document: Document, schedule: Document, definition: Definition) -> Run:
    timing = schedule["MonitoringScheduleConfig"]["ScheduleConfig"]
    source = definition.source
    window = window_of(
        timing["ScheduleExpression"],
        document["ScheduledTime"],
        timing.get("DataAnalysisStartTime", source.get("StartTimeOffset")),
        timing.get("DataAnalysisEndTime", source.get("EndTimeOffset")),
    )
    prefix = None
    if definition.endpoint is not None:
        capture = capture_config(service, definition.endpoint)
        if capture is None:
            raise ExecutionError(f"Data capture is not enabled for the endpoint {definition.endpoint}")
        prefix = capture["DestinationS3Uri"]
    return Run(document["MonitoringScheduleName"], document["ScheduledTime"], window, prefix)


async def _merged(
    service: SageMaker, document: Document, definition: Definition, run: Run, data: dict[str, str]
) -> dict[str, str]:
    """Joins captured data with ground truth in a job of its own, and says where the result is."""
    s3 = (await acting_as(service, definition.role, SESSION)).client("s3")
    labels = await asyncio.to_thread(
        _folders, s3, definition.inputs["GroundTruthS3Input"]["S3Uri"], hour_paths(run.window)
    )
    if not labels:
        raise ExecutionError(f"{NO_DATA}: there is no ground truth for the window")
    name = run.job_name("groundtruth-merge", document["CreationTime"])
    await _processed(service, document, merge_job(definition, name, data, labels), "ground truth merge")
    found = await asyncio.to_thread(_folders, s3, merged_uri(definition), hour_paths(run.window))
    merged = {path: uri for path, uri in found.items() if path in data}
    if not merged:
        raise ExecutionError(f"{NO_DATA}: no ground truth belongs to what was captured in the window")
    return merged


async def _processed(service: SageMaker, document: Document, request: Document, what: str) -> Document:
    """Runs a processing job to its end.

    Raises:
        ExecutionError: If it did not complete.
        ServiceError: If it was refused.
    """
    answer = await call(service, service.model, "CreateProcessingJob", request)
    _update(
        service,
        document,
        MonitoringExecutionStatus=IN_PROGRESS,
        ProcessingJobArn=answer["ProcessingJobArn"],
    )
    job = Job(service, PROCESSING, request["ProcessingJobName"])
    # The job's task ends with the job; its document says how.
    await service.tasks.wait(job.arn)
    ended = job.document
    status = ended["ProcessingJobStatus"]
    if status in ACTIVE:
        raise ExecutionError(f"The {what} job {job.name} was interrupted")
    if status != COMPLETED:
        raise ExecutionError(ended.get("FailureReason", f"The {what} job {job.name} ended as {status}"))
    return ended


def _verdict(s3: Any, job: Document) -> str:  # noqa: ANN401
    """Whether a completed job found violations: by its exit message, else by its file of violations."""
    message = job.get("ExitMessage", "")
    if message.startswith((f"{COMPLETED}:", WITH_VIOLATIONS)):
        return WITH_VIOLATIONS if message.startswith(WITH_VIOLATIONS) else COMPLETED
    location = S3Location.parse(job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"])
    for name in VIOLATIONS_FILES:
        target = location.child(name)
        try:
            text = s3.get_object(Bucket=target.bucket, Key=target.key)["Body"].read()
        except s3.exceptions.NoSuchKey:
            continue
        try:
            violations = json.loads(text)["violations"]
        except (ValueError, TypeError, KeyError) as error:
            raise ExecutionError(f"The file {target} cannot be read: {error!r}") from error
        return WITH_VIOLATIONS if violations else COMPLETED
    return COMPLETED


def _data(s3: Any, definition: Definition, run: Run) -> dict[str, str]:  # noqa: ANN401
    """The folders of the window that hold data: URI by path below the job's input."""
    hours = hour_paths(run.window)
    if definition.endpoint is None:
        return _folders(s3, definition.source["DataCapturedDestinationS3Uri"], hours)
    assert run.capture_prefix is not None
    found = _folders(s3, str(S3Location.parse(run.capture_prefix).child(definition.endpoint)), hours)
    return {f"{definition.endpoint}/{path}": uri for path, uri in found.items()}


def _folders(s3: Any, uri: str, hours: list[str]) -> dict[str, str]:  # noqa: ANN401
    """The folders below a URI that end in one of the hours and hold objects: URI by path below it."""
    root = S3Location.parse(uri.rstrip("/") + "/")
    found = {}
    for page_ in s3.get_paginator("list_objects_v2").paginate(Bucket=root.bucket, Prefix=root.key):
        for item in page_.get("Contents", []):
            folder = item["Key"].rpartition("/")[0]
            path = folder[len(root.key) :]
            if "/".join(path.split("/")[-4:]) in hours:
                found[path] = f"s3://{root.bucket}/{folder}"
    return found


def _baselining_outputs(service: SageMaker, definition: Definition) -> list[Document]:
    name = definition.baseline.get("BaseliningJobName")
    if name is None:
        return []
    job = service.store.get(PROCESSING.kind, name.lower())
    if job is None:
        raise ExecutionError(f"Could not find the baselining job {name}")
    outputs: list[Document] = job.get("ProcessingOutputConfig", {}).get("Outputs", [])
    return outputs


def _update(service: SageMaker, document: Document, **members: Any) -> None:  # noqa: ANN401
    current = service.store.get(KIND, document[_ID])
    if current is not None:
        service.store.put(KIND, document[_ID], {**current, **members, "LastModifiedTime": service.clock()})

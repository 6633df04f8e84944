"""How each type of pipeline step is carried out."""

from __future__ import annotations

import asyncio
import json
import secrets
import string
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from headway_sandbox.api_faults import error_of
from headway_sandbox.sagemaker.aws import LoopbackAws
from headway_sandbox.sagemaker.credentials import acting_as, require_role
from headway_sandbox.sagemaker.jobs.record import PROCESSING, TRAINING, TRANSFORM, Job, JobKind
from headway_sandbox.sagemaker.model_package_groups import KIND as GROUP_KIND
from headway_sandbox.sagemaker.model_package_groups import create_group, group_name
from headway_sandbox.sagemaker.pipelines.caching import cache_key, find_hits
from headway_sandbox.sagemaker.pipelines.conditions import ConditionError, holds
from headway_sandbox.sagemaker.pipelines.definition import PropertyFile, Step
from headway_sandbox.sagemaker.pipelines.paths import PathError
from headway_sandbox.sagemaker.pipelines.record import EXECUTION_KIND, Execution
from headway_sandbox.sagemaker.pipelines.retries import (
    RESOURCE_LIMIT,
    SERVICE_FAULT,
    THROTTLING,
    retried_type,
)
from headway_sandbox.sagemaker.pipelines.values import Scope, resolve
from headway_sandbox.sagemaker.protocol import Document, SageMaker, ServiceError, call
from headway_sandbox.sagemaker.s3_files import S3FileError, S3Location
from headway_sandbox.wire.identify import Call, Protocol

_NAME_LIMIT = 63
_SUFFIX_LENGTH = 10
_EXCEPTION_TYPES = {"ThrottlingException": THROTTLING, "ResourceLimitExceeded": RESOURCE_LIMIT}


class StepFailure(Exception):  # noqa: N818 - it is how a step ends, not an error of this program
    """Ends a step as failed, with this reason.

    Args:
        reason: What happened.
        exception_type: What retry policies call it; None for a failure that is never tried again.
    """

    def __init__(self, reason: str, exception_type: str | None = None) -> None:
        super().__init__(reason)
        self.exception_type = exception_type


class StepStopped(Exception):  # noqa: N818
    """Ends a step as stopped."""


@dataclass(frozen=True)
class StepRun:
    """One step that runs.

    Attributes:
        execution: The execution it belongs to.
        execution_id: Twelve letters and digits.
        step: The step.
        scope: What its references lead to.
        stop: Asks it to stop.
    """

    execution: Execution
    execution_id: str
    step: Step
    scope: Scope
    stop: asyncio.Event

    @property
    def service(self) -> SageMaker:
        """The running SageMaker."""
        return self.execution.service

    def arguments(self) -> Document:
        """The step's arguments with every reference replaced.

        Raises:
            StepFailure: If a reference leads nowhere.
        """
        try:
            resolved: Document = resolve(self.step.arguments, self.scope)
        except PathError as error:
            raise StepFailure(f"ClientError: {error}") from error
        return resolved

    def resource_name(self) -> str:
        """A name for what the step creates, as SageMaker makes it: pipelines-EXECUTION-STEP-RANDOM."""
        alphabet = string.ascii_letters + string.digits
        suffix = "".join(secrets.choice(alphabet) for _ in range(_SUFFIX_LENGTH))
        begin = f"pipelines-{self.execution_id}-{self.step.name.replace('_', '-')}"
        return f"{begin[: _NAME_LIMIT - _SUFFIX_LENGTH - 1].rstrip('-')}-{suffix}"

    async def call(self, operation: str, request: Document) -> Document:
        """Calls an operation as a client would.

        Raises:
            StepFailure: If it answers with an error.
        """
        try:
            require_role(self.service, self.execution.role_arn, self.execution_id, operation, request)
            await self._meet_fault(operation)
            return await call(self.service, self.service.model, operation, request)
        except ServiceError as error:
            raise StepFailure(
                f"ClientError: Failed to invoke sagemaker:{operation}. Error Details: {error.message}",
                _exception_type(error),
            ) from error

    async def _meet_fault(self, operation: str) -> None:
        """Lets a fault on demand have this call too, which does not come in from outside."""
        fault = self.service.faults.api("sagemaker", operation)
        if fault is None:
            return
        await asyncio.sleep(fault.delay_s)
        error = error_of(Call("sagemaker", operation, Protocol.JSON), fault)
        if error is not None:
            raise ServiceError(error.code, error.message, error.status)

    def note(self, **metadata: Document) -> None:
        """Shows in the step's metadata what it works on."""
        self.execution.set_step(self.step.name, "Executing", Metadata=metadata)


async def carry_out(run: StepRun) -> Any:  # noqa: ANN401 - properties of the step, or a Condition's outcome
    """Carries out a step.

    Returns:
        What references to the step lead to; for a Condition step, whether it holds.

    Raises:
        StepFailure: If it fails.
        StepStopped: If it was stopped.
    """
    return await _TYPES[run.step.type](run)


async def load_property_file(aws: LoopbackAws, step: Step, properties: Document, name: str) -> Any:  # noqa: ANN401
    """The content of a property file that a processing step wrote.

    Args:
        aws: Clients of the pipeline's role.
        step: The processing step.
        properties: What it left: the answer of DescribeProcessingJob.
        name: The property file.

    Raises:
        StepFailure: If there is no such output or file, or the file is not JSON.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415 - costs too much at start

    file: PropertyFile = step.property_files[name]
    outputs = properties.get("ProcessingOutputConfig", {}).get("Outputs", [])
    uris = [item["S3Output"]["S3Uri"] for item in outputs if item["OutputName"] == file.output_name]
    if not uris:
        raise StepFailure(
            f"ClientError: Property file {name} of step {step.name} is in the output "
            f"{file.output_name}, which the "
            f"step does not have; it has {', '.join(item['OutputName'] for item in outputs) or 'none'}"
        )
    location = S3Location.parse(uris[0]).child(file.file_path)
    try:
        found = await aws.call("s3", "get_object", Bucket=location.bucket, Key=location.key)
        return json.loads(await asyncio.to_thread(found["Body"].read))
    except (ClientError, S3FileError) as error:
        raise StepFailure(
            f"ClientError: Property file {name} of step {step.name} cannot be read from {location}: {error}"
        ) from error
    except ValueError as error:
        raise StepFailure(
            f"ClientError: Property file {name} of step {step.name} at {location} is not JSON: {error}"
        ) from error


def _job(kind: JobKind) -> Callable[[StepRun], Awaitable[Document]]:
    async def run_job(run: StepRun) -> Document:
        arguments = run.arguments()
        cached = _cached(run, kind, arguments)
        if cached is not None:
            return cached
        name = run.resource_name()
        await run.call(f"Create{kind.prefix}", {**arguments, kind.name_member: name})
        job = Job(run.service, kind, name)
        run.note(**{kind.prefix: {"Arn": job.arn}})
        await _until_ended(run, job)
        document = job.document
        status = document[kind.status_member]
        if status == "Stopped":
            raise StepStopped
        if status != "Completed":
            reason = document.get("FailureReason", f"ClientError: the job {job.arn} ended as {status}")
            raise StepFailure(reason, retried_type(reason))
        return document

    return run_job


def _cached(run: StepRun, kind: JobKind, arguments: Document) -> Document | None:
    """The job of an earlier run of the step, where caching finds one that still exists."""
    step = run.step
    key = cache_key(step.type, arguments)
    if step.cache is not None:
        pipeline_arn = run.execution.document["Describe"]["PipelineArn"]
        executions = [
            stored
            for stored in run.service.store.list(EXECUTION_KIND)
            if stored["Describe"]["PipelineArn"] == pipeline_arn
        ]
        oldest = run.service.clock() - step.cache.expire_after_s
        for hit in find_hits(executions, step.name, key, not_before=oldest):
            job = Job(run.service, kind, hit.metadata[kind.prefix]["Arn"].rpartition("/")[2])
            if job.exists:
                source = {"SourcePipelineExecutionArn": hit.execution_arn}
                run.execution.set_step(step.name, "Executing", Metadata=hit.metadata, CacheHitResult=source)
                return job.document
    run.execution.set_cache_key(step.name, key)
    return None


async def _until_ended(run: StepRun, job: Job) -> None:
    """Waits for a job to end, and asks it to stop when the execution is asked to."""
    ended = asyncio.ensure_future(run.service.tasks.wait(job.arn))
    asked = asyncio.ensure_future(run.stop.wait())
    try:
        await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            await run.call(f"Stop{job.kind.prefix}", {job.kind.name_member: job.name})
        await ended
    finally:
        for task in (ended, asked):
            task.cancel()
        await asyncio.gather(ended, asked, return_exceptions=True)


async def _model(run: StepRun) -> Document:
    name = run.resource_name()
    created = await run.call("CreateModel", {**run.arguments(), "ModelName": name})
    run.note(Model={"Arn": created["ModelArn"]})
    return await run.call("DescribeModel", {"ModelName": name})


async def _register_model(run: StepRun) -> Document:
    arguments = run.arguments()
    group = arguments.get("ModelPackageGroupName")
    if isinstance(group, str) and run.service.store.get(GROUP_KIND, group_name(group).lower()) is None:
        create_group(run.service, {"ModelPackageGroupName": group_name(group)})
    created = await run.call("CreateModelPackage", arguments)
    arn = created["ModelPackageArn"]
    run.note(RegisterModel={"Arn": arn})
    return await run.call("DescribeModelPackage", {"ModelPackageName": arn})


async def _condition(run: StepRun) -> bool:
    assert run.step.condition is not None
    try:
        outcome = holds(run.step.condition, lambda value: resolve(value, run.scope))
    except (PathError, ConditionError) as error:
        raise StepFailure(f"ClientError: {error}") from error
    run.note(Condition={"Outcome": str(outcome)})
    return outcome


async def _call_function(run: StepRun) -> Document:
    """Calls a function in the pipeline's role; its answer holds the step's outputs."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - costs too much at start

    arguments = run.arguments()
    arn, outputs = arguments["FunctionArn"], arguments["Outputs"]
    run.note(Lambda={"Arn": arn})
    try:
        aws = await acting_as(run.service, run.execution.role_arn, run.execution_id)
        payload = json.dumps(arguments["Payload"]).encode()
        answer = await aws.call("lambda", "invoke", FunctionName=arn, Payload=payload)
        text = await asyncio.to_thread(answer["Payload"].read)
    except (ClientError, ServiceError) as error:
        raise StepFailure(f"ClientError: Failed to invoke lambda:Invoke. Error Details: {error}") from error
    if answer.get("FunctionError"):
        raise StepFailure(f"ClientError: The function {arn} failed: {text.decode(errors='replace')}")
    answered = json.loads(text) if text else None
    given = answered if isinstance(answered, dict) else {}
    missing = [name for name in outputs if name not in given]
    if missing:
        raise StepFailure(
            f"ClientError: The function {arn} did not answer with {', '.join(missing)}, which "
            "OutputParameters of the step names"
        )
    known = {name: given[name] for name in outputs}
    shown = [{"Name": name, "Value": _as_output(value)} for name, value in known.items()]
    run.note(Lambda={"Arn": arn, "OutputParameters": shown})
    return {"OutputParameters": known}


def _as_output(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _exception_type(error: ServiceError) -> str | None:
    return SERVICE_FAULT if error.status >= 500 else _EXCEPTION_TYPES.get(error.code)


async def _fail(run: StepRun) -> Document:
    message = str(run.arguments().get("ErrorMessage", ""))
    run.note(Fail={"ErrorMessage": message})
    raise StepFailure(message)


_TYPES: dict[str, Callable[[StepRun], Awaitable[Any]]] = {
    "Condition": _condition,
    "Fail": _fail,
    "Lambda": _call_function,
    "Model": _model,
    "Processing": _job(PROCESSING),
    "RegisterModel": _register_model,
    "Training": _job(TRAINING),
    "Transform": _job(TRANSFORM),
}

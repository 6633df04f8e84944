"""Starts the training pipeline where the declared model is not there yet, and follows it step by step."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headway_cli.aws import Aws
from headway_cli.narration import Narrator
from headway_cli.registry import APPROVED, declared_package
from headway_cli.systems import System

POLL_S = 0.5
_GOING_ON = ("Executing", "Stopping")
_DONE = ("Succeeded", "Failed", "Stopped")


@dataclass(frozen=True)
class Training:
    """What came of one execution of the pipeline.

    Args:
        execution_arn: The execution; None where none was needed.
        status: SageMaker's word for its state.
        model_package_arn: What it registered; None where it registered nothing.
        approval: SageMaker's word for whether the package may serve; None where there is no package.
        reason: Why it failed, for a person; None where it did not.
    """

    execution_arn: str | None
    status: str
    model_package_arn: str | None
    approval: str | None
    reason: str | None

    @property
    def is_approved(self) -> bool:
        """Whether there is a model that may serve."""
        return self.approval == APPROVED


def ensure_trained(
    aws: Aws, system: System, narrator: Narrator, *, sleep: Callable[[float], None] = time.sleep
) -> Training:
    """Sees to it that the model that the stack declares has been trained and judged.

    An execution that is going on is followed; no second one is started beside it, but one after it where it
    found nothing new in the data, and so trained nothing.

    Args:
        aws: Clients of the stack's account.
        system: The system.
        narrator: Told about every step.
        sleep: Waits between two looks.
    """
    package = declared_package(aws, system)
    if package is not None:
        return Training(None, "Succeeded", package["ModelPackageArn"], package["ModelApprovalStatus"], None)
    running = running_execution(aws, system)
    if running is not None:
        followed = follow(aws, system, running, narrator, sleep=sleep)
        if followed.model_package_arn is not None or followed.reason is not None:
            return followed
    started = aws.client("sagemaker").start_pipeline_execution(PipelineName=system.pipeline_name)
    return follow(aws, system, str(started["PipelineExecutionArn"]), narrator, sleep=sleep)


def running_execution(aws: Aws, system: System) -> str | None:
    """The execution that is going on; None where there is none."""
    latest = last_execution(aws, system)
    if latest is None or latest["PipelineExecutionStatus"] not in _GOING_ON:
        return None
    return str(latest["PipelineExecutionArn"])


def last_execution(aws: Aws, system: System) -> dict[str, Any] | None:
    """The newest execution of the system's pipeline; None where there was none."""
    listed = aws.client("sagemaker").list_pipeline_executions(
        PipelineName=system.pipeline_name, SortBy="CreationTime", SortOrder="Descending", MaxResults=1
    )["PipelineExecutionSummaries"]
    return dict(listed[0]) if listed else None


def follow(
    aws: Aws, system: System, arn: str, narrator: Narrator, *, sleep: Callable[[float], None] = time.sleep
) -> Training:
    """Waits for the end of an execution and tells about every step that is done."""
    sagemaker = aws.client("sagemaker")
    told: set[str] = set()
    with narrator.step(f"Training {system.name}") as line:
        while True:
            status = str(
                sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"]
            )
            steps = execution_steps(aws, arn)
            for step in steps:
                if step["StepStatus"] in _DONE and step["StepName"] not in told:
                    told.add(step["StepName"])
                    narrator.say(f"  {step_line(step)}")
            if status not in _GOING_ON:
                break
            now = [step["StepName"] for step in steps if step["StepStatus"] not in _DONE]
            line.update(", ".join(now) if now else status)
            sleep(POLL_S)
    reason = (
        None if status == "Succeeded" else failure_reason(aws, steps) or f"the execution ended as {status}"
    )
    package = registered_package(steps)
    if package is None:
        return Training(arn, status, None, None, reason)
    approval = sagemaker.describe_model_package(ModelPackageName=package)["ModelApprovalStatus"]
    return Training(arn, status, package, approval, reason)


def execution_steps(aws: Aws, arn: str) -> list[dict[str, Any]]:
    """The steps of an execution, in the order in which they began."""
    pages = (
        aws.client("sagemaker")
        .get_paginator("list_pipeline_execution_steps")
        .paginate(PipelineExecutionArn=arn, SortOrder="Ascending")
    )
    return [dict(step) for page in pages for step in page["PipelineExecutionSteps"]]


def step_line(step: Mapping[str, Any]) -> str:
    """One step in a line: its name, how it ended, how long it took."""
    parts = [f"{step['StepName']}: {step['StepStatus'].lower()}"]
    if seconds(step) is not None:
        parts.append(f"in {seconds(step):.1f} s")
    return " ".join(parts)


def seconds(step: Mapping[str, Any]) -> float | None:
    """How long a step took; None where it has no end or no beginning."""
    started, ended = step.get("StartTime"), step.get("EndTime")
    return None if started is None or ended is None else float((ended - started).total_seconds())


def failure_reason(aws: Aws, steps: Sequence[Mapping[str, Any]]) -> str | None:
    """Why an execution failed: the first step that failed, and what it or the job that judged says.

    Args:
        aws: Clients of the stack's account.
        steps: The execution's steps, in the order in which they began.
    """
    for position, step in enumerate(steps):
        if step["StepStatus"] != "Failed":
            continue
        if "Fail" not in step.get("Metadata", {}):
            return f"{step['StepName']}: {step.get('FailureReason') or 'it gives no reason'}"
        # A Fail step is declared ahead and cannot know the figures; the job that judged has said them.
        said = step["Metadata"]["Fail"].get("ErrorMessage", "")
        named = [before for before in steps[:position] if before["StepName"] in said]
        judged = (_exit_message(aws, before) for before in reversed(named))
        return f"{step['StepName']}: {next((message for message in judged if message), said)}"
    return None


def _exit_message(aws: Aws, step: Mapping[str, Any]) -> str | None:
    arn = step.get("Metadata", {}).get("ProcessingJob", {}).get("Arn")
    if arn is None:
        return None
    name = str(arn).rsplit("/", 1)[-1]
    job = aws.client("sagemaker").describe_processing_job(ProcessingJobName=name)
    message: str | None = job.get("ExitMessage")
    return message


def registered_package(steps: list[dict[str, Any]]) -> str | None:
    """The model package that an execution registered; None where it registered none."""
    for step in steps:
        arn = step.get("Metadata", {}).get("RegisterModel", {}).get("Arn")
        if arn:
            return str(arn)
    return None

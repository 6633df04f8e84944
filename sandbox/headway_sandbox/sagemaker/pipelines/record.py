"""A pipeline execution's stored document, its changes and the events they cause."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from headway_sandbox.sagemaker.protocol import Document, SageMaker, ServiceError

PIPELINE_KIND = "pipeline"
EXECUTION_KIND = "pipeline-execution"
EXECUTION_EVENT = "SageMaker Model Building Pipeline Execution Status Change"
STEP_EVENT = "SageMaker Model Building Pipeline Execution Step Status Change"
RUNNING = frozenset({"Executing", "Stopping"})

_REASON_LIMIT = 1024


@dataclass(frozen=True)
class Execution:
    """One run of a pipeline.

    Its document holds ``Describe`` (what DescribePipelineExecution answers), ``Definition`` (the JSON text
    it was started with), ``Parameters`` (values by name), ``Steps`` (entries of ListPipelineExecutionSteps
    by name, in the order of their start), ``StepTypes``, ``CacheKeys`` (of the steps that really ran) and
    ``Token``.

    Attributes:
        service: The running SageMaker.
        arn: The execution's ARN.
    """

    service: SageMaker
    arn: str

    @property
    def document(self) -> Document:
        """Everything that is stored.

        Raises:
            ServiceError: If there is no such execution.
        """
        document = self.service.store.get(EXECUTION_KIND, self.arn)
        if document is None:
            raise ServiceError("ResourceNotFound", f"Pipeline execution with ARN {self.arn} does not exist.")
        return document

    @property
    def role_arn(self) -> str | None:
        """The role in whose name it acts."""
        role: str | None = self.document.get("RoleArn")
        return role

    @property
    def status(self) -> str:
        """The execution's status."""
        status: str = self.document["Describe"]["PipelineExecutionStatus"]
        return status

    def set_status(self, status: str, reason: str | None = None) -> None:
        """Changes the execution's status and says so on EventBridge.

        Args:
            status: The new status.
            reason: ``FailureReason``.
        """
        document = self.document
        describe = document["Describe"]
        previous = describe["PipelineExecutionStatus"]
        now = self.service.clock()
        describe.update(PipelineExecutionStatus=status, LastModifiedTime=now)
        if reason is not None:
            describe["FailureReason"] = reason
        self.service.store.put(EXECUTION_KIND, self.arn, document)
        self.publish(previous)

    def set_cache_key(self, name: str, key: str) -> None:
        """Keeps the cache key of a step that runs, so that later executions find it.

        Args:
            name: The step.
            key: Its cache key.
        """
        document = self.document
        document.setdefault("CacheKeys", {})[name] = key
        self.service.store.put(EXECUTION_KIND, self.arn, document)

    def publish(self, previous: str) -> None:
        """Says on EventBridge what the execution's status is.

        Args:
            previous: The status before.
        """
        describe = self.document["Describe"]
        status = describe["PipelineExecutionStatus"]
        detail = {
            "pipelineArn": describe["PipelineArn"],
            "pipelineExecutionArn": self.arn,
            "pipelineExecutionDescription": describe.get("PipelineExecutionDescription"),
            "pipelineExecutionDisplayName": describe.get("PipelineExecutionDisplayName"),
            "currentPipelineExecutionStatus": status,
            "previousPipelineExecutionStatus": previous,
            "executionStartTime": _iso(describe["CreationTime"]),
            "executionEndTime": None if status in RUNNING else _iso(describe["LastModifiedTime"]),
        }
        self.service.events.put(EXECUTION_EVENT, detail, [describe["PipelineArn"], self.arn])

    def set_step(self, name: str, status: str, **members: Any) -> None:  # noqa: ANN401 - of the service model
        """Changes a step, and says so on EventBridge if its status is another.

        Args:
            name: The step.
            status: Its new status.
            members: What else changes: ``Metadata``, ``FailureReason``, ``EndTime``.
        """
        document = self.document
        steps = document["Steps"]
        previous = steps.get(name, {}).get("StepStatus")
        step = steps.setdefault(
            name, {"StepName": name, "StartTime": self.service.clock(), "AttemptCount": 1}
        )
        if "FailureReason" in members:
            members["FailureReason"] = members["FailureReason"][:_REASON_LIMIT]
        step.update(StepStatus=status, **members)
        self.service.store.put(EXECUTION_KIND, self.arn, document)
        if status == previous:
            return
        detail = {
            "metadata": _event_metadata(step.get("Metadata", {})),
            "failureReason": step.get("FailureReason", ""),
            "stepName": name,
            "stepType": document["StepTypes"][name],
            "stepStartTime": _iso(step["StartTime"]),
            "stepEndTime": _iso(step["EndTime"]) if "EndTime" in step else None,
            "currentStepStatus": status,
            "previousStepStatus": previous if previous is not None else "Starting",
            "pipelineArn": document["Describe"]["PipelineArn"],
            "pipelineExecutionArn": self.arn,
        }
        self.service.events.put(STEP_EVENT, detail, [document["Describe"]["PipelineArn"], self.arn])


def _event_metadata(metadata: Document) -> Document:
    """Metadata of a step as events name it: members in camel case."""
    return {
        key[:1].lower() + key[1:]: {name[:1].lower() + name[1:]: value for name, value in entry.items()}
        for key, entry in metadata.items()
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

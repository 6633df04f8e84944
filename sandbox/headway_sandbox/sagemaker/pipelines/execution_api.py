"""Pipeline executions: start, describe, list, stop."""

from __future__ import annotations

import secrets
import string
from typing import Any

from headway_sandbox.sagemaker.paging import page, select
from headway_sandbox.sagemaker.pipelines.definition import parse_definition
from headway_sandbox.sagemaker.pipelines.execution import Runner
from headway_sandbox.sagemaker.pipelines.parameters import bind
from headway_sandbox.sagemaker.pipelines.record import EXECUTION_KIND, PIPELINE_KIND, RUNNING, Execution
from headway_sandbox.sagemaker.protocol import Document, SageMaker, ServiceError, operation, validation_error

_ID_ALPHABET = string.ascii_lowercase + string.digits
_ID_LENGTH = 12

_SUMMARY = {
    "PipelineExecutionArn": "PipelineExecutionArn",
    "CreationTime": "StartTime",
    "PipelineExecutionStatus": "PipelineExecutionStatus",
    "PipelineExecutionDescription": "PipelineExecutionDescription",
    "PipelineExecutionDisplayName": "PipelineExecutionDisplayName",
    "FailureReason": "PipelineExecutionFailureReason",
}


@operation("StartPipelineExecution")
async def start_pipeline_execution(service: SageMaker, request: Document) -> Document:
    """Starts a pipeline; the same token again answers with the execution that it started."""
    refuse(request, "SelectiveExecutionConfig", "PipelineVersionId", "MlflowExperimentName")
    pipeline = find_pipeline(service, request["PipelineName"])["Describe"]
    token = request["ClientRequestToken"]
    for stored in executions_of(service, pipeline["PipelineArn"]):
        if stored["Token"] == token:
            return {"PipelineExecutionArn": stored["Describe"]["PipelineExecutionArn"]}
    definition = parse_definition(pipeline["PipelineDefinition"])
    given = request.get("PipelineParameters", [])
    values, problems = bind(definition.parameters, given)
    if problems:
        raise validation_error("; ".join(problems))
    execution_id = "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH))
    arn = f"{pipeline['PipelineArn']}/execution/{execution_id}"
    now = service.clock()
    parallelism = request.get("ParallelismConfiguration", pipeline.get("ParallelismConfiguration"))
    describe = {
        "PipelineArn": pipeline["PipelineArn"],
        "PipelineExecutionArn": arn,
        "PipelineExecutionDisplayName": request.get(
            "PipelineExecutionDisplayName", f"execution-{round(now * 1000)}"
        ),
        "PipelineExecutionStatus": "Executing",
        "CreationTime": now,
        "LastModifiedTime": now,
        "CreatedBy": {},
        "LastModifiedBy": {},
        **_given(request, "PipelineExecutionDescription"),
        **({} if parallelism is None else {"ParallelismConfiguration": parallelism}),
    }
    document = {
        "Describe": describe,
        "PipelineName": pipeline["PipelineName"],
        "RoleArn": pipeline.get("RoleArn"),
        "Definition": pipeline["PipelineDefinition"],
        "Parameters": values,
        "Steps": {},
        "StepTypes": {name: step.type for name, step in definition.steps.items()},
        "Token": token,
    }
    service.store.put(EXECUTION_KIND, arn, document)
    stored_pipeline = find_pipeline(service, pipeline["PipelineName"])
    stored_pipeline["Describe"]["LastRunTime"] = now
    service.store.put(PIPELINE_KIND, pipeline["PipelineName"].lower(), stored_pipeline)
    execution = Execution(service, arn)
    execution.publish("Executing")
    service.tasks.start(arn, Runner(execution, definition, values).run())
    return {"PipelineExecutionArn": arn}


@operation("DescribePipelineExecution")
async def describe_pipeline_execution(service: SageMaker, request: Document) -> Document:
    """Describes an execution."""
    describe: Document = Execution(service, request["PipelineExecutionArn"]).document["Describe"]
    return describe


@operation("ListPipelineExecutions")
async def list_pipeline_executions(service: SageMaker, request: Document) -> Document:
    """Lists a pipeline's executions, newest first unless asked otherwise."""
    pipeline = find_pipeline(service, request["PipelineName"])["Describe"]
    chosen = select(
        [stored["Describe"] for stored in executions_of(service, pipeline["PipelineArn"])],
        request,
        name="PipelineExecutionArn",
        sort_keys={"PipelineExecutionArn": "PipelineExecutionArn"},
    )
    found, token = page(chosen, request)
    summaries = [
        {target: describe[member] for member, target in _SUMMARY.items() if member in describe}
        for describe in found
    ]
    return {"PipelineExecutionSummaries": summaries, **token}


@operation("ListPipelineExecutionSteps")
async def list_pipeline_execution_steps(service: SageMaker, request: Document) -> Document:
    """Lists the steps that have started, the latest first unless asked otherwise."""
    if "PipelineExecutionArn" not in request:
        raise validation_error("PipelineExecutionArn must be given.")
    steps = list(Execution(service, request["PipelineExecutionArn"]).document["Steps"].values())
    if request.get("SortOrder", "Descending") == "Descending":
        steps.reverse()
    found, token = page(steps, request)
    return {"PipelineExecutionSteps": found, **token}


@operation("ListPipelineParametersForExecution")
async def list_pipeline_parameters_for_execution(service: SageMaker, request: Document) -> Document:
    """Lists the parameter values of an execution."""
    values = Execution(service, request["PipelineExecutionArn"]).document["Parameters"]
    found, token = page([{"Name": name, "Value": _text(value)} for name, value in values.items()], request)
    return {"PipelineParameters": found, **token}


@operation("DescribePipelineDefinitionForExecution")
async def describe_pipeline_definition_for_execution(service: SageMaker, request: Document) -> Document:
    """Answers with the definition that an execution was started with."""
    document = Execution(service, request["PipelineExecutionArn"]).document
    return {
        "PipelineDefinition": document["Definition"],
        "CreationTime": document["Describe"]["CreationTime"],
    }


@operation("StopPipelineExecution")
async def stop_pipeline_execution(service: SageMaker, request: Document) -> Document:
    """Asks an execution to stop; its jobs are stopped."""
    execution = Execution(service, request["PipelineExecutionArn"])
    status = execution.status
    if status not in RUNNING:
        raise ServiceError(
            "ConflictException",
            f"Only running executions can be stopped; {execution.arn} is in status {status}.",
        )
    if status == "Executing":
        execution.set_status("Stopping")
    service.stop_requests[execution.arn].set()
    return {"PipelineExecutionArn": execution.arn}


def find_pipeline(service: SageMaker, name_or_arn: str) -> Document:
    """What is stored of a pipeline: ``Describe`` and ``Token``.

    Raises:
        ServiceError: If there is none of that name or ARN.
    """
    name = name_or_arn.rpartition("/")[2]
    stored = service.store.get(PIPELINE_KIND, name.lower())
    if stored is None:
        arn = service.arn(PIPELINE_KIND, name)
        raise ServiceError("ResourceNotFound", f"Pipeline '{arn}' does not exist.")
    return stored


def executions_of(service: SageMaker, pipeline_arn: str) -> list[Document]:
    """The stored executions of a pipeline, oldest first."""
    return [
        item for item in service.store.list(EXECUTION_KIND) if item["Describe"]["PipelineArn"] == pipeline_arn
    ]


def refuse(request: Document, *members: str) -> None:
    """Refuses what this sandbox does not emulate.

    Raises:
        ServiceError: If the request has one of the members.
    """
    found = [member for member in members if member in request]
    if found:
        raise validation_error(f"{', '.join(found)} is not emulated by this sandbox; leave it out")


def _given(request: Document, *members: str) -> Document:
    return {member: request[member] for member in members if member in request}


def _text(value: Any) -> str:  # noqa: ANN401 - a parameter's value
    return str(value).lower() if isinstance(value, bool) else str(value)

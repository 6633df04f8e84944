"""Pipelines: create, describe, list, update, delete."""

from __future__ import annotations

from headway_sandbox.sagemaker.paging import page, select
from headway_sandbox.sagemaker.pipelines import execution_api
from headway_sandbox.sagemaker.pipelines.definition import DefinitionError, parse_definition
from headway_sandbox.sagemaker.pipelines.record import EXECUTION_KIND, PIPELINE_KIND, RUNNING
from headway_sandbox.sagemaker.protocol import Document, SageMaker, ServiceError, operation, validation_error
from headway_sandbox.sagemaker.tags import delete_tags, save_tags

_SUMMARY = {
    "PipelineArn": "PipelineArn",
    "PipelineName": "PipelineName",
    "PipelineDisplayName": "PipelineDisplayName",
    "PipelineDescription": "PipelineDescription",
    "RoleArn": "RoleArn",
    "CreationTime": "CreationTime",
    "LastModifiedTime": "LastModifiedTime",
    "LastRunTime": "LastExecutionTime",
}
_CHANGEABLE = ("PipelineDisplayName", "PipelineDescription", "RoleArn", "ParallelismConfiguration")


@operation("CreatePipeline")
async def create_pipeline(service: SageMaker, request: Document) -> Document:
    """Creates a pipeline; the same request with the same token again changes nothing."""
    name, token = request["PipelineName"], request["ClientRequestToken"]
    arn = service.arn(PIPELINE_KIND, name)
    existing = service.store.get(PIPELINE_KIND, name.lower())
    if existing is not None:
        if existing["Token"] == token:
            return {"PipelineArn": arn}
        raise validation_error(
            "Pipeline names must be unique within an AWS account and region. Pipeline with name "
            f"({name}) already exists."
        )
    definition = await _definition(service, request)
    if definition is None:
        raise validation_error("One of PipelineDefinition and PipelineDefinitionS3Location must be given.")
    now = service.clock()
    document = {
        "PipelineDisplayName": name,
        **{member: request[member] for member in _CHANGEABLE if member in request},
        "PipelineName": name,
        "PipelineArn": arn,
        "PipelineDefinition": definition,
        "PipelineStatus": "Active",
        "CreationTime": now,
        "LastModifiedTime": now,
        "CreatedBy": {},
        "LastModifiedBy": {},
    }
    save_tags(service, arn, request.get("Tags"))
    service.store.put(PIPELINE_KIND, name.lower(), {"Describe": document, "Token": token})
    return {"PipelineArn": arn}


@operation("UpdatePipeline")
async def update_pipeline(service: SageMaker, request: Document) -> Document:
    """Changes a pipeline; executions that run keep the definition they were started with."""
    stored = execution_api.find_pipeline(service, request["PipelineName"])
    changed = {member: request[member] for member in _CHANGEABLE if member in request}
    definition = await _definition(service, request)
    if definition is not None:
        changed["PipelineDefinition"] = definition
    describe = {**stored["Describe"], **changed, "LastModifiedTime": service.clock()}
    service.store.put(PIPELINE_KIND, describe["PipelineName"].lower(), {**stored, "Describe": describe})
    return {"PipelineArn": describe["PipelineArn"]}


@operation("DescribePipeline")
async def describe_pipeline(service: SageMaker, request: Document) -> Document:
    """Describes a pipeline."""
    execution_api.refuse(request, "PipelineVersionId")
    describe: Document = execution_api.find_pipeline(service, request["PipelineName"])["Describe"]
    return describe


@operation("ListPipelines")
async def list_pipelines(service: SageMaker, request: Document) -> Document:
    """Lists pipelines, newest first unless asked otherwise."""
    prefix = request.get("PipelineNamePrefix", "")
    pipelines = [stored["Describe"] for stored in service.store.list(PIPELINE_KIND)]
    chosen = select(
        [pipeline for pipeline in pipelines if pipeline["PipelineName"].startswith(prefix)],
        request,
        name="PipelineName",
        sort_keys={"Name": "PipelineName"},
    )
    found, token = page(chosen, request)
    summaries = [
        {target: pipeline[member] for member, target in _SUMMARY.items() if member in pipeline}
        for pipeline in found
    ]
    return {"PipelineSummaries": summaries, **token}


@operation("DeletePipeline")
async def delete_pipeline(service: SageMaker, request: Document) -> Document:
    """Deletes a pipeline none of whose executions runs, with its executions."""
    pipeline = execution_api.find_pipeline(service, request["PipelineName"])["Describe"]
    arn = pipeline["PipelineArn"]
    executions = execution_api.executions_of(service, arn)
    running = [
        stored["Describe"]["PipelineExecutionArn"]
        for stored in executions
        if stored["Describe"]["PipelineExecutionStatus"] in RUNNING
    ]
    if running:
        raise ServiceError(
            "ConflictException",
            f"Pipeline {arn} cannot be deleted while it has running executions: "
            f"{', '.join(running)}. Stop them first.",
        )
    for stored in executions:
        service.store.delete(EXECUTION_KIND, stored["Describe"]["PipelineExecutionArn"])
    service.store.delete(PIPELINE_KIND, pipeline["PipelineName"].lower())
    delete_tags(service, arn)
    return {"PipelineArn": arn}


async def _definition(service: SageMaker, request: Document) -> str | None:
    """The definition that a request gives, checked; None if it gives none."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - costs too much at start

    if "PipelineDefinition" in request and "PipelineDefinitionS3Location" in request:
        raise validation_error(
            "Only one of PipelineDefinition and PipelineDefinitionS3Location can be given."
        )
    text = request.get("PipelineDefinition")
    location = request.get("PipelineDefinitionS3Location")
    if location is not None:
        version = {"VersionId": location["VersionId"]} if "VersionId" in location else {}
        try:
            found = await service.aws.call(
                "s3", "get_object", Bucket=location["Bucket"], Key=location["ObjectKey"], **version
            )
        except ClientError as error:
            raise validation_error(
                "The pipeline definition cannot be read from "
                f"s3://{location['Bucket']}/{location['ObjectKey']}: "
                f"{error.response['Error']['Message']}"
            ) from error
        text = found["Body"].read().decode()
    if text is not None:
        try:
            parse_definition(text)
        except DefinitionError as error:
            raise validation_error(f"Unable to parse pipeline definition: {error}") from error
    return text

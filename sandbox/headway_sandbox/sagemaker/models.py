"""Models: which containers with which files, created, described, listed and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from headway_sandbox.dataplane.artifacts import split_s3_url
from headway_sandbox.dataplane.errors import DeploymentError
from headway_sandbox.dataplane.plan import DIRECT, SERIAL, ContainerPlan
from headway_sandbox.sagemaker.images import ImageError
from headway_sandbox.sagemaker.model_packages import find_package
from headway_sandbox.sagemaker.paging import page, select
from headway_sandbox.sagemaker.protocol import Document, SageMaker, operation, validation_error
from headway_sandbox.sagemaker.tags import delete_tags, save_tags

KIND = "model"

_EVENT = "SageMaker Model State Change"
_SUMMARY = ("ModelName", "ModelArn", "CreationTime")


def find_model(service: SageMaker, name: str) -> Document:
    """A model as it was created, with its ARN and creation time.

    Raises:
        ServiceError: There is none of that name.
    """
    model = service.store.get(KIND, name)
    if model is None:
        raise validation_error(f'Could not find model "{service.arn("model", name)}".')
    return model


def container_plans(service: SageMaker, model: Document) -> tuple[ContainerPlan, ...]:
    """The containers of a model with their images and files, model packages looked up.

    Raises:
        ServiceError: A model package is missing or not approved.
    """
    return tuple(
        ContainerPlan(
            hostname=container["ContainerHostname"],
            image=container["Image"],
            environment=container.get("Environment", {}),
            model_data={
                key: container[key] for key in ("ModelDataUrl", "ModelDataSource") if key in container
            },
            resolved_at=service.clock(),
        )
        for container in _resolved(service, model)
    )


def execution_mode(model: Document) -> Any:  # noqa: ANN401 - a Literal of the plan
    """``Serial`` or ``Direct``: how the containers of a model are invoked."""
    return DIRECT if model.get("InferenceExecutionConfig", {}).get("Mode") == DIRECT else SERIAL


@operation("CreateModel")
async def create_model(service: SageMaker, request: Document) -> Document:
    """Creates a model; its images and files must exist."""
    name = request["ModelName"]
    arn = service.arn("model", name)
    _refuse_existing(service, name)
    problems = list(_definition_problems(request))
    if problems:
        raise validation_error(" ".join(problems))
    problems = [problem async for problem in _content_problems(service, request)]
    if problems:
        raise validation_error(" ".join(problems))
    _refuse_existing(service, name)  # another creation may have won while S3 was asked
    save_tags(service, arn, request.get("Tags"))
    kept = {key: value for key, value in request.items() if key != "Tags"}
    model = {"EnableNetworkIsolation": False, **kept, "ModelArn": arn, "CreationTime": service.clock()}
    service.store.put(KIND, name, model)
    service.events.put(_EVENT, _event_detail(model), [arn])
    return {"ModelArn": arn}


@operation("DescribeModel")
async def describe_model(service: SageMaker, request: Document) -> Document:
    """Describes a model."""
    return find_model(service, request["ModelName"])


@operation("ListModels")
async def list_models(service: SageMaker, request: Document) -> Document:
    """Lists models, the newest first."""
    chosen = select(
        service.store.list(KIND),
        request,
        name="ModelName",
        sort_keys={"Name": "ModelName", "CreationTime": "CreationTime"},
    )
    models, token = page(chosen, request)
    return {"Models": [{key: model[key] for key in _SUMMARY} for model in models], **token}


@operation("DeleteModel")
async def delete_model(service: SageMaker, request: Document) -> Document:
    """Deletes a model; endpoints that serve it go on serving it."""
    model = find_model(service, request["ModelName"])
    service.store.delete(KIND, model["ModelName"])
    delete_tags(service, model["ModelArn"])
    service.events.put(_EVENT, _event_detail(model), [model["ModelArn"]])
    return {}


def _refuse_existing(service: SageMaker, name: str) -> None:
    if service.store.get(KIND, name) is not None:
        raise validation_error(f'Cannot create already existing model "{service.arn("model", name)}".')


def _containers(request: Document) -> list[Document]:
    if "PrimaryContainer" in request:
        return [{"ContainerHostname": "primary", **request["PrimaryContainer"]}]
    containers = enumerate(request.get("Containers", []), start=1)
    return [{"ContainerHostname": f"container-{number}", **container} for number, container in containers]


def _definition_problems(request: Document) -> Iterator[str]:
    containers = _containers(request)
    if "PrimaryContainer" in request and "Containers" in request:
        yield "Specify either PrimaryContainer or Containers, not both."
    if not containers:
        yield "Specify PrimaryContainer, or Containers with at least one container."
    hostnames = [container["ContainerHostname"] for container in containers]
    if len(set(hostnames)) < len(hostnames):
        yield f"ContainerHostname must be unique within a model, but they are: {', '.join(hostnames)}."
    for container in containers:
        where = f"Container {container['ContainerHostname']}"
        if ("Image" in container) == ("ModelPackageName" in container):
            yield f"{where} must have either Image or ModelPackageName."
        if "ModelDataUrl" in container and "ModelDataSource" in container:
            yield f"{where} must not have both ModelDataUrl and ModelDataSource."
        if container.get("Mode", "SingleModel") != "SingleModel":
            yield f"{where} has Mode {container['Mode']}, which this sandbox does not serve; use SingleModel."
        if container.get("AdditionalModelDataSources"):
            yield f"{where} has AdditionalModelDataSources, which this sandbox does not serve."


async def _content_problems(service: SageMaker, request: Document) -> Any:  # noqa: ANN401 - an async iterator
    for container in _resolved(service, request):
        try:
            service.images.command(container["Image"], ["serve"])
        except ImageError as error:
            yield str(error)
        if "ModelDataUrl" in container:
            try:
                bucket, key = split_s3_url(container["ModelDataUrl"])
                await service.aws.call("s3", "head_object", Bucket=bucket, Key=key)
            except DeploymentError as error:
                yield str(error)
            except ClientError:
                yield f"Could not find model data at {container['ModelDataUrl']}."


def _resolved(service: SageMaker, model: Document) -> Iterator[Document]:
    for container in _containers(model):
        if "ModelPackageName" in container:
            packaged = _packaged(service, container["ModelPackageName"])
            environment = {**packaged.get("Environment", {}), **container.get("Environment", {})}
            yield {**packaged, **container, "Environment": environment}
        else:
            yield container


def _packaged(service: SageMaker, reference: str) -> Document:
    """The container that a model package specifies."""
    package = find_package(service, reference)
    arn = package["ModelPackageArn"]
    status = package.get("ModelApprovalStatus", "Approved")
    if status != "Approved":
        raise validation_error(
            f'Model package "{arn}" has the approval status {status}; only an approved model package can be '
            "deployed. Approve it with UpdateModelPackage."
        )
    specified: list[Document] = package.get("InferenceSpecification", {}).get("Containers", [])
    if len(specified) != 1:
        raise validation_error(
            f'Model package "{arn}" specifies {len(specified)} containers for inference; this sandbox '
            "deploys packages with exactly one."
        )
    return {
        key: value
        for key, value in specified[0].items()
        if key in ("Image", "ModelDataUrl", "ModelDataSource", "Environment", "ContainerHostname")
    }


def _event_detail(model: Document) -> Document:
    return {
        "ModelName": model["ModelName"],
        "ModelArn": model["ModelArn"],
        "ExecutionRoleArn": model.get("ExecutionRoleArn"),
        "PrimaryContainer": model.get("PrimaryContainer"),
        "Containers": model.get("Containers"),
        "CreationTime": round(model["CreationTime"] * 1000),
    }

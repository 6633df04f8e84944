"""Model packages: versions of a model in the registry, with evidence and approval."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from headway_sandbox.sagemaker.events import event_detail
from headway_sandbox.sagemaker.model_package_groups import PACKAGE_KIND as KIND
from headway_sandbox.sagemaker.model_package_groups import find_group, group_name, next_version
from headway_sandbox.sagemaker.paging import page, select
from headway_sandbox.sagemaker.protocol import Document, SageMaker, operation, validation_error
from headway_sandbox.sagemaker.s3_files import S3FileError, S3Location
from headway_sandbox.sagemaker.tags import delete_tags, save_tags, tags_of

EVENT = "SageMaker Model Package State Change"

_NOT_EMULATED = ("ValidationSpecification", "ManagedStorageType")
_REPLACED = (
    "ModelApprovalStatus",
    "ApprovalDescription",
    "ModelPackageRegistrationType",
    "InferenceSpecification",
    "SourceUri",
    "ModelCard",
    "ModelLifeCycle",
)
_SUMMARY = (
    "ModelPackageName",
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "ModelPackageDescription",
    "CreationTime",
    "ModelPackageStatus",
    "ModelApprovalStatus",
    "ModelLifeCycle",
    "ModelPackageRegistrationType",
)
_BATCH = (
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "ModelPackageDescription",
    "CreationTime",
    "InferenceSpecification",
    "ModelPackageStatus",
    "ModelApprovalStatus",
    "ModelPackageRegistrationType",
)


@operation("CreateModelPackage")
async def create_model_package(service: SageMaker, request: Document) -> Document:
    """Registers a version in a group, or a package of its own."""
    problems = [*_problems(request), *[problem async for problem in _data_problems(service, request)]]
    if problems:
        raise validation_error("; ".join(problems))
    now = service.clock()
    document = {
        **{member: value for member, value in request.items() if member not in ("Tags", "ClientToken")},
        "CreationTime": now,
        "LastModifiedTime": now,
        "CreatedBy": {},
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": [], "ImageScanStatuses": []},
    }
    if "ModelPackageGroupName" in request:
        group = find_group(service, request["ModelPackageGroupName"])["ModelPackageGroupName"]
        version = next_version(service, group)
        document = {
            "ModelApprovalStatus": "PendingManualApproval",
            **document,
            "ModelPackageName": f"{group}/{version}",
            "ModelPackageGroupName": group,
            "ModelPackageVersion": version,
        }
    arn = service.arn(KIND, document["ModelPackageName"])
    if service.store.get(KIND, arn) is not None:
        raise validation_error(f"Model Package already exists: {arn}")
    save_tags(service, arn, request.get("Tags"))
    service.store.put(KIND, arn, {**document, "ModelPackageArn": arn})
    _publish(service, arn, [])
    return {"ModelPackageArn": arn}


@operation("DescribeModelPackage")
async def describe_model_package(service: SageMaker, request: Document) -> Document:
    """Describes a package by name or ARN."""
    return find_package(service, request["ModelPackageName"])


@operation("BatchDescribeModelPackage")
async def batch_describe_model_package(service: SageMaker, request: Document) -> Document:
    """Describes several versioned packages; those that are missing are listed apart."""
    summaries, errors = {}, {}
    for arn in request["ModelPackageArnList"]:
        package = service.store.get(KIND, arn)
        if package is None or "ModelPackageGroupName" not in package:
            message = f"Model Package {arn} does not exist."
            errors[arn] = {"ErrorCode": "ValidationException", "ErrorResponse": message}
        else:
            summaries[arn] = {member: package[member] for member in _BATCH if member in package}
    return {"ModelPackageSummaries": summaries, "BatchDescribeModelPackageErrorMap": errors}


@operation("ListModelPackages")
async def list_model_packages(service: SageMaker, request: Document) -> Document:
    """Lists packages of a group, or packages of their own, newest first unless asked otherwise."""
    wanted = request.get(
        "ModelPackageType", "Versioned" if "ModelPackageGroupName" in request else "Unversioned"
    )
    packages = [
        package
        for package in service.store.list(KIND)
        if wanted in ("Both", "Versioned" if "ModelPackageVersion" in package else "Unversioned")
    ]
    if "ModelPackageGroupName" in request:
        group = group_name(request["ModelPackageGroupName"]).lower()
        packages = [item for item in packages if item.get("ModelPackageGroupName", "").lower() == group]
    chosen = select(
        packages,
        request,
        name="ModelPackageName",
        equal={"ModelApprovalStatus": "ModelApprovalStatus"},
        sort_keys={"Name": "ModelPackageName"},
    )
    found, token = page(chosen, request)
    summaries = [{member: package[member] for member in _SUMMARY if member in package} for package in found]
    return {"ModelPackageSummaryList": summaries, **token}


@operation("UpdateModelPackage")
async def update_model_package(service: SageMaker, request: Document) -> Document:
    """Changes approval, metadata and other parts of a package."""
    package = find_package(service, request["ModelPackageArn"])
    arn = package["ModelPackageArn"]
    changed = {member: request[member] for member in _REPLACED if member in request}
    metadata = {
        **package.get("CustomerMetadataProperties", {}),
        **request.get("CustomerMetadataProperties", {}),
    }
    for key in request.get("CustomerMetadataPropertiesToRemove", []):
        metadata.pop(key, None)
    if metadata != package.get("CustomerMetadataProperties", {}):
        changed["CustomerMetadataProperties"] = metadata
    if "AdditionalInferenceSpecificationsToAdd" in request:
        have = package.get("AdditionalInferenceSpecifications", [])
        changed["AdditionalInferenceSpecifications"] = (
            have + request["AdditionalInferenceSpecificationsToAdd"]
        )
    updated = sorted(member for member, value in changed.items() if package.get(member) != value)
    service.store.put(
        KIND, arn, {**package, **changed, "LastModifiedTime": service.clock(), "LastModifiedBy": {}}
    )
    if updated:
        _publish(service, arn, updated)
    return {"ModelPackageArn": arn}


@operation("DeleteModelPackage")
async def delete_model_package(service: SageMaker, request: Document) -> Document:
    """Deletes a package."""
    arn = find_package(service, request["ModelPackageName"])["ModelPackageArn"]
    service.store.delete(KIND, arn)
    delete_tags(service, arn)
    return {}


def find_package(service: SageMaker, name_or_arn: str) -> Document:
    """A package as Describe answers it.

    Raises:
        ServiceError: If there is none.
    """
    arn = name_or_arn if name_or_arn.startswith("arn:") else service.arn(KIND, name_or_arn)
    package = service.store.get(KIND, arn)
    if package is None:
        raise validation_error(f"Model Package {arn} does not exist.")
    return package


def _problems(request: Document) -> Iterator[str]:
    for member in _NOT_EMULATED:
        if member in request:
            yield f"{member} is not emulated by this sandbox; leave it out"
    if ("ModelPackageName" in request) == ("ModelPackageGroupName" in request):
        yield "Exactly one of ModelPackageName and ModelPackageGroupName must be given"
    if "ModelPackageName" in request and "ModelApprovalStatus" in request:
        yield "ModelApprovalStatus can only be given for a package in a group"
    if "SourceAlgorithmSpecification" in request:
        yield "SourceAlgorithmSpecification is not emulated by this sandbox; use InferenceSpecification"


async def _data_problems(service: SageMaker, request: Document) -> AsyncIterator[str]:
    """Model data that is not there; AWS looks for it before it registers a package."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - costs too much at start

    for container in request.get("InferenceSpecification", {}).get("Containers", []):
        url = container.get("ModelDataUrl", "")
        if not url.startswith("s3://"):
            continue
        try:
            location = S3Location.parse(url)
            await service.aws.call("s3", "head_object", Bucket=location.bucket, Key=location.key)
        except (S3FileError, ClientError):
            yield f"Could not find model data at {url}."


def _publish(service: SageMaker, arn: str, updated: list[str]) -> None:
    package = find_package(service, arn)
    detail = event_detail(package, tags_of(service, arn))
    service.events.put(EVENT, {**detail, "UpdatedModelPackageFields": updated}, [arn])

"""Model package groups and their policies."""

from __future__ import annotations

import json

from headway_sandbox.sagemaker.paging import page, select
from headway_sandbox.sagemaker.protocol import Document, SageMaker, ServiceError, operation, validation_error
from headway_sandbox.sagemaker.tags import delete_tags, save_tags

KIND = "model-package-group"
PACKAGE_KIND = "model-package"
_VERSIONS = "model-package-versions"
_POLICIES = "model-package-group-policy"
_SUMMARY = (
    "ModelPackageGroupName",
    "ModelPackageGroupArn",
    "ModelPackageGroupDescription",
    "CreationTime",
    "ModelPackageGroupStatus",
)


def find_group(service: SageMaker, name_or_arn: str) -> Document:
    """A group as Describe answers it.

    Raises:
        ServiceError: If there is none of that name.
    """
    name = group_name(name_or_arn)
    group = service.store.get(KIND, name.lower())
    if group is None:
        raise validation_error(f"Model Package Group {service.arn(KIND, name)} does not exist.")
    return group


def group_name(name_or_arn: str) -> str:
    """The name in a name or an ARN."""
    return name_or_arn.rpartition("/")[2]


def create_group(service: SageMaker, request: Document) -> str:
    """Creates a group and returns its ARN.

    Raises:
        ServiceError: If there is one of that name.
    """
    name = request["ModelPackageGroupName"]
    arn = service.arn(KIND, name)
    if service.store.get(KIND, name.lower()) is not None:
        raise validation_error(f"Model Package Group already exists: {arn}")
    save_tags(service, arn, request.get("Tags"))
    document = {
        **{member: value for member, value in request.items() if member != "Tags"},
        "ModelPackageGroupArn": arn,
        "CreationTime": service.clock(),
        "CreatedBy": {},
        "ModelPackageGroupStatus": "Completed",
    }
    service.store.put(KIND, name.lower(), document)
    return arn


def next_version(service: SageMaker, group: str) -> int:
    """The number of a group's next package; numbers of deleted packages do not come again."""
    counter = service.store.get(_VERSIONS, group.lower())
    version: int = 1 if counter is None else counter["Last"] + 1
    service.store.put(_VERSIONS, group.lower(), {"Last": version})
    return version


@operation("CreateModelPackageGroup")
async def create_model_package_group(service: SageMaker, request: Document) -> Document:
    """Creates a group."""
    return {"ModelPackageGroupArn": create_group(service, request)}


@operation("DescribeModelPackageGroup")
async def describe_model_package_group(service: SageMaker, request: Document) -> Document:
    """Describes a group."""
    return find_group(service, request["ModelPackageGroupName"])


@operation("ListModelPackageGroups")
async def list_model_package_groups(service: SageMaker, request: Document) -> Document:
    """Lists groups, newest first unless asked otherwise."""
    chosen = select(
        service.store.list(KIND),
        request,
        name="ModelPackageGroupName",
        sort_keys={"Name": "ModelPackageGroupName"},
    )
    groups, token = page(chosen, request)
    summaries = [{member: group[member] for member in _SUMMARY if member in group} for group in groups]
    return {"ModelPackageGroupSummaryList": summaries, **token}


@operation("DeleteModelPackageGroup")
async def delete_model_package_group(service: SageMaker, request: Document) -> Document:
    """Deletes an empty group and its policy."""
    group = find_group(service, request["ModelPackageGroupName"])
    name = group["ModelPackageGroupName"]
    held = [
        package
        for package in service.store.list(PACKAGE_KIND)
        if package.get("ModelPackageGroupName") == name
    ]
    if held:
        raise ServiceError(
            "ConflictException",
            f"Model Package Group {group['ModelPackageGroupArn']} cannot be deleted because it "
            "still contains "
            f"{len(held)} Model Packages.",
        )
    for kind in (KIND, _VERSIONS, _POLICIES):
        service.store.delete(kind, name.lower())
    delete_tags(service, group["ModelPackageGroupArn"])
    return {}


@operation("PutModelPackageGroupPolicy")
async def put_model_package_group_policy(service: SageMaker, request: Document) -> Document:
    """Sets a group's resource policy."""
    group = find_group(service, request["ModelPackageGroupName"])
    text = request["ResourcePolicy"]
    try:
        policy = json.loads(text)
    except ValueError as error:
        raise validation_error(f"ResourcePolicy is not valid JSON: {error}") from error
    if not isinstance(policy, dict) or "Statement" not in policy:
        raise validation_error("ResourcePolicy must be a JSON object with a Statement.")
    service.store.put(_POLICIES, group["ModelPackageGroupName"].lower(), {"ResourcePolicy": text})
    return {"ModelPackageGroupArn": group["ModelPackageGroupArn"]}


@operation("GetModelPackageGroupPolicy")
async def get_model_package_group_policy(service: SageMaker, request: Document) -> Document:
    """Reads a group's resource policy."""
    return _find_policy(service, request["ModelPackageGroupName"])


@operation("DeleteModelPackageGroupPolicy")
async def delete_model_package_group_policy(service: SageMaker, request: Document) -> Document:
    """Removes a group's resource policy."""
    _find_policy(service, request["ModelPackageGroupName"])
    service.store.delete(_POLICIES, group_name(request["ModelPackageGroupName"]).lower())
    return {}


def _find_policy(service: SageMaker, name_or_arn: str) -> Document:
    name = group_name(name_or_arn)
    policy = service.store.get(_POLICIES, name.lower())
    if policy is None:
        raise validation_error(f"Cannot find Model Package Group Policy of {service.arn(KIND, name)}.")
    return policy

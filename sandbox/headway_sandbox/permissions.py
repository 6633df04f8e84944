"""What a call to one of our own services needs: actions, on which resources, in which circumstances.

Source: AWS's service authorization reference for SageMaker, Service Quotas and Application Auto Scaling.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]

ANYTHING = "*"
PASS_ROLE = "iam:PassRole"  # noqa: S105 - the name of an action


@dataclass(frozen=True)
class Need:
    """One permission that a call needs.

    Attributes:
        action: For example ``sagemaker:CreateModel``.
        resource: The ARN that it is needed on; ``*`` where the action knows no resources.
        context: Condition keys and their values.
    """

    action: str
    resource: str
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where ARNs are.

    Attributes:
        region: The region.
        account: The account.
    """

    region: str
    account: str

    def sagemaker(self, kind: str, name: str) -> str:
        """The ARN of one of SageMaker's resources; what is an ARN stays."""
        if name.startswith("arn:"):
            return name
        return f"arn:aws:sagemaker:{self.region}:{self.account}:{kind}/{name.lower()}"


_PREFIX: Mapping[str, str] = {
    "sagemaker": "sagemaker",
    "sagemaker-runtime": "sagemaker",
    "sagemaker-featurestore-runtime": "sagemaker",
    "sagemaker-a2i-runtime": "sagemaker",
    "sagemaker-metrics": "sagemaker",
    "sagemaker-edge": "sagemaker",
    "service-quotas": "servicequotas",
    "application-autoscaling": "application-autoscaling",
}
# The kind of resource that a member of a request names.
_KINDS: Mapping[str, str] = {
    "EndpointConfigName": "endpoint-config",
    "EndpointName": "endpoint",
    "FeatureGroupName": "feature-group",
    "FlowDefinitionName": "flow-definition",
    "HumanTaskUiName": "human-task-ui",
    "ModelCardName": "model-card",
    "ModelName": "model",
    "ModelPackageGroupName": "model-package-group",
    "ModelPackageName": "model-package",
    "MonitoringScheduleName": "monitoring-schedule",
    "PipelineName": "pipeline",
    "ProcessingJobName": "processing-job",
    "TrainingJobName": "training-job",
    "TransformJobName": "transform-job",
}
_ARNS = ("FlowDefinitionArn", "ModelPackageArn", "PipelineExecutionArn", "ResourceArn")
_DEFINITIONS: Mapping[str, str] = {
    "DataQualityJobDefinition": "data-quality-job-definition",
    "ModelBiasJobDefinition": "model-bias-job-definition",
    "ModelExplainabilityJobDefinition": "model-explainability-job-definition",
    "ModelQualityJobDefinition": "model-quality-job-definition",
}
_ROLES = ("RoleArn", "ExecutionRoleArn")
_ROLE_GIVERS = ("Create", "Update")


def needs_of(api: str, operation: str, request: Document, place: Place) -> list[Need]:
    """Everything that a call needs; nothing where the service is none of ours.

    Args:
        api: botocore's name of the service.
        operation: The operation.
        request: The request's document.
        place: Where ARNs are.
    """
    if api not in _PREFIX:
        return []
    action = f"{_PREFIX[api]}:{operation}"
    resources = list(_resources(operation, request, place)) if _PREFIX[api] == "sagemaker" else []
    context = {**_context(request), **_of_variants(request, place)}
    needs = [Need(action, resource, context) for resource in resources or [ANYTHING]]
    if request.get("Tags") and operation.startswith("Create") and resources:
        needs.append(Need("sagemaker:AddTags", resources[0], context))
    return [*needs, *_passed_roles(operation, request)]


def _resources(operation: str, request: Document, place: Place) -> Iterator[str]:
    special = _SPECIAL.get(operation)
    if special is not None:
        yield from special(request, place)
        return
    if operation.startswith("List") and operation not in _LISTS_OF_ONE:
        return
    for member, kind in _KINDS.items():
        if isinstance(request.get(member), str):
            yield place.sagemaker(kind, request[member])
    for member in _ARNS:
        if isinstance(request.get(member), str):
            yield request[member]
    for noun, kind in _DEFINITIONS.items():
        if operation.endswith(noun) and isinstance(request.get("JobDefinitionName"), str):
            yield place.sagemaker(kind, request["JobDefinitionName"])


def _versions_of(request: Document, place: Place) -> Iterator[str]:
    group = request.get("ModelPackageGroupName")
    if isinstance(group, str):
        name = group.rpartition("/")[2]
        yield f"{place.sagemaker('model-package', name)}/*"
    elif isinstance(request.get("ModelPackageName"), str):
        yield place.sagemaker("model-package", request["ModelPackageName"])


def _described_packages(request: Document, _place: Place) -> Iterator[str]:
    yield from (arn for arn in request.get("ModelPackageArnList", []) if isinstance(arn, str))


_SPECIAL: Mapping[str, Callable[[Document, Place], Iterator[str]]] = {
    "BatchDescribeModelPackage": _described_packages,
    "CreateModelPackage": _versions_of,
}
# What lists the parts of one resource needs that resource.
_LISTS_OF_ONE = (
    *("ListPipelineExecutions", "ListPipelineExecutionSteps", "ListPipelineParametersForExecution"),
    "ListTags",
)


def _context(request: Document) -> dict[str, Any]:
    tags = [tag for tag in request.get("Tags") or [] if isinstance(tag, dict) and "Key" in tag]
    context: dict[str, Any] = {f"aws:RequestTag/{tag['Key']}": tag.get("Value", "") for tag in tags}
    if tags:
        context["aws:TagKeys"] = [tag["Key"] for tag in tags]
    keys = {
        "sagemaker:NetworkIsolation": request.get("EnableNetworkIsolation"),
        "sagemaker:InterContainerTrafficEncryption": request.get("EnableInterContainerTrafficEncryption"),
        "sagemaker:ModelApprovalStatus": request.get("ModelApprovalStatus"),
        "sagemaker:OutputKmsKey": (request.get("OutputDataConfig") or {}).get("KmsKeyId"),
        "sagemaker:VolumeKmsKey": (request.get("ResourceConfig") or {}).get("VolumeKmsKeyId"),
        "sagemaker:VpcSecurityGroupIds": (request.get("VpcConfig") or {}).get("SecurityGroupIds"),
        "sagemaker:VpcSubnets": (request.get("VpcConfig") or {}).get("Subnets"),
    }
    known = {name: value for name, value in keys.items() if value is not None}
    texts = {name: str(value).lower() if isinstance(value, bool) else value for name, value in known.items()}
    return {**context, **texts}


def _of_variants(request: Document, place: Place) -> dict[str, Any]:
    """What conditions may ask of an endpoint configuration."""
    given = [*(request.get("ProductionVariants") or []), *(request.get("ShadowProductionVariants") or [])]
    variants = [variant for variant in given if isinstance(variant, dict)]
    if not variants:
        return {}
    models = sorted({str(variant.get("ModelName")) for variant in variants})
    types = sorted({variant["InstanceType"] for variant in variants if "InstanceType" in variant})
    key = {"sagemaker:VolumeKmsKey": request["KmsKeyId"]} if "KmsKeyId" in request else {}
    arns = [place.sagemaker("model", model) for model in models]
    return {"sagemaker:ModelArn": arns, "sagemaker:InstanceTypes": types, **key}


def _passed_roles(operation: str, request: Document) -> Iterator[Need]:
    if operation.startswith(_ROLE_GIVERS):
        for member in _ROLES:
            if isinstance(request.get(member), str):
                yield Need(PASS_ROLE, request[member], {"iam:PassedToService": "sagemaker.amazonaws.com"})

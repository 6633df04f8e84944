"""Scalable targets: register, describe, deregister, tags."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from headway_sandbox.sagemaker.paging import page
from headway_sandbox.sagemaker.protocol import (
    Document,
    SageMaker,
    ServiceError,
    service_operation,
    validation_error,
)
from headway_sandbox.services.application_autoscaling.stored import (
    API,
    PAGE_SIZE,
    TARGET_KIND,
    WATCH_KIND,
    find_target,
    key_of,
    policies_of,
    remove_policy,
)
from headway_sandbox.services.application_autoscaling.variants import (
    VARIANT_DIMENSION,
    capacity_of,
    set_capacity,
    variant_problems,
)

TAG_LIMIT = 200

DIMENSIONS = {
    "sagemaker": (VARIANT_DIMENSION,),
    "dynamodb": (
        "dynamodb:table:ReadCapacityUnits",
        "dynamodb:table:WriteCapacityUnits",
        "dynamodb:index:ReadCapacityUnits",
        "dynamodb:index:WriteCapacityUnits",
    ),
}
"""What can be scaled here: variants really are, tables only remember it."""

_ROLES = {
    "sagemaker": "sagemaker.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint",
    "dynamodb": "dynamodb.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_DynamoDBTable",
}
_TAGS = "TagsOfTarget"


@service_operation(API, "RegisterScalableTarget")
async def register(service: SageMaker, request: Document) -> Document:
    """Registers or changes a target, and brings its capacity within its limits."""
    before = service.store.get(TARGET_KIND, key_of(request))
    target = {
        "CreationTime": service.clock(),
        "SuspendedState": {},
        "RoleARN": f"arn:aws:iam::{service.account}:role/aws-service-role/"
        f"{_ROLES.get(request['ServiceNamespace'], '')}",
        "ScalableTargetARN": f"arn:aws:application-autoscaling:{service.region}:{service.account}:"
        f"scalable-target/{uuid.uuid4().hex}",
        _TAGS: {},
        **(before if before is not None else {}),
        **{name: value for name, value in request.items() if name != "Tags"},
    }
    problems = list(_problems(service, target))
    if before is not None and "Tags" in request:
        problems.append("Tags can be given only when a scalable target is registered; use TagResource")
    if problems:
        raise validation_error("; ".join(problems))
    suspended = dict.fromkeys(
        ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended"), False
    )
    target["SuspendedState"] = {**suspended, **target["SuspendedState"]}
    target[_TAGS] = {**target[_TAGS], **request.get("Tags", {})}
    service.store.put(TARGET_KIND, key_of(request), target)
    await _within_limits(service, target)
    return {"ScalableTargetARN": target["ScalableTargetARN"]}


@service_operation(API, "DescribeScalableTargets")
async def describe(service: SageMaker, request: Document) -> Document:
    """Lists targets."""
    chosen = [
        {name: value for name, value in target.items() if name != _TAGS}
        for target in service.store.list(TARGET_KIND)
        if target["ServiceNamespace"] == request["ServiceNamespace"]
        and target["ScalableDimension"] == request.get("ScalableDimension", target["ScalableDimension"])
        and target["ResourceId"] in request.get("ResourceIds", [target["ResourceId"]])
    ]
    found, token = page(chosen, request, default_size=PAGE_SIZE)
    return {"ScalableTargets": found, **token}


@service_operation(API, "DeregisterScalableTarget")
async def deregister(service: SageMaker, request: Document) -> Document:
    """Removes a target, its policies with their alarms, and what was remembered of it."""
    target = find_target(service, request)
    for policy in policies_of(service, target):
        await remove_policy(service, policy)
    service.store.delete(WATCH_KIND, key_of(target))
    service.store.delete(TARGET_KIND, key_of(target))
    return {}


@service_operation(API, "ListTagsForResource")
async def list_tags(service: SageMaker, request: Document) -> Document:
    """The tags of a target."""
    return {"Tags": _by_arn(service, request["ResourceARN"])[_TAGS]}


@service_operation(API, "TagResource")
async def tag(service: SageMaker, request: Document) -> Document:
    """Adds or changes tags of a target."""
    target = _by_arn(service, request["ResourceARN"])
    tags = {**target[_TAGS], **request["Tags"]}
    if len(tags) > TAG_LIMIT:
        raise ServiceError(
            "TooManyTagsException", f"A target can have {TAG_LIMIT} tags; it would have {len(tags)}."
        )
    service.store.put(TARGET_KIND, key_of(target), {**target, _TAGS: tags})
    return {}


@service_operation(API, "UntagResource")
async def untag(service: SageMaker, request: Document) -> Document:
    """Removes tags of a target."""
    target = _by_arn(service, request["ResourceARN"])
    kept = {key: value for key, value in target[_TAGS].items() if key not in request["TagKeys"]}
    service.store.put(TARGET_KIND, key_of(target), {**target, _TAGS: kept})
    return {}


def _by_arn(service: SageMaker, arn: str) -> Document:
    for target in service.store.list(TARGET_KIND):
        if target["ScalableTargetARN"] == arn:
            return target
    raise ServiceError("ResourceNotFoundException", f"There is no scalable target with the ARN {arn}.")


def _problems(service: SageMaker, target: Document) -> Iterator[str]:
    namespace, dimension = target["ServiceNamespace"], target["ScalableDimension"]
    if namespace not in DIMENSIONS:
        yield (
            f"The service namespace {namespace} is not emulated by this sandbox; there are: "
            f"{', '.join(sorted(DIMENSIONS))}"
        )
    elif dimension not in DIMENSIONS[namespace]:
        yield (
            f"The scalable dimension {dimension} of {namespace} is not emulated by this sandbox; there are: "
            f"{', '.join(DIMENSIONS[namespace])}"
        )
    missing = [name for name in ("MinCapacity", "MaxCapacity") if name not in target]
    if missing:
        yield f"{' and '.join(missing)} must be given when a scalable target is registered"
    elif not 0 <= target["MinCapacity"] <= target["MaxCapacity"]:
        yield (
            f"Maximum capacity {target['MaxCapacity']} cannot be less than minimum capacity "
            f"{target['MinCapacity']}, which cannot be less than 0"
        )
    if namespace == "sagemaker" and dimension == VARIANT_DIMENSION:
        yield from variant_problems(service, target["ResourceId"])


async def _within_limits(service: SageMaker, target: Document) -> None:
    capacity = capacity_of(service, target)
    if capacity is not None:
        wanted = min(max(capacity, target["MinCapacity"]), target["MaxCapacity"])
        if wanted != capacity:
            await set_capacity(
                service, target, wanted, cause="the limits of the scalable target were changed"
            )

"""Application Auto Scaling: what scales between which bounds, and by which policy."""

from __future__ import annotations

from headway_sandbox.provider.table import Autoname, Call, Read, ResourceType, Step, Tagging
from headway_sandbox.provider.values import Properties

_ABSENT = frozenset({"ObjectNotFoundException"})
_PLACE = ("serviceNamespace", "resourceId", "scalableDimension")
_TARGET = {
    "ServiceNamespace": "serviceNamespace",
    "ScalableDimension": "scalableDimension",
    "ResourceId": "resourceId",
    "ResourceIds": "resourceId",
}


def _place(parts: list[str]) -> Properties:
    """A resource's id holds slashes of its own, between its namespace and its dimension."""
    return {
        "serviceNamespace": parts[0],
        "resourceId": "/".join(parts[1:-1]),
        "scalableDimension": parts[-1],
    }


def _is_import(parts: list[str]) -> bool:
    return len(parts) > 2 and any(part.startswith(f"{parts[0]}:") for part in parts[1:])


def _parse_target_id(resource_id: str) -> Properties:
    parts = resource_id.split("/")
    return _place(parts) if _is_import(parts) else {"resourceId": resource_id}


def _parse_policy_id(resource_id: str) -> Properties:
    parts = resource_id.split("/")
    return {**_place(parts[:-1]), "name": parts[-1]} if _is_import(parts) else {"name": resource_id}


TARGET = ResourceType(
    pulumi_type="aws:appautoscaling/target:Target",
    service="application-autoscaling",
    id=("resourceId",),
    identity=_TARGET,
    create=Call("RegisterScalableTarget"),
    reads=(Read("DescribeScalableTargets", at="ScalableTargets", where={"ResourceId": "resourceId"}),),
    steps=(Step((), Call("RegisterScalableTarget"), on_create=False),),
    delete=(Call("DeregisterScalableTarget", ignore=_ABSENT),),
    renames={"arn": "ScalableTargetARN"},
    tagging=Tagging(
        "TagResource",
        "UntagResource",
        identity={"ResourceARN": "arn"},
        read="ListTagsForResource",
        absent=frozenset({"ResourceNotFoundException"}),
    ),
    force_new=frozenset(_PLACE),
    computed=frozenset({"roleArn", "suspendedState"}),
    parse_id=_parse_target_id,
)

_COOLDOWNS = {
    "stepScalingPolicyConfiguration.cooldown": 0,
    "targetTrackingScalingPolicyConfiguration.scaleInCooldown": 0,
    "targetTrackingScalingPolicyConfiguration.scaleOutCooldown": 0,
}


def _alarms(element: Properties) -> Properties:
    return {**element, "alarmArns": [alarm["AlarmARN"] for alarm in element.get("Alarms", ())]}


POLICY = ResourceType(
    pulumi_type="aws:appautoscaling/policy:Policy",
    service="application-autoscaling",
    id=("name",),
    identity={**_TARGET, "PolicyName": "name", "PolicyNames": "name"},
    create=Call("PutScalingPolicy"),
    reads=(
        Read(
            "DescribeScalingPolicies",
            at="ScalingPolicies",
            where={"PolicyName": "name", "ResourceId": "resourceId"},
            unfold=_alarms,
        ),
    ),
    steps=(Step((), Call("PutScalingPolicy"), on_create=False),),
    delete=(Call("DeleteScalingPolicy", ignore=_ABSENT),),
    renames={"name": "PolicyName", "arn": "PolicyARN"},
    force_new=frozenset({"name", *_PLACE}),
    defaults={
        "policyType": "StepScaling",
        "targetTrackingScalingPolicyConfiguration.disableScaleIn": False,
        "targetTrackingScalingPolicyConfiguration.customizedMetricSpecification.metrics[].returnData": True,
        **_COOLDOWNS,
    },
    volatile=frozenset({"alarmArns"}),
    autoname=Autoname(max_length=255),
    parse_id=_parse_policy_id,
)

TYPES = (TARGET, POLICY)

"""Scaling policies and the activities that they cause."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from headway_sandbox.sagemaker.paging import page
from headway_sandbox.sagemaker.protocol import (
    Document,
    SageMaker,
    ServiceError,
    service_operation,
    validation_error,
)
from headway_sandbox.services.application_autoscaling.loop import watch
from headway_sandbox.services.application_autoscaling.metric import PREDEFINED, metric_of
from headway_sandbox.services.application_autoscaling.stored import (
    API,
    PAGE_SIZE,
    POLICY_KIND,
    delete_alarms,
    find_target,
    policy_key,
    remove_policy,
)
from headway_sandbox.services.application_autoscaling.tracking import LOWER_SHARE
from headway_sandbox.services.application_autoscaling.variants import ACTIVITY_KIND, VARIANT_DIMENSION

TRACKING = "TargetTrackingScaling"
CONFIGURATION = "TargetTrackingScalingPolicyConfiguration"
PERIOD_S = 60
ALARMS = (("AlarmHigh", "GreaterThanThreshold", 1.0, 3), ("AlarmLow", "LessThanThreshold", LOWER_SHARE, 15))
"""Suffix of the name, comparison, share of the target value, and periods of the alarms that AWS makes."""

_IDENTITY = ("ServiceNamespace", "ResourceId", "ScalableDimension")


@service_operation(API, "PutScalingPolicy")
async def put_policy(service: SageMaker, request: Document) -> Document:
    """Creates or replaces a policy, with the alarms that AWS shows for it."""
    target = find_target(service, request)
    problems = list(_problems(request))
    if problems:
        raise validation_error("; ".join(problems))
    before = service.store.get(POLICY_KIND, policy_key(request))
    name = request["PolicyName"]
    policy = {
        "PolicyARN": f"arn:aws:autoscaling:{service.region}:{service.account}:scalingPolicy:{uuid.uuid4()}:"
        f"resource/{request['ServiceNamespace']}/{request['ResourceId']}:policyName/{name}",
        "CreationTime": service.clock(),
        **({} if before is None else {key: before[key] for key in ("PolicyARN", "CreationTime")}),
        **{key: request[key] for key in ("PolicyName", *_IDENTITY, CONFIGURATION)},
        "PolicyType": TRACKING,
    }
    if before is not None:
        await delete_alarms(service, before)
    policy["Alarms"] = await _put_alarms(service, policy)
    service.store.put(POLICY_KIND, policy_key(policy), policy)
    if target["ScalableDimension"] == VARIANT_DIMENSION:
        watch(service)
    return {"PolicyARN": policy["PolicyARN"], "Alarms": policy["Alarms"]}


@service_operation(API, "DescribeScalingPolicies")
async def describe_policies(service: SageMaker, request: Document) -> Document:
    """Lists policies."""
    chosen = [
        policy
        for policy in _selected(service, POLICY_KIND, request)
        if policy["PolicyName"] in request.get("PolicyNames", [policy["PolicyName"]])
    ]
    found, token = page(chosen, request, default_size=PAGE_SIZE)
    return {"ScalingPolicies": found, **token}


@service_operation(API, "DeleteScalingPolicy")
async def delete_policy(service: SageMaker, request: Document) -> Document:
    """Deletes a policy and its alarms."""
    policy = service.store.get(POLICY_KIND, policy_key(request))
    if policy is None:
        raise ServiceError(
            "ObjectNotFoundException",
            f"No scaling policy found for service namespace: {request['ServiceNamespace']}, resource ID: "
            f"{request['ResourceId']}, scalable dimension: {request['ScalableDimension']}, policy name: "
            f"{request['PolicyName']}",
        )
    await remove_policy(service, policy)
    return {}


@service_operation(API, "DescribeScalingActivities")
async def describe_activities(service: SageMaker, request: Document) -> Document:
    """Lists what was scaled, the newest first."""
    found, token = page(_selected(service, ACTIVITY_KIND, request)[::-1], request, default_size=PAGE_SIZE)
    return {"ScalingActivities": found, **token}


def _selected(service: SageMaker, kind: str, request: Document) -> list[Document]:
    return [
        item
        for item in service.store.list(kind)
        if all(item[name] == request.get(name, item[name]) for name in _IDENTITY)
    ]


def _problems(request: Document) -> Iterator[str]:
    kind = request.get("PolicyType", "StepScaling")
    if kind != TRACKING:
        yield f"The policy type {kind} is not emulated by this sandbox; use {TRACKING}"
        return
    configuration = request.get(CONFIGURATION)
    if configuration is None:
        yield f"{CONFIGURATION} must be given for the policy type {TRACKING}"
        return
    if configuration["TargetValue"] <= 0:
        yield f"TargetValue must be greater than 0; found {configuration['TargetValue']}"
    for name in ("ScaleOutCooldown", "ScaleInCooldown"):
        if configuration.get(name, 0) < 0:
            yield f"{name} must be at least 0; found {configuration[name]}"
    predefined = configuration.get("PredefinedMetricSpecification")
    customized = configuration.get("CustomizedMetricSpecification")
    if (predefined is None) == (customized is None):
        yield "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be given"
    elif predefined is not None:
        known = PREDEFINED[request["ServiceNamespace"]]
        if predefined["PredefinedMetricType"] not in known:
            yield (
                f"The metric {predefined['PredefinedMetricType']} of {request['ServiceNamespace']} is not "
                f"emulated by this sandbox; there are: {', '.join(known)}"
            )
    elif customized is not None:
        missing = [name for name in ("MetricName", "Namespace", "Statistic") if name not in customized]
        if "Metrics" in customized:
            yield "Metric math in CustomizedMetricSpecification is not emulated by this sandbox"
        elif missing:
            yield f"CustomizedMetricSpecification needs {', '.join(missing)}"


async def _put_alarms(service: SageMaker, policy: Document) -> list[Document]:
    """Makes the alarms of a policy, as AWS does; what scales is the loop, which looks more often."""
    metric = metric_of(policy)
    if metric is None:
        return []
    alarms = []
    for suffix, comparison, share, periods in ALARMS:
        name = f"TargetTracking-{policy['ResourceId']}-{suffix}-{uuid.uuid4()}"
        arguments: dict[str, Any] = {
            "AlarmName": name,
            "AlarmDescription": f"DO NOT EDIT OR DELETE. For {TRACKING} policy {policy['PolicyARN']}.",
            "ActionsEnabled": False,
            "Namespace": metric.namespace,
            "MetricName": metric.name,
            "Dimensions": list(metric.dimensions),
            "Statistic": metric.statistic,
            "Period": PERIOD_S,
            "EvaluationPeriods": periods,
            "Threshold": share * policy[CONFIGURATION]["TargetValue"],
            "ComparisonOperator": comparison,
        }
        await service.aws.call("cloudwatch", "put_metric_alarm", **arguments)
        arn = f"arn:aws:cloudwatch:{service.region}:{service.account}:alarm:{name}"
        alarms.append({"AlarmName": name, "AlarmARN": arn})
    return alarms

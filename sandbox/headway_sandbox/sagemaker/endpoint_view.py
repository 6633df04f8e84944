"""What DescribeEndpoint and the endpoint's events say."""

from __future__ import annotations

import math
import re

from headway_sandbox.dataplane.fleet import Fleet
from headway_sandbox.dataplane.plan import FleetPlan, VariantPlan
from headway_sandbox.sagemaker.events import event_detail as endpoint_detail
from headway_sandbox.sagemaker.events import milliseconds
from headway_sandbox.sagemaker.protocol import Document

_REPEATED = (
    "EndpointName",
    "EndpointArn",
    "EndpointConfigName",
    "EndpointStatus",
    "FailureReason",
    "CreationTime",
    "LastModifiedTime",
    "LastDeploymentConfig",
)
_EXTRAS = {
    "ServerlessConfig": ("CurrentServerlessConfig", "DesiredServerlessConfig"),
    "ManagedInstanceScaling": ("ManagedInstanceScaling",),
    "RoutingConfig": ("RoutingConfig",),
}


def described(endpoint: Document, fleet: Fleet | None, *, capturing: bool) -> Document:
    """The answer of DescribeEndpoint.

    Args:
        endpoint: The endpoint's document.
        fleet: What serves behind it now, if anything does.
        capturing: Whether its invocations are captured now.
    """
    answer = {key: endpoint[key] for key in _REPEATED if key in endpoint}
    if endpoint["Serving"] is not None:
        plan = FleetPlan.from_document(endpoint["Serving"])
        answer["ProductionVariants"] = [_variant(variant, fleet) for variant in plan.variants]
        if plan.shadows:
            answer["ShadowProductionVariants"] = [_variant(variant, fleet) for variant in plan.shadows]
        answer |= _data_capture(plan, capturing=capturing)
        if plan.async_inference is not None:
            answer["AsyncInferenceConfig"] = plan.async_inference
    pending = endpoint["Pending"]
    if pending is not None and endpoint["Serving"] is not None:
        answer["PendingDeploymentSummary"] = _pending_deployment(pending)
    return answer


def event_detail(endpoint: Document) -> Document:
    """The detail of a ``SageMaker Endpoint State Change``; its status is spelled like IN_SERVICE."""
    plan = endpoint["Serving"] if endpoint["Serving"] is not None else endpoint["Pending"]["Plan"]
    return {
        "EndpointName": endpoint["EndpointName"],
        "EndpointArn": endpoint["EndpointArn"],
        "EndpointConfigName": endpoint["EndpointConfigName"],
        "ProductionVariants": [
            {
                "VariantName": variant["name"],
                "DesiredWeight": variant["weight"],
                "DesiredInstanceCount": variant["instance_count"],
            }
            for variant in plan["variants"]
        ],
        "EndpointStatus": upper_snake(endpoint["EndpointStatus"]),
        "FailureReason": endpoint.get("FailureReason"),
        "CreationTime": milliseconds(endpoint["CreationTime"]),
        "LastModifiedTime": milliseconds(endpoint["LastModifiedTime"]),
    }


def deployment_detail(endpoint: Document) -> Document:
    """The detail of a ``SageMaker Endpoint Deployment State Change``."""
    summary = endpoint_detail({"PendingDeploymentSummary": _pending_deployment(endpoint["Pending"])}, [])
    return {**event_detail(endpoint), "PendingDeploymentSummary": summary["PendingDeploymentSummary"]}


def upper_snake(status: str) -> str:
    """``InService`` as events spell it.

    >>> upper_snake("RollingBack")
    'ROLLING_BACK'
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", status).upper()


def _variant(plan: VariantPlan, fleet: Fleet | None) -> Document:
    running = None if fleet is None else (fleet.variants | fleet.shadows).get(plan.name)
    answer: Document = {
        "VariantName": plan.name,
        "DeployedImages": [
            {
                "SpecifiedImage": container.image,
                "ResolvedImage": container.image,
                "ResolutionTime": container.resolved_at,
            }
            for container in plan.containers
        ],
        "CurrentWeight": plan.weight,
        "DesiredWeight": plan.weight,
    }
    if plan.max_concurrency is None:
        answer["CurrentInstanceCount"] = 0 if running is None else len(running.replicas)
        answer["DesiredInstanceCount"] = plan.instance_count
    for key, names in _EXTRAS.items():
        answer |= dict.fromkeys(names, plan.extras[key]) if key in plan.extras else {}
    return answer


def _pending_deployment(pending: Document) -> Document:
    plan = FleetPlan.from_document(pending["Plan"])
    stage = pending.get("Stage")
    summary = {
        "EndpointConfigName": plan.config_name,
        "StartTime": pending["StartTime"],
        "ProductionVariants": [_pending_variant(variant, stage) for variant in plan.variants],
    }
    if plan.shadows:
        summary["ShadowProductionVariants"] = [_pending_variant(variant, stage) for variant in plan.shadows]
    return summary


def _pending_variant(plan: VariantPlan, stage: Document | None) -> Document:
    """A variant on its way: how many of its instances have traffic, and what is happening."""
    share = 0.0 if stage is None else stage["share"]
    active = math.ceil(round(share * plan.instance_count, 6))
    status: Document = {"Status": "Creating" if stage is None else stage["status"]}
    if stage is not None:
        status["StartTime"] = stage["since"]
        if stage["wait_s"] > 0:
            status["StatusMessage"] = (
                f"Baking for {stage['wait_s']:g} seconds ({stage['reason']}) with traffic enabled on "
                f"{'canary' if share < 1 else 'the whole'} capacity of {active} instance(s)."
            )
    return {
        "VariantName": plan.name,
        "CurrentWeight": plan.weight,
        "DesiredWeight": plan.weight,
        "CurrentInstanceCount": active,
        "DesiredInstanceCount": plan.instance_count,
        "VariantStatus": [status],
    }


def _data_capture(plan: FleetPlan, *, capturing: bool) -> Document:
    config = plan.data_capture
    if config is None:
        return {}
    return {
        "DataCaptureConfig": {
            "EnableCapture": config.get("EnableCapture", True),
            "CaptureStatus": "Started" if capturing else "Stopped",
            "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
            "DestinationS3Uri": config["DestinationS3Uri"],
            "KmsKeyId": config.get("KmsKeyId", ""),
        }
    }

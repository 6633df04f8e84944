"""How many instances a variant has, and how to give it more or fewer."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator

from headway_sandbox.sagemaker.protocol import Document, SageMaker, ServiceError, call

VARIANT_DIMENSION = "sagemaker:variant:DesiredInstanceCount"
ACTIVITY_KIND = "scaling-activity"
ACTIVITY_LIMIT = 500
"""How many activities are remembered; AWS forgets them after six weeks."""

_RESOURCE = re.compile(r"endpoint/([^/]+)/variant/([^/]+)")
_IN_SERVICE = "InService"


def endpoint_and_variant(resource_id: str) -> tuple[str, str] | None:
    """The names in ``endpoint/NAME/variant/NAME``; None if it is not of that form."""
    match = _RESOURCE.fullmatch(resource_id)
    return None if match is None else (match.group(1), match.group(2))


def variant_problems(service: SageMaker, resource_id: str) -> Iterator[str]:
    """Why a variant cannot be a scalable target."""
    names = endpoint_and_variant(resource_id)
    if names is None:
        yield f"The resource ID {resource_id} must be of the form endpoint/<endpoint>/variant/<variant>"
        return
    endpoint = service.store.get("endpoint", names[0])
    if endpoint is None or endpoint["EndpointStatus"] == "Deleting":
        yield f"The endpoint {names[0]} of the resource ID {resource_id} does not exist"
        return
    config = service.store.get("endpoint-config", endpoint["EndpointConfigName"])
    variants = [] if config is None else config["ProductionVariants"]
    found = [variant for variant in variants if variant["VariantName"] == names[1]]
    if config is not None and not found:
        yield (
            f"The endpoint {names[0]} has no production variant {names[1]}; there are: "
            f"{', '.join(variant['VariantName'] for variant in variants)}"
        )
    for variant in found:
        instance_type = variant.get("InstanceType", "")
        if instance_type.startswith("ml.t2."):
            yield f"A variant with the burstable instance type {instance_type} cannot be registered"


def capacity_of(service: SageMaker, target: Document) -> int | None:
    """How many instances a target is to have; None if it is no variant of an endpoint in service."""
    names = endpoint_and_variant(target["ResourceId"])
    if target["ScalableDimension"] != VARIANT_DIMENSION or names is None:
        return None
    endpoint = service.store.get("endpoint", names[0])
    if endpoint is None or endpoint["EndpointStatus"] != _IN_SERVICE or endpoint["Serving"] is None:
        return None
    for variant in endpoint["Serving"]["variants"]:
        if variant["name"] == names[1]:
            return int(variant["instance_count"])
    return None


async def set_capacity(service: SageMaker, target: Document, count: int, *, cause: str) -> bool:
    """Gives a variant so many instances, by the way that anybody would, and records that.

    Returns:
        Whether SageMaker accepted it.
    """
    names = endpoint_and_variant(target["ResourceId"])
    assert names is not None
    endpoint, variant = names
    started = service.clock()
    status, message = "Successful", f"Successfully set desired instance count to {count}."
    try:
        await call(
            service,
            service.model,
            "UpdateEndpointWeightsAndCapacities",
            {
                "EndpointName": endpoint,
                "DesiredWeightsAndCapacities": [{"VariantName": variant, "DesiredInstanceCount": count}],
            },
        )
    except ServiceError as error:
        status, message = (
            "Failed",
            f"Failed to set desired instance count to {count}. Reason: {error.message}",
        )
    activity = {
        "ActivityId": str(uuid.uuid4()),
        "ServiceNamespace": target["ServiceNamespace"],
        "ResourceId": target["ResourceId"],
        "ScalableDimension": target["ScalableDimension"],
        "Description": f"Setting desired instance count to {count}.",
        "Cause": cause,
        "StartTime": started,
        "EndTime": service.clock(),
        "StatusCode": status,
        "StatusMessage": message,
    }
    service.store.put(ACTIVITY_KIND, activity["ActivityId"], activity)
    for old in service.store.list(ACTIVITY_KIND)[:-ACTIVITY_LIMIT]:
        service.store.delete(ACTIVITY_KIND, old["ActivityId"])
    return status == "Successful"

"""What is kept of targets and their policies: kinds and keys in the store, finding and removing them."""

from __future__ import annotations

from headway_sandbox.sagemaker.protocol import Document, SageMaker, ServiceError

API = "application-autoscaling"
TARGET_KIND = "scalable-target"
POLICY_KIND = "scaling-policy"
WATCH_KIND = "scaling-watch"
PAGE_SIZE = 50


def key_of(request: Document) -> str:
    """A target's key in the store, from the three members that identify it."""
    return "|".join(request[name] for name in ("ServiceNamespace", "ResourceId", "ScalableDimension"))


def find_target(service: SageMaker, request: Document) -> Document:
    """The target that a request is about.

    Raises:
        ServiceError: If it is not registered.
    """
    target = service.store.get(TARGET_KIND, key_of(request))
    if target is None:
        raise ServiceError(
            "ObjectNotFoundException",
            f"No scalable target registered for service namespace: {request['ServiceNamespace']}, "
            f"resource ID: {request['ResourceId']}, scalable dimension: {request['ScalableDimension']}",
        )
    return target


def policy_key(policy: Document) -> str:
    """A policy's key in the store, from its target and its name."""
    return f"{key_of(policy)}|{policy['PolicyName']}"


def policies_of(service: SageMaker, target: Document) -> list[Document]:
    """The policies of a target."""
    return [policy for policy in service.store.list(POLICY_KIND) if key_of(policy) == key_of(target)]


async def remove_policy(service: SageMaker, policy: Document) -> None:
    """Removes a policy and its alarms."""
    service.store.delete(POLICY_KIND, policy_key(policy))
    await delete_alarms(service, policy)


async def delete_alarms(service: SageMaker, policy: Document) -> None:
    """Removes the alarms of a policy."""
    names = [alarm["AlarmName"] for alarm in policy["Alarms"]]
    if names:
        await service.aws.call("cloudwatch", "delete_alarms", AlarmNames=names)

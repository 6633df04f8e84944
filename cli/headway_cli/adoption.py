"""Takes what a killed update may have made into the stack's state, by the id that it would have. Pure.

An engine that is killed between the call that makes a resource and the note of its id leaves a pending
creation. To forget it would leave the resource behind and make a second one, and the engine can only ask a
person for the id.
"""

from collections.abc import Callable, Mapping
from typing import Any

Resource = dict[str, Any]
FindId = Callable[[str, Mapping[str, Any]], str | None]


def pending_operations(exported: Mapping[str, Any]) -> dict[str, str]:
    """What an exported stack has begun and not finished: URN and kind of operation."""
    deployment = exported.get("deployment") or {}
    return {item["resource"]["urn"]: item["type"] for item in deployment.get("pending_operations") or []}


def adopt(exported: Mapping[str, Any], find_id: FindId) -> dict[str, Any]:
    """The exported stack with every pending creation taken in whose id is known; none is pending any more.

    Whether what is taken in is really there is for a refresh to see, which drops what is not.

    Args:
        exported: What `pulumi stack export` answers.
        find_id: Answers the id that a resource of a type with these inputs has; None where nobody can know.
    """
    deployment = exported["deployment"]
    resources: list[Resource] = list(deployment.get("resources") or [])
    for operation in deployment.get("pending_operations") or []:
        resource = operation["resource"]
        if operation["type"] != "creating":
            continue
        resource_id = find_id(resource["type"], resource.get("inputs") or {})
        if resource_id is not None:
            resources = _taken_in(
                resources, {**resource, "id": resource_id, "outputs": resource.get("inputs") or {}}
            )
    return {**exported, "deployment": {**deployment, "resources": resources, "pending_operations": []}}


def known_ids(exported: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """Type and id of all resources in an exported stack."""
    resources = exported["deployment"].get("resources") or []
    return frozenset((item["type"], item["id"]) for item in resources if item.get("id"))


def _taken_in(resources: list[Resource], created: Resource) -> list[Resource]:
    """Resources with one more. The one that it replaces, if any, is gone already or is marked to go."""
    for position, former in enumerate(resources):
        if former["urn"] == created["urn"] and not former.get("delete"):
            rest = [] if former.get("pendingReplacement") else [{**former, "delete": True}]
            return [*resources[:position], created, *rest, *resources[position + 1 :]]
    return [*resources, created]

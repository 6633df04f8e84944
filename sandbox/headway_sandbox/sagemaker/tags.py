"""Tags of SageMaker resources, by ARN."""

from __future__ import annotations

from typing import Any

from headway_sandbox.sagemaker.paging import page
from headway_sandbox.sagemaker.protocol import Document, SageMaker, operation, validation_error

_KIND = "tags"
_LIMIT = 50


def save_tags(service: SageMaker, arn: str, tags: list[dict[str, str]] | None) -> None:
    """Remembers a new resource and its tags; called once for every taggable resource, tagged or not.

    Args:
        service: The running SageMaker.
        arn: The resource's ARN.
        tags: The request's ``Tags``; None if it has none.

    Raises:
        ServiceError: If a key comes twice.
    """
    service.store.put(_KIND, arn, {"Tags": _merged([], tags or [])})


def delete_tags(service: SageMaker, arn: str) -> None:
    """Forgets a deleted resource's tags."""
    service.store.delete(_KIND, arn)


def tags_of(service: SageMaker, arn: str) -> list[dict[str, str]]:
    """The tags of a resource.

    Raises:
        ServiceError: If no resource has that ARN.
    """
    document = service.store.get(_KIND, arn)
    if document is None:
        raise validation_error(f"Could not find a resource with the ARN '{arn}'.")
    tags: list[dict[str, str]] = document["Tags"]
    return tags


@operation("AddTags")
async def add_tags(service: SageMaker, request: Document) -> Document:
    """Adds or overwrites tags."""
    arn = request["ResourceArn"]
    merged = _merged(tags_of(service, arn), request["Tags"])
    service.store.put(_KIND, arn, {"Tags": merged})
    return {"Tags": merged}


@operation("ListTags")
async def list_tags(service: SageMaker, request: Document) -> Document:
    """Lists tags, 50 a page by default."""
    tags, token = page(tags_of(service, request["ResourceArn"]), request, default_size=50)
    return {"Tags": tags, **token}


@operation("DeleteTags")
async def delete_some_tags(service: SageMaker, request: Document) -> Document:
    """Removes tags by key; keys that are not there are no error."""
    arn = request["ResourceArn"]
    kept = [tag for tag in tags_of(service, arn) if tag["Key"] not in request["TagKeys"]]
    service.store.put(_KIND, arn, {"Tags": kept})
    return {}


def _merged(have: list[dict[str, str]], new: list[dict[str, Any]]) -> list[dict[str, str]]:
    keys = [tag["Key"] for tag in new]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise validation_error(f"Tag keys must be unique; these come more than once: {', '.join(twice)}.")
    merged = {tag["Key"]: tag["Value"] for tag in [*have, *new]}
    if len(merged) > _LIMIT:
        raise validation_error(
            f"A resource can have at most {_LIMIT} tags; this one would have {len(merged)}."
        )
    return [{"Key": key, "Value": value} for key, value in merged.items()]

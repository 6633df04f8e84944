"""What SageMaker's types share: how absence is told, and tags."""

from __future__ import annotations

from headway_sandbox.provider.table import Read, Tagging

_GONE = ("Could not find", "Cannot find", "does not exist", "Requested resource not found", "not found")
_ABSENT = frozenset({"ResourceNotFound", "ResourceNotFoundException"})
TAGS = Tagging("AddTags", "DeleteTags", identity={"ResourceArn": "arn"}, read="ListTags")


def described(operation: str, **gone: frozenset[str]) -> tuple[Read, ...]:
    """The one read of a type.

    Args:
        operation: Name of the operation.
        **gone: Member to values that mean that the resource is not there any more.
    """
    return (Read(operation, absent=_ABSENT, absent_text=_GONE, gone=gone),)

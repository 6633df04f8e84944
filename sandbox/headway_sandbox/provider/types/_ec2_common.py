"""What the types of EC2 share: tags at creation, tag calls, ids that are no property."""

from __future__ import annotations

from dataclasses import replace

from headway_sandbox.provider.table import Fold, Predicate, Tagging
from headway_sandbox.provider.values import Properties

TAGS = Tagging("CreateTags", "DeleteTags", identity={"Resources": "id"}, read="", member="Tags", keys="Tags")
TAGS_AFTERWARDS = replace(TAGS, on_create=True)
ANY: Predicate = lambda _value: True  # noqa: E731 - a step that runs for every value
BY_ID = ("id",)


def tagged(kind: str) -> Fold:
    """A fold that puts the tags into the request as EC2 takes them at creation.

    Args:
        kind: EC2's name of the resource type, such as ``vpc``.
    """

    def fold(inputs: Properties) -> Properties:
        tags = inputs.get("tags")
        kept = {name: value for name, value in inputs.items() if name != "tags"}
        if not tags:
            return kept
        pairs = [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
        return {**kept, "TagSpecifications": [{"ResourceType": kind, "Tags": pairs}]}

    return fold


def arn(kind: str) -> dict[str, str]:
    """The template of an ARN that EC2's answers leave out.

    Args:
        kind: EC2's name of the resource type, such as ``vpc``.
    """
    return {"arn": f"arn:{{partition}}:ec2:{{region}}:{{account}}:{kind}/{{id}}"}

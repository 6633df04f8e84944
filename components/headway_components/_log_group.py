"""Log groups of what a system runs, encrypted with its key and ending in time."""

import pulumi
from pulumi_aws import cloudwatch

from headway_components._refs import FoundationRef


def log_group(
    name: str, path: str, foundation: FoundationRef, parent: pulumi.Resource
) -> cloudwatch.LogGroup:
    """A log group of a system.

    Args:
        name: Logical name of the log group.
        path: Its name, with slashes.
        foundation: Says by which key it is encrypted and how long it is kept.
        parent: The component that it belongs to.
    """
    return cloudwatch.LogGroup(
        name,
        name=path,
        kms_key_id=foundation.key_arn,
        retention_in_days=foundation.log_retention_days,
        opts=pulumi.ResourceOptions(parent=parent),
    )

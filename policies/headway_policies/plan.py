"""What an update would do, in a few numbers and names. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final


class Operation(Enum):
    """What happens to a resource."""

    CREATE = "create"
    CHANGE = "change"
    REPLACE = "replace"
    DELETE = "delete"


@dataclass(frozen=True, kw_only=True)
class Change:
    """One resource that an update touches.

    Args:
        operation: What happens to it.
        urn: The resource.
        type: Its type.
    """

    operation: Operation
    urn: str
    type: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What an update would do.

    Args:
        changes: The resources that it touches.
        against: What it is compared with, in words.
    """

    changes: tuple[Change, ...]
    against: str

    def counts(self) -> dict[str, int]:
        """How many resources each operation touches; zero counts, too."""
        found = Counter(change.operation for change in self.changes)
        return {operation.value: found[operation] for operation in Operation}


STATEFUL: Final = frozenset(
    {
        "aws:backup/vault:Vault",
        "aws:cloudtrail/trail:Trail",
        "aws:cloudwatch/logGroup:LogGroup",
        "aws:docdb/cluster:Cluster",
        "aws:dynamodb/table:Table",
        "aws:ebs/volume:Volume",
        "aws:ecr/repository:Repository",
        "aws:efs/fileSystem:FileSystem",
        "aws:elasticache/replicationGroup:ReplicationGroup",
        "aws:glue/catalogDatabase:CatalogDatabase",
        "aws:kinesis/stream:Stream",
        "aws:kms/key:Key",
        "aws:opensearch/domain:Domain",
        "aws:rds/cluster:Cluster",
        "aws:rds/instance:Instance",
        "aws:redshift/cluster:Cluster",
        "aws:s3/bucket:Bucket",
        "aws:s3/bucketV2:BucketV2",
        "aws:sagemaker/featureGroup:FeatureGroup",
        "aws:sagemaker/modelPackageGroup:ModelPackageGroup",
        "aws:secretsmanager/secret:Secret",
        "aws:sqs/queue:Queue",
        "aws:timestreamwrite/table:Table",
    }
)
"""Types of resources whose deletion takes data, keys to data or evidence with it."""


def lost(plan: Plan, more_types: Iterable[str] = ()) -> tuple[Change, ...]:
    """The changes that take data away: a stateful resource is deleted or replaced.

    Args:
        plan: What an update would do.
        more_types: Further stateful types.
    """
    stateful = STATEFUL | frozenset(more_types)
    return tuple(
        change
        for change in plan.changes
        if change.operation in {Operation.DELETE, Operation.REPLACE} and change.type in stateful
    )

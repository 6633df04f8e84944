"""Grants: what a role may do, as named sets of least actions. Nobody writes IAM JSON by hand."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi_aws import iam

from headway_components._arns import log_group_arn, sagemaker_arn
from headway_components._image import repository_arn
from headway_components._refs import BucketRef, FoundationRef, RegistryRef, RoleRef
from headway_components._text import json_text, suffixed

READ_OBJECTS = ("s3:GetObject", "s3:GetObjectVersion")
WRITE_OBJECTS = ("s3:PutObject", "s3:AbortMultipartUpload")
LIST_BUCKET = ("s3:ListBucket", "s3:GetBucketLocation")
DECRYPT = ("kms:Decrypt", "kms:DescribeKey")
ENCRYPT = ("kms:GenerateDataKey", "kms:Decrypt", "kms:DescribeKey")
USE_VOLUMES = ("kms:CreateGrant",)
WRITE_LOGS = ("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")
PULL_IMAGE = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
REGISTER_MODELS = (
    "sagemaker:CreateModelPackage",
    "sagemaker:DescribeModelPackageGroup",
    "sagemaker:AddTags",
)
READ_MODELS = ("sagemaker:DescribeModelPackage",)
LIST_MODELS = ("sagemaker:ListModelPackages",)
"""IAM knows no resources for it, so it is granted on all or not at all."""
DELETE_MODELS = ("sagemaker:DeleteModelPackage",)
JOIN_NETWORK = (
    *("ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission"),
    *("ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission"),
)
SEE_NETWORK = (
    *("ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups"),
    *("ec2:DescribeSubnets", "ec2:DescribeVpcs"),
)
SAGEMAKER_METRICS = "/aws/sagemaker/*"
"""The namespaces that SageMaker publishes a job's and a container's own metrics to."""
POLICY_VERSION = "2012-10-17"
FOR_AWS: Mapping[str, Mapping[str, str]] = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
"""Only a service of AWS may be granted the key, for a disk that it attaches."""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement of a policy."""

    sid: str
    """What the statement is for, one word."""
    actions: Sequence[str]
    """The actions, each by its full name."""
    resources: Sequence[pulumi.Input[str]]
    """What the actions apply to."""
    condition: Mapping[str, Any] = field(default_factory=dict)
    """When the statement applies; always when left out."""
    principal: Mapping[str, Any] | str | None = None
    """Who it is for; only a policy of a resource names somebody."""
    effect: str = "Allow"
    """Allow or Deny; Allow when left out."""

    def document(self) -> dict[str, Any]:
        """The statement as IAM reads it."""
        document: dict[str, Any] = {"Sid": self.sid, "Effect": self.effect}
        if self.principal is not None:
            document["Principal"] = self.principal
        document["Action"] = list(self.actions)
        document["Resource"] = list(self.resources)
        if self.condition:
            document["Condition"] = dict(self.condition)
        return document


def policy(*statements: Statement) -> pulumi.Input[str]:
    """The JSON text of a policy."""
    document = {"Version": POLICY_VERSION, "Statement": [statement.document() for statement in statements]}
    return json_text(document)


def trust(service: str, account_id: str) -> str:
    """The trust policy of a role that one AWS service assumes on behalf of one account."""
    return json.dumps(
        {
            "Version": POLICY_VERSION,
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": service},
                    "Action": "sts:AssumeRole",
                    "Condition": {"StringEquals": {"aws:SourceAccount": account_id}},
                }
            ],
        },
        sort_keys=True,
    )


def account_role(
    name: str, *, account_arn: str, session: str, description: str, parent: pulumi.Resource
) -> RoleRef:
    """A role that those of an account may assume whose own policies say so, in a session of one name.

    Args:
        name: Logical name of the role.
        account_arn: ARN of the account's root, which stands for the account.
        session: Name of the session, by which the trail knows what the role was assumed for.
        description: What the role is assumed for, for people.
        parent: The component that it belongs to.
    """
    statement = Statement(
        sid="Assume",
        actions=("sts:AssumeRole",),
        resources=(),
        condition={"StringEquals": {"sts:RoleSessionName": session}},
        principal={"AWS": account_arn},
    )
    document = {name: value for name, value in statement.document().items() if name != "Resource"}
    role = iam.Role(
        name,
        description=description,
        assume_role_policy=json.dumps({"Version": POLICY_VERSION, "Statement": [document]}, sort_keys=True),
        opts=pulumi.ResourceOptions(parent=parent),
    )
    return RoleRef(name=role.name, arn=role.arn)


def service_role(
    name: str, *, service: str, account_id: str, description: str, parent: pulumi.Resource
) -> RoleRef:
    """A role that one AWS service assumes on behalf of one account.

    Args:
        name: Logical name of the role.
        service: The service, such as `lambda.amazonaws.com`.
        account_id: The account.
        description: What the role is assumed for, for people.
        parent: The component that it belongs to.
    """
    role = iam.Role(
        name,
        description=description,
        assume_role_policy=trust(service, account_id),
        opts=pulumi.ResourceOptions(parent=parent),
    )
    return RoleRef(name=role.name, arn=role.arn)


def grant(
    name: str, role: RoleRef, statements: Sequence[Statement], parent: pulumi.Resource
) -> iam.RolePolicy:
    """Gives a role the statements, as one inline policy with a name of its own."""
    return iam.RolePolicy(
        name,
        role=role.name,
        policy=policy(*statements),
        opts=pulumi.ResourceOptions(parent=parent),
    )


def read(bucket: BucketRef, *prefixes: str, sid: str) -> tuple[Statement, ...]:
    """Reading the objects below some prefixes of a bucket; an empty prefix means the whole bucket."""
    return (
        Statement(sid=f"{sid}Read", actions=READ_OBJECTS, resources=_objects(bucket, prefixes)),
        Statement(sid=f"{sid}List", actions=LIST_BUCKET, resources=[bucket.arn]),
        Statement(sid=f"{sid}Decrypt", actions=DECRYPT, resources=[bucket.key_arn]),
    )


def write(bucket: BucketRef, *prefixes: str, sid: str) -> tuple[Statement, ...]:
    """Writing objects below some prefixes of a bucket; an empty prefix means the whole bucket."""
    return (
        Statement(sid=f"{sid}Write", actions=WRITE_OBJECTS, resources=_objects(bucket, prefixes)),
        Statement(sid=f"{sid}Encrypt", actions=ENCRYPT, resources=[bucket.key_arn]),
    )


def attach_volumes(key_arn: pulumi.Input[str]) -> Statement:
    """Letting SageMaker use the key for the disks of machines that it starts."""
    return Statement(sid="Volumes", actions=USE_VOLUMES, resources=[key_arn], condition=FOR_AWS)


def use_models(registry: RegistryRef, *actions: str, sid: str) -> Statement:
    """Actions on the versions of a system's model and on the group that they are in."""
    return Statement(sid=sid, actions=actions, resources=[registry.group_arn, registry.version_arns])


def see_serving(foundation: FoundationRef, endpoint: str) -> Statement:
    """Looking at what an endpoint of the system serves."""
    ours = f"{foundation.prefix}-*"
    return Statement(
        sid="Serving",
        actions=(
            *("sagemaker:DescribeEndpoint", "sagemaker:DescribeEndpointConfig"),
            "sagemaker:DescribeModel",
        ),
        resources=[
            sagemaker_arn(foundation, "endpoint", endpoint),
            sagemaker_arn(foundation, "endpoint-config", ours),
            sagemaker_arn(foundation, "model", ours),
        ],
    )


def publish_metrics(namespace: str) -> Statement:
    """Publishing metrics to a namespace, or to all that fit one with a wildcard.

    IAM knows no resources for it, so the namespace is a condition.
    """
    operator = "StringLike" if "*" in namespace else "StringEquals"
    return Statement(
        sid="Metrics",
        actions=("cloudwatch:PutMetricData",),
        resources=["*"],
        condition={operator: {"cloudwatch:namespace": namespace}},
    )


def run_jobs(foundation: FoundationRef, image: str, *kinds: str) -> tuple[Statement, ...]:
    """What any job of SageMaker needs: a log, metrics, its image, and the network.

    Args:
        foundation: Says where the system is.
        image: URI of the image that the job runs.
        kinds: The kinds of jobs as their log groups are named, such as `ProcessingJobs`.
    """
    return (
        Statement(
            sid="Logs",
            actions=("logs:CreateLogGroup", *WRITE_LOGS),
            resources=[log_group_arn(foundation, f"/aws/sagemaker/{kind}") for kind in kinds],
        ),
        publish_metrics(SAGEMAKER_METRICS),
        *pull_statements(image, foundation.partition),
        *join_network(foundation),
    )


def _objects(bucket: BucketRef, prefixes: Sequence[str]) -> list[pulumi.Input[str]]:
    return [suffixed(bucket.arn, f"/{prefix}*") for prefix in prefixes]


def join_network(foundation: FoundationRef) -> tuple[Statement, ...]:
    """What a role needs so that SageMaker places its job or model in the network; nothing without one.

    Source: SageMaker developer guide, roles of jobs in a VPC.
    """
    network = foundation.network
    if network is None:
        return ()
    place = f"{foundation.region}:{foundation.account_id}"
    interfaces = f"arn:{foundation.partition}:ec2:{place}:network-interface/*"
    return (
        Statement(
            sid="JoinNetwork",
            actions=JOIN_NETWORK,
            resources=[interfaces, *network.subnet_arns, network.security_group_arn],
        ),
        # Looking at networks has no resource.
        Statement(sid="SeeNetwork", actions=SEE_NETWORK, resources=["*"]),
    )


def pull_statements(image: str, partition: str) -> tuple[Statement, ...]:
    """What a role needs to start a container from an image; nothing for an image from elsewhere than ECR."""
    repository = repository_arn(image, partition)
    if repository is None:
        return ()
    return (
        Statement(sid="PullImage", actions=PULL_IMAGE, resources=[repository]),
        # The one ECR action that has no resource.
        Statement(sid="LogInToRegistry", actions=("ecr:GetAuthorizationToken",), resources=["*"]),
    )

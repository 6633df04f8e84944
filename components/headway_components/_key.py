"""Who may use and manage the key of a system."""

import pulumi
from pulumi_aws import kms

from headway_components import _defaults
from headway_components._grants import Statement, policy

MANAGE = (
    *("kms:CancelKeyDeletion", "kms:CreateAlias", "kms:DeleteAlias", "kms:DescribeKey", "kms:DisableKey"),
    *("kms:DisableKeyRotation", "kms:EnableKey", "kms:EnableKeyRotation", "kms:GetKeyPolicy"),
    *("kms:GetKeyRotationStatus", "kms:ListGrants", "kms:ListKeyPolicies", "kms:ListResourceTags"),
    *("kms:PutKeyPolicy", "kms:RevokeGrant", "kms:ScheduleKeyDeletion", "kms:TagResource"),
    *("kms:UntagResource", "kms:UpdateAlias", "kms:UpdateKeyDescription"),
)
USE = ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext")
REENCRYPT = ("kms:ReEncryptFrom", "kms:ReEncryptTo")
GRANT = ("kms:CreateGrant",)
_THIS_KEY = ["*"]
"""In the policy of a key, `*` is that key."""


def rotated_key(
    name: str, *, description: str, policy: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> kms.Key:
    """A key that is rotated, and that can be brought back for a while after it was deleted.

    Args:
        name: Logical name of the key.
        description: What it encrypts, for people.
        policy: Who may use and manage it.
        opts: Its parent, and whether it stays with the data that is lost without it.
    """
    return kms.Key(
        name,
        description=description,
        deletion_window_in_days=_defaults.KEY_DELETION_WINDOW_DAYS,
        enable_key_rotation=True,
        rotation_period_in_days=_defaults.KEY_ROTATION_PERIOD_DAYS,
        policy=policy,
        opts=opts,
    )


def key_policy(
    *, partition: str, region: str, account_id: str, trail: str | None = None
) -> pulumi.Input[str]:
    """The policy of a system's key: the account through IAM, log groups, the trail, and what notifies.

    Args:
        partition: `aws`, `aws-cn` or `aws-us-gov`.
        region: Region of the key.
        account_id: Account whose IAM policies decide who may use the key.
        trail: ARN of the trail that is encrypted with the key; none when left out.
    """
    account = {"AWS": f"arn:{partition}:iam::{account_id}:root"}
    log_groups = f"arn:{partition}:logs:{region}:{account_id}:log-group:*"
    return policy(
        Statement(sid="ManageThroughIam", actions=MANAGE, resources=_THIS_KEY, principal=account),
        Statement(sid="UseThroughIam", actions=(*USE, *REENCRYPT), resources=_THIS_KEY, principal=account),
        Statement(
            sid="GrantToServices",
            actions=GRANT,
            resources=_THIS_KEY,
            principal=account,
            condition={"Bool": {"kms:GrantIsForAWSResource": "true"}},
        ),
        Statement(
            sid="EncryptLogs",
            actions=(*USE, *REENCRYPT, "kms:DescribeKey"),
            resources=_THIS_KEY,
            principal={"Service": f"logs.{region}.amazonaws.com"},
            condition={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": log_groups}},
        ),
        *(
            Statement(
                sid=sid,
                actions=("kms:Decrypt", "kms:GenerateDataKey"),
                resources=_THIS_KEY,
                principal={"Service": service},
                condition={"StringEquals": {"aws:SourceAccount": account_id}},
            )
            for sid, service in _NOTIFIERS.items()
        ),
        *(() if trail is None else (_write_trail(trail),)),
    )


def _write_trail(trail: str) -> Statement:
    return Statement(
        sid="EncryptTrail",
        actions=("kms:DescribeKey", "kms:GenerateDataKey"),
        resources=_THIS_KEY,
        principal={"Service": "cloudtrail.amazonaws.com"},
        condition={"StringEquals": {"aws:SourceArn": trail}},
    )


_NOTIFIERS = {"NotifyFromAlarms": "cloudwatch.amazonaws.com", "NotifyFromBudgets": "budgets.amazonaws.com"}
"""Services that publish to an encrypted topic by themselves."""


_PARTITIONS = (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"))


def partition_of(region: str) -> str:
    """The partition that a region belongs to."""
    return next((partition for start, partition in _PARTITIONS if region.startswith(start)), "aws")

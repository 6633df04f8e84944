"""One way to make a bucket: encrypted, versioned, private, TLS only, with a lifecycle."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
from pulumi_aws import s3

from headway_components import _defaults
from headway_components._grants import Statement, policy
from headway_components._refs import BucketRef
from headway_components._text import suffixed


@dataclass(frozen=True, kw_only=True)
class BucketPlan:
    """What differs from one bucket of a system to the next."""

    noun: str
    """What the bucket holds."""
    expiration_days: int | None = None
    """Days after which an object goes; it stays when left out."""
    version_days: int = _defaults.NONCURRENT_VERSION_DAYS
    """Days after which an overwritten or deleted object goes; a quarter when left out."""
    expirations: Mapping[str, int] = field(default_factory=dict)
    """Days after which an object goes, by the beginning of its key; none go when left out."""
    lock_days: int | None = None
    """Days during which an object can be neither changed nor deleted; none when left out."""
    statements: Callable[[pulumi.Output[str]], Sequence[Statement]] | None = None
    """Further statements of its policy, from its ARN; none when left out."""


def encrypted_bucket(
    name: str, plan: BucketPlan, *, key_arn: pulumi.Input[str], retain: bool, parent: pulumi.Resource
) -> BucketRef:
    """Makes a bucket and the settings that make it safe.

    Args:
        name: Logical name of the bucket; the settings' names begin with it.
        plan: What differs from one bucket to the next.
        key_arn: Key that every object is encrypted with.
        retain: Whether the bucket and its objects outlive the stack.
        parent: The component it belongs to.
    """
    # A bucket that stays must stay safe, so its settings outlive the stack with it.
    child = pulumi.ResourceOptions(parent=parent, retain_on_delete=retain)
    bucket = s3.Bucket(
        name,
        force_destroy=not retain,
        object_lock_enabled=None if plan.lock_days is None else True,
        opts=pulumi.ResourceOptions(parent=parent, protect=retain, retain_on_delete=retain),
    )
    s3.BucketServerSideEncryptionConfiguration(
        f"{name}-encryption",
        bucket=bucket.bucket,
        rules=[
            s3.BucketServerSideEncryptionConfigurationRuleArgs(
                apply_server_side_encryption_by_default=(
                    s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                        sse_algorithm="aws:kms", kms_master_key_id=key_arn
                    )
                ),
                bucket_key_enabled=True,
            )
        ],
        opts=child,
    )
    access = s3.BucketPublicAccessBlock(
        f"{name}-public-access",
        bucket=bucket.bucket,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=child,
    )
    versioning = s3.BucketVersioning(
        f"{name}-versioning",
        bucket=bucket.bucket,
        versioning_configuration=s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
        opts=child,
    )
    s3.BucketOwnershipControls(
        f"{name}-ownership",
        bucket=bucket.bucket,
        rule=s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
        opts=child,
    )
    s3.BucketPolicy(
        f"{name}-policy",
        bucket=bucket.bucket,
        policy=policy(
            _tls_only(bucket.arn), *(() if plan.statements is None else plan.statements(bucket.arn))
        ),
        # S3 refuses a policy while it changes the public-access settings of the same bucket.
        opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=[access])),
    )
    s3.BucketLifecycleConfiguration(
        f"{name}-lifecycle",
        bucket=bucket.bucket,
        rules=_lifecycle(plan),
        # Rules for old versions need versioning to be on.
        opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=[versioning])),
    )
    if plan.lock_days is not None:
        s3.BucketObjectLockConfiguration(
            f"{name}-lock",
            bucket=bucket.bucket,
            rule=s3.BucketObjectLockConfigurationRuleArgs(
                default_retention=s3.BucketObjectLockConfigurationRuleDefaultRetentionArgs(
                    # Compliance mode would lock a mistake in too: not even the account's owner undoes it.
                    mode="GOVERNANCE",
                    days=plan.lock_days,
                )
            ),
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=[versioning])),
        )
    return BucketRef(name=bucket.bucket, arn=bucket.arn, key_arn=key_arn)


def _tls_only(bucket_arn: pulumi.Output[str]) -> Statement:
    return Statement(
        sid="TlsOnly",
        effect="Deny",
        principal="*",
        actions=_EVERY_OBJECT_ACTION,
        resources=[bucket_arn, suffixed(bucket_arn, "/*")],
        condition={"Bool": {"aws:SecureTransport": "false"}},
    )


# A Deny must name everything to be worth anything.
_EVERY_OBJECT_ACTION = ("s3:*",)


def _lifecycle(plan: BucketPlan) -> list[s3.BucketLifecycleConfigurationRuleArgs]:
    housekeeping = s3.BucketLifecycleConfigurationRuleArgs(
        id="housekeeping",
        status="Enabled",
        filter=s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
        abort_incomplete_multipart_upload=s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
            days_after_initiation=_defaults.INCOMPLETE_UPLOAD_DAYS
        ),
        noncurrent_version_expiration=s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
            noncurrent_days=plan.version_days
        ),
    )
    whole = {} if plan.expiration_days is None else {"": plan.expiration_days}
    return [
        housekeeping,
        *(_expiring(prefix, days) for prefix, days in {**whole, **plan.expirations}.items()),
    ]


def _expiring(prefix: str, days: int) -> s3.BucketLifecycleConfigurationRuleArgs:
    name = prefix.strip("/").rpartition("/")[2]
    return s3.BucketLifecycleConfigurationRuleArgs(
        id=f"expiration-{name}" if name else "expiration",
        status="Enabled",
        filter=s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=prefix),
        expiration=s3.BucketLifecycleConfigurationRuleExpirationArgs(days=days),
        noncurrent_version_expiration=None
        if not prefix
        else s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(noncurrent_days=days),
    )

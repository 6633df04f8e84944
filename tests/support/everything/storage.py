"""Keys, roles, buckets, objects and tables."""

import pulumi
import pulumi_aws as aws

from support.everything.phase import allow, changed, config, number, replaced, trust


def keys_and_roles() -> tuple[aws.kms.Key, aws.iam.Role]:
    key = aws.kms.Key(
        "key",
        description=f"key {number}",
        enable_key_rotation=changed,
        deletion_window_in_days=7,
        tags={"n": str(number)},
    )
    other = aws.kms.Key("other", deletion_window_in_days=7, multi_region=replaced)
    aws.kms.Alias("alias", name="alias/everything", target_key_id=other.key_id if changed else key.key_id)
    role = aws.iam.Role(
        "role",
        assume_role_policy=trust("lambda.amazonaws.com" if changed else "sagemaker.amazonaws.com"),
        description=f"role {number}",
        max_session_duration=3600 * number,
        path="/replaced/" if replaced else "/",
        tags={"n": str(number)},
    )
    aws.iam.RolePolicy("inline", role=role.id, policy=allow(["s3:GetObject"], [f"arn:aws:s3:::b{number}/*"]))
    policy = aws.iam.Policy("managed", policy=allow(["s3:GetObject"], [f"arn:aws:s3:::b{number}/*"]))
    aws.iam.RolePolicyAttachment("attached", role=role.name, policy_arn=policy.arn)
    return key, role


def buckets(key: aws.kms.Key) -> aws.s3.Bucket:
    bucket = aws.s3.Bucket(
        "Bucket", force_destroy=True, tags={"n": str(number), "kept": "1"} if not replaced else None
    )
    logs = aws.s3.Bucket("logs", force_destroy=True)
    locked = aws.s3.Bucket("locked", force_destroy=True, object_lock_enabled=True)
    aws.s3.BucketObjectLockConfiguration(
        "lock", bucket=locked.bucket, rule={"default_retention": {"mode": "GOVERNANCE", "days": number}}
    )
    aws.s3.BucketServerSideEncryptionConfiguration(
        "encryption",
        bucket=bucket.bucket,
        rules=[
            {
                "apply_server_side_encryption_by_default": {
                    "sse_algorithm": "aws:kms",
                    "kms_master_key_id": key.arn,
                },
                "bucket_key_enabled": changed,
            }
        ],
    )
    access = aws.s3.BucketPublicAccessBlock(
        "access",
        bucket=bucket.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=changed,
    )
    versioning = aws.s3.BucketVersioning(
        "versioning", bucket=bucket.id, versioning_configuration={"status": "Enabled"}
    )
    aws.s3.BucketLifecycleConfiguration(
        "lifecycle",
        bucket=bucket.id,
        rules=[
            {
                "id": "all",
                "status": "Enabled",
                "abort_incomplete_multipart_upload": {"days_after_initiation": number},
            },
            {
                "id": "some",
                "status": "Enabled",
                "filter": {"prefix": "tmp/"},
                "expiration": {"days": 10 * number},
                "transitions": [{"days": 5, "storage_class": "GLACIER"}],
                "noncurrent_version_expiration": {"noncurrent_days": 3},
            },
        ],
        opts=pulumi.ResourceOptions(depends_on=[versioning]),
    )
    aws.s3.BucketOwnershipControls(
        "ownership",
        bucket=bucket.id,
        rule={"object_ownership": "BucketOwnerPreferred" if changed else "BucketOwnerEnforced"},
    )
    aws.s3.BucketLogging("logging", bucket=bucket.id, target_bucket=logs.id, target_prefix=f"log{number}/")
    aws.s3.BucketPolicy(
        "policy",
        bucket=bucket.id,
        policy=bucket.arn.apply(
            lambda arn: {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": f"TlsOnly{number}",
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:*",
                        "Resource": [arn, f"{arn}/*"],
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    }
                ],
            }
        ),
        opts=pulumi.ResourceOptions(depends_on=[access]),
    )
    aws.s3.BucketObjectv2(
        "text.txt",
        bucket=bucket.id,
        source=pulumi.StringAsset(f"text {number}"),
        content_type="text/plain",
        tags={"n": str(number)},
        opts=pulumi.ResourceOptions(depends_on=[versioning]),
    )
    aws.s3.BucketObjectv2(
        "data",
        bucket=bucket.id,
        key=f"data/{'b' if replaced else 'a'}.bin",
        content_base64="AAEC",
        metadata={"k": "v"},
    )
    return bucket


def records(key: aws.kms.Key) -> None:
    aws.dynamodb.Table(
        "table",
        attributes=[{"name": "pk", "type": "S"}, {"name": "sk", "type": "S"}, {"name": "other", "type": "S"}],
        hash_key="sk" if replaced else "pk",
        range_key="pk" if replaced else "sk",
        billing_mode="PAY_PER_REQUEST",
        global_secondary_indexes=[{"name": "byOther", "hash_key": "other", "projection_type": "ALL"}],
        ttl={"attribute_name": "expires", "enabled": not changed},
        point_in_time_recovery={"enabled": changed},
        server_side_encryption={"enabled": True, "kms_key_arn": key.arn},
        stream_enabled=True,
        stream_view_type="NEW_IMAGE",
        tags={"n": str(number)},
    )
    aws.dynamodb.Table(
        "provisioned",
        attributes=[{"name": "pk", "type": "S"}],
        hash_key="pk",
        read_capacity=number,
        write_capacity=1,
    )
    aws.ssm.Parameter(
        "parameter",
        name="/everything/a",
        type="String",
        value=f"value {number}",
        description=f"d {number}",
        tags={"n": str(number)},
    )
    aws.ssm.Parameter("secret", type="SecureString", value=config.require_secret("secret"), key_id=key.key_id)

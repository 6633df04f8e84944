"""Buckets and what belongs to them, tables, parameters, roles."""

from __future__ import annotations

from typing import Any

from support.round_trip.case import Case
from support.round_trip.documents import allow, trust

S3 = "aws:s3/"


def _s3(operation: str, **arguments: Any) -> Any:
    """A change of a bucket's configuration from outside."""

    def outside(client: Any, resource_id: str, outputs: Any) -> None:
        getattr(client("s3"), operation)(Bucket=outputs.get("bucket", resource_id), **arguments)

    return outside


def _expire(days: int) -> dict[str, Any]:
    return {
        "rules": [
            {
                "id": "all",
                "status": "Enabled",
                "abort_incomplete_multipart_upload": {"days_after_initiation": days},
            },
            {
                "id": "some",
                "status": "Enabled",
                "filter": {"prefix": "tmp/"},
                "expiration": {"days": days},
                "transitions": [{"days": 5, "storage_class": "GLACIER"}],
                "noncurrent_version_expiration": {"noncurrent_days": 3},
            },
        ]
    }


def _text(value: str) -> Any:
    import pulumi  # noqa: PLC0415

    return pulumi.StringAsset(value)


def _hidden() -> Any:
    import pulumi  # noqa: PLC0415

    return pulumi.Config().require_secret("hidden")


def _tls(arn: Any, sid: str) -> Any:
    return arn.apply(
        lambda value: {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": sid,
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": [value, f"{value}/*"],
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                }
            ],
        }
    )


def _rewritten(client: Any, _id: str, outputs: Any) -> None:
    client("s3").put_object(Bucket=outputs["bucket"], Key=outputs["key"], Body=b"other")


def _role(client: Any, resource_id: str, _outputs: Any) -> None:
    client("iam").update_role(RoleName=resource_id, Description="other")


def _inline(client: Any, _id: str, outputs: Any) -> None:
    client("iam").put_role_policy(
        RoleName=outputs["role"],
        PolicyName=outputs["name"],
        PolicyDocument=allow(["s3:PutObject"], ["arn:aws:s3:::other/*"]),
    )


def _managed(client: Any, resource_id: str, _outputs: Any) -> None:
    other = allow(["s3:PutObject"], ["arn:aws:s3:::other/*"])
    client("iam").create_policy_version(PolicyArn=resource_id, PolicyDocument=other, SetAsDefault=True)


def _detached(client: Any, _id: str, outputs: Any) -> None:
    client("iam").detach_role_policy(RoleName=outputs["role"], PolicyArn=outputs["policyArn"])


def _unprotected(client: Any, resource_id: str, _outputs: Any) -> None:
    client("dynamodb").update_time_to_live(
        TableName=resource_id, TimeToLiveSpecification={"Enabled": False, "AttributeName": "expires"}
    )


def _parameter(client: Any, resource_id: str, _outputs: Any) -> None:
    client("ssm").put_parameter(Name=resource_id, Value="other", Overwrite=True)


def _repoint(client: Any, resource_id: str, outputs: Any) -> None:
    client("kms").delete_alias(AliasName=resource_id)


CASES = (
    Case(
        "bucket",
        f"{S3}bucket:Bucket",
        lambda _: {"force_destroy": True, "tags": {"n": "1", "gone": "1"}},
        changed=lambda _: {"tags": {"n": "2"}},
        outside=_s3("put_bucket_tagging", Tagging={"TagSet": [{"Key": "stranger", "Value": "1"}]}),
    ),
    Case(
        "otherBucket",
        f"{S3}bucket:Bucket",
        lambda _: {"force_destroy": True, "object_lock_enabled": True, "bucket": "one-bucket"},
        replaced=lambda _: {"bucket": "two-bucket"},
    ),
    Case(
        "lock",
        f"{S3}bucketObjectLockConfiguration:BucketObjectLockConfiguration",
        lambda made: {
            "bucket": made.otherBucket.bucket,
            "rule": {"default_retention": {"mode": "GOVERNANCE", "days": 1}},
        },
        changed=lambda _: {"rule": {"default_retention": {"mode": "GOVERNANCE", "days": 2}}},
        replaced=lambda made: {"bucket": made.otherBucket.bucket},
    ),
    Case(
        "encryption",
        f"{S3}bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        lambda made: {
            "bucket": made.bucket.bucket,
            "rules": [{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}],
        },
        changed=lambda _: {
            "rules": [
                {
                    "apply_server_side_encryption_by_default": {"sse_algorithm": "aws:kms"},
                    "bucket_key_enabled": True,
                }
            ]
        },
    ),
    Case(
        "access",
        f"{S3}bucketPublicAccessBlock:BucketPublicAccessBlock",
        lambda made: {
            "bucket": made.bucket.id,
            "block_public_acls": True,
            "block_public_policy": True,
            "ignore_public_acls": True,
        },
        changed=lambda _: {"restrict_public_buckets": True},
        outside=_s3("delete_public_access_block"),
    ),
    Case(
        "versioning",
        f"{S3}bucketVersioning:BucketVersioning",
        lambda made: {"bucket": made.bucket.id, "versioning_configuration": {"status": "Enabled"}},
        changed=lambda _: {"versioning_configuration": {"status": "Suspended"}},
        outside=_s3("put_bucket_versioning", VersioningConfiguration={"Status": "Suspended"}),
    ),
    Case(
        "lifecycle",
        f"{S3}bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        lambda made: {"bucket": made.bucket.id, **_expire(10)},
        changed=lambda _: _expire(20),
        outside=_s3("delete_bucket_lifecycle"),
        after=("versioning",),
    ),
    Case(
        "ownership",
        f"{S3}bucketOwnershipControls:BucketOwnershipControls",
        lambda made: {"bucket": made.bucket.id, "rule": {"object_ownership": "BucketOwnerEnforced"}},
        changed=lambda _: {"rule": {"object_ownership": "BucketOwnerPreferred"}},
        outside=_s3("delete_bucket_ownership_controls"),
    ),
    Case(
        "logging",
        f"{S3}bucketLogging:BucketLogging",
        lambda made: {"bucket": made.bucket.id, "target_bucket": made.otherBucket.id, "target_prefix": "a/"},
        changed=lambda _: {"target_prefix": "b/"},
        outside=_s3("put_bucket_logging", BucketLoggingStatus={}),
    ),
    Case(
        "bucketPolicy",
        f"{S3}bucketPolicy:BucketPolicy",
        lambda made: {"bucket": made.bucket.id, "policy": _tls(made.bucket.arn, "One")},
        changed=lambda made: {"policy": _tls(made.bucket.arn, "Two")},
        outside=_s3("delete_bucket_policy"),
        after=("access",),
    ),
    Case(
        "text",
        f"{S3}bucketObjectv2:BucketObjectv2",
        lambda made: {
            "bucket": made.learned.id,
            "key": "one.txt",
            "source": _text("one"),
            "content_type": "text/plain",
            "metadata": {"k": "v"},
            "tags": {"n": "1", "gone": "1"},
        },
        changed=lambda _: {"source": _text("two"), "tags": {"n": "2"}},
        replaced=lambda _: {"key": "two.txt"},
        outside=_rewritten,
    ),
    Case(
        "role",
        "aws:iam/role:Role",
        lambda _: {
            "assume_role_policy": trust("lambda.amazonaws.com"),
            "description": "one",
            "tags": {"n": "1", "gone": "1"},
        },
        changed=lambda _: {
            "assume_role_policy": trust("states.amazonaws.com"),
            "description": "two",
            "tags": {"n": "2"},
        },
        outside=_role,
    ),
    Case(
        "otherRole",
        "aws:iam/role:Role",
        lambda _: {"assume_role_policy": trust("lambda.amazonaws.com")},
        replaced=lambda _: {"path": "/replaced/"},
    ),
    Case(
        "inline",
        "aws:iam/rolePolicy:RolePolicy",
        lambda made: {"role": made.role.id, "policy": allow(["s3:GetObject"], ["arn:aws:s3:::one/*"])},
        changed=lambda _: {"policy": allow(["s3:GetObject"], ["arn:aws:s3:::two/*"])},
        replaced=lambda made: {"role": made.otherRole.id},
        outside=_inline,
    ),
    Case(
        "managed",
        "aws:iam/policy:Policy",
        lambda _: {
            "policy": allow(["s3:GetObject"], ["arn:aws:s3:::one/*"]),
            "tags": {"n": "1", "gone": "1"},
        },
        changed=lambda _: {
            "policy": allow(["s3:GetObject"], ["arn:aws:s3:::two/*"]),
            "tags": {"n": "2"},
        },
        outside=_managed,
    ),
    Case(
        "attached",
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        lambda made: {"role": made.role.name, "policy_arn": made.managed.arn},
        replaced=lambda made: {"role": made.otherRole.name},
        outside=_detached,
        import_id=lambda _, outputs: f"{outputs['role']}/{outputs['policyArn']}",
    ),
    Case(
        "records",
        "aws:dynamodb/table:Table",
        lambda made: {
            "attributes": [{"name": name, "type": "S"} for name in ("pk", "sk", "other")],
            "hash_key": "pk",
            "range_key": "sk",
            "billing_mode": "PAY_PER_REQUEST",
            "global_secondary_indexes": [{"name": "byOther", "hash_key": "other", "projection_type": "ALL"}],
            "server_side_encryption": {"enabled": True, "kms_key_arn": made.key.arn},
            "stream_enabled": True,
            "stream_view_type": "NEW_IMAGE",
            "ttl": {"attribute_name": "expires", "enabled": True},
            "tags": {"n": "1", "gone": "1"},
        },
        changed=lambda _: {"point_in_time_recovery": {"enabled": True}, "tags": {"n": "2"}},
        replaced=lambda _: {"hash_key": "sk", "range_key": "pk"},
        outside=_unprotected,
    ),
    Case(
        "counted",
        "aws:dynamodb/table:Table",
        lambda _: {
            "attributes": [{"name": "pk", "type": "S"}],
            "hash_key": "pk",
            "read_capacity": 1,
            "write_capacity": 1,
        },
        changed=lambda _: {"read_capacity": 2},
    ),
    Case(
        "hidden",
        "aws:ssm/parameter:Parameter",
        lambda _: {"name": "/round/hidden", "type": "SecureString", "value": _hidden()},
    ),
    Case(
        "parameter",
        "aws:ssm/parameter:Parameter",
        lambda _: {
            "name": "/round/one",
            "type": "String",
            "value": "one",
            "tags": {"n": "1", "gone": "1"},
        },
        changed=lambda _: {"value": "two", "description": "two", "tags": {"n": "2"}},
        replaced=lambda _: {"name": "/round/two"},
        outside=_parameter,
    ),
    Case(
        "alias",
        "aws:kms/alias:Alias",
        lambda made: {"name": "alias/round", "target_key_id": made.key.key_id},
        changed=lambda made: {"target_key_id": made.otherKey.key_id},
        replaced=lambda _: {"name": "alias/other"},
        outside=_repoint,
    ),
)

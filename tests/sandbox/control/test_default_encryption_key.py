"""Encryption with KMS and no key: what the SageMaker SDK asks S3 for."""

from __future__ import annotations

from support.control import BUCKET, Cloud, unique


def test_kms_without_a_key_uses_the_account_s_own(cloud: Cloud) -> None:
    s3, key = cloud.client("s3"), unique("encrypted")

    s3.put_object(Bucket=BUCKET, Key=key, Body=b"x", ServerSideEncryption="aws:kms")
    named = s3.put_object(
        Bucket=BUCKET, Key=f"{key}-2", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId="alias/mine"
    )

    found = s3.head_object(Bucket=BUCKET, Key=key)
    assert found["ServerSideEncryption"] == "aws:kms"
    assert found["SSEKMSKeyId"] == "arn:aws:kms:us-east-1:000000000000:alias/aws/s3"
    assert named["SSEKMSKeyId"] == "alias/mine"

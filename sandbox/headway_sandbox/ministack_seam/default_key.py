"""The key of S3 that every account has: what encryption with KMS uses when a request names no key.

ministack refuses such a request; S3 encrypts with the key behind ``alias/aws/s3``.
"""

from __future__ import annotations

from typing import Any

_ALGORITHM = b"x-amz-server-side-encryption"
_KEY_ID = b"x-amz-server-side-encryption-aws-kms-key-id"


def with_default_key(scope: dict[str, Any], region: str, account: str) -> dict[str, Any]:
    """An ASGI scope in which encryption with KMS names a key.

    Args:
        scope: The scope of a request.
        region: Region of the key.
        account: Account of the key.

    Returns:
        The same scope unless it asks for KMS without a key.
    """
    if scope["type"] != "http" or scope["method"] not in ("PUT", "POST"):
        return scope
    headers = {name.lower(): value for name, value in scope["headers"]}
    if headers.get(_ALGORITHM) != b"aws:kms" or headers.get(_KEY_ID):
        return scope
    key = f"arn:aws:kms:{region}:{account}:alias/aws/s3"
    kept = [(name, value) for name, value in scope["headers"] if name.lower() != _KEY_ID]
    return {**scope, "headers": [*kept, (_KEY_ID, key.encode())]}

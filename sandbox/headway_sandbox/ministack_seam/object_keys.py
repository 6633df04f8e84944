"""The keys behind objects in S3: whoever writes or reads one needs its key, and the key must be enabled."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from headway_sandbox.ministack_seam.access import Access, AccessDeniedError
from headway_sandbox.permissions import Need
from headway_sandbox.wire.request import HttpRequest

_ALGORITHM = "x-amz-server-side-encryption"
_KEY = "x-amz-server-side-encryption-aws-kms-key-id"
_ENCRYPT, _DECRYPT = "kms:GenerateDataKey", "kms:Decrypt"
_UNUSABLE: Mapping[str, tuple[str, str]] = {
    "Disabled": ("KMS.DisabledException", "{arn} is disabled."),
    "PendingDeletion": ("KMS.KMSInvalidStateException", "{arn} is pending deletion."),
}


class ObjectKeys:
    """Checks the keys of objects.

    Args:
        access: Roles and permissions.
        region: Region of the keys.
    """

    def __init__(self, access: Access, region: str) -> None:
        self._access = access
        self._region = region

    # Imported with the first object: a start has no time for them.
    @functools.cached_property
    def _s3(self) -> Any:  # noqa: ANN401 - ministack is not typed
        return importlib.import_module("ministack.services.s3")

    @functools.cached_property
    def _kms(self) -> Any:  # noqa: ANN401
        return importlib.import_module("ministack.services.kms")

    def check_write(self, request: HttpRequest) -> None:
        """Refuses a write whose key cannot be used.

        Raises:
            AccessDeniedError: If the caller may not use the key, or nobody can.
        """
        bucket, _, key = request.path.lstrip("/").partition("/")
        actions = _written_with(request) if key else ()
        if actions:
            headers = request.headers
            given = headers if _ALGORITHM in headers else self._s3._bucket_default_sse_headers(bucket)  # noqa: SLF001
            if _KEY in given:
                self._check(request, given[_KEY], actions, bucket, key)

    def check_read(self, request: HttpRequest, answer_headers: Mapping[str, str]) -> None:
        """Refuses an object whose key cannot be used.

        Args:
            request: The request that asked for it.
            answer_headers: What S3 says about it.

        Raises:
            AccessDeniedError: If the caller may not use the key, or nobody can.
        """
        named = {name.lower(): value for name, value in answer_headers.items()}
        if request.method == "GET" and _KEY in named:
            bucket, _, key = request.path.lstrip("/").partition("/")
            self._check(request, named[_KEY], (_DECRYPT,), bucket, key)

    def _check(
        self, request: HttpRequest, key_id: str, actions: tuple[str, ...], bucket: str, name: str
    ) -> None:
        key = self._kms._resolve_key(key_id)  # noqa: SLF001
        if key is None:
            return
        unusable = _UNUSABLE.get(str(key.get("KeyState")))
        if unusable is not None:
            code, message = unusable
            raise AccessDeniedError(code, message.format(arn=key["Arn"]), 400)
        if request.access_key_id is None:
            return
        through_bucket = "<BucketKeyEnabled>true" in str(self._s3._bucket_encryption.get(bucket))  # noqa: SLF001
        encrypted = bucket if through_bucket else f"{bucket}/{name}"
        context = {
            "kms:ViaService": f"s3.{self._region}.amazonaws.com",
            "kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{encrypted}",
        }
        needs = [Need(action, key["Arn"], context) for action in actions]
        try:
            self._access.authorise(request, needs)
        except AccessDeniedError as denied:
            raise AccessDeniedError("AccessDenied", denied.message, 403) from denied


def _written_with(request: HttpRequest) -> tuple[str, ...]:
    """What the writer of an object needs of its key; nothing where the request writes no object."""
    parameters = {name for name, _ in parse_qsl(request.query, keep_blank_values=True)} - {"x-id"}
    if request.method == "PUT" and not parameters:
        return (_ENCRYPT,)
    if request.method == "POST" and parameters == {"uploads"}:
        # Completing an upload in parts decrypts the key that its beginning made.
        return _ENCRYPT, _DECRYPT
    return ()

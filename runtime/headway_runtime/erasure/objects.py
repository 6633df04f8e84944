"""Objects of buckets with all their versions: what S3 lets go, and what it has to keep."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

from botocore.exceptions import ClientError

_OVERTAKEN = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "404", "NoSuchVersion")
_GONE = ("NoSuchKey", "NoSuchVersion", "404")
_UNLOCKED = ("ObjectLockConfigurationNotFoundError", "NoSuchObjectLockConfiguration", "InvalidRequest", "404")
_COPIED = (
    *("ContentType", "ContentEncoding", "ContentLanguage", "ContentDisposition", "CacheControl"),
    *("Metadata", "ServerSideEncryption", "SSEKMSKeyId", "StorageClass"),
)
"""What stays of an object that is written again: above all the key that it is encrypted with."""
_NULL = "null"
_T = TypeVar("_T")


class OvertakenError(Exception):
    """Somebody else has written the object meanwhile."""


@dataclass(frozen=True)
class Version:
    """One version of an object.

    Attributes:
        bucket: Its bucket.
        key: Its key.
        version_id: What tells it from others of the key; `null` in a bucket without versions.
        is_latest: Whether readers get it.
        etag: What its content is known by.
    """

    bucket: str
    key: str
    version_id: str
    is_latest: bool
    etag: str


@dataclass(frozen=True)
class Held:
    """A version that may not be deleted.

    Attributes:
        why: What holds it.
        until: Until when; None where nobody has said.
    """

    why: str
    until: datetime | None


class Objects:
    """Buckets.

    Args:
        s3: A boto3 client for what lies in a bucket below a key.
        clock: The time, with a time zone.
    """

    def __init__(self, s3: Callable[[str, str], Any], clock: Callable[[], datetime]) -> None:
        self._s3, self._clock = s3, clock
        self._locked: dict[str, bool] = {}

    def keys(self, bucket: str, prefix: str) -> Iterator[tuple[str, list[Version]]]:
        """Every key below a prefix with its versions, the newest first, without marks of deletions."""
        pages = (
            self._s3(bucket, prefix)
            .get_paginator("list_object_versions")
            .paginate(Bucket=bucket, Prefix=prefix)
        )
        found = (
            Version(bucket, item["Key"], item.get("VersionId", _NULL), item["IsLatest"], item["ETag"])
            for page in pages
            for item in page.get("Versions", ())
        )
        for key, versions in groupby(found, key=lambda version: version.key):
            yield key, list(versions)

    def versions(self, bucket: str, key: str) -> list[Version]:
        """The versions of one key, the newest first."""
        return next((versions for name, versions in self.keys(bucket, key) if name == key), [])

    def fetch(self, version: Version, path: Path) -> bool:
        """Puts the content of a version into a file; answers whether it is still there.

        Raises:
            OvertakenError: The version that has no id of its own was written again.
        """
        where = {"Bucket": version.bucket, "Key": version.key, "VersionId": version.version_id}
        try:
            answer = self._of(version).get_object(**where, IfMatch=version.etag)
        except ClientError as error:
            if _code(error) in _GONE:
                return False
            if _code(error) in _OVERTAKEN:
                raise OvertakenError from error
            raise
        with path.open("wb") as file:
            for part in answer["Body"].iter_chunks(1 << 20):
                file.write(part)
        return True

    def replace(self, version: Version, path: Path) -> None:
        """Puts another content in place of the version that readers get, which becomes an old one.

        Raises:
            OvertakenError: It is no longer that version.
        """
        kept = self._kept(version)
        with path.open("rb") as body, _overtaken():
            self._of(version).put_object(
                Bucket=version.bucket, Key=version.key, Body=body, IfMatch=version.etag, **kept
            )

    def read_json(self, bucket: str, key: str) -> tuple[dict[str, Any], Version] | None:
        """A JSON object and the version that it was read from; None where it is not there."""
        try:
            answer = self._s3(bucket, key).get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if _code(error) in _GONE:
                return None
            raise
        version = Version(bucket, key, answer.get("VersionId", _NULL), True, answer["ETag"])
        return json.loads(answer["Body"].read()), version

    def write_json(self, version: Version, document: object) -> None:
        """Puts JSON in place of what was read.

        Raises:
            OvertakenError: Somebody else has written it meanwhile.
        """
        body = (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()
        with _overtaken():
            self._of(version).put_object(
                Bucket=version.bucket,
                Key=version.key,
                Body=body,
                IfMatch=version.etag,
                **self._kept(version),
            )

    def hide(self, version: Version) -> None:
        """Deletes an object for readers; what it was becomes an old version.

        Raises:
            OvertakenError: It is no longer that version.
        """
        with _overtaken():
            self._of(version).delete_object(Bucket=version.bucket, Key=version.key, IfMatch=version.etag)

    def drop(self, version: Version) -> Held | None:
        """Deletes an old version for good; answers what holds it where something does."""
        held = self.held(version)
        if held is None:
            self._of(version).delete_object(
                Bucket=version.bucket, Key=version.key, VersionId=version.version_id
            )
        return held

    def held(self, version: Version) -> Held | None:
        """What keeps a version from being deleted: a legal hold, or a retention that has not ended."""
        if not self._is_locked(version):
            return None
        where = {"Bucket": version.bucket, "Key": version.key, "VersionId": version.version_id}
        hold = _asked(lambda: self._of(version).get_object_legal_hold(**where)["LegalHold"]["Status"])
        if hold == "ON":
            return Held("a legal hold", None)
        kept = _asked(lambda: self._of(version).get_object_retention(**where)["Retention"])
        if kept is None or kept["RetainUntilDate"] <= self._clock():
            return None
        return Held(f"object lock in {kept['Mode'].lower()} mode", kept["RetainUntilDate"])

    def _of(self, version: Version) -> Any:  # noqa: ANN401 - boto3 has no types
        return self._s3(version.bucket, version.key)

    def _kept(self, version: Version) -> dict[str, Any]:
        """What of an object stays beside its content."""
        head = self._of(version).head_object(Bucket=version.bucket, Key=version.key)
        kept = {name: head[name] for name in _COPIED if head.get(name)}
        if head.get("TagCount"):
            tags = self._of(version).get_object_tagging(Bucket=version.bucket, Key=version.key)["TagSet"]
            kept["Tagging"] = urlencode({tag["Key"]: tag["Value"] for tag in tags})
        return kept

    def _is_locked(self, version: Version) -> bool:
        bucket = version.bucket
        if bucket not in self._locked:
            s3 = self._s3(bucket, version.key)
            self._locked[bucket] = _asked(lambda: s3.get_object_lock_configuration(Bucket=bucket)) is not None
        return self._locked[bucket]


@contextmanager
def _overtaken() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if _code(error) in _OVERTAKEN:
            raise OvertakenError from error
        raise


def _asked(question: Callable[[], _T]) -> _T | None:
    """An answer about locks; None where nothing is locked."""
    try:
        return question()
    except ClientError as error:
        if _code(error) in _UNLOCKED:
            return None
        raise


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))

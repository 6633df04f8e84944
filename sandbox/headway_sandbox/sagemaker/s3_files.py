"""Files between S3 and a job's directories. Everything here blocks and belongs into a worker thread."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit


class S3FileError(Exception):
    """Data that cannot be moved; the message says which and why, as SageMaker does where it is known."""


@dataclass(frozen=True)
class S3Location:
    """A bucket and a key or key prefix."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, uri: str) -> S3Location:
        """Reads ``s3://bucket/key``.

        Raises:
            S3FileError: If it is no S3 URI.
        """
        parts = urlsplit(uri, allow_fragments=False)
        if parts.scheme != "s3" or not parts.netloc:
            raise S3FileError(f"{uri!r} is not an S3 URI; it must be of the form s3://bucket/key.")
        key = parts.path + (f"?{parts.query}" if parts.query else "")
        return cls(parts.netloc, key.lstrip("/"))

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def child(self, *names: str) -> S3Location:
        """A key below this one."""
        return S3Location(self.bucket, "/".join([self.key.rstrip("/"), *names]).lstrip("/"))


def relative_path(key: str, prefix: str) -> str:
    """Where SageMaker puts an object below a channel's directory.

    The part after the prefix where the prefix is a folder, else the part after the prefix's last slash.

    >>> relative_path("data/train/part-0.csv", "data/train")
    'part-0.csv'
    >>> relative_path("data/train.csv", "data/train.csv")
    'train.csv'
    >>> relative_path("data/train-2.csv", "data/train")
    'train-2.csv'
    """
    folder = prefix if prefix == "" or prefix.endswith("/") else f"{prefix}/"
    if key.startswith(folder):
        return key[len(folder) :]
    return key[len(prefix.rpartition("/")[0]) :].lstrip("/")


@dataclass(frozen=True)
class S3Object:
    """One object of a data source.

    Attributes:
        location: Where it is.
        name: Its path below the directory that the data source is copied to.
    """

    location: S3Location
    name: str


def find_objects(s3: Any, uri: str, data_type: str) -> list[S3Object]:  # noqa: ANN401 - a boto3 client
    """The objects of an S3 data source, in S3's order or the manifest's. Blocks.

    Args:
        s3: Client for S3.
        uri: Prefix, or manifest's URI.
        data_type: ``S3Prefix`` or ``ManifestFile``.

    Raises:
        S3FileError: If there are none, they cannot be listed, or one would leave its directory.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415 - costs too much at start

    location = S3Location.parse(uri)
    try:
        if data_type == "ManifestFile":
            found = [S3Object(source, name.lstrip("/")) for source, name in _manifest(s3, location)]
        else:
            found = [
                S3Object(S3Location(location.bucket, key), relative_path(key, location.key).lstrip("/"))
                for key in _keys(s3, location)
            ]
    except ClientError as error:
        raise _download_failed(error, uri) from error
    if not found:
        raise S3FileError(
            f'ClientError: Data download failed: No S3 objects found under S3 URL "{uri}" given in '
            "input data source."
            " Please ensure that the bucket exists and the execution role has permission to list it."
        )
    for item in found:
        if not item.name or ".." in PurePosixPath(item.name).parts:
            raise S3FileError(
                f"ClientError: Data download failed: the key {item.location} leaves its directory"
            )
    return found


def download_objects(s3: Any, objects: Sequence[S3Object], directory: Path) -> None:  # noqa: ANN401
    """Copies objects into a directory. Blocks.

    Args:
        s3: Client for S3.
        objects: What is copied.
        directory: Where the files go; created.

    Raises:
        S3FileError: If one cannot be read.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415

    directory.mkdir(parents=True, exist_ok=True)
    for item in objects:
        path = directory / item.name
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("wb") as file:
                for part in read_object(s3, item.location):
                    file.write(part)
        except ClientError as error:
            raise _download_failed(error, str(item.location)) from error


def read_object(s3: Any, location: S3Location) -> Iterator[bytes]:  # noqa: ANN401
    """The content of an object in parts of 1 MiB. Blocks.

    Raises:
        botocore.exceptions.ClientError: If it cannot be read.
    """
    yield from s3.get_object(Bucket=location.bucket, Key=location.key)["Body"].iter_chunks(1 << 20)


def download(s3: Any, uri: str, data_type: str, directory: Path) -> int:  # noqa: ANN401
    """Copies all objects of an S3 data source into a directory. Blocks.

    Args:
        s3: Client for S3.
        uri: Prefix, or manifest's URI.
        data_type: ``S3Prefix`` or ``ManifestFile``.
        directory: Where the files go; created.

    Returns:
        How many files were copied.

    Raises:
        S3FileError: If there is nothing to copy or it cannot be read.
    """
    objects = find_objects(s3, uri, data_type)
    download_objects(s3, objects, directory)
    return len(objects)


def upload_file(s3: Any, path: Path, target: S3Location, encryption: dict[str, str]) -> None:  # noqa: ANN401
    """Copies one file to S3.

    Raises:
        S3FileError: If S3 refuses.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415

    try:
        with path.open("rb") as body:
            s3.put_object(Bucket=target.bucket, Key=target.key, Body=body, **encryption)
    except ClientError as error:
        raise S3FileError(
            f"ClientError: Data upload failed: {error.response['Error']['Message']} ({target})"
        ) from error


def encryption_arguments(kms_key_id: str | None) -> dict[str, str]:
    """PutObject's arguments for a job's ``KmsKeyId``; without one the bucket's default holds."""
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key_id} if kms_key_id else {}


def _keys(s3: Any, location: S3Location) -> Iterator[str]:  # noqa: ANN401
    for found in s3.get_paginator("list_objects_v2").paginate(Bucket=location.bucket, Prefix=location.key):
        for item in found.get("Contents", []):
            if not item["Key"].endswith("/"):
                yield item["Key"]


def _manifest(s3: Any, location: S3Location) -> Iterator[tuple[S3Location, str]]:  # noqa: ANN401
    """The objects that a manifest names: a list of one ``prefix`` and paths below it."""
    text = s3.get_object(Bucket=location.bucket, Key=location.key)["Body"].read()
    try:
        entries = json.loads(text)
        prefix = S3Location.parse(entries[0]["prefix"])
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise S3FileError(f"ClientError: The manifest {location} cannot be read: {error}") from error
    wrong = [entry for entry in entries[1:] if not isinstance(entry, str)]
    if wrong:
        raise S3FileError(f"ClientError: The manifest {location} names no path with {wrong!r}")
    for name in entries[1:]:
        yield prefix.child(name), name


def _download_failed(error: Any, uri: str) -> S3FileError:  # noqa: ANN401 - botocore's ClientError
    return S3FileError(f"ClientError: Data download failed: {error.response['Error']['Message']} ({uri})")

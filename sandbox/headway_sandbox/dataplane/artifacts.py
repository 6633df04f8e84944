"""Brings a model's files to where its container expects them: `model/` in the container's base directory."""

from __future__ import annotations

import asyncio
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from headway_sandbox.dataplane.errors import DeploymentError
from headway_sandbox.sagemaker.aws import LoopbackAws


@dataclass(frozen=True)
class _Source:
    bucket: str
    key: str
    prefix: bool  # everything below the key instead of one object
    archive: bool  # a compressed tar archive instead of plain files
    url: str


async def fetch_model(aws: LoopbackAws, model_data: dict[str, Any], hostname: str, directory: Path) -> None:
    """Downloads a model's files.

    Args:
        aws: Access to the sandbox's S3.
        model_data: ``ModelDataUrl`` or ``ModelDataSource`` of a container definition, or empty.
        hostname: Name of the container, for messages.
        directory: Where the files go; emptied first.

    Raises:
        DeploymentError: The object is missing or is not a readable archive.
    """
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    if model_data:
        await asyncio.to_thread(_fetch, aws.client("s3"), _source(model_data), hostname, directory)


def _source(model_data: dict[str, Any]) -> _Source:
    if "ModelDataUrl" in model_data:
        url, prefix, archive = model_data["ModelDataUrl"], False, True
    else:
        source = model_data["ModelDataSource"]["S3DataSource"]
        url, prefix = source["S3Uri"], source["S3DataType"] == "S3Prefix"
        archive = source["CompressionType"] == "Gzip"
    bucket, key = split_s3_url(url)
    return _Source(bucket, key, prefix, archive, url)


def split_s3_url(url: str) -> tuple[str, str]:
    """Bucket and key of an ``s3://`` URL.

    Raises:
        DeploymentError: It is another kind of URL.
    """
    if not url.startswith("s3://"):
        raise DeploymentError(f'Model data must be given as s3://bucket/key in this sandbox, not "{url}".')
    bucket, _, key = url.removeprefix("s3://").partition("/")
    return bucket, key


def _fetch(s3: Any, source: _Source, hostname: str, directory: Path) -> None:  # noqa: ANN401 - a boto3 client
    # Imported here: by now boto3 is loaded, which would cost the sandbox's start more than it may take.
    from boto3.exceptions import Boto3Error  # noqa: PLC0415

    try:
        _download(s3, source, hostname, directory)
    except ClientError as error:
        raise _missing(source, hostname) from error
    except (BotoCoreError, Boto3Error, OSError) as error:
        raise DeploymentError(
            f'Failed to download model data for container "{hostname}" from URL: "{source.url}": {error}.'
        ) from error


def _download(s3: Any, source: _Source, hostname: str, directory: Path) -> None:  # noqa: ANN401
    keys = list(_keys(s3, source)) if source.prefix else [source.key]
    if not keys:
        raise _missing(source, hostname)
    for key in keys:
        name = key.removeprefix(source.key).lstrip("/") if source.prefix else key.rsplit("/", 1)[-1]
        target = directory / name
        if not target.resolve().is_relative_to(directory.resolve()):
            raise DeploymentError(f'The key "{key}" would be written outside the model directory.')
        target.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(source.bucket, key, str(target))
        if source.archive:
            _extract(target, source.url, hostname, directory)


def _missing(source: _Source, hostname: str) -> DeploymentError:
    return DeploymentError(
        f'Failed to download model data for container "{hostname}" from URL: "{source.url}". Please ensure '
        "that there is an object located at the URL and that the role passed to CreateModel has permissions "
        "to download the object."
    )


def _keys(s3: Any, source: _Source) -> Iterator[str]:  # noqa: ANN401
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=source.bucket, Prefix=source.key):
        yield from (entry["Key"] for entry in page.get("Contents", []) if not entry["Key"].endswith("/"))


def _extract(archive: Path, url: str, hostname: str, directory: Path) -> None:
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(directory, filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DeploymentError(
            f'Failed to extract model data archive for container "{hostname}" from URL "{url}". Please '
            f"ensure that the object located at the URL is a valid tar.gz archive: {error}."
        ) from error
    finally:
        archive.unlink(missing_ok=True)

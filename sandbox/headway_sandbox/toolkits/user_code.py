"""A user's source directory on its way into the container."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path
from urllib.parse import urlsplit

from headway_sandbox.toolkits.errors import ToolkitError

ROOT = "/opt/ml"


def inside(base: Path, path: str) -> Path:
    """Where a path of the container is for this process.

    Args:
        base: What stands for /opt/ml.
        path: As a user writes it.
    """
    if path == ROOT or path.startswith(f"{ROOT}/"):
        return base / path[len(ROOT) + 1 :]
    return Path(path)


def fetch_code(source: str, base: Path) -> Path:
    """Brings a source directory to /opt/ml/code.

    Args:
        source: Archive in S3, or an archive or directory of the container.
        base: What stands for /opt/ml.

    Returns:
        The source directory.

    Raises:
        ToolkitError: If it is missing or cannot be unpacked.
    """
    target = base / "code"
    target.mkdir(parents=True, exist_ok=True)
    if source.startswith("s3://"):
        archive = base / "sourcedir.tar.gz"
        _download(source, archive)
        _unpack(archive, source, target)
        archive.unlink()
        return target
    place = inside(base, source)
    if place.is_dir():
        shutil.copytree(place, target, dirs_exist_ok=True)
    elif place.is_file():
        _unpack(place, source, target)
    else:
        raise ToolkitError(f"The source directory {source} does not exist in the container.")
    return target


def require_program(directory: Path, program: str) -> None:
    """Refuses a program that is not in the source directory.

    Raises:
        ToolkitError: If it is not there.
    """
    if not (directory / program).is_file():
        there = sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*"))
        raise ToolkitError(
            f"The program {program} is not in the source directory, which has "
            f"{', '.join(there) or 'no files'}."
        )


def _download(source: str, archive: Path) -> None:
    import boto3  # noqa: PLC0415 - a script that brings its code in a channel does not wait for it
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    parts = urlsplit(source, allow_fragments=False)
    try:
        boto3.client("s3").download_file(parts.netloc, parts.path.lstrip("/"), str(archive))
    except (BotoCoreError, ClientError) as error:
        raise ToolkitError(f"The source directory {source} cannot be read: {error}") from error


def _unpack(archive: Path, source: str, target: Path) -> None:
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(target, filter="data")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ToolkitError(f"The source directory {source} is not a readable tar archive: {error}") from error

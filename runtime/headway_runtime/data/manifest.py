"""The manifest of a dataset: which files belong to it, and the version that their content has."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headway_runtime.contract import MANIFEST_FILE, digest
from headway_runtime.jobs import JobError, read_json

if TYPE_CHECKING:
    import duckdb


def file_digest(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def dataset_version(tables: Mapping[str, Any]) -> str:
    """Version of a dataset: a digest over its tables' rows, columns and file digests."""
    return digest(tables)


def read_manifest(directory: Path) -> dict[str, Any]:
    """Read a dataset's manifest and hold the files to it.

    Args:
        directory: Directory of the dataset. Files that the manifest does not name are not part of it.

    Returns:
        The manifest.

    Raises:
        JobError: The manifest is missing or unreadable, or files are missing or changed; all are named.
    """
    manifest = read_json(directory / MANIFEST_FILE, "the dataset's manifest")
    try:
        files = {
            path: expected
            for table in manifest["tables"].values()
            for path, expected in table["files"].items()
        }
        version = manifest["dataset_version"]
    except (KeyError, TypeError, AttributeError):
        raise JobError(f"{directory / MANIFEST_FILE} is no dataset manifest; run ingest again") from None
    problems = [f"{path} is missing" for path in files if not (directory / path).is_file()]
    problems += [
        f"{path} was changed"
        for path, expected in files.items()
        if (directory / path).is_file() and file_digest(directory / path) != expected
    ]
    if version != dataset_version(manifest["tables"]):
        problems.append(f"the version {version} is not that of the tables listed")
    if problems:
        raise JobError(f"the dataset does not match its manifest: {'; '.join(problems)}; run ingest again")
    return manifest


def register_tables(connection: "duckdb.DuckDBPyConnection", directory: Path) -> dict[str, Any]:
    """Make every table of a dataset readable by its name in SQL.

    Args:
        connection: Where the views are made.
        directory: Directory of the dataset.

    Returns:
        The manifest.

    Raises:
        JobError: The dataset does not match its manifest.
    """
    manifest = read_manifest(directory)
    connection.execute("SET TimeZone = 'UTC'")
    for name, table in manifest["tables"].items():
        files = sorted(str(directory / path) for path in table["files"])
        # Columns come from the files alone: a directory called month=2013-01 is no column.
        connection.read_parquet(files, hive_partitioning=False).create_view(name)
    return manifest

"""The files of an offline store, in the layout of AWS: what was written until a moment, and its digests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from headway_runtime.data.manifest import file_digest
from headway_runtime.jobs import JobError


@dataclass(frozen=True)
class Files:
    """Parquet files below a directory.

    Attributes:
        directory: The directory.
        digests: SHA-256 by path below the directory, sorted by path.
    """

    directory: Path
    digests: dict[str, str]

    @property
    def paths(self) -> list[str]:
        """The files, in the order of their paths below the directory."""
        return [str(self.directory / name) for name in self.digests]


def label_files(directory: Path) -> Files:
    """The files of the labels.

    Raises:
        JobError: There is none.
    """
    return Files(directory, {name: file_digest(directory / name) for name in _parquet(directory, "labels")})


def group_files(directory: Path, group: str, as_of: datetime) -> Files:
    """The files of a group that hold anything written until a moment.

    Files that were written later are left out, so that a store that grew since is the same store as of then.

    Args:
        directory: What the store calls the `data` prefix of the group.
        group: Name of the group, for the error.
        as_of: The moment, with a time zone.

    Raises:
        JobError: There is none; a file is damaged.
    """
    names = [name for name in _parquet(directory, f"the group {group}") if _is_from(directory / name, as_of)]
    if not names:
        raise JobError(
            f"nothing in the offline store of {group} was written until {as_of.isoformat()}; "
            "take a later --as-of, or wait until the store has written"
        )
    return Files(directory, {name: file_digest(directory / name) for name in names})


def read_labels(files: Files) -> pa.Table:
    """The labels of all files, one file after the other.

    Raises:
        JobError: A file is damaged, or the files have different columns.
    """
    tables = []
    for path in files.paths:
        try:
            # Not read_table, which makes columns of the names of folders.
            with pq.ParquetFile(path) as file:
                tables.append(file.read())
        except (pa.ArrowException, OSError) as error:
            raise _damaged(path, error) from error
    try:
        return pa.concat_tables(tables)
    except pa.ArrowInvalid as error:
        raise JobError(f"the files of the labels differ in their columns: {_first_line(error)}") from error


def _parquet(directory: Path, what: str) -> Sequence[str]:
    names = sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*.parquet"))
    if not names:
        raise JobError(f"{what}: there is no Parquet file below {directory}; pass the input to the job")
    return names


def _is_from(path: Path, as_of: datetime) -> bool:
    """Whether a file may hold a record that was written until a moment."""
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(str(path), error) from error
    with file:
        schema, metadata = file.schema_arrow, file.metadata
        column = schema.get_field_index("write_time")
        if column < 0:
            return True  # the join says what is missing
        earliest = []
        for number in range(metadata.num_row_groups):
            statistics = metadata.row_group(number).column(column).statistics
            if statistics is None or not statistics.has_min_max:
                return True
            earliest.append(statistics.min)
    return any(_utc(moment) <= as_of for moment in earliest)


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _damaged(path: str, error: Exception) -> JobError:
    return JobError(f"{path} cannot be read as Parquet: {_first_line(error)}; it is damaged, restore it")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["no reason given"])[0]

"""Batches as they arrive: what can be read is read as a stream, what cannot is said to be damaged."""

import csv
import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from headway_runtime.data.manifest import file_digest
from headway_runtime.jobs import JobError
from headway_runtime.quality.database import literal, run

FORMATS = (".csv", ".csv.gz", ".parquet")
_HEADER_LIMIT = 1_000_000
_PATTERN = "*?[]{}"
"""Signs that would make a path one of many files."""
_LINE = re.compile(r"CSV Error on Line: (\d+)")
_SAYS = {
    "Invalid unicode": "it is not UTF-8",
    "unterminated quote": "a quoted value has no end, so the file is cut off",
    "Expected Number of Columns": "a row has another number of values than the header",
    "maximum line size": "a row is longer than a row can be",
}


class DamagedError(Exception):
    """A batch cannot be read; the message says why without showing what is in it."""


@dataclass(frozen=True)
class Batch:
    """One batch.

    Attributes:
        name: Its name; batches are taken in the order of their names.
        source: What stands after FROM to read it.
        digest: SHA-256 of its bytes; empty for rows that came as no file.
        path: The file; None for rows that came as no file.
    """

    name: str
    source: str
    digest: str = ""
    path: Path | None = None


def arrived(directory: Path, table: str) -> list[Path]:
    """The files of a table below the landing place, in the order of their names.

    Args:
        directory: The landing place; it has a directory for each table.
        table: Name of the table.
    """
    return sorted(
        path for path in (directory / table).rglob("*") if path.is_file() and not path.name.startswith(".")
    )


def open_batch(path: Path, directory: Path) -> Batch:
    """A file as a batch.

    Args:
        path: The file.
        directory: What its name is relative to.

    Raises:
        DamagedError: It can be seen at once that it cannot be read.
    """
    name = path.relative_to(directory).as_posix()
    digest = file_digest(path)
    if set(name) & set(_PATTERN):
        raise DamagedError(f"its name has one of {_PATTERN}, which makes it a pattern; give it another name")
    if path.suffix == ".parquet":
        source = f"read_parquet({literal(str(path))}, hive_partitioning = false)"
    elif path.name.endswith((".csv", ".csv.gz")):
        source = _csv(path)
    else:
        raise DamagedError(f"its name ends in none of {', '.join(FORMATS)}")
    return Batch(name=name, source=source, digest=digest, path=path)


def _csv(path: Path) -> str:
    header = _header(path)
    if not path.name.endswith(".gz"):
        with path.open("rb") as stream:
            stream.seek(-1, 2)
            if stream.read(1) not in (b"\n", b"\r"):
                raise DamagedError("its last line has no end, so it may be cut off; end it with a new line")
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in header)
    # Told everything, DuckDB guesses nothing: the same file is always read the same way.
    options = "header = true, delim = ',', quote = '\"', escape = '\"', strict_mode = true"
    return f"read_csv({literal(str(path))}, auto_detect = false, {options}, columns = {{{columns}}})"


def _header(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            stream = gzip.GzipFile(fileobj=file) if path.name.endswith(".gz") else file
            line = stream.readline(_HEADER_LIMIT)
        text = line.decode("utf-8-sig")
        names = next(csv.reader([text]), [])
    except UnicodeDecodeError:
        raise DamagedError("it is not UTF-8") from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise DamagedError("it cannot be unpacked, so it is damaged or cut off") from None
    except csv.Error:
        raise DamagedError("its header cannot be read as CSV") from None
    if not line:
        raise DamagedError("it is empty; a batch without rows has its header")
    lowered = [name.lower() for name in names]
    if "\0" in text or not all(names) or len(set(lowered)) < len(lowered):
        raise DamagedError("its header has an empty or repeated name, or is no text")
    return names


def columns_of(connection: duckdb.DuckDBPyConnection, source: str) -> dict[str, str]:
    """SQL type by column of what stands after FROM."""
    described = run(connection, f"DESCRIBE SELECT * FROM {source}")  # noqa: S608
    return {name: kind for name, kind, *_ in described}


@contextmanager
def reading() -> Iterator[None]:
    """Tells a damaged batch from a machine that is too small.

    Raises:
        DamagedError: What was read cannot be read.
        JobError: Memory or disk do not suffice.
    """
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise JobError(
            "the batch needs more memory or disk than the job has; give it a larger one"
        ) from error
    except duckdb.Error as error:
        text = str(error)
        if "No space left" in text or "max_temp_directory_size" in text:
            raise JobError("the disk of the job is full; give it a larger volume") from error
        raise DamagedError(_why(text)) from error


def _why(text: str) -> str:
    """The kind of an error; its text may hold what is in the file."""
    line = _LINE.search(text)
    said = next((words for sign, words in _SAYS.items() if sign in text), "it cannot be read to its end")
    return f"line {line.group(1)}: {said}" if line else f"{said}, so it is damaged or cut off"

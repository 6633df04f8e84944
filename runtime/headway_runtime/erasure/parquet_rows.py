"""Rows cut out of Parquet: schema, codecs, row groups and every other value stay as they are."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from headway_runtime.erasure.cut import Cut, UnreadableError
from headway_runtime.erasure.signs import Sign, database, marked
from headway_runtime.quality.database import quoted

Marks = Callable[[pa.Table], Sequence[bool]]
"""Says of each row of a part of a file whether it goes."""


def cut_parquet(source: Path, target: Path, signs: Sequence[Sign], anywhere: Sequence[str] = ()) -> Cut:
    """Cuts the rows out that have a sign.

    Args:
        source: The file.
        target: Where the rest is written.
        signs: What rows are held to.
        anywhere: Values that a file without any of the signs' columns must not hold.

    Raises:
        UnreadableError: It is no Parquet, or holds the values where nobody declared them.
    """
    with database() as connection:

        def marks(rows: pa.Table) -> Sequence[bool]:
            fitting = [sign for sign in signs if sign.fits(rows.column_names)]
            if not fitting and anywhere:
                _refuse_undeclared(connection, rows, anywhere)
            return marked(connection, rows, fitting)

        return cut_marked(source, target, marks)


def cut_marked(source: Path, target: Path, marks: Marks) -> Cut:
    """Cuts the rows out that are marked, one row group after the other.

    Raises:
        UnreadableError: It is no Parquet.
    """
    try:
        with pq.ParquetFile(source) as file:
            goes = [marks(file.read_row_group(number)) for number in range(file.num_row_groups)]
            removed = sum(map(sum, goes))
            kept = file.metadata.num_rows - removed
            if removed:
                _write(file, target, goes)
    except (pa.ArrowException, OSError, duckdb.Error) as error:
        raise UnreadableError("it cannot be read as Parquet, or not with the columns declared") from error
    return Cut(removed, kept)


def values_of(source: Path, signs: Sequence[Sign], column: str) -> set[str]:
    """Values of a column in the rows that have a sign.

    Raises:
        UnreadableError: It is no Parquet.
    """
    found: set[str] = set()
    with database() as connection:

        def marks(rows: pa.Table) -> Sequence[bool]:
            for value, mark in zip(rows[column].to_pylist(), marked(connection, rows, signs), strict=True):
                if mark:
                    found.add(str(value))
            return [False] * rows.num_rows

        cut_marked(source, source, marks)
    return found


def _write(file: pq.ParquetFile, target: Path, goes: Sequence[Sequence[bool]]) -> None:
    with pq.ParquetWriter(target, file.schema_arrow, **_as_before(file)) as writer:
        for number, marks in enumerate(goes):
            rows = file.read_row_group(number)
            rest = rows.filter(pa.array([not mark for mark in marks], pa.bool_()))
            if rest.num_rows:
                writer.write_table(rest, row_group_size=rest.num_rows)


def _as_before(file: pq.ParquetFile) -> dict[str, Any]:
    """How the file was written, as far as it says."""
    metadata = file.metadata
    columns = [metadata.schema.column(place) for place in range(metadata.num_columns)]
    codecs = {}
    if metadata.num_row_groups:
        group = metadata.row_group(0)
        codecs = {
            group.column(place).path_in_schema: _codec(group.column(place).compression)
            for place in range(group.num_columns)
        }
    return {
        "compression": codecs or "snappy",
        "version": {"1.0": "1.0", "2.4": "2.4"}.get(metadata.format_version, "2.6"),
        "store_schema": b"ARROW:schema" in (metadata.metadata or {}),
        # Spark and Hive write times like this, and a table in the catalog may want them so.
        "use_deprecated_int96_timestamps": any(column.physical_type == "INT96" for column in columns),
    }


def _codec(name: str) -> str:
    return "none" if name == "UNCOMPRESSED" else name.lower()


def _refuse_undeclared(connection: duckdb.DuckDBPyConnection, rows: pa.Table, values: Sequence[str]) -> None:
    texts = " || chr(31) || ".join(
        f"coalesce(CAST({quoted(name)} AS VARCHAR), '')" for name in rows.column_names
    )
    if not texts:
        return
    connection.register("headway_undeclared", rows)
    held = " AND ".join("contains(chr(31) || cells || chr(31), chr(31) || ? || chr(31))" for _ in values)
    query = f"SELECT count(*) FROM (SELECT {texts} AS cells FROM headway_undeclared) WHERE {held}"  # noqa: S608
    (count,) = connection.execute(query, list(values)).fetchall()[0]
    connection.unregister("headway_undeclared")
    if count:
        raise UnreadableError(
            f"{count} rows hold the subject's values, and no column says that it is the key"
        )

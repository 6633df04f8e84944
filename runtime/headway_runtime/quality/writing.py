"""Rows of the staging database as Parquet, in a stream; the same rows give the same bytes."""

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from headway_runtime.data.manifest import file_digest
from headway_runtime.jobs import JobError
from headway_runtime.quality.database import answered, literal, one, quoted, run
from headway_runtime.quality.intake import Intake

ROWS_AT_ONCE = 131_072


def copy_rows(connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> pa.Schema:
    """Writes what a query answers.

    Args:
        connection: Where the query is run.
        query: The query.
        path: The file; its directory is made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    reader = answered(connection, query).to_arrow_reader(ROWS_AT_ONCE)
    with pq.ParquetWriter(path, reader.schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch, ROWS_AT_ONCE)
    schema: pa.Schema = reader.schema
    return schema


def write_partitions(
    connection: duckdb.DuckDBPyConnection, intake: Intake, table: str, time: str | None, directory: Path
) -> dict[str, Any]:
    """Writes the rows of a table that count, one file for each month.

    Args:
        connection: Where they are staged.
        intake: What was taken.
        table: Name of the table.
        time: Column whose month (UTC) partitions the rows; None keeps them in one file.
        directory: Directory of the dataset; a folder of the table that is there is replaced.

    Returns:
        The table's entry in the manifest.

    Raises:
        JobError: Rows lack the time that partitions them.
    """
    files: dict[str, str] = {}
    schema = answered(connection, f"{intake.result} LIMIT 0").to_arrow_table().schema
    (rows,) = one(connection, f"SELECT count(*) FROM ({intake.result})")  # noqa: S608
    for partition, where in _partitions(connection, intake, table, time):
        path = f"{partition}/part-0.parquet"
        copy_rows(connection, f"{intake.result} {where} ORDER BY {intake.order}", directory / path)
        files[path] = file_digest(directory / path)
    return {
        "rows": rows,
        "columns": {field.name: str(field.type) for field in schema},
        "time_column": time,
        "files": files,
    }


def _partitions(
    connection: duckdb.DuckDBPyConnection, intake: Intake, table: str, time: str | None
) -> list[tuple[str, str]]:
    """The partitions, each with what follows the query for all rows."""
    if time is None:
        return [(table, "")]
    month = f"strftime(CAST({quoted(time)} AS TIMESTAMPTZ), '%Y-%m')"
    found = run(
        connection,
        f"SELECT {month} AS month, count(*) FROM ({intake.result}) GROUP BY 1 ORDER BY 1",  # noqa: S608,
    )
    missing = sum(count for name, count in found if name is None)
    if missing:
        raise JobError(
            f"table {table!r} has {missing} rows without {time!r}; a row needs a time to belong to a month"
        )
    months = [(f"{table}/month={name}", f"AND {month} = {literal(name)}") for name, _ in found]
    # A table without rows has its columns.
    return months or [(table, "")]

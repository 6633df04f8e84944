"""The database that rows are looked at in: it spills to a directory, and keeps the order of rows."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

MEMORY_LIMIT = "600MB"
"""What the database may hold in memory; the rest goes to the job's volume."""


def connect(scratch: Path) -> duckdb.DuckDBPyConnection:
    """A database in a directory.

    Args:
        scratch: The directory; what does not fit into memory goes there.
    """
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    connection = duckdb.connect(
        # In memory, which spills as well, so that small batches touch no disk.
        ":memory:",
        config={
            "memory_limit": MEMORY_LIMIT,
            "temp_directory": str(scratch / "spill"),
            "threads": threads,
            # A name in SQL is a table, never a variable of this program.
            "python_enable_replacements": False,
        },
    )
    run(connection, "SET TimeZone = 'UTC'")
    return connection


def run(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[object] = ()
) -> list[tuple[Any, ...]]:
    """Every row that a statement answers.

    Args:
        connection: Where it is run.
        query: The statement.
        parameters: Values of its question marks.
    """
    # All of them, because a result that is not read to its end holds the connection.
    return connection.execute(query, list(parameters)).fetchall()


def one(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[object] = ()
) -> tuple[Any, ...]:
    """The only row that a query answers."""
    (row,) = run(connection, query, parameters)
    return row


def answered(connection: duckdb.DuckDBPyConnection, query: str) -> duckdb.DuckDBPyRelation:
    """What a query answers, to be read once."""
    relation = connection.sql(query)
    assert relation is not None
    return relation


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def listed(columns: Sequence[str]) -> str:
    """Columns as SQL lists them."""
    return ", ".join(map(quoted, columns))

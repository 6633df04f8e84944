"""What one scan of a table's rows finds: how many fail which condition, what is missing, how new it is."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb

from headway_runtime.describe import shown
from headway_runtime.quality.conditions import KEY_CHECK, ROW, Condition, typed
from headway_runtime.quality.contract import DataContract
from headway_runtime.quality.database import listed, one, quoted, run

EXAMPLES = 5
"""Rows that a report shows for each condition; all are counted."""
MASKED = "(personal data)"


@dataclass(frozen=True)
class Measured:
    """What a scan found.

    Attributes:
        rows: Number of rows.
        failing: Rows that fail a condition, by its name; those that fail none are left out.
        present: Rows with a value, by column of the contract.
        oldest: Time of the oldest row; None where rows have no time.
        newest: Time of the newest row; None where rows have no time.
    """

    rows: int
    failing: Mapping[str, int]
    present: Mapping[str, int]
    oldest: datetime | None
    newest: datetime | None


def measure(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    contract: DataContract,
    types: Mapping[str, str],
    found: Sequence[Condition],
) -> Measured:
    """Counts what fails.

    Args:
        connection: Where the source can be read.
        source: What stands after FROM.
        contract: The contract.
        types: SQL type by column.
        found: The conditions on a row.
    """
    columns = [column.name for column in contract.columns]
    time = (
        "CAST(NULL AS TIMESTAMPTZ)"
        if contract.time is None
        else f"CAST({quoted(contract.time)} AS TIMESTAMPTZ)"
    )
    key = listed(contract.key)
    doubles_sql = f"count(*) - count(DISTINCT ({key},))" if contract.key else "0"
    sums = [
        *(f"count(*) FILTER ({item.fails})" for item in found),
        *(f"count({quoted(name)})" for name in columns),
    ]
    query = (
        f"SELECT count(*), {doubles_sql}, epoch_us(min({time})), epoch_us(max({time})), "  # noqa: S608
        f"{', '.join(sums)} FROM ({typed(source, types)})"
    )
    row = one(connection, query)
    rows, doubles, oldest, newest, *counts = row
    failing = dict(zip((item.name for item in found), counts, strict=False))
    if doubles:
        failing[KEY_CHECK] = doubles
    return Measured(
        rows=rows,
        failing={name: count for name, count in failing.items() if count},
        present=dict(zip(columns, counts[len(found) :], strict=True)),
        oldest=_moment(oldest),
        newest=_moment(newest),
    )


def examples(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    columns: Sequence[str],
    personal: Collection[str],
    rows: Sequence[int],
) -> list[dict[str, Any]]:
    """Columns of some rows as they arrived; personal data is masked.

    Args:
        connection: Where the source can be read.
        source: What stands after FROM.
        columns: The columns to show.
        personal: Columns whose values are not shown.
        rows: Numbers of the rows in the source.
    """
    raw = "".join(f", CAST({quoted(name)} AS VARCHAR)" for name in columns)
    numbers = ", ".join(map(str, rows))
    found = run(
        connection,
        f"SELECT {ROW}{raw} FROM (SELECT row_number() OVER () AS {ROW}, * FROM {source}) "  # noqa: S608
        f"WHERE {ROW} IN ({numbers}) ORDER BY {ROW}",
    )
    return [
        {
            "row": number,
            "values": {
                name: MASKED if name in personal else shown(value)
                for name, value in zip(columns, values, strict=True)
            },
        }
        for number, *values in found
    ]


def _moment(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else datetime.fromtimestamp(microseconds / 1e6, UTC)

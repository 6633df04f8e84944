"""What a system's source function yields."""

from dataclasses import dataclass

import pyarrow as pa


class SourceError(Exception):
    """A source cannot be read; the message is one sentence for a person."""


@dataclass(frozen=True)
class Table:
    """One raw table.

    Attributes:
        name: Name of the table, used as a directory and in SQL.
        data: The rows.
        time_column: Column whose month (UTC) partitions the rows; None keeps the table in one file.
    """

    name: str
    data: pa.Table
    time_column: str | None = None

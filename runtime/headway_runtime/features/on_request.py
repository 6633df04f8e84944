"""Features of one request, by the same expressions that compute history."""

import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import duckdb

from headway_runtime.features.transformation import EVENT_TIME, Transformation


class RequestError(ValueError):
    """A request that features cannot be computed from; the message has every problem."""


class OnRequest:
    """Computes the features of a group for one request at a time; threads take turns.

    Args:
        transformation: The group.
    """

    def __init__(self, transformation: Transformation) -> None:
        self.transformation = transformation
        self._lock = threading.Lock()
        # One thread: a single row leaves nothing to share, and waking others takes longer than the row.
        self._connection = duckdb.connect(config={"threads": 1})
        self._connection.execute("SET TimeZone = 'UTC'")
        # As a number: DuckDB makes a time with a zone only where a package for time zones is installed.
        event_time = f"epoch_ms({EVENT_TIME}) AS {EVENT_TIME}"
        sql = f"SELECT * REPLACE ({event_time}) FROM (\n{transformation.request_sql()}\n)"  # noqa: S608
        # Parsed once: that halves what a request takes.
        (self._statement,) = self._connection.extract_statements(sql)
        self._names = [*transformation.keys, EVENT_TIME, *(item.name for item in transformation.features)]

    def close(self) -> None:
        """Closes the database."""
        self._connection.close()

    def compute(self, request: Mapping[str, Any]) -> tuple[datetime, dict[str, Any]]:
        """The moment that a request asks about, and the keys and features of it.

        Args:
            request: The declared columns of the source; others are left alone, as the features leave them.

        Raises:
            RequestError: Columns lack, or a value is none of its column's type.
        """
        columns = self.transformation.columns
        missing = [f"{name} ({kind})" for name, kind in columns.items() if name not in request]
        if missing:
            raise RequestError(f"the request lacks {', '.join(missing)}; a missing value is null")
        try:
            with self._lock:
                found = self._connection.execute(self._statement, {name: request[name] for name in columns})
                row = found.fetchone()
        except duckdb.Error as error:
            raise RequestError(f"the request cannot be read: {str(error).splitlines()[0]}") from error
        assert row is not None
        values = dict(zip(self._names, row, strict=True))
        at_ms = values.pop(EVENT_TIME)
        if at_ms is None:
            raise RequestError(f"the request has no time; {self.transformation.event_time} is null")
        return datetime.fromtimestamp(at_ms / 1000, UTC), values

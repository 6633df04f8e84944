"""New rows of a source into the feature store, by the same expressions that compute history."""

import math
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import duckdb

from headway_runtime.features.records import to_record
from headway_runtime.features.transformation import EVENT_TIME, Transformation

WRITERS = 8
"""Calls that are under way at once; the store takes one record a call."""


class RecordWriter(Protocol):
    """The one call of the feature store's runtime that is needed."""

    def put_record(self, **request: Any) -> object:  # noqa: ANN401 - AWS's own names
        """Writes a record, online where it is the newest, and offline."""


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        records: How many records.
        newest: Latest event time; None without any record.
    """

    records: int
    newest: datetime | None


def new_rows(
    connection: duckdb.DuckDBPyConnection,
    transformation: Transformation,
    since: datetime | None,
    until: datetime,
) -> Iterator[dict[str, Any]]:
    """Computes the rows of a span of time, in the order of their event times.

    Args:
        connection: Holds the source as a table or view, in UTC.
        transformation: The group.
        since: Rows before it are left out, with a time zone; none for None.
        until: Rows from it on are left out, with a time zone.
    """
    conditions = [f"{EVENT_TIME} < TIMESTAMPTZ '{until.isoformat()}'"]
    if since is not None:
        conditions.append(f"{EVENT_TIME} >= TIMESTAMPTZ '{since.isoformat()}'")
    rows = connection.sql(transformation.sql()).filter(" AND ".join(conditions)).order(EVENT_TIME)
    for batch in rows.to_arrow_table().to_batches(max_chunksize=10_000):
        yield from batch.to_pylist()


def materialize(
    store: RecordWriter,
    group_name: str,
    transformation: Transformation,
    rows: Iterator[dict[str, Any]],
    clock: Callable[[], datetime],
) -> Written:
    """Writes rows to a feature group; written again, they change nothing that a training set takes.

    A record lives in the online store for the group's time to live from when it is written, so that history
    can be played. Whether a value counts is decided by its event time when it is read.

    Args:
        store: Client for the feature store's runtime.
        group_name: Name of the feature group.
        transformation: The group.
        rows: Keys, event time and features.
        clock: The time, with a time zone.

    Raises:
        RecordError: A row cannot be stored; those before it are.
    """
    newest: datetime | None = None
    count = 0

    def put(row: Mapping[str, Any]) -> datetime:
        event_time: datetime = row[EVENT_TIME]
        lives = {}
        if transformation.ttl_s is not None:
            age_s = math.ceil((clock() - event_time).total_seconds())
            lives["TtlDuration"] = {"Unit": "Seconds", "Value": transformation.ttl_s + max(age_s, 0)}
        store.put_record(FeatureGroupName=group_name, Record=to_record(transformation, row), **lives)
        return event_time

    with ThreadPoolExecutor(WRITERS) as pool:
        for event_time in pool.map(put, rows):
            count += 1
            newest = event_time if newest is None else max(newest, event_time)
    return Written(count, newest)

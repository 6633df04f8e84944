"""The rows of a story: real ones, made by the system's own code, cut into the periods that are played."""

import io
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from headway_cli.errors import HeadwayError
from headway_runtime.contract import EVENT_TIME_COLUMN, LABEL_COLUMN, Contract
from headway_runtime.data.ingest import ingest
from headway_runtime.data.prepare import Split, prepare
from headway_runtime.data.table import SourceError
from headway_runtime.jobs import JobError, load_function

ROWS_A_REQUEST = 20
"""Flights of about half an hour: the more of them one request holds, the less its witness counts."""


@dataclass(frozen=True)
class Batch:
    """Rows of one request, with what became of them.

    Args:
        body: The rows as CSV.
        labels: The outcome of each row.
        until: When the last of them happened.
    """

    body: bytes
    labels: tuple[int, ...]
    until: datetime


def read_rows(
    code: Path, training: Mapping[str, Any], contract: Contract, first: date, last: date, *, every: int
) -> pa.Table:
    """The labelled rows between two days, by their time.

    Args:
        code: Directory of the system's code.
        training: `ingest` and `features`, the functions that make the rows.
        contract: What they honour.
        first: First day.
        last: Day after the last.
        every: Each so many-th row is taken.

    Raises:
        HeadwayError: The rows cannot be made.
    """
    split = Split(_midnight(first), _midnight(last))
    try:
        with tempfile.TemporaryDirectory(prefix="headway-story-") as folder:
            ingest(load_function(training["ingest"], code)(), Path(folder))
            rows = prepare(load_function(training["features"], code), Path(folder), contract, split)
    except (JobError, SourceError) as error:
        raise HeadwayError(f"the rows of the story cannot be made: {error}") from error
    table = rows.evaluation.sort_by(EVENT_TIME_COLUMN)
    return table.take(pa.array(range(0, table.num_rows, every), pa.int64()))


def between(table: pa.Table, first: date, last: date) -> pa.Table:
    """The rows from one day to before another."""
    times = table[EVENT_TIME_COLUMN]
    low, high = (pa.scalar(_midnight(day), times.type) for day in (first, last))
    return table.filter(pc.and_(pc.greater_equal(times, low), pc.less(times, high)))


def batches(table: pa.Table, inputs: list[str]) -> Iterator[Batch]:
    """The rows as requests, in their order."""
    for start in range(0, table.num_rows, ROWS_A_REQUEST):
        part = table.slice(start, ROWS_A_REQUEST)
        yield Batch(
            body=as_csv(part, inputs),
            labels=tuple(part[LABEL_COLUMN].to_pylist()),
            until=pc.max(part[EVENT_TIME_COLUMN]).as_py(),
        )


def as_csv(table: pa.Table, inputs: list[str]) -> bytes:
    """The inputs of rows as a caller sends them."""
    text = io.BytesIO()
    pa_csv.write_csv(
        table.select(inputs), text, pa_csv.WriteOptions(include_header=False, quoting_style="needed")
    )
    return text.getvalue()


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)

"""The offline store: parquet files in the group's bucket, in the layout of AWS.

``<S3Uri>/<account>/sagemaker/<region>/offline-store/<group>-<creation time>/data/year=/month=/day=/hour=/``
and in there ``<latest event time in the file>_<16 letters and digits>.parquet``, by event time in UTC.
"""

from __future__ import annotations

import io
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from headway_sandbox.sagemaker.feature_store.event_time import moment
from headway_sandbox.sagemaker.feature_store.records import RecordStore, WaitingRecord
from headway_sandbox.sagemaker.feature_store.schema import FeatureGroup

BATCH_SIZE = 10_000
"""Records that are written at once; more wait for the next turn."""

ADDED_COLUMNS = ("write_time", "api_invocation_time", "is_deleted")
"""Columns that the store adds to a group's features."""

_HOUR_MS = 3_600_000

Upload = Callable[[str, bytes], None]
"""Puts a file below the group's ``data`` prefix: its path and its content."""


def resolved_uri(s3_uri: str, account: str, region: str, group: str, created_s: float) -> str:
    """``ResolvedOutputS3Uri``: where a group's files are.

    >>> resolved_uri("s3://b/p/", "0" * 12, "us-east-1", "flights", 1593511200.7)
    's3://b/p/000000000000/sagemaker/us-east-1/offline-store/flights-1593511200/data'
    """
    prefix = f"{account}/sagemaker/{region}/offline-store/{group}-{int(created_s)}/data"
    return f"{s3_uri.rstrip('/')}/{prefix}"


def write_waiting(records: RecordStore, group: FeatureGroup, upload: Upload, now_ms: int) -> int:
    """Moves the oldest waiting records of a group into its offline store. Blocks.

    Args:
        records: Where they wait.
        group: The group.
        upload: Puts a file into the bucket.
        now_ms: The time of writing.

    Returns:
        How many records were moved; 0 if none wait.
    """
    batch = records.waiting(group.group_id, BATCH_SIZE)
    files: dict[str, list[WaitingRecord]] = defaultdict(list)
    new: dict[int, list[WaitingRecord]] = defaultdict(list)
    for record in batch:
        if record.file is not None:
            files[record.file].append(record)
        else:
            new[record.event_time_ms // _HOUR_MS].append(record)
    for members in new.values():
        file = _file_name(members)
        records.assign(members, file, now_ms)
        files[file] = members
    for file, members in files.items():
        written_ms = members[0].write_ms
        upload(file, parquet(group, members, now_ms if written_ms is None else written_ms))
        records.written(members)
    return len(batch)


def parquet(group: FeatureGroup, records: Sequence[WaitingRecord], write_ms: int) -> bytes:
    """A file of records.

    Args:
        group: Their group; its features are the columns.
        records: The records; what they lack is null.
        write_ms: ``write_time``, milliseconds since the epoch.
    """
    # Imported on first use: it takes longer than the whole start of the sandbox may.
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import parquet as pq  # noqa: PLC0415

    types: dict[str, tuple[Any, Callable[[str], object]]] = {
        "Integral": (pa.int64(), int),
        "Fractional": (pa.float64(), float),
        "String": (pa.string(), str),
    }
    columns = {}
    for name, kind in group.types.items():
        arrow_type, read = types[kind]
        values = [record.values.get(name) for record in records]
        columns[name] = pa.array([None if value is None else read(value) for value in values], arrow_type)
    write_time, invocation_time, is_deleted = ADDED_COLUMNS
    columns[write_time] = pa.array([write_ms] * len(records), pa.timestamp("ms"))
    columns[invocation_time] = pa.array([record.invoked_ms for record in records], pa.timestamp("ms"))
    columns[is_deleted] = pa.array([record.deleted for record in records], pa.bool_())
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def _file_name(records: Sequence[WaitingRecord]) -> str:
    """The path of a new file for records of one hour, below the group's ``data`` prefix."""
    at = moment(max(record.event_time_ms for record in records))
    folder = f"year={at.year:04}/month={at.month:02}/day={at.day:02}/hour={at.hour:02}"
    latest = f"{at.year:04}{at.month:02}{at.day:02}T{at.hour:02}{at.minute:02}{at.second:02}Z"
    return f"{folder}/{latest}_{uuid.uuid4().hex[:16]}.parquet"

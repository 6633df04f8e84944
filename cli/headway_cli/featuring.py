"""Features of a system: what there is, new rows into the store, rows for the model, and skew."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
from botocore.exceptions import ClientError

from headway_cli.aws import Aws
from headway_cli.errors import HeadwayError, WrongUseError
from headway_cli.systems import System
from headway_runtime.contract import EVENT_TIME_COLUMN, Contract
from headway_runtime.features.control.steps import NAMESPACE
from headway_runtime.features.materialize import Written, materialize, new_rows
from headway_runtime.features.on_request import RequestError
from headway_runtime.features.online import Assembled, FeatureRows
from headway_runtime.features.records import RecordError
from headway_runtime.features.right_in_time import RightInTime, Stored, assemble
from headway_runtime.features.skew import Skew, compare
from headway_runtime.jobs import JobError, load_function
from headway_runtime.monitor.capture import read_capture

METRICS_A_CALL = 1_000
_FOR_EVER = datetime(2099, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class FeatureCode:
    """The system's own code that computes features.

    Attributes:
        plan: What a training set is made of.
        tables: Yields the raw tables.
    """

    plan: RightInTime
    tables: Callable[[], Iterator[Any]]


def feature_code(system: System, program: Path) -> FeatureCode:
    """Loads the code that the system was declared with.

    Args:
        system: The system.
        program: Folder of the stack's program, which the code lies in.

    Raises:
        HeadwayError: The system trains no model, or its code makes its rows without stored features.
    """
    if system.feature_code is None or system.ingest_code is None:
        raise HeadwayError(f"{system.name} trains no model, so no code computes its features")
    try:
        build = load_function(system.feature_code, program)
        tables = load_function(system.ingest_code, program)
        with duckdb.connect() as connection:
            plan = build(connection, program)
    except JobError as error:
        raise HeadwayError(str(error)) from error
    except duckdb.Error as error:
        raise HeadwayError(
            f"{system.feature_code} needs its tables to say what it computes: {error}"
        ) from error
    if not isinstance(plan, RightInTime):
        raise HeadwayError(
            f"{system.feature_code} returns {type(plan).__name__}; return a RightInTime to store features"
        )
    return FeatureCode(plan, tables)


def groups(system: System) -> dict[str, str]:
    """Name of each feature group of a system, by `<name>-v<version>` of its contract."""
    return {item["label"]: item["group_name"] for item in system.features if item.get("group_name")}


def write_new_rows(
    aws: Aws,
    system: System,
    code: FeatureCode,
    *,
    since: datetime,
    until: datetime,
    clock: Callable[[], datetime],
) -> dict[str, Written]:
    """Computes a span of time and writes it to the feature groups.

    Args:
        aws: Clients of the stack's account.
        system: The system.
        code: Its code.
        since: Rows before it are left out.
        until: Rows from it on are left out.
        clock: The time, with a time zone.

    Returns:
        What was written, by `<name>-v<version>`.

    Raises:
        HeadwayError: The system stores no features, or a row cannot be stored.
    """
    names = _needed(system, code)
    written = {}
    with _raw(code, {group.transformation.source for group in code.plan.stored}) as connection:
        for group in code.plan.stored:
            item = group.transformation
            try:
                written[item.label] = materialize(
                    aws.client("sagemaker-featurestore-runtime"),
                    names[item.label],
                    item,
                    new_rows(connection, item, since, until),
                    clock,
                )
            except (RecordError, duckdb.Error) as error:
                raise HeadwayError(f"{item.label} cannot be computed: {error}") from error
    return written


def row_of(aws: Aws, system: System, code: FeatureCode, request: Mapping[str, Any]) -> Assembled:
    """The row that the model is asked with for a request.

    Raises:
        WrongUseError: Features cannot be computed from the request.
        HeadwayError: The system stores no features, or a record is damaged.
    """
    store = aws.client("sagemaker-featurestore-runtime")
    with closing(FeatureRows(code.plan, _needed(system, code), store)) as rows:
        try:
            return rows.row(request)
        except RequestError as error:
            raise WrongUseError(str(error)) from error
        except RecordError as error:
            raise HeadwayError(str(error)) from error


def measure_skew(aws: Aws, system: System, code: FeatureCode, day: datetime | None) -> Skew:
    """Compares what the endpoint was asked with to history, and publishes what differs as metrics.

    Args:
        aws: Clients of the stack's account.
        system: The system.
        code: Its code.
        day: Only what was captured on this day, UTC; all that is kept for None.

    Raises:
        HeadwayError: Nothing is captured, or history cannot be computed.
    """
    if system.capture_bucket is None:
        raise HeadwayError(f"the stack does not say where {system.name} is captured; run `headway up`")
    contract = Contract.from_document(system.contract)
    with tempfile.TemporaryDirectory(prefix="headway-skew-") as folder:
        _fetch_capture(aws, system, Path(folder), day)
        traffic = read_capture(Path(folder), contract)
    if traffic.rows == 0:
        raise HeadwayError(f"{system.endpoint_name} has captured no request{_on(day)}; ask it first")
    sources = {code.plan.labels.source, *(group.transformation.source for group in code.plan.stored)}
    with _raw(code, sources) as connection:
        try:
            history = assemble(connection, code.plan, _FOR_EVER, {}).rows
        except (JobError, duckdb.Error) as error:
            raise HeadwayError(f"history cannot be computed: {error}") from error
    ids = [name for name, _ in traffic.ids]
    found = compare(traffic.inputs, ids, history, list(code.plan.labels.keys), EVENT_TIME_COLUMN)
    metrics = found.metrics(system.endpoint_name)
    for start in range(0, len(metrics), METRICS_A_CALL):
        aws.client("cloudwatch").put_metric_data(
            Namespace=NAMESPACE, MetricData=metrics[start : start + METRICS_A_CALL]
        )
    return found


def _on(day: datetime | None) -> str:
    return "" if day is None else f" on {day:%Y-%m-%d}"


def _needed(system: System, code: FeatureCode) -> dict[str, str]:
    names = groups(system)
    missing = [item.label for item in _stored(code) if item.label not in names]
    if missing or not names:
        what = ", ".join(missing) if missing else "features"
        raise HeadwayError(f"{system.name} stores no {what}; declare it as stored and run `headway up`")
    return names


def _stored(code: FeatureCode) -> list[Any]:
    return [group.transformation for group in code.plan.stored if isinstance(group, Stored)]


@contextmanager
def _raw(code: FeatureCode, sources: set[str]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with the raw tables that are needed."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = set()
        for table in code.tables():
            if table.name in sources:
                connection.register(table.name, table.data)
                found.add(table.name)
            if found == sources:
                break
        if found != sources:
            missing = ", ".join(sorted(sources - found))
            raise HeadwayError(f"the source yields no table {missing}, which the features are computed from")
        yield connection


def _fetch_capture(aws: Aws, system: System, folder: Path, day: datetime | None) -> None:
    s3 = aws.client("s3")
    prefix = f"{system.endpoint_name}/"
    try:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=system.capture_bucket, Prefix=prefix)
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        wanted = "" if day is None else f"/{day:%Y/%m/%d}/"
        for number, key in enumerate(key for key in keys if key.endswith(".jsonl") and wanted in key):
            s3.download_file(system.capture_bucket, key, str(folder / f"{number:08}.jsonl"))
    except ClientError as error:
        raise HeadwayError(f"what was captured cannot be read: {error}") from error

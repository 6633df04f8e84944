"""A day of flights asked about as they come, held against history: online and offline are the same."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from flight_delay.data import tables
from flight_delay.features import WEATHER, build
from headway_runtime.features.definition import TrainingSetDefinition
from headway_runtime.features.job import build as training_set
from headway_runtime.features.materialize import materialize, new_rows
from headway_runtime.features.online import FeatureRows
from headway_runtime.features.queries import athena_sql
from headway_runtime.features.right_in_time import TrainingRows, assemble
from headway_runtime.features.skew import compare, inference_id
from headway_runtime.features.store_files import group_files, label_files
from support.control import BUCKET, Cloud, unique, until
from support.feature_groups import Group, queried

BEGIN = datetime(2013, 9, 1, 10, tzinfo=UTC)
HOURS = 18
END = BEGIN + timedelta(hours=HOURS)
TYPES = {"string": "String", "integer": "Integral", "number": "Fractional"}


@dataclass
class Day:
    """A day that was played: what the model was asked with, and what history says."""

    cloud: Cloud
    group: Group
    sent: pa.Table
    ids: list[str]
    states: list[str]
    history: TrainingRows
    stored: int

    def compared(self, sent: pa.Table) -> Any:
        return compare(sent, self.ids, self.history.rows, ["flight_number"], "event_time")


def of_day(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """The day's rows of both tables, in the connection; answers the flights in their order."""
    hour = timedelta(hours=1)
    for table in tables():
        if table.name not in ("flights", "weather"):
            break
        times = table.data["time_hour"].cast(pa.timestamp("us", "UTC"))
        begin = BEGIN - hour if table.name == "weather" else BEGIN
        mask = pc.and_(pc.greater_equal(times, pa.scalar(begin)), pc.less(times, pa.scalar(END)))
        connection.register(table.name, table.data.filter(mask))
    connection.execute("SET TimeZone = 'UTC'")
    flights = connection.sql("SELECT * FROM flights ORDER BY time_hour, minute, carrier, flight")
    rows: list[dict[str, Any]] = flights.to_arrow_table().to_pylist()
    return rows


@pytest.fixture(scope="module")
def day(cloud: Cloud) -> Day:
    definitions = [("airport", "String"), ("event_time", "Fractional")]
    definitions += [(feature.name, TYPES[feature.type]) for feature in WEATHER.features]
    group = Group(
        cloud,
        RecordIdentifierFeatureName="airport",
        EventTimeFeatureName="event_time",
        FeatureDefinitions=[{"FeatureName": name, "FeatureType": kind} for name, kind in definitions],
        OnlineStoreConfig={"EnableOnlineStore": True, "TtlDuration": {"Unit": "Hours", "Value": 1}},
    ).wait()
    with duckdb.connect() as connection:
        flights = of_day(connection)
        plan = build(connection, Path())
        rows = FeatureRows(plan, {WEATHER.label: group.name}, group.runtime)
        sent, ids, states = [], [], []
        stored = 0
        for number in range(-1, HOURS):
            hour = BEGIN + timedelta(hours=number)
            observed = new_rows(connection, WEATHER, hour, hour + timedelta(hours=1))
            made_of = materialize(group.runtime, group.name, WEATHER, observed, lambda: datetime.now(UTC))
            stored += made_of.records
            for flight in flights:
                if hour <= flight["time_hour"] < hour + timedelta(hours=1):
                    made = rows.row(flight)
                    sent.append(made.values)
                    ids.append(inference_id(made.keys.values(), made.at))
                    states.append(made.states[WEATHER.label])
        rows.close()
        history = assemble(connection, plan, END, {})
    names = [feature.name for feature in (*plan.labels.features, *WEATHER.features)]
    columns = {name: pa.array([row[name] for row in sent], history.rows[name].type) for name in names}
    return Day(cloud, group, pa.table(columns), ids, states, history, stored)


def test_what_is_asked_online_is_what_history_says_to_the_last_bit(day: Day) -> None:
    found = day.compared(day.sent)

    assert found.rows == day.sent.num_rows > 700
    assert (found.different, found.unnamed, found.unknown) == (0, 0, 0)
    assert pc.sum(pc.is_valid(day.sent["temperature_f"])).as_py() > 600
    counts = {state: day.states.count(state) for state in ("found", "expired", "none")}
    known = day.history.states[WEATHER.label]
    assert counts == {state: known[state] for state in counts}


def test_a_value_that_another_code_computes_is_skew(day: Day) -> None:
    celsius = pc.divide(pc.multiply(pc.subtract(day.sent["temperature_f"], 32.0), 5.0), 9.0)
    place = day.sent.column_names.index("temperature_f")
    found = day.compared(day.sent.set_column(place, "temperature_f", celsius))

    assert found.share > 0.8
    assert [name for name, item in found.features.items() if item.different] == ["temperature_f"]
    feature = found.features["temperature_f"]
    assert feature.largest is not None
    assert feature.largest > 20
    whole, first, *_ = found.metrics("flights-local")
    assert (whole["Value"], first["Dimensions"][1]) == (found.share, {"Name": "Feature", "Value": "carrier"})
    assert found.document()["features"]["temperature_f"]["examples"][0]["id"] in day.ids


def test_rows_that_do_not_say_what_they_are_about_are_counted_apart(day: Day) -> None:
    ids = ["3b0c", f"UA1~{day.ids[0].rpartition('~')[2]}", *day.ids[2:]]
    found = compare(day.sent, ids, day.history.rows, ["flight_number"], "event_time")

    assert (found.unnamed, found.unknown, found.rows) == (1, 1, len(ids) - 2)


def test_the_offline_store_gives_the_same_training_set_by_duckdb_and_by_athena(
    day: Day, tmp_path: Path
) -> None:
    names = [feature.name for feature in WEATHER.features]
    labels = day.history.rows.drop_columns(names)
    definition = TrainingSetDefinition.from_document(
        {
            "name": "day",
            "label_time": "event_time",
            "groups": [WEATHER.view({"airport": "origin"}).document()],
        }
    )
    store = tmp_path / "store"

    def written() -> dict[str, bytes] | None:
        files = day.group.files()
        rows = sum(pq.read_metadata(io.BytesIO(body)).num_rows for body in files.values())
        return files if rows >= day.stored else None

    for path, body in until(written, "the day in the offline store").items():
        (store / path).parent.mkdir(parents=True, exist_ok=True)
        (store / path).write_bytes(body)
    (tmp_path / "labels").mkdir()
    pq.write_table(labels, tmp_path / "labels/part-0.parquet")
    as_of = datetime.now(UTC) + timedelta(hours=1)
    made = training_set(
        label_files(tmp_path / "labels"),
        {WEATHER.label: group_files(store, WEATHER.label, as_of)},
        definition,
        as_of,
    )
    assert made.joined.rows.select(names).equals(day.history.rows.select(names))

    rows = in_athena(day, definition, labels, as_of)
    assert rows == [
        [None if value is None else str(value) for value in row.values()]
        for row in made.joined.rows.select([f"{WEATHER.label}_state", *names]).to_pylist()
    ]


def in_athena(
    day: Day, definition: TrainingSetDefinition, labels: pa.Table, as_of: datetime
) -> list[list[str | None]]:
    """State and features of every label, as Athena answers them."""
    name = unique("labels").replace("-", "_")
    times = labels["event_time"].cast(pa.timestamp("ms", "UTC")).cast(pa.timestamp("ms"))
    table = pa.table({"origin": labels["origin"], "event_time": times})
    table = table.append_column("label_row", pa.array(range(table.num_rows), pa.int64()))
    stream = io.BytesIO()
    pq.write_table(table, stream)
    day.cloud.put(f"{name}/part-0.parquet", stream.getvalue())
    parquet = "org.apache.hadoop.hive.ql.io.parquet"
    day.cloud.client("glue").create_table(
        DatabaseName="sagemaker_featurestore",
        TableInput={
            "Name": name,
            "TableType": "EXTERNAL_TABLE",
            "StorageDescriptor": {
                "Columns": [
                    {"Name": "origin", "Type": "string"},
                    {"Name": "event_time", "Type": "timestamp"},
                    {"Name": "label_row", "Type": "bigint"},
                ],
                "Location": f"s3://{BUCKET}/{name}",
                "InputFormat": f"{parquet}.MapredParquetInputFormat",
                "OutputFormat": f"{parquet}.MapredParquetOutputFormat",
                "SerdeInfo": {"SerializationLibrary": f"{parquet}.serde.ParquetHiveSerDe"},
            },
        },
    )
    catalog = day.group.described()["OfflineStoreConfig"]["DataCatalogConfig"]
    group_table = f"{catalog['Database']}.{catalog['TableName']}"
    sql = athena_sql(definition, as_of, {WEATHER.label: group_table}, f"sagemaker_featurestore.{name}")
    rows = queried(day.cloud, sql, "sagemaker_featurestore")
    # The columns of the labels come first.
    return [row[len(table.column_names) :] for row in rows]

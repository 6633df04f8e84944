"""No feature of the reference system is known later than the hour of departure."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from flight_delay.data import tables
from flight_delay.features import FEATURES, KNOWN_IN_TIME, KNOWN_ONLY_AFTERWARDS, build
from headway_runtime.features.right_in_time import assemble

END = datetime(2014, 2, 1, tzinfo=UTC)
NAMES = [feature.name for feature in FEATURES]
WEATHER = [feature.name for feature in FEATURES if feature.known_at == "hour-of-departure"]

# What an airline publishes before the day, and the hour that follows from it.
SCHEDULE = {
    *("year", "month", "day", "hour", "minute", "time_hour", "sched_dep_time", "sched_arr_time"),
    *("carrier", "flight", "origin", "dest", "distance"),
}


@pytest.fixture(scope="module")
def raw() -> dict[str, pa.Table]:
    return {table.name: table.data for table in tables() if table.name in ("flights", "weather")}


def features(raw: dict[str, pa.Table], **changed: pa.Table) -> pa.Table:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, table in (raw | changed).items():
            connection.register(name, table)
        rows = assemble(connection, build(connection, Path()), END, {}).rows  # noqa: F841 - read below
        return connection.sql(
            f"SELECT {', '.join(NAMES)}, event_time FROM rows ORDER BY ALL"
        ).to_arrow_table()


def blanked(table: pa.Table, columns: tuple[str, ...] | list[str]) -> pa.Table:
    for name in columns:
        place = table.column_names.index(name)
        table = table.set_column(place, name, pa.nulls(table.num_rows, table.schema.field(name).type))
    return table


def reversed_values(table: pa.Table, columns: tuple[str, ...]) -> pa.Table:
    backwards = pa.array(range(table.num_rows - 1, -1, -1))
    for name in columns:
        table = table.set_column(table.column_names.index(name), name, table[name].take(backwards))
    return table


def test_every_raw_column_is_either_scheduled_or_known_only_afterwards(raw: dict[str, pa.Table]) -> None:
    assert set(raw["flights"].column_names) == SCHEDULE | set(KNOWN_ONLY_AFTERWARDS)
    assert SCHEDULE.isdisjoint(KNOWN_ONLY_AFTERWARDS)
    assert {feature.known_at for feature in FEATURES} == set(KNOWN_IN_TIME)


@pytest.mark.parametrize("change", [blanked, reversed_values])
def test_what_happens_after_departure_changes_no_feature(raw: dict[str, pa.Table], change: object) -> None:
    assert callable(change)
    before = features(raw)
    after = features(raw, flights=change(raw["flights"], KNOWN_ONLY_AFTERWARDS))

    assert before.num_rows == 336_776
    assert after.equals(before)


def test_weather_of_any_other_hour_changes_no_feature(raw: dict[str, pa.Table]) -> None:
    """The weather after the scheduled hour is blanked: for every flight until noon, nothing changes."""
    noon = pa.scalar("2013-07-01T12:00:00Z").cast(pa.timestamp("s", "UTC"))
    known = raw["weather"].filter(pc.less_equal(raw["weather"]["time_hour"], noon))
    before, after = features(raw), features(raw, weather=known)

    def until_noon(rows: pa.Table) -> pa.Table:
        limit = pa.scalar("2013-07-01T13:00:00Z").cast(rows["event_time"].type)
        return rows.filter(pc.less(rows["event_time"], limit))

    assert until_noon(before).num_rows > 100_000
    assert until_noon(after).equals(until_noon(before))


def test_what_is_known_at_scheduling_does_not_depend_on_weather(raw: dict[str, pa.Table]) -> None:
    without = features(raw, weather=raw["weather"].slice(0, 0))

    scheduled = [name for name in NAMES if name not in WEATHER]
    assert len(WEATHER) == 9
    assert without.select(scheduled).num_rows == 336_776
    assert all(without[name].null_count == 336_776 for name in WEATHER)
    assert all(without[name].null_count == 0 for name in scheduled)


def test_a_reading_that_cannot_be_counts_as_missing(raw: dict[str, pa.Table]) -> None:
    assert pc.max(raw["weather"]["wind_speed"]).as_py() > 1_000
    assert pc.max(features(raw)["wind_speed_mph"]).as_py() < 60

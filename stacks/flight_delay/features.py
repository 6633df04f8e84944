"""Features and label of the reference system, each declared with the moment from which it is known.

A prediction is made at the hour of departure, before the aircraft leaves the gate. Until then the schedule is
known, and so is the weather observed at the origin in the scheduled hour. The dataset holds observations, not
forecasts: a caller who asks hours ahead has to send a forecast in their place, and the model will be somewhat
worse than measured. Nothing that the flight itself produces (departure, arrival, delays, time in the air) is
a feature, and neither is the tail number, because aircraft are swapped until shortly before departure.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

SCHEDULING: Final = "scheduling"
HOUR_OF_DEPARTURE: Final = "hour-of-departure"
KNOWN_IN_TIME: Final = (SCHEDULING, HOUR_OF_DEPARTURE)
"""The moments from which a value may be known to be a feature, in order of time."""

LATE_FROM_MIN: Final = 15
"""A flight is late when it arrives at least so many minutes after its schedule."""

KNOWN_ONLY_AFTERWARDS: Final = ("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time", "tailnum")
"""Columns of the raw flights that no feature may depend on."""


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One input of the model.

    Attributes:
        name: Name, with the unit at its end.
        type: string, integer or number.
        known_at: The moment from which the value is known, one of `KNOWN_IN_TIME`.
        sql: Expression over `flights` and `weather`.
        nullable: Whether the value may be missing.
        minimum: Smallest value possible; None for no bound.
        maximum: Largest value possible; None for no bound.
        values: Known categories; None when not listed.
        closed: Whether only the listed categories are accepted.
    """

    name: str
    type: str
    known_at: str
    sql: str
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    values: tuple[str, ...] | None = None
    closed: bool = False


def _scheduled(
    name: str, kind: str, sql: str, *, minimum: float | None = None, maximum: float | None = None
) -> Feature:
    return Feature(name=name, type=kind, known_at=SCHEDULING, sql=sql, minimum=minimum, maximum=maximum)


def _observed(name: str, column: str, minimum: float, maximum: float) -> Feature:
    # One gauge reported a wind of 1,048 mph in 2013. An impossible reading is a fault, and counts as missing.
    sql = f"CASE WHEN weather.{column} BETWEEN {minimum} AND {maximum} THEN weather.{column} END"
    return Feature(
        name=name,
        type="number",
        known_at=HOUR_OF_DEPARTURE,
        sql=sql,
        nullable=True,
        minimum=minimum,
        maximum=maximum,
    )


CARRIERS: Final = (
    *("9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL"),
    *("HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV"),
)
ORIGINS: Final = ("EWR", "JFK", "LGA")

FEATURES: Final = (
    Feature(name="carrier", type="string", known_at=SCHEDULING, sql="flights.carrier", values=CARRIERS),
    Feature(
        name="origin", type="string", known_at=SCHEDULING, sql="flights.origin", values=ORIGINS, closed=True
    ),
    _scheduled("destination", "string", "flights.dest"),
    _scheduled(
        "day_of_week",
        "integer",
        "isodow(make_date(flights.year, flights.month, flights.day))",
        minimum=1,
        maximum=7,
    ),
    _scheduled("scheduled_hour", "integer", "flights.hour", minimum=0, maximum=23),
    _scheduled("scheduled_minute", "integer", "flights.minute", minimum=0, maximum=59),
    _scheduled("distance_mi", "number", "flights.distance", minimum=0, maximum=12_500),
    _observed("temperature_f", "temp", -80, 140),
    _observed("dew_point_f", "dewp", -100, 100),
    _observed("humidity_pct", "humid", 0, 100),
    _observed("wind_direction_deg", "wind_dir", 0, 360),
    _observed("wind_speed_mph", "wind_speed", 0, 200),
    _observed("wind_gust_mph", "wind_gust", 0, 250),
    _observed("precipitation_in", "precip", 0, 20),
    _observed("pressure_mbar", "pressure", 850, 1100),
    _observed("visibility_mi", "visib", 0, 100),
)

# The month is not a feature: the months after the training cut were never seen in training.

EVENT_TIME_SQL: Final = "flights.time_hour + to_minutes(flights.minute)"
LABEL_SQL: Final = f"flights.arr_delay >= {LATE_FROM_MIN}"
"""Null for a flight that was cancelled or diverted: it never arrived, so it has no label."""


def build(connection: "duckdb.DuckDBPyConnection", data_dir: "Path") -> "duckdb.DuckDBPyRelation":  # noqa: ARG001
    """Features, label and scheduled departure (UTC) of every scheduled flight, in no particular order.

    Args:
        connection: Holds the raw tables `flights` and `weather`.
        data_dir: Directory of the dataset; not needed, because the tables are in the connection.

    Returns:
        One row for each flight: the features in order, `label` and `event_time`.
    """
    columns = ",\n  ".join(f"{feature.sql} AS {feature.name}" for feature in FEATURES)
    return connection.sql(
        f"SELECT\n  {columns},\n  {LABEL_SQL} AS label,\n  {EVENT_TIME_SQL} AS event_time\n"
        "FROM flights\n"
        "LEFT JOIN weather ON weather.origin = flights.origin AND weather.time_hour = flights.time_hour"
    )

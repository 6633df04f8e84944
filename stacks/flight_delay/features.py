"""Features and label of the reference system, each declared with the moment from which it is known.

A prediction is made at the hour of departure, before the aircraft leaves the gate. Until then the schedule is
known, and so is the weather observed at the origin in the scheduled hour. The dataset holds observations, not
forecasts: a caller who asks hours ahead has to send a forecast in their place, and the model will be somewhat
worse than measured. Nothing that the flight itself produces (departure, arrival, delays, time in the air) is
a feature, and neither is the tail number, because aircraft are swapped until shortly before departure.

The features of the schedule are computed when a flight is asked about. The weather is observed once an hour
at an airport, for all flights from there, and is kept in the feature store.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from headway_runtime.features.transformation import ComputedFeature, Transformation

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from headway_runtime.features.right_in_time import RightInTime

SCHEDULING: Final = "scheduling"
HOUR_OF_DEPARTURE: Final = "hour-of-departure"
KNOWN_IN_TIME: Final = (SCHEDULING, HOUR_OF_DEPARTURE)
"""The moments from which a value may be known to be a feature, in order of time."""

LATE_FROM_MIN: Final = 15
"""A flight is late when it arrives at least so many minutes after its schedule."""

KNOWN_ONLY_AFTERWARDS: Final = ("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time", "tailnum")
"""Columns of the raw flights that no feature may depend on."""

HOUR_S: Final = 3_600


@dataclass(frozen=True, kw_only=True)
class Feature(ComputedFeature):
    """One input of the model.

    Attributes:
        known_at: The moment from which the value is known, one of `KNOWN_IN_TIME`.
    """

    known_at: str


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
        freshness_s=HOUR_S,
    )


CARRIERS: Final = (
    *("9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL"),
    *("HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV"),
)
ORIGINS: Final = ("EWR", "JFK", "LGA")

SCHEDULED: Final = (
    Feature(name="carrier", type="string", known_at=SCHEDULING, sql="flights.carrier", values=CARRIERS),
    Feature(
        name="origin",
        type="string",
        known_at=SCHEDULING,
        sql="flights.origin",
        values=ORIGINS,
        closed=True,
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
)

SCHEDULE: Final = Transformation(
    name="flights",
    source="flights",
    columns={
        **dict.fromkeys(("year", "month", "day", "hour", "minute", "flight"), "BIGINT"),
        **dict.fromkeys(("carrier", "origin", "dest"), "VARCHAR"),
        "distance": "DOUBLE",
        "time_hour": "TIMESTAMPTZ",
    },
    keys={"flight_number": "flights.carrier || flights.flight"},
    event_time="flights.time_hour + to_minutes(flights.minute)",
    features=SCHEDULED,
)
"""What is known of a flight when it is scheduled, computed from the request that asks about it."""

OBSERVED: Final = (
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

WEATHER: Final = Transformation(
    name="weather-at-origin",
    source="weather",
    columns={
        "origin": "VARCHAR",
        "time_hour": "TIMESTAMPTZ",
        **dict.fromkeys(
            (
                *("temp", "dewp", "humid", "wind_dir", "wind_speed"),
                *("wind_gust", "precip", "pressure", "visib"),
            ),
            "DOUBLE",
        ),
    },
    keys={"airport": "weather.origin"},
    event_time="weather.time_hour",
    # The next hour has an observation of its own; without one, nothing is known.
    ttl_s=HOUR_S,
    features=OBSERVED,
)
"""The weather at an airport, observed every hour, kept in the feature store."""

FEATURES: Final = (*SCHEDULED, *OBSERVED)

# The month is not a feature: the months after the training cut were never seen in training.

LABEL_SQL: Final = f"flights.arr_delay >= {LATE_FROM_MIN}"
"""Null for a flight that was cancelled or diverted: it never arrived, so it has no label."""


def build(connection: "duckdb.DuckDBPyConnection", data_dir: "Path") -> "RightInTime":  # noqa: ARG001
    """Every scheduled flight with its label, and the weather that was known at its departure.

    Args:
        connection: Holds the raw tables `flights` and `weather`.
        data_dir: Directory of the dataset; not needed, because the tables are in the connection.

    Returns:
        What is joined right in time: the flights, and the group whose key is their origin.
    """
    # Imported here: what declares the system goes without the database.
    from headway_runtime.features.right_in_time import RightInTime, Stored  # noqa: PLC0415

    return RightInTime(
        name="flight-delay",
        labels=SCHEDULE,
        label=LABEL_SQL,
        stored=(Stored(WEATHER, keys={"airport": "origin"}),),
    )

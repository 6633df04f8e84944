"""What the raw tables of the reference system must be like before anything is made of them."""

from typing import Final

from headway_components import ColumnType, DataColumn, DataContract, RowCheck

FLIGHT_ROWS: Final = DataContract(
    table="flights",
    columns=[
        DataColumn(name="carrier", type=ColumnType.STRING, maximum_shift=0.25),
        DataColumn(name="flight", type=ColumnType.INTEGER, minimum=1),
        DataColumn(name="origin", type=ColumnType.STRING, values=["EWR", "JFK", "LGA"], maximum_shift=0.25),
        DataColumn(name="dest", type=ColumnType.STRING),
        DataColumn(name="time_hour", type=ColumnType.TIMESTAMP),
        DataColumn(name="hour", type=ColumnType.INTEGER, minimum=0, maximum=23, maximum_shift=0.25),
        DataColumn(name="minute", type=ColumnType.INTEGER, minimum=0, maximum=59),
        DataColumn(name="distance", type=ColumnType.NUMBER, minimum=1, maximum=12_500, maximum_shift=0.25),
        # A flight that was cancelled or diverted has no delay; one in ten would be a fault of the feed.
        DataColumn(name="arr_delay", type=ColumnType.NUMBER, nullable=True, minimum_completeness=0.9),
    ],
    key=["carrier", "flight", "origin", "dest", "time_hour", "minute"],
    time="time_hour",
    row_checks=[
        RowCheck(
            name="scheduled hour and minute are one time",
            sql="sched_dep_time = hour * 100 + minute",
            fix="correct the schedule of the flight",
        ),
        RowCheck(name="arrives elsewhere", sql="origin <> dest", fix="correct the airport"),
    ],
    minimum_pass_rate=0.999,
    minimum_rows=10_000,
    maximum_age_h=48,
    landing=True,
)

WEATHER_ROWS: Final = DataContract(
    table="weather",
    columns=[
        DataColumn(name="origin", type=ColumnType.STRING, values=["EWR", "JFK", "LGA"]),
        DataColumn(name="time_hour", type=ColumnType.TIMESTAMP),
        # One gauge reported an impossible wind; what of a reading is possible is decided value by value, in
        # the features, so that a broken gauge does not take the whole hour with it.
        DataColumn(
            name="temp", type=ColumnType.NUMBER, nullable=True, minimum_completeness=0.95, maximum_shift=0.25
        ),
        DataColumn(name="visib", type=ColumnType.NUMBER, nullable=True, minimum_completeness=0.95),
    ],
    key=["origin", "time_hour"],
    time="time_hour",
    minimum_pass_rate=0.999,
    minimum_rows=1_000,
    maximum_age_h=48,
    landing=True,
)

TRAINING_ROWS: Final = DataContract(
    table="training_rows",
    columns=[
        DataColumn(name="temperature_f", type=ColumnType.NUMBER, nullable=True, minimum_completeness=0.95),
        DataColumn(name="label", type=ColumnType.INTEGER, minimum=0, maximum=1),
        DataColumn(name="event_time", type=ColumnType.TIMESTAMP),
    ],
    time="event_time",
    minimum_rows=10_000,
)

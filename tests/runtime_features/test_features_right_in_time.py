"""Features are what was known at each label: held against plain Python over a thousand random stores."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import sqlglot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headway_runtime.features.definition import GroupView, TrainingSetDefinition
from headway_runtime.features.join import connect, join
from headway_runtime.features.queries import athena_sql

EPOCH = datetime(2024, 1, 1, tzinfo=UTC)
AS_OF_S = 40
AS_OF = EPOCH + timedelta(seconds=AS_OF_S)


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """One database for all cases."""
    connection = connect(str(tmp_path_factory.mktemp("spill")), "500MB", 2)
    yield connection
    connection.close()


Row = dict[str, Any]


@dataclass(frozen=True)
class World:
    """Labels, and the records of each group; times in seconds after the epoch of the test."""

    definition: TrainingSetDefinition
    labels: list[Row]
    records: dict[str, list[Row]]


def definition(*, known_by: str, event_time_type: str, ttl_s: float | None) -> TrainingSetDefinition:
    ttl = {} if ttl_s is None else {"ttl_s": ttl_s}
    return TrainingSetDefinition.from_document(
        {
            "name": "test",
            "label_time": "at",
            "groups": [
                {
                    "name": "by-user",
                    "keys": {"user": "user"},
                    "known_by": known_by,
                    "event_time_type": event_time_type,
                    "features": [{"name": "x", "type": "number"}, {"name": "tag", "type": "string"}],
                    **ttl,
                },
                {
                    "name": "by-place",
                    "keys": {"shop": "shop", "floor": "level"},
                    "event_time_type": "Fractional",
                    "features": [{"name": "stock", "type": "integer", "column": "x"}],
                },
            ],
        }
    )


def reference(world: World) -> list[list[Any]]:
    """The features and states of each label, one label after the other."""
    answer = []
    for label in world.labels:
        row: list[Any] = []
        for group in world.definition.groups:
            row += newest(group, label, world.records[group.name])
        answer.append(row)
    return answer


def newest(group: GroupView, label: Row, records: list[Row]) -> list[Any]:
    nothing = [None] * len(group.features)
    at = label["at"]
    if at is None or any(label[name] is None for name in group.keys.values()):
        return ["none", *nothing]
    known = [
        record
        for record in records
        if all(record[column] == label[name] for column, name in group.keys.items())
        and record["event_time"] <= at
        and (group.known_by == "event_time" or record["write_time"] <= at)
        and record["write_time"] <= AS_OF_S
    ]
    if not known:
        return ["none", *nothing]

    def age(record: Row) -> tuple[Any, ...]:
        values = [(record[item.column] is not None, record[item.column]) for item in group.features]
        times = (record["event_time"], record["write_time"], record["api_invocation_time"])
        return (*times, record["is_deleted"], *(value if value[0] else (False, 0) for value in values))

    best = max(known, key=age)
    if best["is_deleted"]:
        return ["deleted", *nothing]
    age_ms = round((at - best["event_time"]) * 1000)
    if group.ttl_s is not None and age_ms >= round(group.ttl_s * 1000):
        return ["expired", *nothing]
    return ["found", *(best[item.column] for item in group.features)]


def moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else EPOCH + timedelta(seconds=seconds)


def event_times(rows: list[Row], kind: str) -> pa.Array:
    if kind == "Fractional":
        return pa.array([EPOCH.timestamp() + row["event_time"] for row in rows], pa.float64())
    texts = []
    for row in rows:
        time = EPOCH + timedelta(seconds=row["event_time"])
        milliseconds = f".{time.microsecond // 1000:03}" if time.microsecond else ""
        texts.append(f"{time:%Y-%m-%dT%H:%M:%S}{milliseconds}Z")
    return pa.array(texts, pa.string())


def store_table(group: GroupView, rows: list[Row]) -> pa.Table:
    """Records as the offline store holds them."""
    columns: dict[str, pa.Array] = {"event_time": event_times(rows, group.event_time_type)}
    for name in ("write_time", "api_invocation_time"):
        times = [EPOCH.replace(tzinfo=None) + timedelta(seconds=row[name]) for row in rows]
        columns[name] = pa.array(times, pa.timestamp("ms"))
    columns["is_deleted"] = pa.array([row["is_deleted"] for row in rows], pa.bool_())
    types = {item.column: item.type for item in group.features} | dict.fromkeys(group.keys, "string")
    arrow = {"string": pa.string(), "integer": pa.int64(), "number": pa.float64()}
    for name, kind in types.items():
        columns[name] = pa.array([row[name] for row in rows], arrow[kind])
    return pa.table(columns)


def label_table(labels: list[Row]) -> pa.Table:
    times = pa.array([moment(label["at"]) for label in labels], pa.timestamp("us", "UTC"))
    names = ("user", "shop", "level")
    return pa.table(
        {"at": times}
        | {name: pa.array([label[name] for label in labels], pa.string()) for name in names}
        | {"label": pa.array([label["label"] for label in labels], pa.int8())}
    )


def load(connection: duckdb.DuckDBPyConnection, world: World) -> pa.Table:
    for number, group in enumerate(world.definition.groups):
        connection.register(f"store_{number}", store_table(group, world.records[group.name]))
        connection.execute(
            f'CREATE OR REPLACE VIEW offline_store."{group.name}" AS SELECT * FROM store_{number}'
        )
    return label_table(world.labels)


def features(table: pa.Table) -> list[list[Any]]:
    names = ["by-user_state", "x", "tag", "by-place_state", "stock"]
    return [list(row.values()) for row in table.select(names).to_pylist()]


def athena_in_duckdb(world: World) -> str:
    """Athena's query, read by a parser of Athena's dialect and written for DuckDB."""
    (statement,) = sqlglot.transpile(
        athena_sql(world.definition, AS_OF, labels_table="athena_labels"), read="athena", write="duckdb"
    )
    return statement


KEYS = st.sampled_from(["a", "b"])
MAYBE_KEYS = st.sampled_from(["a", "b", "a", "b", None])
# Few distinct times make ties of every kind; milliseconds show what is rounded.
TIMES = st.one_of(st.integers(0, 12), st.sampled_from([3.001, 3.999, 4.001, 5.5]))
LABELS = st.builds(
    lambda at, user, shop, level, label: {
        "at": at, "user": user, "shop": shop, "level": level, "label": label
    },
    st.one_of(TIMES, TIMES, TIMES, st.none()), MAYBE_KEYS, KEYS, MAYBE_KEYS, st.sampled_from([0, 1, None]),
)  # fmt: skip
RECORD = st.tuples(
    TIMES,
    st.sampled_from([0, 0, 1, 2, 5, 60]),
    st.sampled_from([0, 1]),
    st.sampled_from([False] * 4 + [True]),
)


def record(times: tuple[float, float, float, bool], values: Mapping[str, Any]) -> Row:
    event, late, waited, deleted = times
    written = event + late
    added = {"event_time": event, "write_time": written, "api_invocation_time": written - waited}
    return {**added, "is_deleted": deleted, **values}


USER_RECORD = st.builds(
    lambda times, user, x, tag: record(times, {"user": user, "x": x, "tag": tag}),
    RECORD, KEYS, st.sampled_from([1.5, 2.0, None]), st.sampled_from(["p", "q", None]),
)  # fmt: skip
PLACE_RECORD = st.builds(
    lambda times, shop, floor, x: record(times, {"shop": shop, "floor": floor, "x": x}),
    RECORD, KEYS, KEYS, st.sampled_from([1, 2, None]),
)  # fmt: skip
WORLDS = st.builds(
    lambda known, kind, ttl, labels, users, places: World(
        definition(known_by=known, event_time_type=kind, ttl_s=ttl),
        labels,
        {"by-user": users, "by-place": places},
    ),
    st.sampled_from(["event_time", "write_time"]),
    st.sampled_from(["String", "Fractional"]),
    st.sampled_from([None, 0.001, 2, 4.5]),
    st.lists(LABELS, max_size=8),
    st.lists(USER_RECORD, max_size=12),
    st.lists(PLACE_RECORD, max_size=8),
)


def check(connection: duckdb.DuckDBPyConnection, world: World, expected: list[list[Any]]) -> None:
    """Both queries answer as expected, and the labels come back as they were."""
    labels = load(connection, world)
    joined = join(connection, labels, world.definition, AS_OF)
    assert features(joined.rows) == expected
    assert joined.rows.select(labels.column_names).equals(labels)
    with_rows = labels.append_column("label_row", pa.array(range(labels.num_rows), pa.int64()))
    connection.register("athena_labels", with_rows)
    answer = connection.sql(athena_in_duckdb(world)).to_arrow_table()
    assert features(answer) == expected
    assert answer.select(labels.column_names).to_pylist() == labels.to_pylist()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(WORLDS)
def test_any_small_store_answers_as_plain_python_does(
    connection: duckdb.DuckDBPyConnection, world: World
) -> None:
    check(connection, world, reference(world))


def random_time(chance: random.Random) -> float:
    return chance.choice([chance.randrange(13), chance.choice([3.001, 3.999, 4.001, 5.5])])


def random_world(chance: random.Random, chosen: TrainingSetDefinition, suffix: str) -> World:
    """What `WORLDS` draws, a hundred times as fast; no two worlds share the name of an entity."""

    def key() -> str:
        return chance.choice("ab") + suffix

    def times() -> tuple[float, float, float, bool]:
        late, waited = chance.choice([0, 0, 1, 2, 5, 60]), chance.randrange(2)
        return random_time(chance), late, waited, chance.random() < 0.2

    def maybe(value: Any) -> Any:
        return None if chance.random() < 0.15 else value

    users = [
        record(
            times(),
            {"user": key(), "x": chance.choice([1.5, 2.0, None]), "tag": chance.choice(["p", "q", None])},
        )
        for _ in range(chance.randrange(13))
    ]
    places = [
        record(times(), {"shop": key(), "floor": key(), "x": chance.choice([1, 2, None])})
        for _ in range(chance.randrange(9))
    ]
    labels = [
        {"at": maybe(random_time(chance)), "user": maybe(key()), "shop": key(), "level": maybe(key())}
        | {"label": chance.choice([0, 1, None])}
        for _ in range(chance.randrange(1, 9))
    ]
    return World(chosen, labels, {"by-user": users, "by-place": places})


CASES = 1000
KNOWN_BY = ("event_time", "write_time")
DEFINITIONS = [
    definition(known_by=known_by, event_time_type=kind, ttl_s=ttl_s)
    for known_by in KNOWN_BY
    for kind in ("String", "Fractional")
    for ttl_s in (None, 0.001, 2, 4.5)
]


def test_a_thousand_random_stores_answer_as_plain_python_does(connection: duckdb.DuckDBPyConnection) -> None:
    chance = random.Random(20240101)
    by_definition: dict[int, list[World]] = {}
    for case in range(CASES):
        place = case % len(DEFINITIONS)
        world = random_world(chance, DEFINITIONS[place], f"-{case}")
        by_definition.setdefault(place, []).append(world)
    # Side by side in one store, they cost one query for each definition.
    for place, worlds in by_definition.items():
        together = World(
            DEFINITIONS[place],
            [label for world in worlds for label in world.labels],
            {
                name: [row for world in worlds for row in world.records[name]]
                for name in ("by-user", "by-place")
            },
        )
        expected = [row for world in worlds for row in reference(world)]
        assert {row[0] for row in expected} >= {"found", "none", "deleted"}
        check(connection, together, expected)


@pytest.mark.parametrize(
    ("events", "written", "in_sql", "expected"),
    [
        ((1, 2), (3, 3), "m.label_ms >= r1.event_ms", 1.0),
        ((1, 1), (4, 3), "HUGEINT", 0.0),
        ((1, 1), (3, 3), "DISTINCT ON", 1.0),
    ],
    ids=["no ties", "the same event time", "the same in all times"],
)
def test_a_query_breaks_the_ties_that_there_are(
    connection: duckdb.DuckDBPyConnection,
    events: tuple[int, int],
    written: tuple[int, int],
    in_sql: str,
    expected: float,
) -> None:
    rows = [
        record((event, write - event, 0, False), {"user": "a", "x": float(place), "tag": None})
        for place, (event, write) in enumerate(zip(events, written, strict=True))
    ]
    label = {"at": 9, "user": "a", "shop": "a", "level": "a", "label": 1}
    chosen = definition(known_by="event_time", event_time_type="String", ttl_s=None)
    world = World(chosen, [label], {"by-user": rows, "by-place": []})
    joined = join(connection, load(connection, world), chosen, AS_OF)
    assert joined.rows["x"].to_pylist() == [expected]
    assert in_sql in joined.sql
    check(connection, world, reference(world))
    # What is written beside the set is what makes it: anybody can run it again.
    rows_of_labels = load(connection, world)
    connection.register("labels", rows_of_labels.append_column("label_row", pa.array(range(1))))
    assert connection.execute(joined.sql).fetchnumpy()["x"].tolist() == [expected]
    connection.execute("DROP SCHEMA training_set CASCADE").fetchall()
    connection.unregister("labels")


def big_world(known_by: str, seed: int) -> World:
    """So many rows that the database takes its algorithms for large tables, on several threads."""
    chance = random.Random(seed)
    users = [
        record(
            (chance.randrange(30_000) / 1000, chance.choice([0, 0, 1, 3]), 0, chance.random() < 0.05),
            {"user": f"u{chance.randrange(400)}", "x": chance.random(), "tag": None},
        )
        for _ in range(20_000)
    ]
    labels = [
        {
            "at": chance.randrange(35_000) / 1000,
            "user": f"u{chance.randrange(500)}",
            "shop": "a",
            "level": "b",
        }
        | {"label": index % 2}
        for index in range(4_000)
    ]
    chosen = definition(known_by=known_by, event_time_type="Fractional", ttl_s=1.5)
    return World(chosen, labels, {"by-user": users, "by-place": []})


@pytest.mark.parametrize("known_by", KNOWN_BY)
def test_a_large_store_answers_as_plain_python_does(
    connection: duckdb.DuckDBPyConnection, known_by: str
) -> None:
    world = big_world(known_by, seed=7)
    by_user: dict[str, list[Row]] = {}
    for row in world.records["by-user"]:
        by_user.setdefault(row["user"], []).append(row)
    joined = join(connection, load(connection, world), world.definition, AS_OF)
    group = world.definition.groups[0]
    expected = [newest(group, label, by_user.get(label["user"], [])) for label in world.labels]
    assert [row[:3] for row in features(joined.rows)] == expected
    assert joined.states["by-user"] == {
        state: sum(row[0] == state for row in expected) for state in ("found", "none", "expired", "deleted")
    }


@pytest.mark.parametrize("known_by", KNOWN_BY)
def test_values_planted_in_the_future_are_never_in_the_set(
    connection: duckdb.DuckDBPyConnection, known_by: str
) -> None:
    world = big_world(known_by, seed=8)
    planted = -1.0
    future = [
        record((label["at"] + ahead, 0, 0, False), {"user": label["user"], "x": planted, "tag": "future"})
        for label in world.labels[:1000]
        for ahead in (0.001, 1, 1000)
    ]
    # One label's future is another's past, so that of each entity only the first label is taken.
    first = {label["user"]: label for label in reversed(world.labels[:1000])}
    labels = list(first.values())
    earliest = [row for row in future if row["event_time"] > first[row["user"]]["at"]]
    late = [
        record((label["at"] - 0.5, 0.501, 0, False), {"user": label["user"], "x": planted, "tag": "late"})
        for label in labels
        if known_by == "write_time"
    ]
    records = {"by-user": [*world.records["by-user"], *earliest, *late], "by-place": []}
    leaky = World(world.definition, labels, records)
    clean = World(world.definition, labels, {**world.records})
    with_future = join(connection, load(connection, leaky), leaky.definition, AS_OF).rows
    without = join(connection, load(connection, clean), clean.definition, AS_OF).rows
    assert len(earliest) >= 3 * len(labels)
    assert planted not in with_future["x"].to_pylist()
    assert with_future.equals(without)

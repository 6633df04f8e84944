"""The query of a training set, in the SQL of DuckDB and of Athena.

Both answer the same: for each label the newest record of its entity that was known then. Newest is what has
the latest event time, then the latest write time, then the latest call of the interface; of records that are
the same in all three, a deletion, then the greatest values. Times are whole milliseconds, as in the store.

DuckDB finds the record by an `ASOF` join over the records of the entities that labels ask for, which it wrote
down before: narrow, with a number in place of their keys. Athena has no such join: there, labels and records
lie on one time line.
"""

# ruff: noqa: S608 - names are quoted, and values are numbers, times and our own words

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum

from headway_runtime.features.definition import LABEL_ROW, GroupView, TrainingSetDefinition

LABELS = "labels"
STORE = "offline_store"
"""Schema with a view of each group, by the group's name."""
PARTS = "training_set"
"""Schema of what DuckDB writes down on the way to a training set."""

FOUND, NONE, EXPIRED, DELETED = "found", "none", "expired", "deleted"
STATES = (FOUND, NONE, EXPIRED, DELETED)

SQL_TYPES = {"string": "VARCHAR", "integer": "BIGINT", "number": "DOUBLE"}
_FIELD = 2**42
"""Milliseconds that a time may have to fit its share of a 128-bit number: until the year 2109, from 1830."""
_AFTER_EVENT = 2 * _FIELD * _FIELD

_ENUMERATED = f"CAST({{}} AS ENUM({', '.join(map(repr, STATES))}))"

LATEST = datetime(2100, 1, 1, tzinfo=UTC)
"""Labels and the time of the set lie before it."""


def quoted(name: str) -> str:
    """A name as SQL has it.

    >>> quoted('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'


class Ties(Enum):
    """Which records of one entity there are that their event time does not put in order."""

    NONE = "none"
    EVENT_TIME = "event time"
    """Some have the same event time."""
    ALL_TIMES = "all times"
    """Some are the same in event time, write time, time of the call, and deletion."""


def entities_sql(group: GroupView, number: int) -> str:
    """A statement that numbers the entities that labels ask for: numbers join faster than keys do.

    Args:
        group: The group.
        number: Its place in the definition, from 1.
    """
    pairs = _pairs(group)
    keys = ", ".join(f"{quoted(label)} AS {key}" for key, label in pairs)
    where = " AND ".join(f"{quoted(label)} IS NOT NULL" for _, label in pairs)
    return (
        f"CREATE TABLE {PARTS}.entities_{number} AS\n"
        "SELECT *, CAST(row_number() OVER () AS INTEGER) AS entity\n"
        f"FROM (SELECT DISTINCT {keys} FROM {LABELS} WHERE {where})"
    )


def moments_sql(definition: TrainingSetDefinition) -> str:
    """A statement that writes down which entity of each group a label asks for, and when."""
    columns, joins = [f"l.{LABEL_ROW}"], [f"FROM {LABELS} AS l"]
    for number, group in enumerate(definition.groups, 1):
        on = " AND ".join(f"e{number}.{key} = l.{quoted(label)}" for key, label in _pairs(group))
        columns.append(f"e{number}.entity AS entity_{number}")
        joins.append(f"LEFT JOIN {PARTS}.entities_{number} AS e{number} ON {on}")
    columns.append(f"epoch_ms(CAST(l.{quoted(definition.label_time)} AS TIMESTAMP)) AS label_ms")
    lines = "\n".join(joins)
    return f"CREATE TABLE {PARTS}.moments AS\nSELECT {', '.join(columns)}\n{lines}"


def records_sql(group: GroupView, number: int, as_of: datetime, ties: Ties) -> str:
    """A statement that writes down a group's records as they count, of the entities that labels ask for.

    Args:
        group: The group.
        number: Its place in the definition, from 1.
        as_of: Records that were written later do not count; with a time zone.
        ties: The ties that the newness has to break; where there are none, it is the event time.
    """
    event = quoted(group.event_time)
    text = group.event_time_type == "String"
    read = f"epoch_ms(CAST({event} AS TIMESTAMP))" if text else f"CAST(round({event} * 1000) AS BIGINT)"
    columns = [
        *(f"{quoted(column)} AS {key}" for key, column in _columns(group)),
        f"greatest({read}, -{_FIELD}) AS event_ms",
        "greatest(epoch_ms(write_time), 0) AS write_ms",
        f"least(greatest({_INVOKED}, 0), {_FIELD - 1}) AS invoked_ms",
        "coalesce(is_deleted, false) AS is_deleted",
        *(_cast(feature.column, feature.type, feature.name) for feature in group.features),
    ]
    taken = ["e.entity", "r.event_ms"]
    if ties is not Ties.NONE:
        taken.append(
            f"r.event_ms * {_AFTER_EVENT}::HUGEINT + r.write_ms * {2 * _FIELD}::HUGEINT"
            " + (r.invoked_ms * 2 + r.is_deleted::BIGINT) AS newness"
        )
    if group.known_by == "write_time":
        taken.append("greatest(r.event_ms, r.write_ms) AS known_ms")
    taken += ["r.is_deleted", *(f"r.{quoted(feature.name)}" for feature in group.features)]
    keys = " AND ".join(f"e.{key} = r.{key}" for key in _keys(group))
    return (
        f"CREATE OR REPLACE TABLE {PARTS}.records_{number} AS  -- {group.name}, version {group.version}\n"
        f"SELECT {', '.join(taken)}\n"
        f"FROM (\n{_selected(columns, f'{STORE}.{quoted(group.name)}', group, as_of)}\n  ) AS r\n"
        f"JOIN {PARTS}.entities_{number} AS e ON {keys}\n"
        f"WHERE r.event_ms < {_FIELD}"
    )


def ties_sql(number: int, ties: Ties) -> str:
    """A number for each record that is the same for those that their newness does not put in order.

    Args:
        number: The group's place in the definition, from 1.
        ties: The ties that the newness breaks; the records were written down for them.
    """
    return f"SELECT hash(entity, {_newness(ties)}) FROM {PARTS}.records_{number}"


def duckdb_sql(definition: TrainingSetDefinition, ties: Mapping[str, Ties]) -> str:
    """The query for DuckDB, over what the other statements wrote down.

    Args:
        definition: The training set.
        ties: What ties there are, by group. In an order that has ties, an `ASOF` join would take any of them.

    Returns:
        The query. It answers `label_row`, the features and states, in the order of the labels.
    """
    tables, joins = [], [f"FROM {PARTS}.moments AS m"]
    for number, group in enumerate(definition.groups, 1):
        source = f"{PARTS}.records_{number}"
        kind = ties[group.name]
        newness = _newness(kind)
        if kind is Ties.ALL_TIMES:
            values = ", ".join(f"{quoted(feature.name)} DESC NULLS LAST" for feature in group.features)
            tables.append(
                f"distinct_{number} AS (\n  SELECT DISTINCT ON (entity, newness) *\n"
                f"  FROM {source}\n  ORDER BY entity, newness, {values}\n)"
            )
            source = f"distinct_{number}"
        on = f"r{number}.entity = m.entity_{number}"
        if group.known_by == "write_time":
            tables.append(
                f"known_{number} AS (  -- without what arrived late, when something newer was known\n"
                f"  SELECT *\n  FROM {source}\n"
                f"  QUALIFY {newness} = max({newness}) OVER (PARTITION BY entity ORDER BY known_ms)\n)"
            )
            source = f"known_{number}"
            on += f" AND m.label_ms >= r{number}.known_ms"
        elif kind is Ties.NONE:
            on += f" AND m.label_ms >= r{number}.event_ms"
        else:
            on += f" AND (m.label_ms::HUGEINT + 1) * {_AFTER_EVENT} > r{number}.newness"
        joins.append(f"ASOF LEFT JOIN {source} AS r{number}\n  ON {on}")
    return _query(definition, tables, f"m.{LABEL_ROW}", joins, _ENUMERATED)


def script(definition: TrainingSetDefinition, as_of: datetime, statements: Sequence[str]) -> str:
    """What DuckDB ran, one statement after the other, as a file that says what it makes."""
    return _head(definition, as_of) + ";\n\n".join(statements)


_INVOKED = "epoch_ms(coalesce(api_invocation_time, write_time))"


def _newness(ties: Ties) -> str:
    """The column that puts records of an entity in order."""
    return "event_ms" if ties is Ties.NONE else "newness"


def athena_sql(
    definition: TrainingSetDefinition,
    as_of: datetime,
    tables: Mapping[str, str] | None = None,
    labels_table: str = LABELS,
) -> str:
    """The query for Athena, for data that outgrow one machine.

    Args:
        definition: The training set.
        as_of: Records that were written later do not count; with a time zone.
        tables: Table of the Glue catalog by group, as `database.table`; a group that is not there is taken
            from the table `offline_store.<group>`.
        labels_table: Table of the labels, with their row number in `label_row`.

    Returns:
        The query. It answers all columns of the labels, the features and states, in the order of the labels.
    """
    named = {} if tables is None else tables
    parts = [f"moments AS (\n{_moments(definition, _ATHENA_MS)}\n  FROM {_table(labels_table)}\n)"]
    joins = [f"FROM {_table(labels_table)} AS l\nJOIN moments AS m ON m.{LABEL_ROW} = l.{LABEL_ROW}"]
    for number, group in enumerate(definition.groups, 1):
        table = _table(named.get(group.name, f"{STORE}.{group.name}"))
        parts.append(_athena_records(group, number, as_of, table))
        keys = ", ".join(_keys(group))
        labels = ", ".join(quoted(label) for _, label in _pairs(group))
        known = "event_ms" if group.known_by == "event_time" else "greatest(event_ms, write_ms)"
        parts.append(
            f"timeline_{number} AS (\n"
            f"  SELECT {keys}, {known} AS at_ms, place, CAST(NULL AS BIGINT) AS {LABEL_ROW}\n"
            f"  FROM records_{number}\n"
            "  UNION ALL\n"
            f"  SELECT {labels}, label_ms, NULL, {LABEL_ROW}\n"
            "  FROM moments\n"
            f"  WHERE label_ms IS NOT NULL\n)"
        )
        parts.append(
            f"newest_{number} AS (\n"
            f"  SELECT {LABEL_ROW}, max(place) OVER (PARTITION BY {keys} ORDER BY at_ms) AS place\n"
            f"  FROM timeline_{number}\n)"
        )
        on = [f"r{number}.{key} = m.{quoted(label)}" for key, label in _pairs(group)]
        joins.append(
            f"LEFT JOIN newest_{number} AS n{number} ON n{number}.{LABEL_ROW} = m.{LABEL_ROW}\n"
            f"LEFT JOIN records_{number} AS r{number}\n"
            f"  ON {' AND '.join(on)} AND r{number}.place = n{number}.place"
        )
    return _head(definition, as_of) + _query(definition, parts, "l.*", joins)


_ATHENA_MS = "date_diff('millisecond', TIMESTAMP '1970-01-01 00:00:00.000', {})"


def _athena_records(group: GroupView, number: int, as_of: datetime, table: str) -> str:
    event = quoted(group.event_time)
    read = (
        f"date_diff('millisecond', from_unixtime(0), from_iso8601_timestamp({event}))"
        if group.event_time_type == "String"
        else f"CAST(round({event} * 1000) AS BIGINT)"
    )
    invoked = _ATHENA_MS.format("coalesce(api_invocation_time, write_time)")
    columns = [
        *(f"{quoted(column)} AS {key}" for key, column in _columns(group)),
        f"greatest({read}, -{_FIELD}) AS event_ms",
        f"greatest({_ATHENA_MS.format('write_time')}, 0) AS write_ms",
        f"least(greatest({invoked}, 0), {_FIELD - 1}) AS invoked_ms",
        "coalesce(is_deleted, false) AS is_deleted",
        *(_cast(feature.column, feature.type, feature.name) for feature in group.features),
    ]
    values = [f"{quoted(feature.name)} NULLS FIRST" for feature in group.features]
    order = ", ".join(["event_ms", "write_ms", "invoked_ms", "is_deleted", *values])
    place = f"row_number() OVER (PARTITION BY {', '.join(_keys(group))} ORDER BY {order}) AS place"
    return (
        f"records_{number} AS (  -- {group.name}, version {group.version}\n"
        f"  SELECT *, {place}\n"
        f"  FROM (\n{_selected(columns, table, group, as_of)}\n  )\n)"
    )


def _head(definition: TrainingSetDefinition, as_of: datetime) -> str:
    return f"-- Training set {definition.name}, {definition.digest}\n-- as of {as_of.isoformat()}\n"


def _query(
    definition: TrainingSetDefinition,
    tables: list[str],
    first: str,
    joins: list[str],
    state: str = "{}",
) -> str:
    columns = [first]
    for number, group in enumerate(definition.groups, 1):
        record = f"r{number}"
        states = [
            f"WHEN {record}.event_ms IS NULL THEN '{NONE}'",
            f"WHEN {record}.is_deleted THEN '{DELETED}'",
        ]
        counts = f"NOT {record}.is_deleted"
        if group.ttl_s is not None:
            ttl_ms = round(group.ttl_s * 1000)
            states.append(f"WHEN m.label_ms - {record}.event_ms >= {ttl_ms} THEN '{EXPIRED}'")
            counts += f" AND m.label_ms - {record}.event_ms < {ttl_ms}"
        columns.append(
            state.format(f"CASE {' '.join(states)} ELSE '{FOUND}' END") + f" AS {quoted(group.state)}"
        )
        for feature in group.features:
            value = f"{record}.{quoted(feature.name)}"
            columns.append(f"CASE WHEN {counts} THEN {value} END AS {quoted(feature.name)}")
    listed = ",\n  ".join(columns)
    # A condition of TTL stands in the columns, not in WHERE: there it would lose the label with the value.
    named = ["WITH", ",\n".join(tables)] if tables else []
    return "\n".join([*named, f"SELECT\n  {listed}", *joins, f"ORDER BY m.{LABEL_ROW}\n"])


def _moments(definition: TrainingSetDefinition, milliseconds: str) -> str:
    labels = sorted({label for group in definition.groups for label in group.keys.values()})
    time = milliseconds.format(quoted(definition.label_time))
    return f"  SELECT {', '.join([LABEL_ROW, *map(quoted, labels)])}, {time} AS label_ms"


def _selected(columns: list[str], table: str, group: GroupView, as_of: datetime) -> str:
    """The records that count at all."""
    moment = as_of.astimezone(UTC).isoformat(" ", "milliseconds").removesuffix("+00:00")
    where = [
        f"write_time <= TIMESTAMP '{moment}'",
        *(f"{quoted(column)} IS NOT NULL" for column in (*group.keys, group.event_time)),
    ]
    listed = ",\n      ".join(columns)
    return f"    SELECT\n      {listed}\n    FROM {table}\n    WHERE {' AND '.join(where)}"


def _cast(column: str, kind: str, name: str) -> str:
    return f"CAST({quoted(column)} AS {SQL_TYPES[kind]}) AS {quoted(name)}"


def _keys(group: GroupView) -> list[str]:
    return [key for key, _ in _columns(group)]


def _columns(group: GroupView) -> list[tuple[str, str]]:
    return [(f"key_{place}", column) for place, column in enumerate(group.keys, 1)]


def _pairs(group: GroupView) -> list[tuple[str, str]]:
    return [(f"key_{place}", label) for place, label in enumerate(group.keys.values(), 1)]


def _table(name: str) -> str:
    return ".".join(quoted(part) for part in name.split("."))

"""Labels joined with the features that were known at each of them: no label lost, the order kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headway_runtime.features.definition import ADDED_COLUMNS, LABEL_ROW, GroupView, TrainingSetDefinition
from headway_runtime.features.queries import (
    LABELS,
    LATEST,
    PARTS,
    STATES,
    STORE,
    Ties,
    duckdb_sql,
    entities_sql,
    moments_sql,
    quoted,
    records_sql,
    script,
    ties_sql,
)
from headway_runtime.jobs import JobError


@dataclass(frozen=True)
class Joined:
    """A training set.

    Attributes:
        rows: The labels as they were given, in their order; then features and states.
        sql: The statements that were run; the last answers features and states.
        states: How many labels found a value, or why not, by group and state.
    """

    rows: pa.Table
    sql: str
    states: dict[str, dict[str, int]]


def connect(directory: str, memory_limit: str, threads: int) -> duckdb.DuckDBPyConnection:
    """A database for a join.

    Args:
        directory: Where it may put what does not fit into memory.
        memory_limit: How much memory it may use, for example `600MB`.
        threads: How many processors it may use.
    """
    config: dict[str, Any] = {
        "temp_directory": directory,
        "memory_limit": memory_limit,
        "threads": threads,
    }
    connection = duckdb.connect(config=config)
    # A bar that is drawn anew for each percent would fill the log of a job.
    connection.execute(f"SET TimeZone = 'UTC'; SET enable_progress_bar = false; CREATE SCHEMA {STORE}")
    return connection


def join(
    connection: duckdb.DuckDBPyConnection,
    labels: pa.Table,
    definition: TrainingSetDefinition,
    as_of: datetime,
) -> Joined:
    """Joins labels with features, right in time.

    Args:
        connection: Made by `connect`; has a view of each group in the schema `offline_store`.
        labels: The labels. Those without a time or a key are kept, and find nothing.
        definition: The training set.
        as_of: Records that were written later do not count; with a time zone.

    Raises:
        JobError: Columns lack or have other types than declared, times cannot be read; all problems of the
            columns at once.
    """
    if as_of >= LATEST:
        raise JobError(f"the set is to be as of {as_of.isoformat()}; give a time before {LATEST.year}")
    problems = [*_label_problems(labels, definition), *_store_problems(connection, labels, definition)]
    if problems:
        raise JobError(f"labels and store do not fit the definition: {'; '.join(problems)}")
    needed = {label for group in definition.groups for label in group.keys.values()}
    narrow = labels.select(sorted(needed | {definition.label_time}))
    connection.register(LABELS, narrow.append_column(LABEL_ROW, pa.array(np.arange(labels.num_rows))))
    try:
        statements, found = _run(connection, definition, as_of)
    except duckdb.Error as error:
        raise JobError(f"features and labels cannot be joined: {str(error).splitlines()[0]}") from error
    finally:
        connection.execute(f"DROP SCHEMA IF EXISTS {PARTS} CASCADE").fetchall()
        connection.unregister(LABELS)
    order = found[LABEL_ROW].to_numpy()
    if not np.array_equal(order, np.arange(labels.num_rows)):
        raise RuntimeError(f"the join answered {len(order)} rows for {labels.num_rows} labels")
    rows = labels
    for name in found.column_names[1:]:
        rows = rows.append_column(name, found[name])
    states = {group.name: _counted(found[group.state]) for group in definition.groups}
    return Joined(rows, script(definition, as_of, statements), states)


def _run(
    connection: duckdb.DuckDBPyConnection, definition: TrainingSetDefinition, as_of: datetime
) -> tuple[list[str], pa.Table]:
    """The statements that make the set, and what the last of them answers."""
    statements = [
        f"CREATE SCHEMA {PARTS}",
        *(entities_sql(group, number) for number, group in enumerate(definition.groups, 1)),
        moments_sql(definition),
    ]
    for statement in statements:
        connection.execute(statement).fetchall()
    ties = {}
    for number, group in enumerate(definition.groups, 1):
        ties[group.name] = _write_down(connection, group, number, as_of)
        statements.append(records_sql(group, number, as_of, ties[group.name]))
    statements.append(duckdb_sql(definition, ties))
    found: pa.Table = connection.sql(statements[-1]).to_arrow_table()
    return statements, found


def _write_down(
    connection: duckdb.DuckDBPyConnection, group: GroupView, number: int, as_of: datetime
) -> Ties:
    """Writes a group's records down, and tells which ties they have.

    Most have none, which costs half; two hashes that are the same by chance cost time, and nothing else.
    """
    for ties in (Ties.NONE, Ties.EVENT_TIME):
        connection.execute(records_sql(group, number, as_of, ties)).fetchall()
        (marks,) = connection.execute(ties_sql(number, ties)).fetchnumpy().values()
        marks.sort()
        if not (marks[1:] == marks[:-1]).any():
            return ties
    return Ties.ALL_TIMES  # written down as for the event time: the query takes one of those that are left


def _counted(states: pa.ChunkedArray) -> dict[str, int]:
    counts = {item["values"]: item["counts"] for item in pc.value_counts(states).to_pylist()}
    return {state: counts.get(state, 0) for state in STATES}


_KINDS: Mapping[str, tuple[str, ...]] = {
    "string": ("VARCHAR",),
    "integer": ("BIGINT", "INTEGER", "SMALLINT", "TINYINT"),
    "number": ("DOUBLE", "FLOAT", "BIGINT", "INTEGER", "SMALLINT", "TINYINT"),
    "String": ("VARCHAR",),
    "Fractional": ("DOUBLE",),
    "write_time": ("TIMESTAMP", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"),
    "api_invocation_time": ("TIMESTAMP", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"),
    "is_deleted": ("BOOLEAN",),
}
"""What a declared type may be in the offline store, in the words of DuckDB."""


def _label_problems(labels: pa.Table, definition: TrainingSetDefinition) -> list[str]:
    needed = [definition.label_time, *(label for group in definition.groups for label in group.keys.values())]
    problems = [
        f"the labels have no column {name!r}; they have {', '.join(labels.column_names)}"
        for name in dict.fromkeys(needed)
        if labels.column_names.count(name) != 1
    ]
    made = {LABEL_ROW, *(group.state for group in definition.groups)}
    made |= {feature.name for group in definition.groups for feature in group.features}
    problems += [
        f"the labels have a column {name!r} already; call the feature otherwise"
        for name in labels.column_names
        if name.lower() in {column.lower() for column in made}
    ]
    if problems:
        return problems
    time = labels[definition.label_time]
    if not pa.types.is_timestamp(time.type):
        return [f"{definition.label_time!r} of the labels is {time.type}; it must be a timestamp"]
    latest = pc.max(time.cast(pa.timestamp("ms", time.type.tz), safe=False)).as_py()
    if latest is not None and latest.replace(tzinfo=LATEST.tzinfo) >= LATEST:
        return [
            f"{definition.label_time!r} of the labels goes up to {latest}; times lie before {LATEST.year}"
        ]
    return []


def _store_problems(
    connection: duckdb.DuckDBPyConnection, labels: pa.Table, definition: TrainingSetDefinition
) -> list[str]:
    problems = []
    for group in definition.groups:
        rows = connection.execute(f"DESCRIBE {STORE}.{quoted(group.name)}").fetchall()
        types = {str(row[0]): str(row[1]) for row in rows}
        wanted = {group.event_time: group.event_time_type} | {name: name for name in ADDED_COLUMNS}
        wanted |= {feature.column: feature.type for feature in group.features}
        for column, kind in wanted.items():
            if column not in types:
                problems.append(f"{group.name} has no {column!r}; it has {', '.join(types)}")
            elif types[column] not in _KINDS[kind]:
                problems.append(f"{column!r} of {group.name} is {types[column]}; {kind} was declared")
        for column, label in group.keys.items():
            if column not in types:
                problems.append(f"{group.name} has no {column!r}; it has {', '.join(types)}")
            elif label in labels.column_names and _is_text(labels[label]) != (types[column] == "VARCHAR"):
                kinds = f"{labels[label].type} and {types[column]}"
                problems.append(f"{label!r} of the labels and {column!r} of {group.name} are {kinds}")
    return problems


def _is_text(column: pa.ChunkedArray) -> bool:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))

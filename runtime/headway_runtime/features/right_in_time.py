"""The training set of a system from its raw data: what was known at each label, and the queries that say so.

History is computed in a batch by the same expressions that compute new rows and requests, and labels are
joined with it as with an offline store. A value counts as written at the moment from which it is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from headway_runtime.canonical import digest
from headway_runtime.contract import EVENT_TIME_COLUMN, LABEL_COLUMN
from headway_runtime.features.definition import TrainingSetDefinition
from headway_runtime.features.join import join
from headway_runtime.features.queries import STORE, athena_sql, quoted
from headway_runtime.features.transformation import EVENT_TIME, Transformation
from headway_runtime.jobs import JobError

DUCKDB_FILE = "training-set.sql"
ATHENA_FILE = "training-set.athena.sql"


@dataclass(frozen=True)
class Stored:
    """A group of the feature store that labels are joined with.

    Attributes:
        transformation: What computes the group.
        keys: Column of the labels by key column of the group.
    """

    transformation: Transformation
    keys: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class RightInTime:
    """What a training set is made of.

    Attributes:
        name: Its name.
        labels: What is labelled: its features are computed on request, its event time is when they are asked.
        label: Expression for the label, over all columns of the source of the labels.
        stored: The groups that are joined.
    """

    name: str
    labels: Transformation
    label: str
    stored: tuple[Stored, ...]


@dataclass(frozen=True)
class TrainingRows:
    """A training set.

    Attributes:
        rows: Features, label and event time of every label before the end, and the keys of what is labelled.
        later: Labels from the end on, which are not in the set.
        states: How many labels found a value, or why not, by group and state.
        made_of: What the version of the set is the digest of, beside the raw data.
        files: Text of each query that made it, by file name, and of the same query for Athena.
    """

    rows: pa.Table
    later: int
    states: dict[str, dict[str, int]]
    made_of: dict[str, Any]
    files: dict[str, str]


def assemble(
    connection: duckdb.DuckDBPyConnection,
    plan: RightInTime,
    end: datetime,
    contracts: Mapping[str, str],
) -> TrainingRows:
    """Makes a training set.

    Args:
        connection: Holds the raw tables.
        plan: What the set is made of.
        end: Labels and values from then on are not known yet; with a time zone.
        contracts: Digest of each feature contract that the model takes, by `<name>-v<version>`. Where it is
            empty, nobody has said what the model takes.

    Raises:
        JobError: The code computes what the model does not take, or the other way round; columns lack.
        duckdb.Error: An expression does not fit the raw tables.
    """
    computed = [plan.labels, *(group.transformation for group in plan.stored)]
    _check_contracts([item.label for item in computed], contracts)
    labels_sql = plan.labels.sql(**{LABEL_COLUMN: plan.label})
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {STORE}")
    views = {}
    for group in plan.stored:
        name = f"{STORE}.{quoted(group.transformation.label)}"
        views[name] = _history_sql(group.transformation)
        connection.execute(f"CREATE OR REPLACE VIEW {name} AS {views[name]}")
    every = connection.sql(labels_sql)
    known = every.filter(f"{EVENT_TIME} < TIMESTAMPTZ '{end.isoformat()}'").to_arrow_table()
    (count,) = every.aggregate("count(*)").fetchall()[0]
    definition = _definition(plan, contracts)
    joined = join(connection, known, definition, end)
    states = [group.state for group in definition.groups]
    queries = {"labels": labels_sql, **views}
    return TrainingRows(
        rows=joined.rows.drop_columns(states),
        later=count - known.num_rows,
        states=joined.states,
        made_of={
            "definition_digest": definition.digest,
            "contracts": dict(contracts),
            "transformations": {item.label: item.digest for item in computed},
            "query_digest": digest([*queries.values(), joined.sql]),
            "as_of": end.isoformat(),
        },
        files={
            DUCKDB_FILE: "".join(f"CREATE VIEW {name} AS\n{sql};\n\n" for name, sql in queries.items())
            + joined.sql,
            ATHENA_FILE: athena_sql(definition, end),
        },
    )


def _check_contracts(computed: list[str], contracts: Mapping[str, str]) -> None:
    if not contracts:
        return
    problems = [
        f"the code computes {label}, which is not among the feature contracts that the model takes"
        for label in computed
        if label not in contracts
    ]
    problems += [
        f"the model takes {label}, which the code does not compute"
        for label in contracts
        if label not in computed
    ]
    if problems:
        taken = ", ".join(contracts)
        raise JobError(f"{'; '.join(problems)}; it takes {taken}: declare what the code computes")


def _definition(plan: RightInTime, contracts: Mapping[str, str]) -> TrainingSetDefinition:
    views = [group.transformation.view(group.keys) for group in plan.stored]
    groups = [replace(view, contract_digest=contracts.get(view.name)) for view in views]
    document = {
        "name": plan.name,
        "label_time": EVENT_TIME_COLUMN,
        "groups": [group.document() for group in groups],
    }
    return TrainingSetDefinition.from_document(document)


def _history_sql(transformation: Transformation) -> str:
    """The records of a group as its offline store would hold them."""
    columns = [
        *map(quoted, transformation.keys),
        f"epoch_ms({EVENT_TIME}) / 1000 AS {EVENT_TIME}",
        *(quoted(feature.name) for feature in transformation.features),
        f"CAST({EVENT_TIME} AS TIMESTAMP) AS write_time",
        f"CAST({EVENT_TIME} AS TIMESTAMP) AS api_invocation_time",
        "false AS is_deleted",
    ]
    return f"SELECT {', '.join(columns)} FROM (\n{transformation.sql()}\n)"  # noqa: S608 - names are quoted

"""The processing job `training-set`: labels and an offline store become a training set with a version.

Inputs: `definition/definition.json`; `labels/`, Parquet; `features/<group>/`, the `data` prefix of each
group's offline store. Output `training-set/`: the rows, the query that made them, the same query for Athena,
and a report with the version, what it is made of, and how many labels found a value, or why not.
"""

import argparse
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from headway_runtime.canonical import digest
from headway_runtime.data.manifest import file_digest
from headway_runtime.features.definition import DefinitionError, TrainingSetDefinition
from headway_runtime.features.join import Joined, connect, join
from headway_runtime.features.queries import LABELS, STORE, athena_sql, quoted
from headway_runtime.features.store_files import Files, group_files, label_files, read_labels
from headway_runtime.jobs import JobError, job_paths, read_json, run_job, write_json

DEFINITION_FILE = "definition.json"
ROWS_FILE = "training-set.parquet"
DUCKDB_FILE = "training-set.sql"
ATHENA_FILE = "training-set.athena.sql"
REPORT_FILE = "training-set.json"
MEMORY_LIMIT = "600MB"
"""What the database may hold in memory; the rest goes to the job's volume."""

ROWS_IN_GROUP = 131_072


@dataclass(frozen=True)
class TrainingSet:
    """A training set with its version.

    Attributes:
        joined: Rows, query and states.
        version: Digest of inputs, contracts, query and time.
        made_of: What the version is the digest of.
    """

    joined: Joined
    version: str
    made_of: dict[str, Any]


def build(
    labels: Files, groups: Mapping[str, Files], definition: TrainingSetDefinition, as_of: datetime
) -> TrainingSet:
    """Makes a training set.

    Args:
        labels: The files of the labels.
        groups: The files of each group of the definition.
        definition: The training set.
        as_of: Records that were written later do not count; with a time zone.

    Raises:
        JobError: Files are damaged, or do not fit the definition.
    """
    rows = read_labels(labels)
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    with tempfile.TemporaryDirectory() as spill, connect(spill, MEMORY_LIMIT, threads) as connection:
        for name, files in groups.items():
            # Files from before a feature was added lack its column; what they lack is missing.
            relation = connection.read_parquet(files.paths, hive_partitioning=False, union_by_name=True)
            relation.create_view(f"files of {name}")
            connection.execute(
                f"CREATE VIEW {STORE}.{quoted(name)} AS SELECT * FROM {quoted(f'files of {name}')}"  # noqa: S608
            )
        joined = join(connection, rows, definition, as_of)
    made_of = {
        "labels": labels.digests,
        "groups": {name: files.digests for name, files in groups.items()},
        "definition_digest": definition.digest,
        "contracts": {
            group.name: {"version": group.version, "digest": group.contract_digest}
            for group in definition.groups
        },
        "query_digest": digest(joined.sql),
        "as_of": as_of.astimezone(UTC).isoformat(),
    }
    return TrainingSet(joined, digest(made_of), made_of)


def write(training_set: TrainingSet, athena: str, directory: Path) -> dict[str, Any]:
    """Writes the rows and, beside them, the query that made them and the report.

    Args:
        training_set: What to write. One version is always the same bytes.
        athena: The query for Athena.
        directory: Where to; the report is written last, so that a directory without one holds no set.

    Returns:
        The report.
    """
    (directory / REPORT_FILE).unlink(missing_ok=True)
    rows = training_set.joined.rows
    plain = rows.replace_schema_metadata(None).combine_chunks()
    pq.write_table(
        plain,
        directory / ROWS_FILE,
        compression="zstd",
        row_group_size=ROWS_IN_GROUP,
        store_schema=True,
    )
    (directory / DUCKDB_FILE).write_text(training_set.joined.sql, "utf-8")
    (directory / ATHENA_FILE).write_text(athena, "utf-8")
    report = {
        "dataset_version": training_set.version,
        "made_of": training_set.made_of,
        "rows": rows.num_rows,
        "states": training_set.joined.states,
        "columns": {field.name: _type(field.type) for field in rows.schema},
        "files": {name: file_digest(directory / name) for name in (ROWS_FILE, DUCKDB_FILE)},
    }
    write_json(directory / REPORT_FILE, report)
    return report


def _type(kind: pa.DataType) -> str:
    return str(kind.value_type if pa.types.is_dictionary(kind) else kind)


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write it as 2013-09-01T00:00:00Z") from None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time


def _glue_table(text: str) -> tuple[str, str]:
    group, equals, table = text.partition("=")
    if not (group and equals and table):
        raise argparse.ArgumentTypeError(f"{text!r} names no table; write it as GROUP=DATABASE.TABLE")
    return group, table


def main(arguments: list[str]) -> int:
    """Run the processing job `training-set`; definition, labels and one folder for each group are inputs."""
    parser = argparse.ArgumentParser(prog="headway_runtime training-set")
    parser.add_argument("--as-of", required=True, type=_time, metavar="TIME")
    parser.add_argument(
        "--glue-table", action="append", default=[], type=_glue_table, metavar="GROUP=DATABASE.TABLE"
    )
    parser.add_argument("--labels-table", default=LABELS, metavar="DATABASE.TABLE")
    options = parser.parse_args(arguments)
    paths = job_paths()

    def work() -> str:
        path = paths.processing_input("definition") / DEFINITION_FILE
        try:
            definition = TrainingSetDefinition.from_document(read_json(path, "the definition"))
        except DefinitionError as error:
            raise JobError(f"the definition at {path} is wrong: {error}") from error
        names = [group.name for group in definition.groups]
        tables = dict(options.glue_table)
        if unknown := sorted(set(tables) - set(names)):
            raise JobError(f"--glue-table names {', '.join(unknown)}; the groups are {', '.join(names)}")
        store = paths.processing_input("features")
        groups = {name: group_files(store / name, name, options.as_of) for name in names}
        made = build(label_files(paths.processing_input("labels")), groups, definition, options.as_of)
        athena = athena_sql(definition, options.as_of, tables, options.labels_table)
        report = write(made, athena, paths.processing_output("training-set"))
        found = ", ".join(f"{name} {states['found']}" for name, states in report["states"].items())
        return f"joined {report['rows']} labels as dataset {made.version}; found: {found}"

    return run_job(work, paths.message, on_success=True)

"""Raw tables into monthly Parquet partitions with a manifest; the same rows give the same bytes."""

import argparse
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headway_runtime.contract import CHANNEL_CODE, MANIFEST_FILE
from headway_runtime.data.manifest import dataset_version, file_digest
from headway_runtime.data.table import SourceError, Table
from headway_runtime.jobs import JobError, job_paths, load_function, run_job, write_json
from headway_runtime.quality.gate import Gate
from headway_runtime.quality.job import day, gate_of, report

# A name becomes a directory and a name in SQL.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def ingest(tables: Iterable[Table], directory: Path, gate: Gate | None = None) -> dict[str, Any] | None:
    """Write tables as partitions and a manifest.

    Args:
        tables: The raw tables.
        directory: Where to write. Files of the same tables from an earlier run are replaced; the manifest is
            written last, so a directory without one is not a dataset.
        gate: What tables with a contract have to pass, and what landed of them; None where there is none.

    Returns:
        The manifest: `tables` (rows, columns, time column, file digests) and `dataset_version`; None where a
        table is refused, and the directory is then empty.

    Raises:
        JobError: A table is given twice or has no usable name, or rows lack the time that partitions them.
        SourceError: The source cannot be read.
    """
    manifest_file = directory / MANIFEST_FILE
    manifest_file.unlink(missing_ok=True)
    entries: dict[str, Any] = {}
    for table in tables:
        if _NAME.fullmatch(table.name) is None:
            raise JobError(
                f"the source yields a table named {table.name!r}; a name has letters, digits and _ only"
            )
        if table.name in entries:
            raise JobError(f"the source yields table {table.name!r} twice; give each table one name")
        shutil.rmtree(directory / table.name, ignore_errors=True)
        entries[table.name] = _admitted(table, directory, gate)
    for name in () if gate is None else gate.contracts:
        if name not in entries:
            shutil.rmtree(directory / name, ignore_errors=True)
            entries[name] = gate.admit(name, None, directory) if gate is not None else None
    if gate is not None and not gate.passed:
        for name in entries:
            shutil.rmtree(directory / name, ignore_errors=True)
        return None
    if not entries:
        raise JobError("the source yields no table; yield at least one")
    manifest = {"tables": entries, "dataset_version": dataset_version(entries)}
    write_json(manifest_file, manifest)
    return manifest


def _admitted(table: Table, directory: Path, gate: Gate | None) -> dict[str, Any] | None:
    """The entry of a table in the manifest; None where it is refused."""
    if gate is None or table.name not in gate.contracts:
        return _written(table, directory)
    admitted = gate.admit(table.name, table, directory)
    return _written(admitted, directory) if isinstance(admitted, Table) else admitted


def _written(table: Table, directory: Path) -> dict[str, Any]:
    files = {}
    for partition, rows in _partitions(table):
        path = directory / partition / "part-0.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows, path, compression="zstd")
        files[f"{partition}/part-0.parquet"] = file_digest(path)
    return {
        "rows": table.data.num_rows,
        "columns": {field.name: str(field.type) for field in table.data.schema},
        "time_column": table.time_column,
        "files": files,
    }


def _partitions(table: Table) -> Iterator[tuple[str, pa.Table]]:
    if table.time_column is None:
        yield table.name, table.data
        return
    if table.time_column not in table.data.column_names:
        raise JobError(
            f"table {table.name!r} has no time column {table.time_column!r}; "
            f"it has {', '.join(table.data.column_names)}"
        )
    times = table.data[table.time_column]
    if times.null_count > 0:
        raise JobError(
            f"table {table.name!r} has {times.null_count} rows without {table.time_column!r}; "
            "a row needs a time to belong to a month"
        )
    months = pc.strftime(times, format="%Y-%m")
    for month in sorted(pc.unique(months).to_pylist()):
        yield f"{table.name}/month={month}", table.data.filter(pc.equal(months, month)).combine_chunks()


def main(arguments: list[str]) -> int:
    """Run the processing job `ingest --source MODULE:FUNCTION`."""
    parser = argparse.ArgumentParser(prog="headway_runtime ingest")
    parser.add_argument("--source", required=True, metavar="MODULE:FUNCTION")
    parser.add_argument("--as-of", type=day, metavar="DATE", help="when the age of rows is taken")
    options = parser.parse_args(arguments)
    paths = job_paths()

    def work() -> str:
        source = load_function(options.source, paths.processing_input(CHANNEL_CODE))
        with gate_of(paths, options.as_of) as gate:
            try:
                manifest = ingest(source(), paths.processing_output("data"), gate)
            except SourceError as error:
                raise JobError(str(error)) from error
            version = None if manifest is None else manifest["dataset_version"]
            said = None if gate is None else report(gate, paths, version)
        if manifest is None:
            # The job has done what it is for; whether the pipeline goes on is what the report decides.
            return f"the data is refused: {said}"
        rows = ", ".join(f"{entry['rows']} {name}" for name, entry in manifest["tables"].items())
        done = f"ingested {rows} as dataset {manifest['dataset_version']}"
        return done if said is None else f"{done}; {said}"

    return run_job(work, paths.message, on_success=True)

"""The processing job `skew`: what a model was asked with, held against the newest dataset.

Inputs: `capture`, captured traffic; `data`, a dataset; `contract` and `code` of the system. Output `report`:
`skew.json`, what differs, and the metrics that say so.
"""

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from headway_runtime.contract import CHANNEL_CODE, CONTRACT_FILE, EVENT_TIME_COLUMN
from headway_runtime.data.manifest import register_tables
from headway_runtime.features.control.steps import REPORT_FILE
from headway_runtime.features.right_in_time import RightInTime, assemble
from headway_runtime.features.skew import Skew, compare
from headway_runtime.jobs import JobError, job_paths, load_function, read_contract, run_job, write_json
from headway_runtime.monitor.capture import Traffic, read_capture

FOR_EVER = datetime(2099, 1, 1, tzinfo=UTC)
"""History knows what it knows today: a value that came late is what training learns from."""


def history(
    features: Callable[[duckdb.DuckDBPyConnection, Path], Any], data_dir: Path
) -> tuple[pa.Table, list[str], str]:
    """What a dataset says of everything that can be asked about.

    Args:
        features: The system's own function; it returns a `RightInTime`.
        data_dir: Directory of the dataset.

    Returns:
        The rows, the columns that identify what is asked about, and the version of the dataset.

    Raises:
        JobError: The dataset is damaged, or the code makes its rows otherwise than by transformations.
    """
    with duckdb.connect() as connection:
        manifest = register_tables(connection, data_dir)
        try:
            plan = features(connection, data_dir)
            if not isinstance(plan, RightInTime):
                raise JobError(
                    f"the feature function returned {type(plan).__name__}; skew is measured for a RightInTime"
                )
            rows = assemble(connection, plan, FOR_EVER, {}).rows
        except duckdb.Error as error:
            raise JobError(f"history cannot be computed: {error}") from error
    return rows, list(plan.labels.keys), str(manifest["dataset_version"])


def names(traffic: Traffic) -> list[str]:
    """What each captured row says that it is about: an inference id names the one row of its request."""
    several = {name for name, place in traffic.ids if place > 0}
    return ["" if name in several else name for name, _ in traffic.ids]


def sentence(found: Skew) -> str:
    """What a comparison found, for people."""
    said = [f"{found.different} of {found.rows} rows differ from history"]
    if found.unnamed:
        said.append(f"{found.unnamed} do not say what they are about")
    if found.unknown:
        said.append(f"{found.unknown} are about nothing that history has")
    worst = sorted(found.features.items(), key=lambda item: (-item[1].different, item[0]))
    differing = [f"{name} in {item.different}" for name, item in worst[:3] if item.different]
    if differing:
        said.append(f"most of all {', '.join(differing)}")
    return "; ".join(said)


def main(arguments: list[str]) -> int:
    """Run the processing job `skew`; feature function and endpoint are given as flags."""
    parser = argparse.ArgumentParser(prog="headway_runtime skew")
    parser.add_argument("--features", required=True, metavar="MODULE:FUNCTION")
    parser.add_argument("--endpoint", required=True, metavar="NAME", help="dimension of the metrics")
    parser.add_argument("--no-examples", action="store_true", help="no row is shown: they speak of people")
    options = parser.parse_args(arguments)
    paths = job_paths()

    def work() -> str:
        contract = read_contract(paths.processing_input("contract") / CONTRACT_FILE)
        features = load_function(options.features, paths.processing_input(CHANNEL_CODE))
        traffic = read_capture(paths.processing_input("capture"), contract)
        rows, keys, version = history(features, paths.processing_input("data"))
        found = compare(traffic.inputs, names(traffic), rows, keys, EVENT_TIME_COLUMN)
        said = sentence(found)
        report = found.document(examples=not options.no_examples) | {
            "sentence": said,
            "dataset_version": version,
            "unreadable": dict(traffic.unreadable),
            "doubled": traffic.doubled,
            "metrics": found.metrics(options.endpoint),
        }
        write_json(paths.processing_output("report") / REPORT_FILE, report)
        return said

    return run_job(work, paths.message, on_success=True)

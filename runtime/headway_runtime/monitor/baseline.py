"""The baseline: what the training rows look like, and how far parts of them lie from the whole."""

import argparse
import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headway_runtime.archive import MODEL_ARCHIVE, ArchiveError, unpack
from headway_runtime.contract import (
    BASELINE_FILE,
    CONSTRAINTS_FILE,
    DATASET_FILE,
    EVENT_TIME_COLUMN,
    LABEL_COLUMN,
    STATISTICS_FILE,
    TRAIN_FILE,
    Contract,
    ContractError,
)
from headway_runtime.data.conformance import read_rows
from headway_runtime.flags import count
from headway_runtime.jobs import JobError, JobPaths, job_paths, read_json, run_job, write_json
from headway_runtime.models.model import Model, ModelError, load_model
from headway_runtime.monitor.compare import compare
from headway_runtime.monitor.model_monitor import constraints, statistics
from headway_runtime.monitor.profile import Profile, document, from_document, profile_column

PREDICTION = "(prediction)"
"""Name of the model's answers beside its inputs; no input can be called so."""
PERIODS = 8
"""Parts in time whose distance from the whole is usual."""
PREDICTED_ROWS = 100_000
"""Rows that are predicted for the baseline; their distribution is known to half a percent then."""
VERSION = 1


@dataclass(frozen=True)
class Usual:
    """The most that a part of the training rows in time differs from all of them.

    Attributes:
        distance: Distance between distributions.
        missing: Growth of the share of missing values.
    """

    distance: float
    missing: float


@dataclass(frozen=True)
class Baseline:
    """What the training rows look like.

    Attributes:
        contract: The contract that they honour.
        dataset_version: Version of the dataset that they come from.
        rows: Number of rows.
        profiles: Profile of each input, and of the answers under `PREDICTION`.
        usual: The most that a part of the rows in time differs from all of them, by profile: the seasons.
        base_rate: Share of the positive labels.
        usual_rates: Smallest and largest share of the positive labels in a part.
    """

    contract: Contract
    dataset_version: str
    rows: int
    profiles: Mapping[str, Profile]
    usual: Mapping[str, Usual]
    base_rate: float
    usual_rates: tuple[float, float]

    def document(self) -> dict[str, Any]:
        """The baseline as JSON values."""
        return {
            "version": VERSION,
            "contract": self.contract.document(),
            "dataset_version": self.dataset_version,
            "rows": self.rows,
            "profiles": {name: document(profile) for name, profile in self.profiles.items()},
            "usual": {name: asdict(usual) for name, usual in self.usual.items()},
            "base_rate": self.base_rate,
            "usual_rates": list(self.usual_rates),
        }

    @classmethod
    def read(cls, path: Path) -> "Baseline":
        """Read a baseline that a training made.

        Raises:
            JobError: There is none, or it is none.
        """
        given = read_json(path, "the baseline")
        try:
            if given["version"] != VERSION:
                raise JobError(
                    f"the baseline at {path} has version {given['version']!r}, this monitor reads {VERSION}; "
                    "train again, or use the image that trained"
                )
            smallest, largest = given["usual_rates"]
            return cls(
                contract=Contract.from_document(given["contract"]),
                dataset_version=given["dataset_version"],
                rows=given["rows"],
                profiles={name: from_document(item) for name, item in given["profiles"].items()},
                usual={name: Usual(**item) for name, item in given["usual"].items()},
                base_rate=given["base_rate"],
                usual_rates=(smallest, largest),
            )
        except (KeyError, TypeError, ValueError, AttributeError, ContractError) as error:
            raise JobError(f"the baseline at {path} is damaged ({error!r}); train again") from error


def make_baseline(model: Model, rows: pa.Table, dataset_version: str, periods: int = PERIODS) -> Baseline:
    """Remember training rows.

    Args:
        model: The model that was trained on them.
        rows: The rows: inputs, label and event time.
        dataset_version: Version of the dataset that they come from.
        periods: Parts in time, equal in rows, whose distance from the whole is usual.
    """
    ordered = rows.sort_by(EVENT_TIME_COLUMN) if EVENT_TIME_COLUMN in rows.column_names else rows
    inputs = ordered.select(model.contract.input_names)
    places = np.linspace(0, ordered.num_rows - 1, min(ordered.num_rows, PREDICTED_ROWS)).astype(np.int64)
    asked = inputs.take(places)
    columns = {name: asked[name].to_pylist() for name in asked.column_names}
    answers = pa.chunked_array([pa.array(model.predict(columns, asked.num_rows), pa.float64())])
    held = {name: inputs[name] for name in inputs.column_names} | {PREDICTION: answers}
    profiles = {name: profile_column(column) for name, column in held.items()}
    labels = ordered[LABEL_COLUMN].to_numpy().astype(np.float64)
    rates = [float(part.mean()) for part in np.array_split(labels, periods) if len(part)]
    return Baseline(
        contract=model.contract,
        dataset_version=dataset_version,
        rows=ordered.num_rows,
        profiles=profiles,
        usual={name: _usual(profiles[name], column, periods) for name, column in held.items()},
        base_rate=float(labels.mean()),
        usual_rates=(min(rates), max(rates)),
    )


def _usual(whole: Profile, column: pa.ChunkedArray, periods: int) -> Usual:
    cuts = np.linspace(0, len(column), periods + 1).astype(np.int64)
    parts = (column.slice(start, end - start) for start, end in itertools.pairwise(cuts))
    found = [compare(whole, profile_column(part, whole)) for part in parts]
    return Usual(
        distance=max(difference.distance.value for difference in found),
        missing=max(difference.missing.value for difference in found),
    )


def _job(paths: JobPaths, options: argparse.Namespace) -> str:
    try:
        model = load_model(unpack(paths.processing_input("model") / MODEL_ARCHIVE))
    except (ArchiveError, ModelError) as error:
        raise JobError(str(error)) from error
    dataset = read_json(paths.processing_input("dataset") / DATASET_FILE, "the dataset's report")
    path = paths.processing_input("train") / TRAIN_FILE
    rows = read_rows(path, model.contract, dataset.get("files", {}).get(TRAIN_FILE))
    if rows.num_rows < options.periods:
        raise JobError(f"{rows.num_rows} training rows cannot be cut into {options.periods} periods")
    baseline = make_baseline(model, rows, str(dataset.get("dataset_version")), options.periods)
    out = paths.processing_output("baseline")
    write_json(out / STATISTICS_FILE, statistics(baseline.contract, baseline.profiles, baseline.rows))
    write_json(out / CONSTRAINTS_FILE, constraints(baseline.contract, baseline.profiles))
    # Last: a directory with it is whole.
    write_json(out / BASELINE_FILE, baseline.document())
    missing = pc.sum(pa.array([rows[name].null_count for name in model.contract.input_names])).as_py()
    return (
        f"remembered {baseline.rows} training rows of dataset {baseline.dataset_version}: "
        f"{len(model.contract.inputs)} inputs, {missing} missing values, base rate {baseline.base_rate:.4f}"
    )


def main(arguments: list[str]) -> int:
    """Run the processing job `baseline`."""
    parser = argparse.ArgumentParser(prog="headway_runtime baseline")
    parser.add_argument(
        "--periods",
        type=count("is no number of periods; write 1 to 1000", 1_000),
        default=PERIODS,
        metavar="COUNT",
    )
    options = parser.parse_args(arguments)
    paths = job_paths()
    return run_job(lambda: _job(paths, options), paths.message, on_success=True)

"""A dataset into a training and an evaluation set: features and label, cut by time, true to the contract."""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from headway_runtime.contract import (
    CHANNEL_CODE,
    CONTRACT_FILE,
    DATASET_FILE,
    EVALUATION_DATA_FILE,
    EVENT_TIME_COLUMN,
    LABEL_COLUMN,
    TRAIN_FILE,
    Contract,
    digest,
    files_digest,
    source_files,
)
from headway_runtime.data.conformance import conform
from headway_runtime.data.manifest import file_digest, register_tables
from headway_runtime.features.right_in_time import RightInTime, TrainingRows, assemble
from headway_runtime.jobs import JobError, job_paths, load_function, read_contract, run_job, write_json
from headway_runtime.quality.job import day, hold_training_rows

FeatureFunction = Callable[[duckdb.DuckDBPyConnection, Path], Any]


@dataclass(frozen=True)
class Split:
    """When the training set ends and when the evaluation set ends, both exclusive, UTC."""

    train_until: datetime
    evaluate_until: datetime


@dataclass(frozen=True)
class Prepared:
    """The two sets and how many rows belong to neither.

    Attributes:
        train: Rows before the training cut.
        evaluation: Rows from the training cut until the evaluation cut.
        unlabelled: Rows before the evaluation cut without a label.
        later: Rows from the evaluation cut on.
        version: Version of the raw data, or of the training set where it is one that is right in time.
        made_of: What that version is the digest of, and the states of the labels; empty for the raw data's.
        files: Text by name of the queries that made the set.
    """

    train: pa.Table
    evaluation: pa.Table
    unlabelled: int
    later: int
    version: str
    made_of: Mapping[str, Any]
    files: Mapping[str, str]


def prepare(
    features: FeatureFunction,
    data_dir: Path,
    contract: Contract,
    split: Split,
    feature_contracts: Mapping[str, str] | None = None,
) -> Prepared:
    """Compute features and split them by time.

    Args:
        features: Given a connection that holds the dataset's tables, and the dataset's directory, returns a
            relation or an Arrow table with the contract's inputs, `label` and `event_time`; or a
            `RightInTime`, which is then joined.
        data_dir: Directory of the dataset with its manifest.
        contract: What every row must honour.
        split: The two cuts.
        feature_contracts: Digest of each feature contract that the model takes, by `<name>-v<version>`; not
            said when left out.

    Returns:
        The sets, rows in an order that depends on their content only.

    Raises:
        JobError: The dataset is damaged, the function fails, columns lack, values break the contract, or a
            set is empty.
    """
    with duckdb.connect() as connection:
        manifest = register_tables(connection, data_dir)
        try:
            result = features(connection, data_dir)
            joined = None
            if isinstance(result, RightInTime):
                known = {} if feature_contracts is None else feature_contracts
                joined = assemble(connection, result, split.evaluate_until, known)
                result = joined.rows
            rows = _ordered(connection, result, contract)
        except duckdb.Error as error:
            raise JobError(f"the features cannot be computed: {error}") from error
    rows = conform(rows, contract)
    label, time = rows[LABEL_COLUMN], rows[EVENT_TIME_COLUMN]
    if time.null_count > 0:
        raise JobError(
            f"{time.null_count} rows have no {EVENT_TIME_COLUMN}; every row needs one to be split by time"
        )
    labelled = pc.is_valid(label)
    before_train = pc.less(time, pa.scalar(split.train_until, time.type))
    before_evaluation = pc.less(time, pa.scalar(split.evaluate_until, time.type))
    prepared = Prepared(
        train=rows.filter(pc.and_(labelled, before_train)),
        evaluation=rows.filter(pc.and_(labelled, pc.and_not(before_evaluation, before_train))),
        unlabelled=_count(pc.and_not(before_evaluation, labelled)),
        later=_count(pc.invert(before_evaluation)) + (0 if joined is None else joined.later),
        **_identity(str(manifest["dataset_version"]), joined, split),
    )
    _check_sets(prepared, split, time)
    return prepared


def _identity(raw_version: str, joined: TrainingRows | None, split: Split) -> dict[str, Any]:
    """Version of the rows, what it is made of, and the queries."""
    if joined is None:
        return {"version": raw_version, "made_of": {}, "files": {}}
    cuts = {"train_until": split.train_until.isoformat(), "evaluate_until": split.evaluate_until.isoformat()}
    made_of = {"raw_data": raw_version, "cuts": cuts, **joined.made_of}
    described = {"made_of": made_of, "states": joined.states}
    return {"version": digest(made_of), "made_of": described, "files": joined.files}


def _ordered(connection: duckdb.DuckDBPyConnection, result: object, contract: Contract) -> pa.Table:
    """The rows in one order whatever order the threads of the query gave them."""
    columns = result.column_names if isinstance(result, pa.Table) else getattr(result, "columns", None)
    if columns is None:
        raise JobError(
            f"the feature function returned {type(result).__name__}; return a relation or an Arrow table"
        )
    needed = [*contract.input_names, LABEL_COLUMN, EVENT_TIME_COLUMN]
    missing = [name for name in needed if name not in columns]
    if missing:
        raise JobError(
            f"the feature function returns no {', '.join(missing)}; it returns {', '.join(columns)}"
        )
    others = sorted(set(columns) - set(needed))
    names = [EVENT_TIME_COLUMN, *contract.input_names, LABEL_COLUMN, *others]
    listed = ", ".join('"' + name.replace('"', '""') + '"' for name in names)
    rows = connection.from_arrow(result) if isinstance(result, pa.Table) else result
    assert isinstance(rows, duckdb.DuckDBPyRelation)
    query = f"SELECT {listed} FROM headway_feature_rows ORDER BY ALL"  # noqa: S608 - the names are quoted
    ordered = rows.query("headway_feature_rows", query)
    assert ordered is not None
    table = ordered.to_arrow_table()
    columns = {name: table[name] for name in [*needed, *others]}
    for name, (kind, words) in _OWN_COLUMNS.items():
        try:
            columns[name] = columns[name].cast(kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise JobError(f"{name} cannot be read as {words}: {str(error).splitlines()[0]}") from error
    return pa.table(columns)


_OWN_COLUMNS = {
    LABEL_COLUMN: (pa.int8(), "0 and 1"),
    EVENT_TIME_COLUMN: (pa.timestamp("us", "UTC"), "a time"),
}


def _count(mask: pa.ChunkedArray) -> int:
    return int(pc.sum(mask).as_py() or 0)  # the sum of no rows is null


def _check_sets(prepared: Prepared, split: Split, time: pa.ChunkedArray) -> None:
    wrong = pc.and_not(pc.is_valid(prepared.train[LABEL_COLUMN]), _zero_or_one(prepared.train[LABEL_COLUMN]))
    if _count(wrong) > 0:
        raise JobError(
            f"{_count(wrong)} rows have a label other than 0 and 1; the task is a binary classification"
        )
    start, end = f"{split.train_until:%Y-%m-%d}", f"{split.evaluate_until:%Y-%m-%d}"
    spans = {
        f"before {start}": prepared.train.num_rows,
        f"from {start} until {end}": prepared.evaluation.num_rows,
    }
    empty = [span for span, rows in spans.items() if rows == 0]
    if empty:
        known = pc.min_max(time).as_py()
        raise JobError(
            f"no labelled row lies {' nor '.join(empty)}; the rows go from {known['min']} to {known['max']}, "
            "choose cuts in between"
        )


def _zero_or_one(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.is_in(column, value_set=pa.array([0, 1], column.type))


def _write(prepared: Prepared, train_dir: Path, evaluation_dir: Path) -> dict[str, str]:
    digests = {}
    for path, rows in (
        (train_dir / TRAIN_FILE, prepared.train),
        (evaluation_dir / EVALUATION_DATA_FILE, prepared.evaluation),
    ):
        pq.write_table(rows, path, compression="zstd")
        digests[path.name] = file_digest(path)
    return digests


def _feature_contract(text: str) -> tuple[str, str]:
    label, equals, found = text.partition("=")
    if not (label and equals and found):
        raise argparse.ArgumentTypeError(f"{text!r} names no contract; write it as NAME-vVERSION=DIGEST")
    return label, found


def main(arguments: list[str]) -> int:
    """Run the processing job `prepare`: feature function and the two cuts are given as flags."""
    parser = argparse.ArgumentParser(prog="headway_runtime prepare")
    parser.add_argument("--features", required=True, metavar="MODULE:FUNCTION")
    parser.add_argument("--train-until", required=True, type=day, metavar="DATE")
    parser.add_argument("--evaluate-until", required=True, type=day, metavar="DATE")
    parser.add_argument("--as-of", type=day, metavar="DATE", help="when the age of rows is taken")
    parser.add_argument(
        "--feature-contract",
        action="append",
        default=[],
        type=_feature_contract,
        metavar="NAME-vVERSION=DIGEST",
    )
    options = parser.parse_args(arguments)
    if options.train_until >= options.evaluate_until:
        parser.error("--train-until must be before --evaluate-until")
    split = Split(options.train_until, options.evaluate_until)
    paths = job_paths()

    def work() -> str:
        contract = read_contract(paths.processing_input("contract") / CONTRACT_FILE)
        code = paths.processing_input(CHANNEL_CODE)
        features = load_function(options.features, code)
        contracts = dict(options.feature_contract)
        prepared = prepare(features, paths.processing_input("data"), contract, split, contracts)
        if options.as_of is not None:
            hold_training_rows(paths, prepared.train, options.as_of)
        digests = _write(prepared, paths.processing_output("train"), paths.processing_output("evaluation"))
        code_digest = files_digest(source_files(code))
        base_rate = pc.mean(prepared.train[LABEL_COLUMN]).as_py()
        rows = {
            "train": prepared.train.num_rows,
            "evaluation": prepared.evaluation.num_rows,
            "unlabelled": prepared.unlabelled,
            "later": prepared.later,
        }
        report = {
            "dataset_version": prepared.version,
            **prepared.made_of,
            "code_digest": code_digest,
            "feature_digest": digest(
                {"function": options.features, "code_digest": code_digest, "contracts": contracts}
                if contracts
                else {"function": options.features, "code_digest": code_digest}
            ),
            "features": options.features,
            "contract_digest": contract.digest,
            "rows": rows,
            "train_until": f"{split.train_until:%Y-%m-%d}",
            "evaluate_until": f"{split.evaluate_until:%Y-%m-%d}",
            "base_rate": base_rate,
            "files": digests,
        }
        for name, text in prepared.files.items():
            (paths.processing_output("report") / name).write_text(text, "utf-8")
        write_json(paths.processing_output("report") / DATASET_FILE, report)
        return (
            f"prepared {rows['train']} rows to train (base rate {base_rate:.4f}) and {rows['evaluation']} to "
            f"evaluate; {rows['unlabelled']} rows have no label"
        )

    return run_job(work, paths.message, on_success=True)

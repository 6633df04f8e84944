"""The evaluation job: measure a model on rows after its training cut, compare it with the floor, decide."""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headway_runtime.archive import MODEL_ARCHIVE, ArchiveError, unpack
from headway_runtime.contract import (
    DATASET_FILE,
    DECISION_FILE,
    EVALUATION_DATA_FILE,
    EVALUATION_FILE,
    LABEL_COLUMN,
    PLAN_FILE,
    REPRODUCIBILITY_FILE,
    Contract,
)
from headway_runtime.data.conformance import read_rows
from headway_runtime.data.manifest import file_digest
from headway_runtime.evaluate.decide import Champion, Measured, Thresholds, decide
from headway_runtime.evaluate.floors import FLOORS, Floor
from headway_runtime.evaluate.metrics import BinaryMetrics, Vector, log_loss, log_loss_difference, measure
from headway_runtime.evaluate.report import decision_document, quality_document
from headway_runtime.flags import count, number
from headway_runtime.jobs import JobError, JobPaths, job_paths, read_json, run_job, write_json
from headway_runtime.models.model import Model, ModelError, load_model

_Slice = tuple[str, str, BinaryMetrics, Measured]


def evaluate(
    model: Model, table: pa.Table, floor: Floor, slice_columns: Sequence[str]
) -> tuple[BinaryMetrics, Measured, list[_Slice]]:
    """Measure a model overall and by slice.

    Args:
        model: The model.
        table: Rows that honour its contract, with `label`.
        floor: What to compare with.
        slice_columns: Columns whose values are measured one by one.

    Returns:
        Metrics and comparison on all rows, and the same for each slice.

    Raises:
        JobError: There is no row, or a slice column is missing.
    """
    if table.num_rows == 0:
        raise JobError("there is no row to evaluate on; widen the span between the two cuts")
    missing = [name for name in slice_columns if name not in table.column_names]
    if missing:
        raise JobError(
            f"there is no column {', '.join(missing)} to slice by; "
            f"the rows have {', '.join(table.column_names)}"
        )
    scores = _scores(model, table)
    labels = table[LABEL_COLUMN].to_numpy().astype(np.float64)
    floor_scores = floor.scores(table)
    overall = measure(labels, scores)
    slices = []
    for column in slice_columns:
        for value, rows in _groups(table[column]):
            metrics = measure(labels[rows], scores[rows])
            measured = _compare(f"{column}={value}", metrics, labels[rows], floor_scores[rows])
            slices.append((column, value, metrics, measured))
    return overall, _compare("", overall, labels, floor_scores), slices


def _scores(model: Model, table: pa.Table) -> Vector:
    columns = {name: table[name].to_pylist() for name in model.contract.input_names}
    return np.asarray(model.predict(columns, table.num_rows), np.float64)


def _champion(paths: JobPaths, model: Model, table: pa.Table) -> tuple[Champion | None, str]:
    """The model that answers now on the same rows, or why there is none to compare with."""
    inputs = paths.processing_input("champion")
    plan = next(iter(sorted(inputs.rglob(PLAN_FILE))), None)
    told = "no champion was named" if plan is None else str(read_json(plan, "the plan")["champion"]["why"])
    archive = next(iter(sorted(inputs.rglob(MODEL_ARCHIVE))), None)
    if archive is None:
        return None, told
    try:
        champion = load_model(unpack(archive))
    except (ArchiveError, ModelError) as error:
        return None, f"the champion cannot be loaded: {error}"
    if champion.contract.digest != model.contract.digest:
        return None, "the champion honours another contract"
    labels, answers = table[LABEL_COLUMN].to_numpy().astype(np.float64), _scores(champion, table)
    found = log_loss_difference(labels, _scores(model, table), answers)
    return (
        Champion(
            log_loss=log_loss(labels, answers).value,
            difference=found.value,
            standard_deviation=found.standard_deviation,
        ),
        "",
    )


def _compare(group: str, metrics: BinaryMetrics, labels: Vector, floor_scores: Vector) -> Measured:
    return Measured(
        group=group,
        positives=metrics.positives,
        negatives=metrics.rows - metrics.positives,
        log_loss=metrics.log_loss.value,
        floor_log_loss=log_loss(labels, floor_scores).value,
        auc=metrics.auc.value,
    )


def _groups(column: pa.ChunkedArray) -> Iterator[tuple[str, "np.ndarray[tuple[int], np.dtype[np.bool_]]"]]:
    texts = pc.fill_null(column.cast(pa.string()), "(missing)")
    for value in sorted(pc.unique(texts).to_pylist()):
        yield value, pc.equal(texts, value).to_numpy()


def _thresholds(options: argparse.Namespace) -> Thresholds:
    return Thresholds(
        minimum_log_loss_improvement=options.minimum_logloss_improvement,
        minimum_auc=options.minimum_auc,
        maximum_auc=options.maximum_auc,
        minimum_slice_log_loss_improvement=options.minimum_slice_logloss_improvement,
        minimum_group_size=options.minimum_group_size,
        maximum_log_loss_over_champion=options.maximum_logloss_over_champion,
    )


def _job(paths: JobPaths, options: argparse.Namespace) -> str:
    try:
        files = unpack(paths.processing_input("model") / MODEL_ARCHIVE)
        model = load_model(files)
    except (ArchiveError, ModelError) as error:
        raise JobError(str(error)) from error
    dataset = read_json(paths.processing_input("dataset") / DATASET_FILE, "the dataset's report")
    rows_file = paths.processing_input("evaluation") / EVALUATION_DATA_FILE
    table = read_rows(rows_file, model.contract, dataset.get("files", {}).get(EVALUATION_DATA_FILE))
    floor = FLOORS[options.floor](dataset)
    thresholds = _thresholds(options)
    overall, compared, slices = evaluate(model, table, floor, options.slice)
    champion, why = _champion(paths, model, table)
    decision = decide(compared, [measured for *_, measured in slices], thresholds, floor.name, champion)
    out = paths.processing_output("evaluation")
    write_json(out / EVALUATION_FILE, quality_document(overall, slices, floor.name))
    judged = decision_document(decision, compared, thresholds, floor.name)
    held_against = {"why": why} if champion is None else asdict(champion)
    write_json(out / DECISION_FILE, judged | {"champion": held_against})
    record = _record(files, model.contract, dataset) | {"evaluation_file_sha256": file_digest(rows_file)}
    write_json(out / REPRODUCIBILITY_FILE, record | {"model_kind": model.kind})
    return decision.sentence


def _record(files: Mapping[str, bytes], contract: Contract, dataset: Mapping[str, Any]) -> dict[str, Any]:
    """The model's own record, completed by what it was judged on; a placeholder has none."""
    made: dict[str, Any] = json.loads(files[REPRODUCIBILITY_FILE]) if REPRODUCIBILITY_FILE in files else {}
    return {"contract_digest": contract.digest, "dataset_version": dataset.get("dataset_version")} | made


_share = number(-1, 1, "is no share; write 0.08 for 8 %")
_count = count("is no number of rows; write an integer from 1")


def main(arguments: list[str]) -> int:
    """Run the processing job `evaluate`; thresholds, slices and floor are given as flags."""
    parser = argparse.ArgumentParser(prog="headway_runtime evaluate")
    parser.add_argument("--minimum-logloss-improvement", type=_share, metavar="SHARE")
    parser.add_argument("--minimum-auc", type=_share, metavar="AUC")
    parser.add_argument("--maximum-auc", type=_share, metavar="AUC")
    parser.add_argument("--minimum-slice-logloss-improvement", type=_share, metavar="SHARE")
    parser.add_argument("--maximum-logloss-over-champion", type=_share, metavar="SHARE")
    parser.add_argument("--minimum-group-size", type=_count, default=30, metavar="ROWS")
    parser.add_argument("--slice", action="append", default=[], metavar="COLUMN")
    parser.add_argument("--floor", choices=sorted(FLOORS), default="base-rate")
    options = parser.parse_args(arguments)
    if options.minimum_logloss_improvement is None and options.minimum_auc is None:
        parser.error(
            "declare --minimum-logloss-improvement, --minimum-auc or both; else any model would pass"
        )
    paths = job_paths()
    return run_job(lambda: _job(paths, options), paths.message, on_success=True)

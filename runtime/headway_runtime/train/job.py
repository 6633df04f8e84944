"""The training job under SageMaker's container contract."""

import argparse
import os
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow.compute as pc

from headway_runtime.contract import (
    CHANNEL_CONTRACT,
    CHANNEL_DATASET,
    CHANNEL_TRAIN,
    CONTRACT_FILE,
    DATASET_FILE,
    IMAGE_VARIABLE,
    LABEL_COLUMN,
    LIGHTGBM,
    MODEL_FILE,
    REPRODUCIBILITY_FILE,
    SIGNATURE_FILE,
    TRAIN_FILE,
    TREES_FILE,
    Contract,
    signature_of,
)
from headway_runtime.data.conformance import read_rows
from headway_runtime.data.manifest import file_digest
from headway_runtime.jobs import (
    JobError,
    JobPaths,
    job_paths,
    read_contract,
    read_json,
    run_job,
    say,
    write_json,
)
from headway_runtime.reproducibility import code_record, environment
from headway_runtime.train.boosting import fit
from headway_runtime.train.parameters import read_parameters


def _train(paths: JobPaths, environ: Mapping[str, str], report: Callable[[str], None]) -> str:
    given = read_json(paths.hyperparameters, "the hyperparameters") if paths.hyperparameters.exists() else {}
    parameters = read_parameters(given)
    contract = read_contract(paths.channel(CHANNEL_CONTRACT) / CONTRACT_FILE)
    dataset = read_json(paths.channel(CHANNEL_DATASET) / DATASET_FILE, "the dataset's report")
    expected = dataset.get("files", {}).get(TRAIN_FILE)
    table = read_rows(paths.channel(CHANNEL_TRAIN) / TRAIN_FILE, contract, expected)
    positives = pc.sum(table[LABEL_COLUMN]).as_py() or 0  # the sum of no rows is null
    if positives in (0, table.num_rows):
        raise JobError(
            f"the {table.num_rows} training rows have {positives} positive labels; "
            "a classifier needs rows of both classes"
        )
    trees, encoding = fit(table, contract, parameters, report)
    paths.model.mkdir(parents=True, exist_ok=True)
    (paths.model / TREES_FILE).write_text(trees, "utf-8")
    write_json(
        paths.model / MODEL_FILE, {"kind": LIGHTGBM, "trees": TREES_FILE, "features": encoding.document()}
    )
    write_json(paths.model / CONTRACT_FILE, contract.document())
    write_json(paths.model / SIGNATURE_FILE, signature_of(contract))
    write_json(
        paths.model / REPRODUCIBILITY_FILE,
        _record(contract, dataset, parameters, environ)
        | {"model_file_sha256": file_digest(paths.model / TREES_FILE)},
    )
    return f"trained {parameters['num_boost_round']:g} rounds on {table.num_rows} rows"


def _record(
    contract: Contract,
    dataset: Mapping[str, Any],
    parameters: Mapping[str, float],
    environ: Mapping[str, str],
) -> dict[str, Any]:
    settings = {name: value for name, value in parameters.items() if name not in ("seed", "num_threads")}
    return {
        **code_record(dataset.get("code_digest")),
        "dataset_version": dataset.get("dataset_version"),
        "dataset": dict(dataset),
        "feature_digest": dataset.get("feature_digest"),
        "contract_digest": contract.digest,
        "environment": environment(),
        "seed": parameters["seed"],
        "parameters": settings,
        "training_image": environ.get(IMAGE_VARIABLE),
    }


def main(arguments: list[str]) -> int:
    """Run the training job; SageMaker passes everything by files and environment."""
    argparse.ArgumentParser(prog="headway_runtime train").parse_args(arguments)
    paths = job_paths()
    return run_job(lambda: _train(paths, os.environ, say), paths.failure, on_success=False)

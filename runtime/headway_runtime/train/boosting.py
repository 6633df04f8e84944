"""Fit gradient-boosted trees; the same table and parameters give the same model to the byte."""

import re
from collections.abc import Callable, Mapping

import lightgbm as lgb
import numpy as np
import pyarrow as pa

from headway_runtime.contract import LABEL_COLUMN, Contract
from headway_runtime.models.encoding import Encoding, learn_encoding
from headway_runtime.models.trees import cores

METRICS = ("binary_logloss", "auc")
REPORT_EVERY_ROUNDS = 50

# Whatever does not change a tree may not change the file: the number of threads is a property of the machine.
_THREADS = re.compile(r"^\[num_threads: \d+\]\n", re.MULTILINE)


def fit(
    table: pa.Table,
    contract: Contract,
    parameters: Mapping[str, float],
    report: Callable[[str], None],
) -> tuple[str, Encoding]:
    """Fit trees to a training table.

    Args:
        table: Inputs that honour the contract, and `label` with 0 and 1.
        contract: Names and types of the inputs.
        parameters: Every name of `parameters.PARAMETERS`.
        report: Told the metrics on the training rows, `train:binary_logloss=0.4`, every 50 rounds and last.

    Returns:
        The trees in LightGBM's text format, and the encoding of the inputs.
    """
    settings = dict(parameters)
    rounds = int(settings.pop("num_boost_round"))
    threads = int(settings.pop("num_threads"))
    settings_fixed = {
        "objective": "binary",
        "metric": list(METRICS),
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": threads if threads > 0 else cores(),
        "verbosity": -1,
    }
    encoding = learn_encoding(contract, table)
    data = lgb.Dataset(
        encoding.table(table),
        table[LABEL_COLUMN].to_numpy().astype(np.float64),
        feature_name=list(encoding.names),
        categorical_feature=encoding.categorical,
        params={**settings, **settings_fixed},
    )
    booster = lgb.Booster({**settings, **settings_fixed}, data)
    for index in range(1, rounds + 1):
        finished = booster.update()
        if finished or index == rounds or index % REPORT_EVERY_ROUNDS == 0:
            values = " ".join(f"train:{name}={value:.6f}" for _, name, value, *_ in booster.eval_train())
            report(f"[{index}] {values}")
        if finished:
            break
    return _THREADS.sub("", booster.model_to_string()), encoding

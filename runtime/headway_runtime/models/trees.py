"""Gradient-boosted trees (LightGBM) behind an inference contract."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np

from headway_runtime.contract import LIGHTGBM, TREES_FILE, Contract
from headway_runtime.models.encoding import Encoding
from headway_runtime.models.model import ModelError, Value

PARALLEL_FROM_ROWS = 1_000
"""Smaller batches are answered on the calling thread: waking others costs more than it saves."""


def cores() -> int:
    """Number of cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


@dataclass(frozen=True)
class Trees:
    """A LightGBM model that answers with the probability of the positive class.

    Attributes:
        contract: The contract that it honours.
        booster: The trees.
        encoding: How inputs become numbers.
    """

    contract: Contract
    booster: lgb.Booster
    encoding: Encoding
    kind: str = LIGHTGBM

    def predict(self, columns: Mapping[str, Sequence[Value]], rows: int) -> list[float]:
        """Answer for rows that honour the contract."""
        if rows == 0:
            return []
        threads = cores() if rows >= PARALLEL_FROM_ROWS else 1
        scores = self.booster.predict(self.encoding.rows(columns, rows), num_threads=threads)
        answers: list[float] = np.asarray(scores, np.float64).tolist()
        return answers


def load(contract: Contract, description: Mapping[str, Any], files: Mapping[str, bytes]) -> Trees:
    """Make the trees of an artifact.

    Raises:
        ModelError: model.txt is missing or damaged, or was made for other inputs.
    """
    if TREES_FILE not in files:
        raise ModelError(f"the model artifact lacks {TREES_FILE}; it holds {', '.join(sorted(files))}")
    encoding = Encoding.from_document(description.get("features"))
    try:
        booster = lgb.Booster(model_str=files[TREES_FILE].decode("utf-8"))
    except (lgb.basic.LightGBMError, UnicodeDecodeError, ValueError) as error:
        raise ModelError(f"{TREES_FILE} of the model artifact cannot be read: {error}") from error
    if encoding.names != contract.input_names or booster.num_feature() != len(encoding.names):
        raise ModelError(
            f"{TREES_FILE} takes {booster.num_feature()} inputs ({', '.join(encoding.names)}); "
            f"the contract has {', '.join(contract.input_names)}"
        )
    return Trees(contract, booster, encoding)

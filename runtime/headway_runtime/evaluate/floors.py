"""What a model has to beat. A floor answers the same rows as the model, so the two losses are paired."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from headway_runtime.evaluate.metrics import Vector
from headway_runtime.jobs import JobError


class Floor(Protocol):
    """A simpler model, named in the declaration."""

    @property
    def name(self) -> str:
        """Name in the declaration and in reports."""
        ...

    def scores(self, table: pa.Table) -> Vector:
        """Probability of the positive class for each row."""
        ...


@dataclass(frozen=True)
class BaseRate:
    """Answers every row with the share of positives in the training rows.

    Attributes:
        rate: The share, strictly between 0 and 1.
    """

    rate: float
    name: str = "base-rate"

    def scores(self, table: pa.Table) -> Vector:
        """Probability of the positive class for each row."""
        return np.full(table.num_rows, self.rate, np.float64)


def _base_rate(dataset: Mapping[str, Any]) -> Floor:
    rate = dataset.get("base_rate")
    if not isinstance(rate, int | float) or isinstance(rate, bool) or not 0 < rate < 1:
        raise JobError(f"the dataset's report has the base rate {rate!r}; it must lie between 0 and 1")
    return BaseRate(float(rate))


FLOORS: dict[str, Callable[[Mapping[str, Any]], Floor]] = {"base-rate": _base_rate}
"""How each named floor is made from the dataset's report."""

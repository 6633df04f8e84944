"""The model before any training: a constant inside the output's range, behind the contract's checks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headway_runtime.contract import PLACEHOLDER, Contract
from headway_runtime.models.model import ModelError, Value


@dataclass(frozen=True)
class Placeholder:
    """Answers every row with the same value.

    Attributes:
        contract: The contract that it honours.
        value: The answer.
    """

    contract: Contract
    value: float
    kind: str = PLACEHOLDER

    def predict(self, columns: Mapping[str, Sequence[Value]], rows: int) -> list[float]:  # noqa: ARG002 - as Model
        """Answer for rows that honour the contract."""
        return [self.value] * rows


def load(contract: Contract, description: Mapping[str, Any], files: Mapping[str, bytes]) -> Placeholder:  # noqa: ARG001 - as every kind
    """Make the placeholder of an artifact.

    Raises:
        ModelError: The constant is missing or no number.
    """
    value = description.get("value")
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ModelError(f"model.json of the placeholder has the value {value!r}; it must be a number")
    return Placeholder(contract, float(value))

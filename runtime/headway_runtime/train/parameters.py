"""Hyperparameters: read from SageMaker's text values, with every problem at once."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from headway_runtime.jobs import JobError

RESERVED_PREFIXES = ("sagemaker_", "_")
"""Names that SageMaker's own tools add to a job's hyperparameters."""


@dataclass(frozen=True)
class Parameter:
    """One hyperparameter.

    Attributes:
        read: Turns the text into a number, or raises ValueError.
        default: Value when it is left out.
        minimum: Smallest value allowed.
        maximum: Largest value allowed.
        above_minimum: Whether the minimum itself is refused.
    """

    read: Callable[[str], float]
    default: float
    minimum: float
    maximum: float
    above_minimum: bool = False

    def allowed(self) -> str:
        """What is accepted, in words."""
        kind = "an integer" if self.read is int else "a number"
        start = "above" if self.above_minimum else "from"
        return f"{kind} {start} {self.minimum:g} to {self.maximum:g}"

    def accepts(self, value: float) -> bool:
        """Whether a number lies in the range."""
        low = value > self.minimum if self.above_minimum else value >= self.minimum
        return math.isfinite(value) and low and value <= self.maximum


PARAMETERS = {
    "num_boost_round": Parameter(int, 300, 1, 10_000),
    "learning_rate": Parameter(float, 0.05, 0, 1, above_minimum=True),
    "num_leaves": Parameter(int, 31, 2, 131_072),
    "max_depth": Parameter(int, -1, -1, 128),
    "min_data_in_leaf": Parameter(int, 20, 0, 1_000_000),
    "feature_fraction": Parameter(float, 1.0, 0, 1, above_minimum=True),
    "lambda_l1": Parameter(float, 0.0, 0, 1e6),
    "lambda_l2": Parameter(float, 0.0, 0, 1e6),
    "max_bin": Parameter(int, 255, 2, 65_535),
    "seed": Parameter(int, 0, 0, 2**31 - 1),
    "num_threads": Parameter(int, 0, 0, 1_024),
}
"""What can be set; `num_threads` 0 stands for every core of the machine and never changes the model."""


def read_parameters(given: Mapping[str, Any]) -> dict[str, float]:
    """Read hyperparameters.

    Args:
        given: Text by name, as SageMaker writes hyperparameters.json.

    Returns:
        A number for every name of `PARAMETERS`.

    Raises:
        JobError: Names are unknown or values are not allowed; it lists all of them.
    """
    problems = []
    values = {name: parameter.default for name, parameter in PARAMETERS.items()}
    for name, text in given.items():
        if name.startswith(RESERVED_PREFIXES):
            continue
        parameter = PARAMETERS.get(name)
        if parameter is None:
            problems.append(f"{name} is unknown; allowed are {', '.join(PARAMETERS)}")
            continue
        try:
            value = parameter.read(str(text).strip().strip('"'))
        except ValueError:
            value = math.nan
        if parameter.accepts(value):
            values[name] = value
        else:
            problems.append(f"{name} is {text!r}; it must be {parameter.allowed()}")
    if problems:
        raise JobError(f"the hyperparameters are wrong: {'; '.join(problems)}")
    return values

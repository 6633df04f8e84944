"""How a model is trained and how it is judged before anybody may use it."""

import datetime
import math
import re
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Self

from pydantic import Field, field_validator, model_validator

from headway_components._declaration import Declaration, Problem, problem, refuse
from headway_components.contracts import COLUMN_PATTERN
from headway_components.data_contract import DataContract, table_problems

INSTANCE_PATTERN = r"^ml\.[a-z0-9-]+\.[a-z0-9]+$"
_GUESSED_AUC = 0.5
_ENTRY_POINT = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*$"


class Floor(Enum):
    """What a model must beat before it is registered."""

    BASE_RATE = "base-rate"


class LightGBM(Declaration):
    """Gradient-boosted trees for tables: the simplest model that could work."""

    num_boost_round: int = Field(default=300, ge=1, le=10_000)
    """Number of trees; 300 when left out."""
    learning_rate: float = Field(default=0.05, gt=0, le=1)
    """Weight of each tree; 0.05 when left out."""
    num_leaves: int = Field(default=31, ge=2, le=131_072)
    """Leaves of one tree; 31 when left out."""
    min_data_in_leaf: int = Field(default=20, ge=0, le=1_000_000)
    """Smallest number of rows in a leaf; 20 when left out."""
    feature_fraction: float = Field(default=1.0, gt=0, le=1)
    """Share of the features that each tree sees; all when left out."""
    lambda_l2: float = Field(default=0.0, ge=0, le=1e6)
    """L2 regularisation; none when left out."""
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    """Seed of everything random, so that equal data gives an equal model; a constant when left out."""

    def hyperparameters(self) -> dict[str, str]:
        """The parameters as SageMaker passes them: text by name."""
        return {name: repr(value) for name, value in self.plain().items()}


class TrainingSpec(Declaration):
    """From raw data to a trained model: the code, the cuts in time, the algorithm and the machine."""

    ingest: str = Field(pattern=_ENTRY_POINT)
    """`module:function` that yields the raw tables."""
    features: str = Field(pattern=_ENTRY_POINT)
    """`module:function` that turns the tables into inputs, label and event time."""
    code: Sequence[str] = Field(min_length=1)
    """Files that the two functions need, relative to the program's directory."""
    data: Sequence[DataContract] = Field(default_factory=list)
    """What the raw tables, and the rows before training, must be like; nothing is checked when left out."""
    train_until: str
    """ISO date: rows before it train the model."""
    evaluate_until: str
    """ISO date: rows from `train_until` to before it judge the model."""
    judge_newest_d: int = Field(default=30, ge=1, le=366)
    """Newest days that judge a retrained model, which learns from all before; 30 when left out."""
    algorithm: LightGBM = Field(default_factory=LightGBM)
    """The algorithm with its parameters; LightGBM with its defaults when left out."""
    instance_type: str = Field(default="ml.m5.large", pattern=INSTANCE_PATTERN)
    """Machine of every step; `ml.m5.large` when left out."""
    volume_size_gib: int = Field(default=20, ge=1, le=16_384)
    """Disk of every step, in GiB; 20 when left out."""
    max_runtime_s: int = Field(default=3_600, ge=60, le=432_000)
    """Time after which a step is stopped, in seconds; one hour when left out."""

    def landing_tables(self) -> list[str]:
        """The tables whose batches land."""
        return [contract.table for contract in self.data if contract.landing]

    @field_validator("train_until", "evaluate_until", mode="before")
    @classmethod
    def _iso(cls, value: object) -> object:
        # YAML reads an unquoted date as a date.
        return value.isoformat() if isinstance(value, datetime.date) else value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse(_training_problems(self))
        return self


class EvaluationSpec(Declaration):
    """What a trained model has to prove on rows that it has not seen.

    At least one threshold has to ask for more than a guess gives: `minimum_logloss_improvement` above 0 or
    `minimum_auc` above 0.5.
    """

    floor: Floor = Floor.BASE_RATE
    """The model to beat; the share of positives in the training rows when left out."""
    minimum_logloss_improvement: float = Field(default=0.0, ge=0, lt=1)
    """Share by which the log-loss must be below the floor's, 0.08 for 8 %; any better when left out, which
    asks for nothing by itself."""
    minimum_auc: float = Field(default=0.5, ge=0, le=1)
    """Smallest area under the ROC curve; 0.5 when left out, which a guess reaches."""
    maximum_auc: float = Field(default=1.0, ge=0, le=1)
    """Largest area under the ROC curve; above it the data leaks. No ceiling when left out."""
    maximum_logloss_over_champion: float | None = Field(default=0.01, ge=0, lt=1)
    """Share by which the log-loss may exceed the champion's on the same rows; 0.01 when left out."""
    slices: Sequence[str] = ()
    """Columns whose values are also judged one by one; none when left out."""
    minimum_slice_logloss_improvement: float | None = Field(default=None, gt=-1, lt=1)
    """Share by which the log-loss of every slice must be below the floor's; only reported when left out."""
    minimum_group_size: int = Field(default=30, ge=1, le=999_999_999)
    """Rows below which a slice is too small to be judged; 30 when left out."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse(_evaluation_problems(self))
        return self


def _training_problems(spec: TrainingSpec) -> Iterator[Problem]:
    yield from table_problems(spec.data)
    dates = {}
    for key in ("train_until", "evaluate_until"):
        text = getattr(spec, key)
        try:
            dates[key] = datetime.date.fromisoformat(text)
        except ValueError:
            yield problem(key, text, "is not a date", "write it as YYYY-MM-DD")
    if len(dates) == 2 and dates["train_until"] >= dates["evaluate_until"]:
        message = f"leaves no row to judge before evaluate_until {spec.evaluate_until}"
        yield problem("train_until", spec.train_until, message, "move one of the two dates")
    for index, path in enumerate(spec.code):
        if path.startswith("/") or ".." in path.split("/") or not path:
            message = "must be a path below the program's directory"
            yield problem(f"code.{index}", path, message, "write it relative to that directory")
    for key in ("ingest", "features"):
        module = getattr(spec, key).split(":")[0].replace(".", "/")
        if not any(path in (f"{module}.py", f"{module}/__init__.py") for path in spec.code):
            message = "names a module that is not among the code files"
            yield problem(key, getattr(spec, key), message, f"add {module}.py to code")


def _evaluation_problems(spec: EvaluationSpec) -> Iterator[Problem]:
    if spec.minimum_auc >= spec.maximum_auc or math.isnan(spec.minimum_auc):
        message = f"must be below maximum_auc {spec.maximum_auc:g}"
        yield problem("minimum_auc", spec.minimum_auc, message, "lower it or raise maximum_auc")
    if spec.minimum_logloss_improvement <= 0 and spec.minimum_auc <= _GUESSED_AUC:
        message = "asks for nothing, and neither does minimum_auc: a model that guesses passes"
        fix = f"raise it above 0, or minimum_auc above {_GUESSED_AUC:g}"
        yield problem("minimum_logloss_improvement", spec.minimum_logloss_improvement, message, fix)
    for index, column in enumerate(spec.slices):
        if re.fullmatch(COLUMN_PATTERN, column) is None:
            message = "is not the name of a column"
            yield problem(f"slices.{index}", column, message, "name a column of the features")

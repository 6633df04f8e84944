"""When live traffic counts as drift, and what follows."""

from collections.abc import Iterator, Sequence
from typing import Self

from pydantic import Field, model_validator

from headway_components._declaration import Declaration, Problem, problem, refuse
from headway_components.training import INSTANCE_PATTERN


class DriftPlan(Declaration):
    """How often captured traffic is held against the training rows, from when on it drifts, what follows."""

    every_h: int = Field(default=24, ge=1, le=24 * 31)
    """Time between two looks at what was captured since the last, in hours; a day when left out."""
    maximum_distance: float = Field(default=0.1, gt=0, le=1)
    """Distance of distributions (Kolmogorov-Smirnov, Jensen-Shannon) that is no drift; 0.1 when left out."""
    maximum_missing_growth: float = Field(default=0.05, gt=0, le=1)
    """Growth of the share of missing values that is no drift; 0.05 when left out."""
    maximum_unseen_share: float = Field(default=0.05, gt=0, le=1)
    """Share of values never trained on that is no drift; 0.05 when left out."""
    minimum_rows: int = Field(default=500, ge=1, le=999_999_999)
    """Rows below which nothing is said; fewer count together with the next ones. 500 when left out."""
    maximum_label_share_change: float = Field(default=0.03, gt=0, le=1)
    """How far the share of positives may leave the seasons of the training rows; 0.03 when left out."""
    maximum_calibration_gap: float = Field(default=0.05, gt=0, le=1)
    """Difference of mean answer and share of positives that is none yet; 0.05 when left out."""
    maximum_logloss_growth: float = Field(default=0.1, gt=0, le=1)
    """Share by which the normalised cross-entropy may exceed the evaluation's; 0.1 when left out."""
    maximum_auc_fall: float = Field(default=0.05, gt=0, le=1)
    """Fall of the AUC below the evaluation's that is none yet; 0.05 when left out."""
    minimum_labels: int = Field(default=500, ge=1, le=999_999_999)
    """Labelled rows below which nothing is said of quality; 500 when left out."""
    label_delay_h: float = Field(default=24, ge=0, le=24 * 366)
    """Time in which labels come, in hours: younger answers are not judged; a day when left out."""
    keep_labels_d: float = Field(default=60, gt=0, le=3_660)
    """Time after which a label is waited for no more, in days; 60 when left out."""
    label_entity: Sequence[str] = Field(default_factory=list)
    """Inputs that name what an answer is about, for labels without an inference id; none when left out."""
    lasting_windows: int = Field(default=3, ge=1, le=1_000)
    """Windows in a row in which the same column or measure drifts before it lasts; 3 when left out."""
    periods: int = Field(default=8, ge=1, le=1_000)
    """Parts in time of the training rows; what differs no more than these do is a season. 8 when left out."""
    cool_down_h: int = Field(default=72, ge=0, le=24 * 31)
    """Time after any training in which drift starts none, in hours; three days when left out."""
    maximum_retrainings: int = Field(default=4, ge=0, le=1_000)
    """Trainings that drift may start in thirty days; 4 when left out."""
    retrain_every_d: int | None = Field(default=None, ge=1, le=366)
    """Time between two trainings that the calendar starts, in days; it starts none when left out."""
    instance_type: str = Field(default="ml.m5.large", pattern=INSTANCE_PATTERN)
    """Machine that looks at the traffic; `ml.m5.large` when left out."""
    volume_size_gib: int = Field(default=30, ge=1, le=16_384)
    """Its disk, in GiB; 30 when left out."""
    max_runtime_s: int = Field(default=3_600, ge=60, le=432_000)
    """Time after which it is stopped, in seconds; one hour when left out."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse(_problems(self))
        return self

    def rehearsed(self) -> "DriftPlan":
        """The plan where nobody waits: labels are there at once, and a training follows a training."""
        return self.model_copy(update={"cool_down_h": 0, "label_delay_h": 0.0})

    def flags(self) -> list[str]:
        """The limits as flags of the monitoring job."""
        return [
            *("--maximum-distance", repr(self.maximum_distance)),
            *("--maximum-missing", repr(self.maximum_missing_growth)),
            *("--maximum-unseen", repr(self.maximum_unseen_share)),
            *("--minimum-rows", str(self.minimum_rows)),
            *("--lasting", str(self.lasting_windows)),
            *("--maximum-label-share-change", repr(self.maximum_label_share_change)),
            *("--maximum-calibration-gap", repr(self.maximum_calibration_gap)),
            *("--maximum-logloss-growth", repr(self.maximum_logloss_growth)),
            *("--maximum-auc-fall", repr(self.maximum_auc_fall)),
            *("--minimum-labels", str(self.minimum_labels)),
            *("--label-delay-h", repr(self.label_delay_h)),
            *("--keep-labels-d", repr(self.keep_labels_d)),
            *(flag for column in self.label_entity for flag in ("--entity", column)),
        ]


def _problems(plan: DriftPlan) -> Iterator[Problem]:
    if plan.label_delay_h > plan.keep_labels_d * 24:
        message = f"is longer than the {plan.keep_labels_d:g} days for which a label is waited for"
        yield problem("label_delay_h", plan.label_delay_h, message, "shorten it or raise keep_labels_d")
    if plan.max_runtime_s > plan.every_h * 3_600:
        message = f"is longer than the {plan.every_h} h between two looks"
        yield problem("max_runtime_s", plan.max_runtime_s, message, "shorten it or look less often")

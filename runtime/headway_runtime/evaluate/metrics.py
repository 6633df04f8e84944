"""Metrics of a binary classifier, with the standard deviation of each where there is one."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]

THRESHOLD = 0.5
"""Probability from which an answer counts as positive."""
CURVE_POINTS = 50
"""Points that are kept of a curve."""
_SMALLEST_PROBABILITY = 1e-15


@dataclass(frozen=True)
class Estimate:
    """A measured value; NaN where it cannot be measured.

    Attributes:
        value: The metric.
        standard_deviation: Standard deviation of the estimate.
    """

    value: float
    standard_deviation: float


@dataclass(frozen=True)
class Confusion:
    """Counts of answers by label."""

    true_negative: int
    false_positive: int
    false_negative: int
    true_positive: int


@dataclass(frozen=True)
class BinaryMetrics:
    """Everything measured on one group of rows."""

    rows: int
    positives: int
    confusion: Confusion
    accuracy: Estimate
    precision: Estimate
    recall: Estimate
    f1: Estimate
    auc: Estimate
    log_loss: Estimate
    roc: tuple[list[float], list[float]]


def measure(labels: Vector, scores: Vector) -> BinaryMetrics:
    """Measure a classifier.

    Args:
        labels: 0 and 1.
        scores: Probability of 1 for each label.

    Returns:
        The metrics; NaN for what the rows cannot tell (an AUC needs both classes).
    """
    cells = np.bincount((2 * labels + (scores >= THRESHOLD)).astype(np.int64), minlength=4)
    confusion = Confusion(*(int(cell) for cell in cells))
    rows, positives = len(labels), confusion.false_negative + confusion.true_positive
    answered = confusion.true_positive + confusion.false_positive
    order = np.argsort(-scores, kind="stable")
    rates = _curve(labels[order], scores[order], positives, rows - positives)
    return BinaryMetrics(
        rows=rows,
        positives=positives,
        confusion=confusion,
        accuracy=_share(confusion.true_positive + confusion.true_negative, rows),
        precision=_share(confusion.true_positive, answered),
        recall=_share(confusion.true_positive, positives),
        f1=Estimate(_ratio(2 * confusion.true_positive, positives + answered), math.nan),
        auc=area_under_curve(labels, scores),
        log_loss=log_loss(labels, scores),
        roc=rates,
    )


def log_loss(labels: Vector, scores: Vector) -> Estimate:
    """Mean negative log-likelihood, in nats."""
    return _mean(losses(labels, scores))


def log_loss_difference(labels: Vector, scores: Vector, others: Vector) -> Estimate:
    """Mean difference of two models' log-losses on the same rows, in nats; below 0 the first is better."""
    return _mean(losses(labels, scores) - losses(labels, others))


def losses(labels: Vector, scores: Vector) -> Vector:
    """Negative log-likelihood of each row, in nats."""
    clipped = np.clip(scores, _SMALLEST_PROBABILITY, 1 - _SMALLEST_PROBABILITY)
    return -np.where(labels > 0, np.log(clipped), np.log1p(-clipped))


def _mean(values: Vector) -> Estimate:
    if len(values) == 0:
        return Estimate(math.nan, math.nan)
    return Estimate(float(values.mean()), float(values.std() / math.sqrt(len(values))))


def area_under_curve(labels: Vector, scores: Vector) -> Estimate:
    """Area under the ROC curve with DeLong's standard deviation (Biometrics 44, 1988); ties count a half."""
    positive, negative = np.sort(scores[labels > 0]), np.sort(scores[labels <= 0])
    m, n = len(positive), len(negative)
    if m == 0 or n == 0:
        return Estimate(math.nan, math.nan)
    # Share of the other class that each score beats: DeLong's structural components.
    beats_negative = (
        np.searchsorted(negative, positive, "left") + np.searchsorted(negative, positive, "right")
    ) / 2
    below_positive = (
        np.searchsorted(positive, negative, "left") + np.searchsorted(positive, negative, "right")
    ) / 2
    by_positive, by_negative = beats_negative / n, 1 - below_positive / m
    spread = (by_positive.var(ddof=1) / m if m > 1 else math.nan) + (
        by_negative.var(ddof=1) / n if n > 1 else math.nan
    )
    return Estimate(float(by_positive.mean()), math.sqrt(spread) if spread >= 0 else math.nan)


def _curve(labels: Vector, scores: Vector, positives: int, negatives: int) -> tuple[list[float], list[float]]:
    """False and true positive rates, from scores in falling order, at few enough points to be read."""
    if positives == 0 or negatives == 0:
        return [], []
    last_of_score = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)
    keep = np.unique(np.linspace(0, len(last_of_score) - 1, CURVE_POINTS).astype(np.int64))
    places = last_of_score[keep]
    true = np.cumsum(labels)[places]
    false = places + 1 - true
    return [0.0, *(false / negatives).tolist()], [0.0, *(true / positives).tolist()]


def _share(count: int, total: int) -> Estimate:
    share = _ratio(count, total)
    return Estimate(share, math.sqrt(share * (1 - share) / total) if total > 0 else math.nan)


def _ratio(count: int, total: int) -> float:
    return count / total if total > 0 else math.nan

"""How good the answers were, once their labels are there, held against the evaluation and the training rows.

As with the features no p-value decides: each measure comes with its interval, and what it is beyond its
limit at least, with 99 % confidence, is held against the declared effect. Rows of one request are no
independent witnesses, so the spread of a mean is taken over requests (cluster-robust; Liang and Zeger 1986).

The log loss of a model falls by itself where positives become rare. So what is compared is its share of the
log loss of the best constant answer on the same rows: the normalised cross-entropy (He et al. 2014).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from headway_runtime.evaluate.metrics import area_under_curve
from headway_runtime.intervals import wilson
from headway_runtime.monitor.baseline import Baseline
from headway_runtime.monitor.ledger_rows import Prediction

LABEL_SHARE, CALIBRATION, LOG_LOSS, AUC = "(label share)", "(calibration)", "(log loss)", "(AUC)"
ERROR = "(error)"
SMALLEST_SLICE = 100
"""Labelled rows below which a slice is not measured."""
_Z = 2.5758293035489004
"""Quantile of the normal distribution for a two-sided interval of 99 %."""
_SMALLEST = 1e-15
_Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class QualityLimits:
    """From when on quality has changed.

    Attributes:
        label_share: How far the share of positives may leave the range of the training rows' seasons.
        calibration: Difference of mean answer and share of positives that is none yet.
        log_loss: Share by which the normalised cross-entropy may lie above that of the evaluation.
        auc: Fall of the area under the ROC curve below that of the evaluation.
        minimum_labels: Labelled rows below which nothing is said.
    """

    label_share: float = 0.03
    calibration: float = 0.05
    log_loss: float = 0.1
    auc: float = 0.05
    minimum_labels: int = 500


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """What the evaluation measured; NaN where it is unknown.

    Attributes:
        entropy: Normalised cross-entropy, and its standard deviation.
        auc: Area under the ROC curve, and its standard deviation.
        error: Share of wrong answers.
    """

    entropy: tuple[float, float] = (math.nan, math.nan)
    auc: tuple[float, float] = (math.nan, math.nan)
    error: float = math.nan

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Evaluated":
        """What an evaluation file says; nothing where it is in another form."""
        try:
            metrics = document["binary_classification_metrics"]
            share = document["dataset"]["positives"] / document["dataset"]["item_count"]
            loss, auc = metrics["log_loss"], metrics["auc"]
            best = _entropy(share)
            return cls(
                entropy=(float(loss["value"]) / best, float(loss["standard_deviation"]) / best),
                auc=(float(auc["value"]), float(auc["standard_deviation"])),
                error=1 - float(metrics["accuracy"]["value"]),
            )
        except (KeyError, TypeError, ValueError, ZeroDivisionError):
            return cls()


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One measure of quality.

    Attributes:
        name: Its name.
        value: What was measured.
        low: Lower end of its 99 % interval.
        high: Upper end.
        expected: What it was held against, in words.
        beyond: How far it is beyond what was expected.
        at_least: How far it is at least, with 99 % confidence.
        limit: What is allowed; NaN for a measure that is only reported.
    """

    name: str
    value: float
    low: float
    high: float
    expected: str
    beyond: float
    at_least: float
    limit: float

    @property
    def is_beyond(self) -> bool:
        """Whether it is beyond its limit."""
        return self.at_least > self.limit


@dataclass(frozen=True)
class _Rows:
    """Labelled rows as columns, with the number of the request that each belongs to."""

    labels: _Vector
    answers: _Vector
    requests: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def only(self, here: npt.NDArray[np.bool_]) -> "_Rows":
        return _Rows(self.labels[here], self.answers[here], self.requests[here])

    def losses(self) -> _Vector:
        return _losses(self.labels, self.answers)

    def gap(self) -> tuple[float, float]:
        return _mean(self.answers - self.labels, self.requests)


@dataclass(frozen=True, kw_only=True)
class SliceQuality:
    """Quality of the rows with one value of a column."""

    column: str
    value: str
    rows: int
    label_share: float
    mean_answer: float
    log_loss: float
    miscalibrated_by_at_least: float


@dataclass(frozen=True, kw_only=True)
class Quality:
    """What the labels say.

    Attributes:
        rows: Labelled rows.
        enough: Whether these are enough to say something.
        measures: Every measure; empty without a row.
        slices: Slices, the worst calibrated first.
        reliability: For ten groups of answers: rows, mean answer, share of positives.
    """

    rows: int
    enough: bool
    measures: tuple[Measure, ...] = ()
    slices: tuple[SliceQuality, ...] = ()
    reliability: tuple[tuple[int, float, float], ...] = ()

    @property
    def changed(self) -> tuple[str, ...]:
        """Measures that are beyond their limit."""
        return tuple(item.name for item in self.measures if item.is_beyond) if self.enough else ()


def measure_quality(
    rows: Sequence[Prediction],
    baseline: Baseline,
    evaluated: Evaluated,
    limits: QualityLimits,
    columns: Sequence[str] = (),
) -> Quality:
    """Measure the answers to rows whose labels are there.

    Args:
        rows: Labelled predictions.
        baseline: What the training rows look like.
        evaluated: What the model's evaluation measured.
        limits: From when on quality has changed.
        columns: Names of the slices of the rows.
    """
    if not rows:
        return Quality(rows=0, enough=False)
    _, requests = np.unique(np.array([item.key[0] for item in rows]), return_inverse=True)
    held = _Rows(
        np.array([item.label for item in rows], np.float64),
        np.array([item.answer for item in rows], np.float64),
        requests,
    )
    return Quality(
        rows=len(rows),
        enough=len(rows) >= limits.minimum_labels,
        measures=tuple(_measures(held, baseline, evaluated, limits)),
        slices=tuple(_slices(held, rows, columns)),
        reliability=tuple(_reliability(held)),
    )


def _measures(
    rows: _Rows, baseline: Baseline, evaluated: Evaluated, limits: QualityLimits
) -> Iterator[Measure]:
    labels, answers, requests = rows.labels, rows.answers, rows.requests
    share, spread = _mean(labels, requests)
    low, high = _share_interval(share, spread, len(labels))
    least, most = baseline.usual_rates
    yield Measure(
        name=LABEL_SHARE,
        value=share,
        low=low,
        high=high,
        expected=f"{least:.1%} to {most:.1%} in the training rows",
        beyond=max(0.0, least - share, share - most),
        at_least=max(0.0, least - high, low - most),
        limit=limits.label_share,
    )
    gap, spread = rows.gap()
    yield Measure(
        name=CALIBRATION,
        value=gap,
        low=gap - _Z * spread,
        high=gap + _Z * spread,
        expected="mean answer less share of positives, 0 for a calibrated model",
        beyond=abs(gap),
        at_least=max(0.0, abs(gap) - _Z * spread),
        limit=limits.calibration,
    )
    yield _entropy_measure(rows, evaluated, limits)
    auc = area_under_curve(labels, answers)
    fall = evaluated.auc[0] - auc.value
    spread = math.hypot(evaluated.auc[1], auc.standard_deviation)
    yield Measure(
        name=AUC,
        value=auc.value,
        low=auc.value - _Z * auc.standard_deviation,
        high=auc.value + _Z * auc.standard_deviation,
        expected=_as_evaluated(evaluated.auc[0]),
        beyond=_positive(fall),
        at_least=_positive(fall - _Z * spread),
        limit=limits.auc,
    )
    wrong, spread = _mean((answers >= 0.5) != (labels > 0), requests)
    low, high = _share_interval(wrong, spread, len(labels))
    yield Measure(
        name=ERROR,
        value=wrong,
        low=low,
        high=high,
        expected=_as_evaluated(evaluated.error),
        beyond=_positive(wrong - evaluated.error),
        at_least=_positive(low - evaluated.error),
        limit=math.nan,
    )


def _entropy_measure(rows: _Rows, evaluated: Evaluated, limits: QualityLimits) -> Measure:
    losses = rows.losses()
    loss, loss_spread = _mean(losses, rows.requests)
    share = float(rows.labels.mean())
    best = _entropy(share)
    before, before_spread = evaluated.entropy
    now = loss / best if best > 0 else math.nan
    # The best constant's own error is of second order (the envelope theorem), so its rate counts as fixed.
    constant = _losses(rows.labels, np.full(len(rows), share))
    spread = _mean((losses - now * constant) / best, rows.requests)[1] if best > 0 else math.nan
    growth = now / before - 1
    bound = growth - _Z * math.hypot(spread / before, now * before_spread / before**2)
    return Measure(
        name=LOG_LOSS,
        value=loss,
        low=loss - _Z * loss_spread,
        high=loss + _Z * loss_spread,
        expected=f"{now:.3f} of the best constant's, {before:.3f} when evaluated",
        beyond=_positive(growth),
        at_least=_positive(bound),
        limit=limits.log_loss,
    )


def _slices(held: _Rows, rows: Sequence[Prediction], columns: Sequence[str]) -> list[SliceQuality]:
    found = []
    for place, column in enumerate(columns):
        values = np.array([item.slices[place] if place < len(item.slices) else "" for item in rows])
        for value in np.unique(values):
            part = held.only(values == value)
            if len(part) < SMALLEST_SLICE:
                continue
            gap, spread = part.gap()
            found.append(
                SliceQuality(
                    column=column,
                    value=str(value),
                    rows=len(part),
                    label_share=float(part.labels.mean()),
                    mean_answer=float(part.answers.mean()),
                    log_loss=float(part.losses().mean()),
                    miscalibrated_by_at_least=max(0.0, abs(gap) - _Z * spread),
                )
            )
    return sorted(found, key=lambda item: (-item.miscalibrated_by_at_least, item.column, item.value))


def _reliability(rows: _Rows) -> Iterator[tuple[int, float, float]]:
    for part in np.array_split(np.argsort(rows.answers, kind="stable"), 10):
        if len(part):
            yield len(part), float(rows.answers[part].mean()), float(rows.labels[part].mean())


def _mean(values: npt.NDArray[Any], requests: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Mean, and its standard deviation with whole requests as the units."""
    known = values.astype(np.float64)
    mean = float(known.mean())
    sums = np.bincount(requests, known - mean)
    sums = sums[np.bincount(requests) > 0]
    units = len(sums)
    if units < 2:
        return mean, math.inf
    return mean, math.sqrt(float(np.sum(sums**2)) * units / (units - 1)) / len(known)


def _share_interval(share: float, spread: float, rows: int) -> tuple[float, float]:
    """Wilson's interval with the number of independent rows that have this spread."""
    variance = share * (1 - share)
    count = min(float(rows), variance / spread**2) if 0 < spread < math.inf and variance > 0 else float(rows)
    return wilson(share, count, _Z)


def _losses(labels: _Vector, answers: _Vector) -> _Vector:
    clipped = np.clip(answers, _SMALLEST, 1 - _SMALLEST)
    return -np.where(labels > 0, np.log(clipped), np.log1p(-clipped))


def _entropy(share: float) -> float:
    if not 0 < share < 1:
        return 0.0
    return -(share * math.log(share) + (1 - share) * math.log(1 - share))


def _positive(value: float) -> float:
    return 0.0 if math.isnan(value) else max(0.0, value)


def _as_evaluated(value: float) -> str:
    return "its evaluation is not known" if math.isnan(value) else f"{value:.3f} when evaluated"


def document(quality: Quality) -> dict[str, Any]:
    """Quality as JSON values."""
    return {
        "rows": quality.rows,
        "enough": quality.enough,
        "changed": list(quality.changed),
        "measures": {
            item.name: {name: _plain(value) for name, value in asdict(item).items() if name != "name"}
            for item in quality.measures
        },
        "slices": [asdict(item) for item in quality.slices],
        "reliability": [
            {"rows": rows, "mean_answer": answer, "label_share": share}
            for rows, answer, share in quality.reliability
        ],
    }


def _plain(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def sentence(quality: Quality, limits: QualityLimits) -> str:
    """What the labels say, for people."""
    if not quality.rows:
        return "no label came"
    if not quality.enough:
        return f"{quality.rows} labels are too few to say anything; {limits.minimum_labels} are needed"
    by_name = {item.name: item for item in quality.measures}
    share, gap = by_name[LABEL_SHARE], by_name[CALIBRATION]
    said = (
        f"{quality.rows} labels: positives {share.value:.1%} ({share.expected}), log loss "
        f"{by_name[LOG_LOSS].value:.4f}, AUC {by_name[AUC].value:.3f}, answers {abs(gap.value):.1%} "
        f"too {'high' if gap.value > 0 else 'low'}"
    )
    return f"{said}; {', '.join(quality.changed)} changed" if quality.changed else f"{said}; as expected"

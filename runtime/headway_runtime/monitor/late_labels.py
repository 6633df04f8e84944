"""What labels that came since the last window say: ledger and label files in, quality out."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headway_runtime.jobs import read_json
from headway_runtime.monitor.baseline import Baseline
from headway_runtime.monitor.capture import Traffic
from headway_runtime.monitor.labels import LabelFeed, entity_key, read_labels
from headway_runtime.monitor.ledger import Ledger, Tally, look, read_ledger
from headway_runtime.monitor.ledger_rows import Prediction
from headway_runtime.monitor.model_monitor import Violation
from headway_runtime.monitor.quality import Evaluated, Quality, QualityLimits, document, measure_quality

LABEL = "(label)"
"""Name under which a label feed that stops is reported."""
HOUR_S, DAY_S = 3_600, 86_400
OVERDUE_SHARE = 0.5
"""Share of the due labels whose absence is told as a feed that stopped."""


@dataclass(frozen=True, kw_only=True)
class LabelPlan:
    """How labels are joined.

    Attributes:
        delay_h: Time in which labels come, in hours; younger predictions are not judged yet.
        keep_d: Time after which a label is waited for no more, in days.
        slices: Inputs by whose values quality is measured.
        entity: Inputs that name what a prediction is about, for labels without an inference id.
    """

    delay_h: float = 24.0
    keep_d: float = 60.0
    slices: Sequence[str] = ()
    entity: Sequence[str] = ()


@dataclass(frozen=True)
class Labelled:
    """What the labels of a look brought.

    Attributes:
        ledger: What waits after this look.
        tally: What was joined and what was not.
        feed: What the label files held.
        quality: Quality of the rows that no window had judged.
        limits: From when on quality has changed.
        streaks: For each measure that has changed, windows in a row in which it has.
    """

    ledger: Ledger
    tally: Tally
    feed: LabelFeed
    quality: Quality
    limits: QualityLimits
    streaks: Mapping[str, int]

    @property
    def has_stopped(self) -> bool:
        """Whether most labels that should be there are not."""
        return self.tally.due > 0 and self.tally.overdue >= OVERDUE_SHARE * self.tally.due

    @property
    def violations(self) -> list[Violation]:
        """Measures beyond their limit, and labels that do not come."""
        found = [
            Violation(
                feature=item.name,
                check="baseline_drift_check",
                description=(
                    f"is {item.value:.4f} ({item.low:.4f} to {item.high:.4f}); {item.expected}; beyond it by "
                    f"at least {item.at_least:.4f} with 99 % confidence, allowed is {item.limit:.4f}"
                ),
            )
            for item in self.quality.measures
            if item.name in self.quality.changed
        ]
        if self.has_stopped:
            found.append(Violation(LABEL, "completeness_check", self._missing))
        return found

    @property
    def notes(self) -> list[str]:
        """What a person should know about the labels, each in a sentence."""
        counts = self.tally.document()
        told = [words.format(counts[name]) for name, words in _NOTES.items() if counts[name]]
        told += [f"{count} label lines cannot be read: {why}" for why, count in self.feed.unreadable.items()]
        if self.feed.unknown:
            told.append(f"{self.feed.unknown} rows will never have a label")
        return [*told, self._missing] if self.has_stopped else told

    @property
    def _missing(self) -> str:
        return (
            f"{self.tally.overdue} of {self.tally.due} predictions wait for a label that should be there; "
            "does the label feed still run?"
        )

    def metrics(self) -> Iterator[dict[str, Any]]:
        """What is published."""
        if self.tally.labels or self.tally.due:
            yield {"name": "LabelledRows", "value": self.quality.rows}
        if self.tally.due:
            yield {"name": "OverdueLabelShare", "value": self.tally.overdue / self.tally.due}
        for item in self.quality.measures if self.quality.enough else ():
            if math.isfinite(item.value):
                yield {"name": _METRICS[item.name], "value": item.value}

    def document(self) -> dict[str, Any]:
        """The labels' part of the findings."""
        until = self.ledger.labelled_until
        return {
            "quality": document(self.quality),
            "labels": {
                **self.tally.document(),
                "files": self.feed.files,
                "unknown": self.feed.unknown,
                "unreadable": dict(self.feed.unreadable),
                "stopped": self.has_stopped,
            },
            "labelled_until": None if math.isnan(until) else datetime.fromtimestamp(until, UTC).isoformat(),
        }


_METRICS = {
    "(label share)": "LabelShare",
    "(calibration)": "CalibrationGap",
    "(log loss)": "LogLoss",
    "(AUC)": "AUC",
    "(error)": "ErrorShare",
}
_NOTES = {
    "repeated_predictions": "{} captured predictions came before and count once",
    "repeated_labels": "{} labels came before and count once",
    "corrected": "{} labels were corrected before they were judged; the later outcome counts",
    "too_late": "{} labels contradict one that was judged already; they change nothing",
    "early": "{} labels wait for their prediction",
    "orphans": "{} labels waited too long for a prediction and are dropped",
    "expired": "{} predictions waited too long for a label and are dropped",
    "before_prediction": "{} outcomes lie before their question, so a clock is wrong; they count",
}


def join_labels(
    inputs: Path,
    request: Mapping[str, Any],
    traffic: Traffic,
    baseline: Baseline,
    *,
    limits: QualityLimits,
    plan: LabelPlan,
) -> Labelled:
    """Join the labels of a look to the predictions so far, and judge what no window has judged.

    Args:
        inputs: Directory of the request with ledger, label files and evaluation below it.
        request: The request.
        traffic: What was captured.
        baseline: What the training rows look like.
        limits: From when on quality has changed.
        plan: How labels are joined.

    Raises:
        JobError: The ledger cannot be read.
    """
    known = request.get("ledger")
    before = read_ledger(inputs / known) if known else Ledger()
    feed = read_labels(inputs / key for key in request.get("labels", ()))
    now = float(request.get("planned_at", 0.0))
    delay_s = plan.delay_h * HOUR_S
    ledger, tally = look(
        before,
        _predictions(traffic, plan),
        feed.labels,
        now=now,
        delay_s=delay_s,
        keep_s=plan.keep_d * DAY_S,
    )
    rows = ledger.open_rows(now, delay_s)
    evaluation = request.get("evaluation")
    evaluated = Evaluated.of(read_json(inputs / evaluation, "the evaluation")) if evaluation else Evaluated()
    quality = measure_quality(rows, baseline, evaluated, limits, plan.slices)
    streaks = {name: count for name, count in request.get("streaks", {}).items() if name in _METRICS}
    if quality.enough:
        ledger.judge(rows)
        streaks = {name: streaks.get(name, 0) + 1 for name in quality.changed}
    return Labelled(ledger, tally, feed, quality, limits, streaks)


def is_quality(name: str) -> bool:
    """Whether a streak is one of a measure of quality."""
    return name in _METRICS


def _predictions(traffic: Traffic, plan: LabelPlan) -> Iterator[Prediction]:
    slices = [_texts(traffic, name) for name in plan.slices]
    entity = [_texts(traffic, name) for name in plan.entity]
    for row, (key, answer, asked_at) in enumerate(
        zip(traffic.ids, traffic.answers, traffic.asked_at, strict=True)
    ):
        named = {name: values[row] for name, values in zip(plan.entity, entity, strict=True)}
        yield Prediction(
            key=key,
            answer=float(answer),
            asked_at=asked_at,
            entity=entity_key(named) if named else "",
            slices=tuple(values[row] for values in slices),
        )


def _texts(traffic: Traffic, name: str) -> list[str]:
    return ["(missing)" if value is None else str(value) for value in traffic.inputs[name].to_pylist()]

"""Evaluation and decision as JSON: SageMaker's model-quality report, with the slices beside it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from headway_runtime.evaluate.decide import Decision, Measured, Thresholds
from headway_runtime.evaluate.metrics import THRESHOLD, BinaryMetrics, Estimate


def quality_document(
    overall: BinaryMetrics, slices: Sequence[tuple[str, str, BinaryMetrics, Measured]], floor: str
) -> dict[str, Any]:
    """The model-quality report.

    Args:
        overall: Metrics on all rows.
        slices: Column, value, metrics and comparison of each slice.
        floor: Name of the floor.

    Returns:
        `binary_classification_metrics` as SageMaker Model Monitor writes it (a value that cannot be measured
        is the text "NaN" there), with `log_loss` added, and `slices` by column.
    """
    by_column: dict[str, list[dict[str, Any]]] = {}
    for column, value, metrics, measured in slices:
        by_column.setdefault(column, []).append(
            {
                "value": value,
                "item_count": metrics.rows,
                "positives": metrics.positives,
                "binary_classification_metrics": _metrics(metrics),
                "floor_log_loss": number(measured.floor_log_loss),
            }
        )
    return {
        "version": 0,
        "dataset": {"item_count": overall.rows, "positives": overall.positives},
        "binary_classification_metrics": _metrics(overall)
        | {
            "receiver_operating_characteristic_curve": {
                "false_positive_rates": overall.roc[0],
                "true_positive_rates": overall.roc[1],
            }
        },
        "floor": floor,
        "slices": by_column,
    }


def decision_document(
    decision: Decision, overall: Measured, thresholds: Thresholds, floor: str
) -> dict[str, Any]:
    """The decision, with what it rests on."""
    return {
        "passed": decision.passed,
        "reasons": list(decision.reasons),
        "unjudged_slices": list(decision.unjudged),
        "checks": [asdict(check) | {"value": number(check.value)} for check in decision.checks],
        "thresholds": {name: value for name, value in asdict(thresholds).items() if value is not None},
        "floor": floor,
        "metrics": {
            "rows": overall.positives + overall.negatives,
            "positives": overall.positives,
            "log_loss": number(overall.log_loss),
            "floor_log_loss": number(overall.floor_log_loss),
            "logloss_improvement": number(overall.log_loss_improvement),
            "auc": number(overall.auc),
        },
    }


def number(value: float) -> float | str:
    """A number for JSON, which has no NaN."""
    return value if math.isfinite(value) else "NaN"


def _metrics(metrics: BinaryMetrics) -> dict[str, Any]:
    cells = metrics.confusion
    estimates: Mapping[str, Estimate] = {
        name: getattr(metrics, name) for name in ("accuracy", "precision", "recall", "f1", "auc", "log_loss")
    }
    return {
        name: {"value": number(estimate.value), "standard_deviation": number(estimate.standard_deviation)}
        for name, estimate in estimates.items()
    } | {
        "confusion_matrix": {
            "0": {"0": cells.true_negative, "1": cells.false_positive},
            "1": {"0": cells.false_negative, "1": cells.true_positive},
        },
        "classification_threshold": THRESHOLD,
    }

"""Metrics that a training job prints, found by the regular expressions of its MetricDefinitions."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

NAMESPACE = "/aws/sagemaker/TrainingJobs"


class MetricScanner:
    """Collects a job's metrics from its output.

    Args:
        definitions: ``MetricDefinitions`` of the job: name and regular expression with one group.
        clock: Seconds since the epoch.

    Raises:
        ValueError: If a regular expression is not one, or has no group; names every such definition.
    """

    def __init__(self, definitions: Sequence[dict[str, str]], clock: Callable[[], float]) -> None:
        self._clock = clock
        self._patterns: list[tuple[str, re.Pattern[str]]] = []
        self._final: dict[str, tuple[float, float]] = {}
        self._unsent: list[tuple[str, float, float]] = []
        wrong = []
        for definition in definitions:
            try:
                pattern = re.compile(definition["Regex"])
            except re.error as error:
                wrong.append(f"{definition['Name']}: {definition['Regex']!r} ({error})")
                continue
            if pattern.groups:
                self._patterns.append((definition["Name"], pattern))
            else:
                wrong.append(f"{definition['Name']}: {definition['Regex']!r} (it captures no group)")
        if wrong:
            raise ValueError(
                f"MetricDefinitions must be regular expressions with one group: {'; '.join(wrong)}"
            )

    def scan(self, line: str) -> None:
        """Looks for metrics in one line of output."""
        for name, pattern in self._patterns:
            found = pattern.search(line)
            value = _number(found.group(1)) if found else None
            if value is not None:
                self._final[name] = (value, self._clock())
                self._unsent.append((name, *self._final[name]))

    def final(self) -> list[dict[str, Any]]:
        """``FinalMetricDataList``: the last value of each metric."""
        return [
            {"MetricName": name, "Value": value, "Timestamp": at} for name, (value, at) in self._final.items()
        ]

    def take(self, job: str) -> list[dict[str, Any]]:
        """``MetricData`` for CloudWatch of everything found since the last time."""
        taken, self._unsent = self._unsent, []
        dimensions = [{"Name": "TrainingJobName", "Value": job}]
        return [
            {"MetricName": name, "Dimensions": dimensions, "Value": value, "Timestamp": at}
            for name, value, at in taken
        ]


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None

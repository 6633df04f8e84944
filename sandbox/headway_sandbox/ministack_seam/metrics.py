"""Metrics that AWS services publish themselves: put without a request, and thinned out as they age."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

Document = dict[str, Any]

THINNED = ((300.0, 60.0), (3 * 3600.0, 300.0))
"""Age in seconds, and the seconds over which equal values of that age are one point with their count.

CloudWatch thins out metrics as well, though later. Here, where a service publishes every second, a day of
traffic would otherwise be millions of points that each request to ministack's CloudWatch walks through.
"""

_INTERVAL_S = 60.0


class ServiceMetrics:
    """Publishes metrics in the name of AWS services.

    Args:
        cloudwatch: ministack's module.
    """

    def __init__(self, cloudwatch: Any) -> None:  # noqa: ANN401 - ministack is not typed
        self._cloudwatch = cloudwatch
        self._thinned_at: dict[object, float] = {}

    def put(self, namespace: str, data: Iterable[Document]) -> None:
        """Stores metrics of the account and region in force, and lets alarms look at them.

        Args:
            namespace: For example ``AWS/SageMaker``.
            data: Metrics as PutMetricData takes them, with ``Values`` and ``Counts``.
        """
        cloudwatch = self._cloudwatch
        for datum in data:
            dimensions = {item["Name"]: item["Value"] for item in datum["Dimensions"]}
            cloudwatch._store_datum(  # noqa: SLF001
                namespace,
                datum["MetricName"],
                dimensions,
                datum["Timestamp"],
                datum["Unit"],
                None,
                datum["Values"],
                datum["Counts"],
                None,
            )
            key = (namespace, datum["MetricName"], cloudwatch._dims_key(dimensions))  # noqa: SLF001
            self._thin_out(key)
        cloudwatch._evaluate_all_alarms()  # noqa: SLF001

    def forget(self) -> None:
        """Forgets the metrics that a reset has removed."""
        self._thinned_at.clear()

    def _thin_out(self, key: object) -> None:
        now = time.time()  # the clock that ministack drops old points by
        if now - self._thinned_at.setdefault(key, now) >= _INTERVAL_S:
            self._thinned_at[key] = now
            points = self._cloudwatch._metric_bucket(key)  # noqa: SLF001
            points[:] = thinned(points, now)


def thinned(points: Iterable[Document], now: float) -> list[Document]:
    """Points in which equal values of one time span are one point, the longer a span the older it is.

    Args:
        points: As ministack keeps them: Timestamp in seconds, Value, Count, Unit; statistic sets stay.
        now: Seconds since the epoch.
    """
    kept: dict[object, Document] = {}
    for point in points:
        span_s = max((span_s for age_s, span_s in THINNED if now - point["Timestamp"] >= age_s), default=None)
        if span_s is None or "_stat" in point:
            kept[id(point)] = point
            continue
        timestamp = point["Timestamp"] // span_s * span_s
        first = kept.setdefault(
            (timestamp, point["Value"], point["Unit"]), {**point, "Timestamp": timestamp, "Count": 0.0}
        )
        first["Count"] += float(point.get("Count", 1.0))
    return list(kept.values())

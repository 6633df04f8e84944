"""The metrics that SageMaker publishes for every variant, gathered and put to CloudWatch in batches.

Names, units and dimensions: "Amazon SageMaker AI endpoint invocation metrics" in the Amazon SageMaker AI
Developer Guide. Latencies are in microseconds.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from headway_sandbox.sagemaker.aws import LoopbackAws

NAMESPACE = "AWS/SageMaker"
_MAX_VALUES = 150  # the most distinct values that PutMetricData takes for one metric
_MAX_METRICS = 1000  # the most metrics that it takes in one call


@dataclass(frozen=True)
class Invocation:
    """One request to one variant, as the data plane saw it.

    Attributes:
        endpoint: Name of the endpoint.
        variant: Name of the variant.
        shadow: Whether it was a mirrored copy whose answer nobody saw.
        status: HTTP status of the answer to the caller: 200, or what InvokeEndpoint answered instead.
        model_status: HTTP status that the model server answered; 0 when it gave no answer.
        model_latency_s: Seconds that the model server took.
        overhead_s: Seconds that everything else took.
    """

    endpoint: str
    variant: str
    shadow: bool
    status: int
    model_status: int
    model_latency_s: float
    overhead_s: float


@dataclass(frozen=True)
class _Metric:
    name: str
    unit: str
    value: Callable[[Invocation], float]


_METRICS = (
    _Metric("Invocations", "Count", lambda _: 1.0),
    _Metric(
        "Invocation4XXErrors", "Count", lambda call: float(_failed(call) and 400 <= call.model_status < 500)
    ),
    _Metric(
        "Invocation5XXErrors",
        "Count",
        lambda call: float(_failed(call) and not 400 <= call.model_status < 500),
    ),
    _Metric("InvocationModelErrors", "Count", lambda call: float(_failed(call))),
    _Metric("ModelLatency", "Microseconds", lambda call: _rounded(call.model_latency_s * 1e6)),
    _Metric("OverheadLatency", "Microseconds", lambda call: _rounded(call.overhead_s * 1e6)),
)


def _failed(call: Invocation) -> bool:
    return not 200 <= call.model_status < 300


def _rounded(value: float) -> float:
    """Three significant digits: enough for a latency, and few enough distinct values to batch."""
    return float(f"{value:.3g}")


class Metrics:
    """Gathers invocations until they are published.

    Args:
        aws: Access to the sandbox's CloudWatch.
        clock: Seconds since the epoch.
        notify: Called when there is something to publish.
    """

    def __init__(self, aws: LoopbackAws, clock: Callable[[], float], notify: Callable[[], None]) -> None:
        self._aws = aws
        self._clock = clock
        self._notify = notify
        self._lock = threading.Lock()
        self._values: dict[tuple[str, str, _Metric], Counter[float]] = {}

    def record(self, call: Invocation) -> None:
        """Takes in one invocation."""
        with self._lock:
            for metric in _METRICS:
                key = (call.endpoint, call.variant, metric)
                self._values.setdefault(key, Counter())[metric.value(call)] += 1
        self._notify()

    def flush(self) -> None:
        """Publishes what has gathered. Blocks: call it in a worker thread."""
        with self._lock:
            gathered, self._values = self._values, {}
        data = list(_metric_data(gathered, self._clock()))
        for start in range(0, len(data), _MAX_METRICS):
            batch = data[start : start + _MAX_METRICS]
            self._aws.client("cloudwatch").put_metric_data(Namespace=NAMESPACE, MetricData=batch)


def _metric_data(
    gathered: dict[tuple[str, str, _Metric], Counter[float]], now: float
) -> Iterator[dict[str, Any]]:
    for (endpoint, variant, metric), counts in gathered.items():
        values = sorted(counts)
        for start in range(0, len(values), _MAX_VALUES):
            some = values[start : start + _MAX_VALUES]
            yield {
                "MetricName": metric.name,
                "Dimensions": [
                    {"Name": "EndpointName", "Value": endpoint},
                    {"Name": "VariantName", "Value": variant},
                ],
                "Timestamp": now,
                "Unit": metric.unit,
                "Values": some,
                "Counts": [float(counts[value]) for value in some],
            }

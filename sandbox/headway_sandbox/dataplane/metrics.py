"""The metrics that SageMaker publishes for every variant, gathered and published about once a second.

Names, units and dimensions: "Amazon SageMaker AI endpoint invocation metrics" in the Amazon SageMaker AI
Developer Guide. Latencies are in microseconds.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

NAMESPACE = "AWS/SageMaker"
INTERVAL_S = 1.0

Document = dict[str, Any]
PutMetrics = Callable[[str, list[Document]], None]


@dataclass(frozen=True, slots=True)
class Invocation:
    """One request to one variant, as the data plane saw it.

    Attributes:
        endpoint: Name of the endpoint.
        variant: Name of the variant.
        shadow: Whether it was a mirrored copy whose answer nobody saw.
        instance_count: Instances that the variant has.
        model_status: HTTP status that the model server answered; 0 when it gave no answer.
        model_latency_s: Seconds that the model server took.
        overhead_s: Seconds that everything else took.
    """

    endpoint: str
    variant: str
    shadow: bool
    instance_count: int
    model_status: int
    model_latency_s: float
    overhead_s: float


@dataclass(slots=True)
class _Gathered:
    """What one variant did since it was last published: values with how often each was seen."""

    errors_4xx: Counter[float] = field(default_factory=Counter)
    errors_5xx: Counter[float] = field(default_factory=Counter)
    model_errors: Counter[float] = field(default_factory=Counter)
    invocations: Counter[float] = field(default_factory=Counter)
    per_instance: Counter[float] = field(default_factory=Counter)
    model_latency: Counter[float] = field(default_factory=Counter)
    overhead_latency: Counter[float] = field(default_factory=Counter)


_METRICS = (
    ("Invocations", "Count", "invocations"),
    ("InvocationsPerInstance", "Count", "per_instance"),
    ("Invocation4XXErrors", "Count", "errors_4xx"),
    ("Invocation5XXErrors", "Count", "errors_5xx"),
    ("InvocationModelErrors", "Count", "model_errors"),
    ("ModelLatency", "Microseconds", "model_latency"),
    ("OverheadLatency", "Microseconds", "overhead_latency"),
)


class Metrics:
    """Gathers invocations on the event loop's thread and publishes them from there.

    Args:
        put: Publishes metrics: a namespace, and data as PutMetricData takes them.
        clock: Seconds since the epoch.
    """

    def __init__(self, put: PutMetrics, clock: Callable[[], float]) -> None:
        self._put = put
        self._clock = clock
        self._something = asyncio.Event()
        self._gathered: dict[tuple[str, str], _Gathered] = {}

    def record(self, call: Invocation) -> None:
        """Takes in one invocation."""
        key = (call.endpoint, call.variant)
        gathered = self._gathered.get(key)
        if gathered is None:
            gathered = self._gathered[key] = _Gathered()
        status = call.model_status
        failed = not 200 <= status < 300
        client_error = failed and 400 <= status < 500
        gathered.invocations[1.0] += 1
        gathered.per_instance[1.0 / max(call.instance_count, 1)] += 1
        gathered.errors_4xx[float(client_error)] += 1
        gathered.errors_5xx[float(failed and not client_error)] += 1
        gathered.model_errors[float(failed)] += 1
        gathered.model_latency[microseconds(call.model_latency_s)] += 1
        gathered.overhead_latency[microseconds(call.overhead_s)] += 1
        self._something.set()

    async def run(self) -> None:
        """Publishes until it is cancelled; what is left then is published at once."""
        try:
            while True:
                await self._something.wait()
                await asyncio.sleep(INTERVAL_S)  # gathers more
                self.publish()
        finally:
            self.publish()

    def publish(self) -> None:
        """Publishes what has gathered."""
        self._something.clear()
        gathered, self._gathered = self._gathered, {}
        data = list(_metric_data(gathered, self._clock()))
        if data:
            self._put(NAMESPACE, data)


def microseconds(seconds: float) -> float:
    """Microseconds with two significant digits, three from 1 to 2: at most 5 % off, and few distinct values.

    CloudWatch itself keeps values in bins that are 10 % wide.

    >>> microseconds(0.0012345), microseconds(0.0098765)
    (1230.0, 9900.0)
    """
    value = seconds * 1e6
    text = f"{value:.1e}"
    return float(f"{value:.2e}") if text.startswith("1") else float(text)


def dimensions(endpoint: str, variant: str) -> list[Document]:
    """The dimensions of a variant's metrics."""
    return [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]


def _metric_data(gathered: Mapping[tuple[str, str], _Gathered], now: float) -> Iterator[Document]:
    for (endpoint, variant), values in gathered.items():
        for name, unit, attribute in _METRICS:
            counts: Counter[float] = getattr(values, attribute)
            yield {
                "MetricName": name,
                "Dimensions": dimensions(endpoint, variant),
                "Timestamp": now,
                "Unit": unit,
                "Values": list(counts),
                "Counts": [float(count) for count in counts.values()],
            }

"""Counts of a stage, from what SageMaker measured of each variant and from what it captured.

Sources: SageMaker endpoint invocation metrics; CloudWatch statistics definitions (trimmed count `TC`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from headway_runtime.judge import Counts

NAMESPACE = "AWS/SageMaker"
USE_NAMESPACE = "/aws/sagemaker/Endpoints"
"""Where SageMaker says what the machines of an endpoint are used for, in percent of each machine."""
BASELINE_PERCENTILE = "p95"
"""The slowest twentieth of the champion's answers: frequent enough to be compared within a few requests."""
_COUNTED = (
    ("requests", "Invocations", "Sum"),
    ("bad", "InvocationModelErrors", "Sum"),
    ("answered", "ModelLatency", "SampleCount"),
)
_PERCENTILES = ("p50", "p95", "p99")


@dataclass(frozen=True, kw_only=True)
class Span:
    """A time span in whole periods of the metrics.

    Attributes:
        start: Its beginning.
        end: Its end; not after the last period that is over.
        period_s: Length of a period, in seconds.
    """

    start: datetime
    end: datetime
    period_s: int

    @classmethod
    def between(cls, since: str, now: str, period_s: int) -> "Span":
        """The whole periods between two times, ISO 8601."""
        first = math.ceil(datetime.fromisoformat(since).timestamp() / period_s) * period_s
        last = math.floor(datetime.fromisoformat(now).timestamp() / period_s) * period_s
        return cls(
            start=datetime.fromtimestamp(first, UTC),
            end=datetime.fromtimestamp(max(first, last), UTC),
            period_s=period_s,
        )

    @property
    def is_empty(self) -> bool:
        """Whether no period is over yet."""
        return self.start >= self.end


@dataclass(frozen=True, kw_only=True)
class VariantCounts:
    """What was counted of one variant.

    Attributes:
        requests: Requests that it was given.
        errors: Requests that its model did not answer as it should.
        answered: Requests whose latency is known.
        slow: How many of them were slower than the threshold.
    """

    requests: int = 0
    errors: int = 0
    answered: int = 0
    slow: int = 0


class Meter:
    """Reads the metrics of an endpoint's variants.

    Args:
        cloudwatch: A boto3 client.
        endpoint: Name of the endpoint.
    """

    def __init__(self, cloudwatch: Any, endpoint: str) -> None:  # noqa: ANN401 - boto3 has no types
        self._cloudwatch = cloudwatch
        self._endpoint = endpoint

    def counts(self, variants: Sequence[str], span: Span, slow_us: float) -> dict[str, VariantCounts]:
        """What was counted of each variant in a time span.

        Args:
            variants: Names of the variants.
            span: The time span.
            slow_us: Latency from which on an answer counts as slow, in microseconds.
        """
        if span.is_empty:
            return {variant: VariantCounts() for variant in variants}
        wanted = (*_COUNTED, ("slow", "ModelLatency", f"TC({slow_us:g}:)"))
        queries = [
            self._query(f"v{place}_{name}", variant, metric, statistic, span)
            for place, variant in enumerate(variants)
            for name, metric, statistic in wanted
        ]
        sums = self._sums(queries, span)
        return {
            variant: VariantCounts(
                requests=sums[f"v{place}_requests"],
                errors=sums[f"v{place}_bad"],
                answered=sums[f"v{place}_answered"],
                slow=sums[f"v{place}_slow"],
            )
            for place, variant in enumerate(variants)
        }

    def usual_latency_us(self, variant: str, span: Span, samples: int) -> float | None:
        """The 95th percentile of a variant's latency, in microseconds; None with too few samples.

        Args:
            variant: Name of the variant.
            span: The time span.
            samples: Requests that it takes.
        """
        if span.is_empty:
            return None
        whole = Span(start=span.start, end=span.end, period_s=_covering(span))
        answered = self._sums([self._query("n", variant, "ModelLatency", "SampleCount", span)], span)["n"]
        if answered < samples:
            return None
        found = self._read([self._query("slow", variant, "ModelLatency", BASELINE_PERCENTILE, whole)], whole)[
            "slow"
        ]
        return max(found) if found else None

    def mean_latency_us(self, variant: str, span: Span) -> float | None:
        """The time that an answer takes on average, in microseconds; None where none was given.

        Args:
            variant: Name of the variant.
            span: The time span.
        """
        if span.is_empty:
            return None
        queries = [
            self._query(name, variant, "ModelLatency", statistic, span)
            for name, statistic in (("spent", "Sum"), ("answered", "SampleCount"))
        ]
        found = {name: math.fsum(values) for name, values in self._read(queries, span).items()}
        return found["spent"] / found["answered"] if found["answered"] else None

    def percentiles_us(self, variants: Sequence[str], span: Span) -> dict[str, dict[str, float | None]]:
        """The usual latencies over a whole time span, in microseconds; None where nothing is known.

        Args:
            variants: Names of the variants.
            span: The time span.
        """
        if span.is_empty:
            return {variant: dict.fromkeys(_PERCENTILES) for variant in variants}
        whole = Span(start=span.start, end=span.end, period_s=_covering(span))
        queries = [
            self._query(f"v{place}_{name}", variant, "ModelLatency", name, whole)
            for place, variant in enumerate(variants)
            for name in _PERCENTILES
        ]
        found = self._read(queries, whole)
        return {
            variant: {name: max(found[f"v{place}_{name}"], default=None) for name in _PERCENTILES}
            for place, variant in enumerate(variants)
        }

    def use(self, variant: str, metric: str, span: Span) -> list[float]:
        """The share of its machines that a variant used, period after period, the newest last.

        Args:
            variant: Name of the variant.
            metric: `MemoryUtilization`, or `CPUUtilization`, of which each core of a machine is 1.
            span: The time span.
        """
        if span.is_empty:
            return []
        query = self._query("use", variant, metric, "Average", span, namespace=USE_NAMESPACE)
        return [percent / 100 for percent in self._read([query], span)["use"]]

    def _query(
        self,
        name: str,
        variant: str,
        metric: str,
        statistic: str,
        span: Span,
        *,
        namespace: str = NAMESPACE,
    ) -> Mapping[str, Any]:
        dimensions = {"EndpointName": self._endpoint, "VariantName": variant}
        return {
            "Id": name,
            "MetricStat": {
                "Metric": {
                    "Namespace": namespace,
                    "MetricName": metric,
                    "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
                },
                "Period": span.period_s,
                "Stat": statistic,
            },
            "ReturnData": True,
        }

    def _sums(self, queries: Sequence[Mapping[str, Any]], span: Span) -> dict[str, int]:
        return {name: round(math.fsum(values)) for name, values in self._read(queries, span).items()}

    def _read(self, queries: Sequence[Mapping[str, Any]], span: Span) -> dict[str, list[float]]:
        found: dict[str, list[float]] = {str(query["Id"]): [] for query in queries}
        pages = self._cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=list(queries),
            StartTime=span.start,
            EndTime=span.end,
            ScanBy="TimestampAscending",
        )
        for page in pages:
            for result in page["MetricDataResults"]:
                found[result["Id"]] += result["Values"]
        return found


def error_counts(champion: VariantCounts, challenger: VariantCounts) -> Counts:
    """Failed answers of both arms."""
    return _counts(challenger.requests, challenger.errors, champion.requests, champion.errors)


def latency_counts(champion: VariantCounts, challenger: VariantCounts) -> Counts:
    """Slow answers of both arms."""
    return _counts(challenger.answered, challenger.slow, champion.answered, champion.slow)


def _counts(challenger: int, challenger_bad: int, champion: int, champion_bad: int) -> Counts:
    # The two metrics of a variant are published one after the other; a look between them sees one more error
    # than requests.
    return Counts(
        challenger_requests=max(challenger, challenger_bad),
        challenger_bad=challenger_bad,
        champion_requests=max(champion, champion_bad),
        champion_bad=champion_bad,
    )


def _covering(span: Span) -> int:
    """The shortest period of CloudWatch's that holds a whole span, so that one percentile covers it."""
    length = int((span.end - span.start).total_seconds())
    return max(60, -(-length // 60) * 60)

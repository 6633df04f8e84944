"""What CloudWatch measures on a live endpoint, and how it is drawn.

Source: SageMaker endpoint invocation metrics; each request sends 1 for an error and 0 otherwise, so that the
average of an error metric is the share of requests that failed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NAMESPACE = "AWS/SageMaker"
MICROSECONDS_PER_MS = 1_000
WIDGET_WIDTH = 12
WIDGET_HEIGHT = 6


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One chart of the dashboard."""

    title: str
    """What it shows, with the unit."""
    series: Sequence[tuple[str, str]]
    """Metric and statistic of each line."""


CHARTS = (
    Chart(title="Requests", series=(("Invocations", "Sum"),)),
    Chart(
        title="Model latency (µs)",
        series=(("ModelLatency", "p50"), ("ModelLatency", "p90"), ("ModelLatency", "p99")),
    ),
    Chart(
        title="Failed requests",
        series=(
            ("Invocation4XXErrors", "Sum"),
            ("Invocation5XXErrors", "Sum"),
            ("InvocationModelErrors", "Sum"),
        ),
    ),
    Chart(title="Overhead latency (µs)", series=(("OverheadLatency", "p99"),)),
)


def variant_dimensions(endpoint: str, variant: str) -> dict[str, str]:
    """What tells the metrics of one variant of one endpoint from all others."""
    return {"EndpointName": endpoint, "VariantName": variant}


def dashboard(
    *, title: str, region: str, endpoint: str, variants: Sequence[str], alarm_arns: Sequence[str]
) -> dict[str, Any]:
    """The body of a system's dashboard: its alarms, then every chart with the variants side by side.

    Args:
        title: What the dashboard is about.
        region: Region of the metrics.
        endpoint: Name of the endpoint.
        variants: Names of the variants.
        alarm_arns: ARNs of the alarms.
    """
    heading: dict[str, Any] = {
        "type": "alarm",
        "x": 0,
        "y": 0,
        "width": 2 * WIDGET_WIDTH,
        "height": 3,
        "properties": {"title": title, "alarms": list(alarm_arns)},
    }
    charts = [
        {
            "type": "metric",
            "x": (index % 2) * WIDGET_WIDTH,
            "y": 3 + (index // 2) * WIDGET_HEIGHT,
            "width": WIDGET_WIDTH,
            "height": WIDGET_HEIGHT,
            "properties": {
                "title": chart.title,
                "region": region,
                "view": "timeSeries",
                "period": 60,
                "metrics": [
                    _line(metric, statistic, variant_dimensions(endpoint, variant))
                    for metric, statistic in chart.series
                    for variant in variants
                ],
            },
        }
        for index, chart in enumerate(CHARTS)
    ]
    return {"widgets": [heading, *charts]}


def _line(metric: str, statistic: str, dimensions: Mapping[str, str]) -> list[Any]:
    pairs = [text for pair in dimensions.items() for text in pair]
    return [
        NAMESPACE,
        metric,
        *pairs,
        {"stat": statistic, "label": f"{dimensions['VariantName']} {statistic}"},
    ]

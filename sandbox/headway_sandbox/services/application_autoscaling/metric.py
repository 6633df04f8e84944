"""The metric of a target tracking policy, and its value now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from headway_sandbox.sagemaker.protocol import Document, SageMaker
from headway_sandbox.services.application_autoscaling.variants import endpoint_and_variant

WINDOW_S = 60
"""The metrics of target tracking are per minute."""

PREDEFINED = {
    "sagemaker": ("SageMakerVariantInvocationsPerInstance",),
    "dynamodb": ("DynamoDBReadCapacityUtilization", "DynamoDBWriteCapacityUtilization"),
}
"""The predefined metrics that a policy may name, by service."""


@dataclass(frozen=True)
class Metric:
    """A metric of CloudWatch and the statistic that is tracked."""

    namespace: str
    name: str
    dimensions: tuple[Document, ...]
    statistic: str


def metric_of(policy: Document) -> Metric | None:
    """What a policy tracks; None for a table, which is not scaled here."""
    configuration = policy["TargetTrackingScalingPolicyConfiguration"]
    custom = configuration.get("CustomizedMetricSpecification")
    if custom is not None:
        dimensions = tuple(custom.get("Dimensions", []))
        return Metric(custom["Namespace"], custom["MetricName"], dimensions, custom["Statistic"])
    names = endpoint_and_variant(policy["ResourceId"])
    if policy["ServiceNamespace"] != "sagemaker" or names is None:
        return None
    dimensions = tuple(
        {"Name": name, "Value": value}
        for name, value in zip(("EndpointName", "VariantName"), names, strict=True)
    )
    return Metric("AWS/SageMaker", "InvocationsPerInstance", dimensions, "Sum")


async def value_of(service: SageMaker, metric: Metric, now: float) -> float | None:
    """The metric over the last minute; None if it has no data.

    Args:
        service: The running SageMaker.
        metric: The metric.
        now: Seconds since the epoch.
    """
    end = datetime.fromtimestamp(now, UTC) + timedelta(seconds=1)
    answer = await service.aws.call(
        "cloudwatch",
        "get_metric_statistics",
        Namespace=metric.namespace,
        MetricName=metric.name,
        Dimensions=list(metric.dimensions),
        StartTime=end - timedelta(seconds=WINDOW_S),
        EndTime=end,
        # One period for the whole window: a minute of the clock would cut it in two.
        Period=1,
        Statistics=["Sum", "SampleCount", "Minimum", "Maximum"],
    )
    points = answer["Datapoints"]
    if not points:
        return 0.0 if metric.statistic in ("Sum", "SampleCount") else None
    total = sum(point["Sum"] for point in points)
    count = sum(point["SampleCount"] for point in points)
    values: dict[str, float] = {
        "Sum": total,
        "SampleCount": count,
        "Average": total / count if count else 0.0,
        "Minimum": min(point["Minimum"] for point in points),
        "Maximum": max(point["Maximum"] for point in points),
    }
    return values[metric.statistic]

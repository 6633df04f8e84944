"""Alarms on what is published now and then: each time that it is too high rings once."""

from collections.abc import Mapping

import pulumi
from pulumi_aws import cloudwatch

PERIOD_S = 60
"""What is published once rings once: a minute without it is quiet again."""
QUIET = "notBreaching"
"""Between two looks nothing is published."""


def told_alarm(
    name: str,
    *,
    description: str,
    namespace: str,
    metric: str,
    dimensions: Mapping[str, pulumi.Input[str]],
    comparison: str,
    threshold: float,
    topic_arn: pulumi.Input[str],
    parent: pulumi.Resource,
) -> cloudwatch.MetricAlarm:
    """An alarm that tells a topic of a metric.

    Args:
        name: Logical name of the alarm.
        description: What it means, for people.
        namespace: Namespace of the metric.
        metric: Name of the metric.
        dimensions: Its dimensions.
        comparison: How it is compared, as CloudWatch names it.
        threshold: What it is compared with.
        topic_arn: Topic that is told.
        parent: The component that it belongs to.
    """
    return cloudwatch.MetricAlarm(
        name,
        alarm_description=description,
        namespace=namespace,
        metric_name=metric,
        dimensions=dict(dimensions),
        statistic="Maximum",
        comparison_operator=comparison,
        threshold=threshold,
        period=PERIOD_S,
        evaluation_periods=1,
        datapoints_to_alarm=1,
        treat_missing_data=QUIET,
        alarm_actions=[topic_arn],
        opts=pulumi.ResourceOptions(parent=parent),
    )

"""Observability: one dashboard for each system, and alarms that tell somebody."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import cloudwatch, sns

from headway_components._args import Args
from headway_components._grants import Statement, policy
from headway_components._metrics import MICROSECONDS_PER_MS, NAMESPACE, dashboard, variant_dimensions
from headway_components._refs import EndpointRef, FoundationRef
from headway_components.contracts import MonitoringContract

LOW_SAMPLE_COUNT = "ignore"
"""A percentile over a handful of requests says nothing, so it rings no alarm."""
MISSING_DATA = {True: "breaching", False: "notBreaching"}
"""Whether no requests at all is an outage: it is where users are always there."""

_PUBLISHERS = {"Publish": "cloudwatch.amazonaws.com", "PublishBudgets": "budgets.amazonaws.com"}
"""Services that tell people something by themselves."""


@dataclass(frozen=True, kw_only=True)
class ObservabilityArgs(Args):
    """Arguments of an Observability."""

    foundation: FoundationRef
    """What the alarms build on."""
    endpoint: EndpointRef
    """The endpoint that is watched."""
    silence_is_outage: bool = False
    """Whether the alarms ring when nobody asks; they do not when left out."""
    monitoring: MonitoringContract | None = None
    """From when on somebody is told; the contract's own defaults when left out."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the endpoint."""
        if self.endpoint.name != self.foundation.prefix:
            yield (
                f"endpoint must be the foundation's own, got {self.endpoint.name!r} instead of "
                f"{self.foundation.prefix!r}; pass both of one system"
            )


class Observability(pulumi.ComponentResource):
    """The dashboard of a system, and the alarms that tell somebody."""

    dashboard_name: pulumi.Output[str]
    """Name of the dashboard."""
    topic_arn: pulumi.Output[str]
    """ARN of the topic that the alarms are sent to; subscribe people to it."""
    alarm_names: pulumi.Output[list[str]]
    """Names of the alarms."""

    def __init__(
        self, name: str, args: ObservabilityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        args = ObservabilityArgs.of(args)
        super().__init__("headway:index:Observability", name, {}, opts)
        self._name = name
        self._args = args
        self._monitoring = MonitoringContract() if args.monitoring is None else args.monitoring
        topic = self._topic()
        slow = self._monitoring.maximum_latency_p99_ms
        failing = self._monitoring.maximum_error_rate_pct
        alarms = [
            self._alarm(
                "latency",
                topic,
                metric_name="ModelLatency",
                extended_statistic="p99",
                evaluate_low_sample_count_percentiles=LOW_SAMPLE_COUNT,
                threshold=slow * MICROSECONDS_PER_MS,
                alarm_description=f"The 99th percentile of the model's latency is above {slow:g} ms",
            ),
            self._alarm(
                "errors",
                topic,
                metric_name="Invocation5XXErrors",
                statistic="Average",
                threshold=failing / 100,
                alarm_description=f"More than {failing:g} % of the requests fail",
            ),
        ]
        board = cloudwatch.Dashboard(
            name,
            dashboard_name=args.foundation.prefix,
            dashboard_body=pulumi.Output.all(*(alarm.arn for alarm in alarms)).apply(self._body),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.dashboard_name = board.dashboard_name
        self.topic_arn = topic.arn
        self.alarm_names = pulumi.Output.all(*(alarm.name for alarm in alarms))
        self.register_outputs(
            {
                "dashboardName": self.dashboard_name,
                "topicArn": self.topic_arn,
                "alarmNames": self.alarm_names,
            }
        )

    def _topic(self) -> sns.Topic:
        foundation = self._args.foundation
        topic = sns.Topic(
            f"{self._name}-alarms",
            display_name=f"Alarms of {foundation.prefix}",
            kms_master_key_id=foundation.key_arn,
            opts=pulumi.ResourceOptions(parent=self),
        )
        publish = [
            Statement(
                sid=sid,
                principal={"Service": service},
                actions=("sns:Publish",),
                resources=[topic.arn],
                condition={"StringEquals": {"aws:SourceAccount": foundation.account_id}},
            )
            for sid, service in _PUBLISHERS.items()
        ]
        sns.TopicPolicy(
            f"{self._name}-alarms-policy",
            arn=topic.arn,
            policy=policy(*publish),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return topic

    def _alarm(self, noun: str, topic: sns.Topic, **what: Any) -> cloudwatch.MetricAlarm:  # noqa: ANN401
        endpoint, monitoring = self._args.endpoint, self._monitoring
        return cloudwatch.MetricAlarm(
            f"{self._name}-{noun}",
            namespace=NAMESPACE,
            dimensions=variant_dimensions(endpoint.name, endpoint.variant_name),
            comparison_operator="GreaterThanThreshold",
            period=monitoring.period_s,
            evaluation_periods=monitoring.periods,
            datapoints_to_alarm=monitoring.periods,
            treat_missing_data=MISSING_DATA[self._args.silence_is_outage],
            alarm_actions=[topic.arn],
            ok_actions=[topic.arn],
            opts=pulumi.ResourceOptions(parent=self),
            **what,
        )

    def _body(self, alarm_arns: list[str]) -> str:
        endpoint, foundation = self._args.endpoint, self._args.foundation
        body = dashboard(
            title=foundation.prefix,
            region=foundation.region,
            endpoint=endpoint.name,
            variants=[endpoint.variant_name],
            alarm_arns=alarm_arns,
        )
        return json.dumps(body, sort_keys=True)

"""SkewMonitor: what the endpoint was asked with against history, again and again, as a metric."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudwatch, iam, lambda_, sagemaker, scheduler

from headway_components import _defaults
from headway_components._args import Args
from headway_components._function_code import function_code, runtime_function
from headway_components._grants import (
    LIST_BUCKET,
    WRITE_LOGS,
    Statement,
    attach_volumes,
    grant,
    publish_metrics,
    read,
    run_jobs,
    service_role,
    write,
)
from headway_components._image import image_problems
from headway_components._log_group import log_group
from headway_components._monitor_grants import run_in_role
from headway_components._monitor_steps import ENDPOINT_PARAMETER
from headway_components._refs import EndpointRef, FoundationRef, RoleRef, TrainingCodeRef
from headway_components._schedules import schedule
from headway_components._skew_steps import SkewSteps, skew_pipeline
from headway_components._text import suffixed
from headway_components._told_alarm import told_alarm
from headway_components.skew_plan import SkewPlan

HANDLER = "headway_runtime.features.control.handler.handle"
CODE = (
    *("__init__.py", "features/__init__.py", "features/control"),
    *("monitor/__init__.py", "monitor/control"),
)
"""The function's files."""
NAMESPACE = "Headway/Features"
METRIC = "TrainingServingSkew"


@dataclass(frozen=True, kw_only=True)
class SkewMonitorArgs(Args):
    """Arguments of a SkewMonitor."""

    foundation: FoundationRef
    """What it builds on."""
    endpoint: EndpointRef
    """The endpoint whose traffic is compared."""
    code: TrainingCodeRef
    """What computes the inputs, and what they honour."""
    image: str
    """URI of the image that compares, pinned by its digest."""
    topic_arn: pulumi.Input[str]
    """Topic that is told when too many rows differ."""
    plan: SkewPlan | None = None
    """How often, and from when on somebody is told; the default plan when left out."""
    personal: bool = False
    """Whether rows speak of people, so that the report shows none; they do not when left out."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the image."""
        yield from image_problems(self.image)


class SkewMonitor(pulumi.ComponentResource):
    """Holds what the endpoint was asked with against history, and publishes the share that differs."""

    pipeline_name: pulumi.Output[str]
    """Name of the pipeline that compares."""
    schedule_name: pulumi.Output[str]
    """Name of the schedule that starts it."""
    alarm_name: pulumi.Output[str | None]
    """Name of the alarm that rings when too many rows differ; none where no share is declared."""

    def __init__(self, name: str, args: SkewMonitorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = SkewMonitorArgs.of(args)
        super().__init__("headway:index:SkewMonitor", name, {}, opts)
        self._name = name
        self._args = args
        self._plan = SkewPlan() if args.plan is None else args.plan
        self._work = f"skew/{args.foundation.prefix}"
        pipeline = self._pipeline(self._function())
        schedule = self._schedule(pipeline)
        maximum = self._plan.maximum_share
        alarm = None if maximum is None else self._alarm(maximum).name
        self.pipeline_name = pipeline.pipeline_name
        self.schedule_name = schedule.name
        self.alarm_name = pulumi.Output.from_input(alarm)
        self.register_outputs(
            {
                "pipelineName": self.pipeline_name,
                "scheduleName": self.schedule_name,
                "alarmName": self.alarm_name,
            }
        )

    def _role(self, noun: str, service: str) -> RoleRef:
        foundation = self._args.foundation
        return service_role(
            f"{self._name}-{noun}-role",
            service=service,
            account_id=foundation.account_id,
            description=f"Assumed for the {noun} that measures skew of {foundation.prefix}",
            parent=self,
        )

    def _function(self) -> lambda_.Function:
        args, foundation = self._args, self._args.foundation
        role = self._role("function", "lambda.amazonaws.com")
        logs = log_group(f"{self._name}-logs", f"/headway/{foundation.prefix}/skew", foundation, self)
        permission = grant(f"{self._name}-steps", role, self._function_statements(logs.arn), parent=self)
        return runtime_function(
            f"{self._name}-function",
            description=f"Plans and publishes comparisons of the traffic of {foundation.prefix} with history",
            role=role.arn,
            handler=HANDLER,
            code=function_code(*CODE),
            timeout_s=_defaults.MONITOR_TIMEOUT_S,
            key_arn=foundation.key_arn,
            settings={
                "variant": args.endpoint.variant_name,
                "capture_bucket": foundation.capture.name,
                "capture_prefix": foundation.prefix,
                "data_bucket": foundation.data.name,
                "data_prefix": foundation.prefix,
                "work_bucket": foundation.artifacts.name,
                "work_prefix": self._work,
                "delay_s": repr(self._plan.delay_h * 3_600),
            },
            log_group=logs.name,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permission]),
        )

    def _function_statements(self, logs_arn: pulumi.Input[str]) -> list[Statement]:
        """See what was captured and what datasets there are, keep the state, publish; it reads neither."""
        foundation = self._args.foundation
        return [
            Statement(
                sid="See",
                actions=LIST_BUCKET,
                resources=[foundation.capture.arn, foundation.data.arn],
            ),
            *read(foundation.artifacts, f"{self._work}/", sid="Work"),
            *write(foundation.artifacts, f"{self._work}/", sid="Work"),
            publish_metrics(NAMESPACE),
            Statement(sid="Logs", actions=WRITE_LOGS, resources=[suffixed(logs_arn, ":*")]),
        ]

    def _job_statements(self) -> list[Statement]:
        """Read traffic, datasets, code and contract; write a report."""
        args, foundation = self._args, self._args.foundation
        inputs = (f"{args.code.code_key}/", f"{args.code.contract_key}/", f"{self._work}/")
        return [
            *read(foundation.capture, f"{foundation.prefix}/", sid="Traffic"),
            *read(foundation.data, f"{foundation.prefix}/executions/", sid="History"),
            *read(foundation.artifacts, *inputs, sid="Inputs"),
            *write(foundation.artifacts, f"{self._work}/", sid="Report"),
            attach_volumes(foundation.key_arn),
            *run_jobs(foundation, args.image, "ProcessingJobs"),
        ]

    def _pipeline(self, function: lambda_.Function) -> sagemaker.Pipeline:
        args, foundation = self._args, self._args.foundation
        job_role = self._role("job", "sagemaker.amazonaws.com")
        pipeline_role = self._role("pipeline", "sagemaker.amazonaws.com")
        job = grant(f"{self._name}-job", job_role, self._job_statements(), parent=self)
        steps = grant(
            f"{self._name}-pipeline",
            pipeline_role,
            run_in_role(foundation, job_role.arn, function.arn),
            parent=self,
        )
        network = foundation.network
        definition = pulumi.Output.all(
            role=job_role.arn,
            key=foundation.key_arn,
            function=function.arn,
            artifacts=foundation.artifacts.name,
            subnets=[] if network is None else list(network.subnet_ids),
            security_groups=[] if network is None else [network.security_group_id],
        ).apply(
            lambda known: json.dumps(
                skew_pipeline(
                    SkewSteps(
                        endpoint=args.endpoint.name,
                        plan=self._plan,
                        features=args.code.features,
                        personal=args.personal,
                        image=args.image,
                        role_arn=known["role"],
                        key_arn=known["key"],
                        function_arn=known["function"],
                        code_uri=f"s3://{known['artifacts']}/{args.code.code_key}",
                        contract_uri=f"s3://{known['artifacts']}/{args.code.contract_key}",
                        subnets=known["subnets"],
                        security_groups=known["security_groups"],
                    )
                ),
                sort_keys=True,
            )
        )
        pipeline_name = f"{foundation.prefix}-skew"
        return sagemaker.Pipeline(
            self._name,
            pipeline_name=pipeline_name,
            pipeline_display_name=pipeline_name,
            pipeline_description=f"Holds what {foundation.prefix} was asked with against history",
            pipeline_definition=definition,
            role_arn=pipeline_role.arn,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[job, steps]),
        )

    def _schedule(self, pipeline: sagemaker.Pipeline) -> scheduler.Schedule:
        role = self._role("schedule", "scheduler.amazonaws.com")
        start = Statement(
            sid="Compare", actions=("sagemaker:StartPipelineExecution",), resources=[pipeline.arn]
        )
        permission: iam.RolePolicy = grant(f"{self._name}-compare", role, [start], parent=self)
        return schedule(
            f"{self._name}-schedule",
            every=self._plan.every_h,
            unit="hour",
            target_arn=pipeline.arn,
            role_arn=role.arn,
            key_arn=self._args.foundation.key_arn,
            permission=permission,
            parent=self,
            parameter=(ENDPOINT_PARAMETER, self._args.endpoint.name),
        )

    def _alarm(self, maximum_share: float) -> cloudwatch.MetricAlarm:
        args = self._args
        return told_alarm(
            f"{self._name}-alarm",
            description=f"{args.endpoint.name} is asked with other values than training has",
            namespace=NAMESPACE,
            metric=METRIC,
            dimensions={"EndpointName": args.endpoint.name},
            comparison="GreaterThanThreshold",
            threshold=maximum_share,
            topic_arn=args.topic_arn,
            parent=self,
        )

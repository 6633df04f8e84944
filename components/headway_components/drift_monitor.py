"""DriftMonitor: captured traffic against the training rows; a drift that lasts retrains through the gate."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudwatch, iam, lambda_, sagemaker, scheduler

from headway_components import _defaults
from headway_components._args import Args
from headway_components._function_code import function_code, runtime_function
from headway_components._grants import Statement, grant, service_role, write
from headway_components._image import image_problems
from headway_components._log_group import log_group
from headway_components._monitor_grants import (
    NAMESPACE,
    MonitorThings,
    function_statements,
    job_statements,
    label_prefix,
    run_in_role,
    work_prefix,
)
from headway_components._monitor_steps import ENDPOINT_PARAMETER, MonitorPlan, monitor_pipeline
from headway_components._refs import EndpointRef, FoundationRef, PipelineRef, RegistryRef, RoleRef
from headway_components._schedules import schedule
from headway_components._text import json_text
from headway_components._told_alarm import told_alarm
from headway_components._training_steps import CALENDAR, DRIFT, TRIGGER_PARAMETER
from headway_components.drift_plan import DriftPlan

HANDLER = "headway_runtime.monitor.control.handler.handle"
CODE = ("__init__.py", "monitor/__init__.py", "monitor/control")
"""The function's files."""
METRIC = "RetrainingWanted"
_START = ("sagemaker:StartPipelineExecution",)


@dataclass(frozen=True, kw_only=True)
class DriftMonitorArgs(Args):
    """Arguments of a DriftMonitor."""

    foundation: FoundationRef
    """What the monitor builds on."""
    registry: RegistryRef
    """Where the baseline of the model that answers is found."""
    endpoint: EndpointRef
    """The endpoint that is watched."""
    training: PipelineRef
    """The pipeline that retrains."""
    image: str
    """URI of the image that looks at the traffic, pinned by its digest."""
    topic_arn: pulumi.Input[str]
    """Topic that is told of a drift that lasts."""
    plan: DriftPlan | None = None
    """From when on traffic drifts; the default plan when left out."""
    slices: Sequence[str] = ()
    """Inputs by whose values quality is measured; none when left out."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the image."""
        yield from image_problems(self.image)


class DriftMonitor(pulumi.ComponentResource):
    """Looks at captured traffic again and again; a drift that lasts starts a training."""

    pipeline_name: pulumi.Output[str]
    """Name of the pipeline that looks at the traffic."""
    schedule_name: pulumi.Output[str]
    """Name of the schedule that starts it."""
    alarm_name: pulumi.Output[str]
    """Name of the alarm that rings when a drift lasts."""
    labels_uri: pulumi.Output[str]
    """Where labels that arrive after their predictions are put, as files of JSON Lines."""

    def __init__(self, name: str, args: DriftMonitorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = DriftMonitorArgs.of(args)
        super().__init__("headway:index:DriftMonitor", name, {}, opts)
        self._name = name
        self._args = args
        self._plan = DriftPlan() if args.plan is None else args.plan
        self._things = MonitorThings(
            foundation=args.foundation,
            registry=args.registry,
            endpoint=args.endpoint,
            training=args.training,
            image=args.image,
        )
        self._child = pulumi.ResourceOptions(parent=self)
        self._function_role = self._role("function", "lambda.amazonaws.com")
        self._schedule_role = self._role("schedule", "scheduler.amazonaws.com")
        pipeline = self._pipeline(self._function())
        schedule = self._schedule(pipeline)
        if self._plan.retrain_every_d is not None:
            self._calendar(self._plan.retrain_every_d)
        alarm = self._alarm()
        self._retrain(alarm)
        self.pipeline_name = pipeline.pipeline_name
        self.schedule_name = schedule.name
        self.alarm_name = alarm.name
        foundation = args.foundation
        self.labels_uri = pulumi.Output.concat(
            "s3://", foundation.artifacts.name, "/", label_prefix(foundation)
        )
        self.register_outputs(
            {
                "labelsUri": self.labels_uri,
                "pipelineName": self.pipeline_name,
                "scheduleName": self.schedule_name,
                "alarmName": self.alarm_name,
            }
        )

    def grant_labels(self, role: RoleRef, name: str) -> iam.RolePolicy:
        """Lets a role put labels where the monitor finds them.

        Args:
            role: Role that may put them.
            name: What the role is for, one word; part of the grant's name.
        """
        foundation = self._args.foundation
        statements = list(write(foundation.artifacts, label_prefix(foundation), sid="Labels"))
        return grant(f"{self._name}-labels-{name}", role, statements, parent=self)

    def _role(self, noun: str, service: str) -> RoleRef:
        foundation = self._args.foundation
        return service_role(
            f"{self._name}-{noun}-role",
            service=service,
            account_id=foundation.account_id,
            description=f"Assumed for the {noun} of the monitor of {foundation.prefix}",
            parent=self,
        )

    def _function(self) -> lambda_.Function:
        args, foundation, plan = self._args, self._args.foundation, self._plan
        logs = log_group(f"{self._name}-logs", f"/headway/{foundation.prefix}/monitor", foundation, self)
        permission = grant(
            f"{self._name}-steps",
            self._function_role,
            function_statements(self._things, logs.arn),
            parent=self,
        )
        settings = {
            "system": foundation.system,
            "variant": args.endpoint.variant_name,
            "capture_bucket": foundation.capture.name,
            "capture_prefix": foundation.prefix,
            "work_bucket": foundation.artifacts.name,
            "work_prefix": work_prefix(foundation).removesuffix("/"),
            "training_pipeline": args.training.name,
            "label_prefix": label_prefix(foundation).removesuffix("/"),
            "cool_down_s": str(plan.cool_down_h * 3_600),
            "maximum_retrainings": str(plan.maximum_retrainings),
        }
        return runtime_function(
            f"{self._name}-function",
            description=f"Plans and records the windows of the monitor of {foundation.prefix}",
            role=self._function_role.arn,
            handler=HANDLER,
            code=function_code(*CODE),
            timeout_s=_defaults.MONITOR_TIMEOUT_S,
            key_arn=foundation.key_arn,
            settings=settings,
            log_group=logs.name,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permission]),
        )

    def _pipeline(self, function: lambda_.Function) -> sagemaker.Pipeline:
        args, foundation = self._args, self._args.foundation
        job_role = self._role("job", "sagemaker.amazonaws.com")
        pipeline_role = self._role("pipeline", "sagemaker.amazonaws.com")
        job = grant(f"{self._name}-job", job_role, job_statements(self._things), parent=self)
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
            subnets=[] if network is None else list(network.subnet_ids),
            security_groups=[] if network is None else [network.security_group_id],
        ).apply(
            lambda known: json.dumps(
                monitor_pipeline(
                    MonitorPlan(
                        endpoint=args.endpoint.name,
                        drift=self._plan,
                        image=args.image,
                        role_arn=known["role"],
                        key_arn=known["key"],
                        function_arn=known["function"],
                        subnets=known["subnets"],
                        security_groups=known["security_groups"],
                        slices=args.slices,
                    )
                ),
                sort_keys=True,
            )
        )
        return sagemaker.Pipeline(
            self._name,
            pipeline_name=_pipeline_name(foundation),
            pipeline_display_name=_pipeline_name(foundation),
            pipeline_description=f"Holds the traffic of {foundation.prefix} against its training rows",
            pipeline_definition=definition,
            role_arn=pipeline_role.arn,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[job, steps]),
        )

    def _schedule(self, pipeline: sagemaker.Pipeline) -> scheduler.Schedule:
        start = Statement(sid="Look", actions=_START, resources=[pipeline.arn])
        permission = grant(f"{self._name}-look", self._schedule_role, [start], parent=self)
        return self._every(
            "schedule",
            (self._plan.every_h, "hour"),
            pipeline.arn,
            (ENDPOINT_PARAMETER, self._args.endpoint.name),
            permission,
        )

    def _calendar(self, days: int) -> None:
        """Starts trainings by the calendar, whatever the traffic says."""
        training = self._args.training
        start = Statement(sid="Train", actions=_START, resources=[training.arn])
        permission = grant(f"{self._name}-calendar", self._schedule_role, [start], parent=self)
        self._every("calendar", (days, "day"), training.arn, (TRIGGER_PARAMETER, CALENDAR), permission)

    def _every(
        self,
        noun: str,
        rate: tuple[int, str],
        pipeline_arn: pulumi.Input[str],
        parameter: tuple[str, str],
        permission: iam.RolePolicy,
    ) -> scheduler.Schedule:
        every, unit = rate
        return schedule(
            f"{self._name}-{noun}",
            every=every,
            unit=unit,
            target_arn=pipeline_arn,
            role_arn=self._schedule_role.arn,
            key_arn=self._args.foundation.key_arn,
            permission=permission,
            parent=self,
            parameter=parameter,
        )

    def _alarm(self) -> cloudwatch.MetricAlarm:
        args = self._args
        return told_alarm(
            f"{self._name}-alarm",
            description=f"A drift of the traffic of {args.endpoint.name} lasts, and a training is due",
            namespace=NAMESPACE,
            metric=METRIC,
            dimensions={"System": args.foundation.system, "Endpoint": args.endpoint.name},
            comparison="GreaterThanOrEqualToThreshold",
            threshold=1,
            topic_arn=args.topic_arn,
            parent=self,
        )

    def _retrain(self, alarm: cloudwatch.MetricAlarm) -> None:
        """The alarm starts the pipeline with the gate; it is the gate that decides what is registered."""
        training = self._args.training
        role = self._role("retraining", "events.amazonaws.com")
        start = Statement(sid="Train", actions=_START, resources=[training.arn])
        permission = grant(f"{self._name}-retrain", role, [start], parent=self)
        rule = cloudwatch.EventRule(
            f"{self._name}-lasts",
            description=f"A drift of the traffic of {self._args.endpoint.name} lasts",
            event_pattern=json_text(
                {
                    "source": ["aws.cloudwatch"],
                    "detail-type": ["CloudWatch Alarm State Change"],
                    "resources": [alarm.arn],
                    "detail": {"state": {"value": ["ALARM"]}},
                }
            ),
            opts=self._child,
        )
        cloudwatch.EventTarget(
            f"{self._name}-target",
            rule=rule.name,
            arn=training.arn,
            role_arn=role.arn,
            sagemaker_pipeline_target=cloudwatch.EventTargetSagemakerPipelineTargetArgs(
                pipeline_parameter_lists=[
                    cloudwatch.EventTargetSagemakerPipelineTargetPipelineParameterListArgs(
                        name=TRIGGER_PARAMETER, value=DRIFT
                    )
                ]
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permission]),
        )


def _pipeline_name(foundation: FoundationRef) -> str:
    return f"{foundation.prefix}-monitor"

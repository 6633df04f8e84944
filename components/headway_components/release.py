"""Release: the machine that moves an endpoint from what serves to what is approved, and records both."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import cloudwatch, dynamodb, lambda_, sfn, sns, ssm

from headway_components import _defaults
from headway_components._args import Args
from headway_components._arns import parameter_arn
from headway_components._function_code import function_code, runtime_function
from headway_components._grants import Statement, grant
from headway_components._log_group import log_group
from headway_components._machines import DELIVER_LOGS
from headway_components._refs import FeatureFlagRef, FoundationRef, RegistryRef, ReleaseRef
from headway_components._release_grants import ReleaseThings, function_statements
from headway_components._release_record import Standing, standing
from headway_components._table import table
from headway_components._text import suffixed
from headway_components.contracts import InferenceContract
from headway_components.release_definition import release_definition
from headway_components.release_plan import ReleasePlan

HANDLER = "headway_runtime.release.handler.handle"
CODE = ("__init__.py", "canonical.py", "judge", "release")
"""Files and packages of the runtime that the machine is made of."""
HISTORY_EVENTS = 25_000
"""Events that Step Functions keeps of one execution before it ends it."""
EVENTS_A_LOOK = 10
WATCH = "rate(5 minutes)"
"""How often somebody looks after releases that have lost their execution, should an event be lost as well."""


@dataclass(frozen=True, kw_only=True)
class ReleaseArgs(Args):
    """Arguments of a Release."""

    foundation: FoundationRef
    """What the machine builds on."""
    registry: RegistryRef
    """Where approved models come from."""
    contract: InferenceContract
    """What requests and answers look like."""
    plan: ReleasePlan | None = None
    """How an approved model goes live; the default plan when left out."""
    samples_pct: int = 100
    """Share of the plan's samples that a stage waits for, in percent; all when left out."""
    poll_s: int | None = None
    """Least time between two looks at a release, in seconds; 15 when left out."""
    metrics_period_s: int = 60
    """Length of a period of the endpoint's metrics, in seconds; a minute, as on AWS, when left out."""
    switch: FeatureFlagRef | None = None
    """Switches of the system, cleaned up when the stack goes; none when left out."""

    def problems(self) -> Iterator[str]:
        """What is wrong with the time between two looks, and what the metrics cannot show in time."""
        if not 1 <= self.samples_pct <= 100:
            yield f"samples_pct must be 1 to 100, got {self.samples_pct}; 100 waits for all samples"
        if self.poll_s is not None and self.poll_s < 1:
            yield f"poll_s must be 1 or more, got {self.poll_s}; raise it to 1"
        plan = ReleasePlan() if self.plan is None else self.plan
        stages = [*([] if plan.shadow is None else [("shadow", plan.shadow.time_limit_s)])]
        stages += [(f"ladder.{place}", stage.time_limit_s) for place, stage in enumerate(plan.ladder)]
        # A stage counts whole periods, and seldom begins with one.
        least_s = 2 * self.metrics_period_s
        for place, time_limit_s in stages:
            if time_limit_s < least_s:
                found = f"plan.{place}.time_limit_s must be {least_s} or more, got {time_limit_s}"
                why = f"metrics come every {self.metrics_period_s} s"
                yield f"{found}: {why}; raise it, or lower metrics_period_s"


class Release(pulumi.ComponentResource):
    """The machine that moves an endpoint, and the record of every release."""

    state_machine_arn: pulumi.Output[str]
    """ARN of the state machine."""
    function_name: pulumi.Output[str]
    """Name of the function that takes the steps."""
    table_name: pulumi.Output[str]
    """Name of the table with the record of every release."""
    standing: pulumi.Output[Standing]
    """How the newest release stood when the program ran."""

    def __init__(self, name: str, args: ReleaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = ReleaseArgs.of(args)
        super().__init__("headway:index:Release", name, {}, opts)
        plan = ReleasePlan() if args.plan is None else args.plan
        self._name = name
        self._foundation = args.foundation
        parameter = self._parameter(plan, args.samples_pct)
        records = table(f"{name}-records", args.foundation, self, keys=["system", "release_id"])
        function = self._function(args, plan, records, parameter)
        machine = self._machine(function, plan, args.poll_s)
        self._rule(args.registry, machine)
        self._watch(function, machine)
        self.state_machine_arn = machine.arn
        self.function_name = function.name
        self.table_name = records.name
        self.standing = standing(records, args.foundation.system, self)
        self.ref = ReleaseRef(
            function_name=function.name,
            state_machine_arn=machine.arn,
            table_name=records.name,
        )
        self.register_outputs(
            {
                "stateMachineArn": self.state_machine_arn,
                "functionName": self.function_name,
                "tableName": self.table_name,
            }
        )

    def _parameter(self, plan: ReleasePlan, samples_pct: int) -> ssm.Parameter:
        """The plan where the machine reads it, so that what is reviewed is what judges."""
        return ssm.Parameter(
            f"{self._name}-plan",
            name=_plan_name(self._foundation),
            description=f"How a model of {self._foundation.prefix} comes to answer users",
            type="String",
            # A plan is no secret: it is there to be read in a diff.
            insecure_value=json.dumps(plan.document(samples_pct), sort_keys=True),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _function(
        self, args: ReleaseArgs, plan: ReleasePlan, records: dynamodb.Table, parameter: ssm.Parameter
    ) -> lambda_.Function:
        foundation = self._foundation
        logs = log_group(f"{self._name}-logs", f"/headway/{foundation.prefix}/release", foundation, self)
        topic = self._topic()
        things = ReleaseThings(
            table_arn=records.arn,
            logs_arn=logs.arn,
            parameter_arn=parameter_arn(foundation, _plan_name(foundation)),
            topic_arn=topic.arn,
            switch=args.switch,
            labels=None if plan.labels is None else plan.labels.prefix,
        )
        permission = grant(
            f"{self._name}-steps",
            foundation.release_role,
            function_statements(foundation, args.registry, things),
            parent=self,
        )
        form = {
            "inputs": [field.name for field in args.contract.inputs],
            "output": args.contract.output.name,
        }
        settings = {
            "system": foundation.system,
            "prefix": foundation.prefix,
            "endpoint": foundation.prefix,
            "role_arn": foundation.serving_role.arn,
            "group": args.registry.group_name,
            "table": records.name,
            "release_plan_parameter": parameter.name,
            "form": json.dumps(form),
            "metrics_period_s": str(args.metrics_period_s),
            "data_bucket": foundation.data.name,
            "audit_bucket": foundation.audit.name,
            "topic_arn": topic.arn,
            "keep_versions": "true" if foundation.retain_data else "false",
            "poll_s": str(wait_s(plan, args.poll_s)),
            "switch": _profile_path(args.switch),
        }
        return runtime_function(
            f"{self._name}-function",
            description=f"Takes the steps of releases of {foundation.prefix}",
            role=foundation.release_role.arn,
            handler=HANDLER,
            code=function_code(*CODE),
            timeout_s=_defaults.RELEASE_TIMEOUT_S,
            key_arn=foundation.key_arn,
            settings=settings,
            log_group=logs.name,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permission]),
        )

    def _topic(self) -> sns.Topic:
        return sns.Topic(
            f"{self._name}-notices",
            display_name=f"Releases of {self._foundation.prefix}",
            kms_master_key_id=self._foundation.key_arn,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _machine(self, function: lambda_.Function, plan: ReleasePlan, poll_s: int | None) -> sfn.StateMachine:
        foundation = self._foundation
        logs = log_group(
            f"{self._name}-machine-logs",
            f"/aws/vendedlogs/states/{foundation.prefix}-release",
            foundation,
            self,
        )
        invoke = Statement(sid="TakeSteps", actions=("lambda:InvokeFunction",), resources=[function.arn])
        permission = grant(
            f"{self._name}-machine", foundation.machine_role, [invoke, DELIVER_LOGS], parent=self
        )
        return sfn.StateMachine(
            f"{self._name}-machine",
            role_arn=foundation.machine_role.arn,
            definition=function.arn.apply(
                lambda arn: json.dumps(
                    release_definition(
                        function_arn=arn,
                        poll_s=wait_s(plan, poll_s),
                        maximum_duration_s=plan.maximum_duration_s,
                    )
                )
            ),
            logging_configuration=sfn.StateMachineLoggingConfigurationArgs(
                level="ALL",
                include_execution_data=True,
                log_destination=suffixed(logs.arn, ":*"),
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permission]),
        )

    def _rule(self, registry: RegistryRef, machine: sfn.StateMachine) -> None:
        foundation = self._foundation
        child = pulumi.ResourceOptions(parent=self)
        start = Statement(sid="Start", actions=("states:StartExecution",), resources=[machine.arn])
        started = grant(f"{self._name}-rule", foundation.events_role, [start], parent=self)
        # Told that the base has changed, or that an execution has ended, the function starts one itself.
        executions = machine.arn.apply(lambda arn: f"{arn.replace(':stateMachine:', ':execution:')}:*")
        look = Statement(sid="Look", actions=("states:DescribeExecution",), resources=[executions])
        grant(f"{self._name}-restart", foundation.release_role, [start, look], parent=self)
        rule = cloudwatch.EventRule(
            f"{self._name}-approved",
            description=f"A model of {foundation.prefix} was approved",
            event_pattern=json.dumps(_approved(registry.group_name), sort_keys=True),
            opts=child,
        )
        cloudwatch.EventTarget(
            f"{self._name}-target",
            rule=rule.name,
            arn=machine.arn,
            role_arn=foundation.events_role.arn,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[started]),
        )

    def _watch(self, function: lambda_.Function, machine: sfn.StateMachine) -> None:
        """Looks after releases whose execution ended before they were over: at once, and once in a while."""
        rule = cloudwatch.EventRule(
            f"{self._name}-watch",
            description=f"A release of {self._foundation.prefix} may have lost its execution",
            event_pattern=machine.arn.apply(lambda arn: json.dumps(_ended(arn), sort_keys=True)),
            schedule_expression=WATCH,
            opts=pulumi.ResourceOptions(parent=self),
        )
        permission = lambda_.Permission(
            f"{self._name}-watch-permission",
            action="lambda:InvokeFunction",
            function=function.name,
            principal="events.amazonaws.com",
            source_arn=rule.arn,
            opts=pulumi.ResourceOptions(parent=self),
        )
        event = machine.arn.apply(lambda arn: json.dumps({"action": "watch", "state_machine_arn": arn}))
        cloudwatch.EventTarget(
            f"{self._name}-watch-target",
            rule=rule.name,
            arn=function.arn,
            input=event,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permission]),
        )


def wait_s(plan: ReleasePlan, poll_s: int | None) -> int:
    """Time between two looks at a release, in seconds: longer for a long one, so that its history fits.

    Args:
        plan: The release plan.
        poll_s: The least time that is wanted; None for the usual.
    """
    least_s = plan.maximum_duration_s * EVENTS_A_LOOK // HISTORY_EVENTS + 1
    return max(least_s, _defaults.RELEASE_POLL_S if poll_s is None else poll_s)


def _profile_path(switch: FeatureFlagRef | None) -> pulumi.Input[str]:
    if switch is None:
        return ""
    return pulumi.Output.format("{0}/{1}", switch.application_id, switch.profile_id)


def _plan_name(foundation: FoundationRef) -> str:
    return f"/headway/{foundation.prefix}/release-plan"


def _approved(group: str) -> dict[str, Any]:
    return {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {"ModelPackageGroupName": [group], "ModelApprovalStatus": ["Approved"]},
    }


def _ended(machine_arn: str) -> dict[str, Any]:
    return {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {"stateMachineArn": [machine_arn], "status": ["ABORTED", "FAILED", "TIMED_OUT"]},
    }

"""DataArrival: a batch that lands starts the training pipeline, once for all files that came together."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudwatch, lambda_, s3, sfn

from headway_components import _defaults
from headway_components._args import Args
from headway_components._arrival_definition import arrival_definition, landed_pattern
from headway_components._function_code import function_code, runtime_function
from headway_components._grants import LIST_BUCKET, WRITE_LOGS, Statement, grant, service_role
from headway_components._log_group import log_group
from headway_components._machines import DELIVER_LOGS
from headway_components._refs import FoundationRef, PipelineRef, RoleRef
from headway_components._text import json_text, suffixed
from headway_components.arrival_plan import ArrivalPlan
from headway_runtime.contract import CHANNEL_LANDING

HANDLER = "headway_runtime.arrival.handler.handle"
CODE = ("__init__.py", "arrival", "monitor/__init__.py", "monitor/control")
"""The function's files."""
_BUCKET_CHARACTERS, _PATTERN_CHARACTERS = 63, 2_048
"""The longest name of a bucket, and the longest pattern of a rule."""
_LOOK = (
    *("sagemaker:ListPipelineExecutions", "sagemaker:ListPipelineExecutionSteps"),
    "sagemaker:ListPipelineParametersForExecution",
)


@dataclass(frozen=True, kw_only=True)
class DataArrivalArgs(Args):
    """Arguments of a DataArrival."""

    foundation: FoundationRef
    """What it builds on."""
    training: PipelineRef
    """The pipeline that takes in what has landed, holds it to its contract, and trains."""
    tables: Sequence[str]
    """Tables whose batches land."""
    plan: ArrivalPlan | None = None
    """When what has landed starts a training; the default plan when left out."""
    poll_s: int | None = None
    """Time between two looks at a training, in seconds; five minutes when left out."""

    def problems(self) -> Iterator[str]:
        """What is wrong with tables and plan."""
        if not self.tables:
            yield "tables is empty; name at least one, or leave the component out"
        landing = f"{self.foundation.prefix}/{CHANNEL_LANDING}"
        length = len(json.dumps(landed_pattern("b" * _BUCKET_CHARACTERS, landing, self.tables)))
        if length > _PATTERN_CHARACTERS:
            yield (
                f"tables are {len(self.tables)}, which make a pattern of {length} characters; EventBridge "
                f"takes {_PATTERN_CHARACTERS}: let fewer tables land"
            )
        if self.plan is not None and self.plan.maximum_retrainings == 0:
            yield "plan.maximum_retrainings is 0, so that nothing would start; leave the component out"
        if self.poll_s is not None and self.poll_s < 1:
            yield f"poll_s must be 1 or more, got {self.poll_s}; raise it to 1"


class DataArrival(pulumi.ComponentResource):
    """What lands is taken in: the event of each file, a machine that waits for the last, one training."""

    state_machine_arn: pulumi.Output[str]
    """ARN of the state machine that each landed file starts."""
    landing_uri: pulumi.Output[str]
    """Where batches land, each below the name of its table."""

    def __init__(self, name: str, args: DataArrivalArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = DataArrivalArgs.of(args)
        super().__init__("headway:index:DataArrival", name, {}, opts)
        self._name = name
        self._args = args
        self._plan = ArrivalPlan() if args.plan is None else args.plan
        foundation = args.foundation
        self._landing = f"{foundation.prefix}/{CHANNEL_LANDING}"
        machine = self._machine(self._function())
        self._rule(machine)
        self.state_machine_arn = machine.arn
        self.landing_uri = pulumi.Output.concat("s3://", foundation.data.name, f"/{self._landing}/")
        self.register_outputs({"stateMachineArn": self.state_machine_arn, "landingUri": self.landing_uri})

    def _role(self, noun: str, service: str) -> RoleRef:
        foundation = self._args.foundation
        return service_role(
            f"{self._name}-{noun}-role",
            service=service,
            account_id=foundation.account_id,
            description=f"Assumed for the {noun} of data that arrives for {foundation.prefix}",
            parent=self,
        )

    def _function(self) -> lambda_.Function:
        args, foundation, plan = self._args, self._args.foundation, self._plan
        role = self._role("function", "lambda.amazonaws.com")
        logs = log_group(f"{self._name}-logs", f"/headway/{foundation.prefix}/arrival", foundation, self)
        permission = grant(f"{self._name}-look", role, self._statements(logs.arn), parent=self)
        return runtime_function(
            f"{self._name}-function",
            description=f"Starts a training of {foundation.prefix} when data has arrived",
            role=role.arn,
            handler=HANDLER,
            code=function_code(*CODE),
            timeout_s=_defaults.MONITOR_TIMEOUT_S,
            key_arn=foundation.key_arn,
            settings={
                "data_bucket": foundation.data.name,
                "landing_prefix": self._landing,
                "tables": ",".join(args.tables),
                "training_pipeline": args.training.name,
                "settle_s": str(plan.settle_s),
                "poll_s": str(_defaults.ARRIVAL_POLL_S if args.poll_s is None else args.poll_s),
                "cool_down_s": str(plan.cool_down_h * 3_600),
                "maximum_retrainings": str(plan.maximum_retrainings),
            },
            log_group=logs.name,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permission]),
        )

    def _statements(self, logs_arn: pulumi.Input[str]) -> list[Statement]:
        """See what lies there and what was started, start one; it reads no data."""
        training = self._args.training
        return [
            Statement(sid="Landed", actions=LIST_BUCKET, resources=[self._args.foundation.data.arn]),
            Statement(
                sid="Trainings",
                actions=_LOOK,
                resources=[training.arn, suffixed(training.arn, "/execution/*")],
            ),
            Statement(sid="Train", actions=("sagemaker:StartPipelineExecution",), resources=[training.arn]),
            Statement(sid="Logs", actions=WRITE_LOGS, resources=[suffixed(logs_arn, ":*")]),
        ]

    def _machine(self, function: lambda_.Function) -> sfn.StateMachine:
        foundation = self._args.foundation
        role = self._role("machine", "states.amazonaws.com")
        logs = log_group(
            f"{self._name}-machine-logs",
            f"/aws/vendedlogs/states/{foundation.prefix}-arrival",
            foundation,
            self,
        )
        invoke = Statement(sid="Look", actions=("lambda:InvokeFunction",), resources=[function.arn])
        permission = grant(f"{self._name}-machine", role, [invoke, DELIVER_LOGS], parent=self)
        return sfn.StateMachine(
            f"{self._name}-machine",
            role_arn=role.arn,
            definition=function.arn.apply(
                lambda arn: json.dumps(arrival_definition(function_arn=arn, settle_s=self._plan.settle_s))
            ),
            logging_configuration=sfn.StateMachineLoggingConfigurationArgs(
                level="ALL",
                include_execution_data=True,
                log_destination=suffixed(logs.arn, ":*"),
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permission]),
        )

    def _rule(self, machine: sfn.StateMachine) -> None:
        """S3 tells EventBridge of every object in the bucket; the rule takes those that land alone."""
        foundation = self._args.foundation
        role = self._role("rule", "events.amazonaws.com")
        start = Statement(sid="Start", actions=("states:StartExecution",), resources=[machine.arn])
        permission = grant(f"{self._name}-rule", role, [start], parent=self)
        rule = cloudwatch.EventRule(
            f"{self._name}-landed",
            description=f"A file of a batch for {foundation.prefix} has landed",
            event_pattern=json_text(landed_pattern(foundation.data.name, self._landing, self._args.tables)),
            opts=pulumi.ResourceOptions(parent=self),
        )
        target = cloudwatch.EventTarget(
            f"{self._name}-target",
            rule=rule.name,
            arn=machine.arn,
            role_arn=role.arn,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permission]),
        )
        s3.BucketNotification(
            f"{self._name}-notification",
            bucket=foundation.data.name,
            eventbridge=True,
            # Nothing is told before somebody listens.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[target]),
        )

"""ReviewQueue: answers that the model is unsure of go to people; their labels go back to where it learns."""

import json
from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudwatch, dynamodb, iam, lambda_, scheduler

from headway_components import _defaults
from headway_components._args import Args
from headway_components._function_code import function_code, runtime_function
from headway_components._grants import (
    ENCRYPT,
    WRITE_LOGS,
    Statement,
    grant,
    read,
    trust,
    write,
)
from headway_components._monitor_grants import label_prefix
from headway_components._refs import EndpointRef, FoundationRef, RoleRef
from headway_components._text import suffixed
from headway_components.contracts import InferenceContract
from headway_components.review_plan import ReviewPlan

HANDLER = "headway_runtime.review.handler.handle"
CODE = ("__init__.py", "release/__init__.py", "release/captured.py", "review")
"""The function's files."""
NAMESPACE = "Headway/Review"


@dataclass(frozen=True, kw_only=True)
class ReviewQueueArgs(Args):
    """Arguments of a ReviewQueue."""

    foundation: FoundationRef
    """What the queue builds on."""
    endpoint: EndpointRef
    """The endpoint whose answers are looked at."""
    contract: InferenceContract
    """What the model is asked and what it answers."""
    plan: ReviewPlan | None = None
    """Which answers people look at; the default plan when left out."""


class ReviewQueue(pulumi.ComponentResource):
    """Answers that the model is unsure of, the labels that people give them, and how far people agree."""

    table_name: pulumi.Output[str]
    """Name of the table with the answers in review."""
    function_name: pulumi.Output[str]
    """Name of the function that takes answers in and gives labels back."""

    def __init__(self, name: str, args: ReviewQueueArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        args = ReviewQueueArgs.of(args)
        super().__init__("headway:index:ReviewQueue", name, {}, opts)
        self._name = name
        self._args = args
        self._plan = ReviewPlan() if args.plan is None else args.plan
        self._child = pulumi.ResourceOptions(parent=self)
        table = self._table()
        function = self._function(table)
        self._schedule(function)
        self._table_arn = table.arn
        self.table_name = table.name
        self.function_name = function.name
        self.register_outputs({"tableName": self.table_name, "functionName": self.function_name})

    def grant_review(self, role: RoleRef, name: str) -> iam.RolePolicy:
        """Lets a role look at answers and label them, and nothing else.

        Args:
            role: Role of those who review.
            name: What the role is for, one word; part of the grant's name.
        """
        statements = [
            self._use_table("Review"),
            Statement(sid="Encrypt", actions=ENCRYPT, resources=[self._args.foundation.key_arn]),
        ]
        return grant(f"{self._name}-review-{name}", role, statements, parent=self)

    def _use_table(self, sid: str) -> Statement:
        actions = ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Scan")
        return Statement(sid=sid, actions=actions, resources=[self._table_arn])

    def _table(self) -> dynamodb.Table:
        foundation = self._args.foundation
        table = dynamodb.Table(
            f"{self._name}-answers",
            billing_mode="PAY_PER_REQUEST",
            hash_key="review_id",
            attributes=[
                dynamodb.TableAttributeArgs(name="review_id", type="S"),
            ],
            ttl=dynamodb.TableTtlArgs(enabled=True, attribute_name="expires_at"),
            server_side_encryption=dynamodb.TableServerSideEncryptionArgs(
                enabled=True, kms_key_arn=foundation.key_arn
            ),
            point_in_time_recovery=dynamodb.TablePointInTimeRecoveryArgs(enabled=True),
            deletion_protection_enabled=foundation.retain_data,
            opts=pulumi.ResourceOptions(
                parent=self, protect=foundation.retain_data, retain_on_delete=foundation.retain_data
            ),
        )
        self._table_arn = table.arn
        return table

    def _function(self, table: dynamodb.Table) -> lambda_.Function:
        args, foundation, plan = self._args, self._args.foundation, self._plan
        role = self._role("function", "lambda.amazonaws.com")
        logs = cloudwatch.LogGroup(
            f"{self._name}-logs",
            name=f"/headway/{foundation.prefix}/review",
            kms_key_id=foundation.key_arn,
            retention_in_days=foundation.log_retention_days,
            opts=self._child,
        )
        permission = grant(f"{self._name}-turns", role, self._statements(logs.arn), parent=self)
        form = {"inputs": [field.name for field in args.contract.inputs], "output": args.contract.output.name}
        personal = [field.name for field in args.contract.inputs if field.personal_data is not None]
        settings: dict[str, pulumi.Input[str]] = {
            "system": foundation.system,
            "endpoint": args.endpoint.name,
            "variant": args.endpoint.variant_name,
            "capture_uri": pulumi.Output.concat("s3://", foundation.capture.name, "/", foundation.prefix),
            "form": json.dumps(form),
            "table": table.name,
            "label_bucket": foundation.artifacts.name,
            "label_prefix": label_prefix(foundation).removesuffix("/"),
            "minimum_confidence": repr(plan.minimum_confidence),
            "double_share": repr(plan.double_share),
            "maximum_a_day": str(plan.maximum_a_day),
            "retention_s": str(plan.retention_d * 86_400),
            "look_back_s": str(plan.every_min * 60),
            "personal": json.dumps(personal),
        }
        return runtime_function(
            f"{self._name}-function",
            description=f"Takes unsure answers of {foundation.prefix} into review and gives labels back",
            role=role.arn,
            handler=HANDLER,
            code=function_code(*CODE),
            timeout_s=_defaults.MONITOR_TIMEOUT_S,
            key_arn=foundation.key_arn,
            settings=settings,
            log_group=logs.name,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permission]),
        )

    def _statements(self, logs_arn: pulumi.Input[str]) -> list[Statement]:
        foundation = self._args.foundation
        return [
            *read(foundation.capture, f"{foundation.prefix}/", sid="Traffic"),
            self._use_table("Answers"),
            *write(foundation.artifacts, label_prefix(foundation), sid="Labels"),
            Statement(
                sid="Metrics",
                actions=("cloudwatch:PutMetricData",),
                resources=["*"],
                condition={"StringEquals": {"cloudwatch:namespace": NAMESPACE}},
            ),
            Statement(sid="Logs", actions=WRITE_LOGS, resources=[suffixed(logs_arn, ":*")]),
        ]

    def _schedule(self, function: lambda_.Function) -> None:
        role = self._role("schedule", "scheduler.amazonaws.com")
        invoke = Statement(sid="TakeTurns", actions=("lambda:InvokeFunction",), resources=[function.arn])
        permission = grant(f"{self._name}-schedule-turns", role, [invoke], parent=self)
        unit = "minute" if self._plan.every_min == 1 else "minutes"
        scheduler.Schedule(
            f"{self._name}-schedule",
            schedule_expression=f"rate({self._plan.every_min} {unit})",
            schedule_expression_timezone="UTC",
            flexible_time_window=scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
            kms_key_arn=self._args.foundation.key_arn,
            target=scheduler.ScheduleTargetArgs(arn=function.arn, role_arn=role.arn),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permission]),
        )

    def _role(self, noun: str, service: str) -> RoleRef:
        foundation = self._args.foundation
        role = iam.Role(
            f"{self._name}-{noun}-role",
            description=f"Assumed for the {noun} of the reviews of {foundation.prefix}",
            assume_role_policy=trust(service, foundation.account_id),
            opts=self._child,
        )
        return RoleRef(name=role.name, arn=role.arn)

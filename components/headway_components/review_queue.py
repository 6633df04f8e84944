"""ReviewQueue: answers that the model is unsure of go to people; their labels go back to where it learns."""

import json
from dataclasses import dataclass

import pulumi
from pulumi_aws import dynamodb, iam, lambda_

from headway_components import _defaults
from headway_components._args import Args
from headway_components._function_code import function_code, runtime_function
from headway_components._grants import (
    ENCRYPT,
    WRITE_LOGS,
    Statement,
    grant,
    publish_metrics,
    read,
    service_role,
    write,
)
from headway_components._log_group import log_group
from headway_components._monitor_grants import label_prefix
from headway_components._refs import EndpointRef, FoundationRef, RoleRef
from headway_components._schedules import schedule
from headway_components._table import table
from headway_components._text import suffixed
from headway_components.contracts import InferenceContract
from headway_components.review_plan import ReviewPlan

HANDLER = "headway_runtime.review.handler.handle"
CODE = (
    "__init__.py",
    "intervals.py",
    "release/__init__.py",
    "release/captured.py",
    "release/hourly_files.py",
    "review",
)
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
        answers = table(f"{name}-answers", args.foundation, self, keys=["review_id"], expires_at="expires_at")
        self._table_arn = answers.arn
        function = self._function(answers)
        self._schedule(function)
        self.table_name = answers.name
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

    def _function(self, answers: dynamodb.Table) -> lambda_.Function:
        args, foundation, plan = self._args, self._args.foundation, self._plan
        role = self._role("function", "lambda.amazonaws.com")
        logs = log_group(f"{self._name}-logs", f"/headway/{foundation.prefix}/review", foundation, self)
        permission = grant(f"{self._name}-turns", role, self._statements(logs.arn), parent=self)
        form = {"inputs": [field.name for field in args.contract.inputs], "output": args.contract.output.name}
        personal = [field.name for field in args.contract.inputs if field.personal_data is not None]
        settings: dict[str, pulumi.Input[str]] = {
            "system": foundation.system,
            "endpoint": args.endpoint.name,
            "variant": args.endpoint.variant_name,
            "capture_uri": pulumi.Output.concat("s3://", foundation.capture.name, "/", foundation.prefix),
            "form": json.dumps(form),
            "table": answers.name,
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
            publish_metrics(NAMESPACE),
            Statement(sid="Logs", actions=WRITE_LOGS, resources=[suffixed(logs_arn, ":*")]),
        ]

    def _schedule(self, function: lambda_.Function) -> None:
        role = self._role("schedule", "scheduler.amazonaws.com")
        invoke = Statement(sid="TakeTurns", actions=("lambda:InvokeFunction",), resources=[function.arn])
        permission = grant(f"{self._name}-schedule-turns", role, [invoke], parent=self)
        schedule(
            f"{self._name}-schedule",
            every=self._plan.every_min,
            unit="minute",
            target_arn=function.arn,
            role_arn=role.arn,
            key_arn=self._args.foundation.key_arn,
            permission=permission,
            parent=self,
        )

    def _role(self, noun: str, service: str) -> RoleRef:
        foundation = self._args.foundation
        return service_role(
            f"{self._name}-{noun}-role",
            service=service,
            account_id=foundation.account_id,
            description=f"Assumed for the {noun} of the reviews of {foundation.prefix}",
            parent=self,
        )

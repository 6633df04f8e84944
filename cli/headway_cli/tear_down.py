"""`headway down`: removes a stack, looks whether anything is left, and stops the sandbox."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headway_cli.aws import Aws
from headway_cli.engine_session import open_session
from headway_cli.lock import exclusive
from headway_cli.narration import Narrator
from headway_cli.project import LOCAL_STACK, Project, sandbox_port
from headway_cli.pulumi_run import operate
from headway_cli.recovery import recover
from headway_cli.sandbox import require_still_running, start_sandbox, stop_sandbox
from headway_cli.stack import select_stack

# What a stack may have made: service, call, its answer's list, and the name in an entry (None: it is one).
_INVENTORY = (
    ("sagemaker", "list_endpoints", "Endpoints", "EndpointName"),
    ("sagemaker", "list_endpoint_configs", "EndpointConfigs", "EndpointConfigName"),
    ("sagemaker", "list_models", "Models", "ModelName"),
    ("sagemaker", "list_pipelines", "PipelineSummaries", "PipelineName"),
    ("sagemaker", "list_model_package_groups", "ModelPackageGroupSummaryList", "ModelPackageGroupName"),
    ("s3", "list_buckets", "Buckets", "Name"),
    ("dynamodb", "list_tables", "TableNames", None),
    ("lambda", "list_functions", "Functions", "FunctionName"),
    ("stepfunctions", "list_state_machines", "stateMachines", "name"),
    ("events", "list_rules", "Rules", "Name"),
    ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("scheduler", "list_schedules", "Schedules", "Name"),
    ("sns", "list_topics", "Topics", "TopicArn"),
    ("sqs", "list_queues", "QueueUrls", None),
    ("ssm", "describe_parameters", "Parameters", "Name"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("kms", "list_aliases", "Aliases", "AliasName"),
)


_JOB_LOGS = "/aws/sagemaker/"


@dataclass(frozen=True)
class Removed:
    """What `headway down` did.

    Args:
        stack: The stack.
        changes: What the engine removed: `deleted` and how many.
        left: What is still in the sandbox, each with its service; empty where all is gone.
        sandbox_stopped: Whether a sandbox was stopped.
    """

    stack: str
    changes: dict[str, int]
    left: tuple[str, ...]
    sandbox_stopped: bool


def tear_down(project: Project, stack: str, narrator: Narrator) -> Removed:
    """Removes everything that a stack declares; the local stack's sandbox is then looked through and stopped.

    Raises:
        HeadwayError: Something could not be removed. The sandbox then goes on running, so that one can look.
    """
    with exclusive(project.home, f"headway down --stack {stack}"):
        if stack == LOCAL_STACK and not project.pulumi_state_dir.exists():
            return Removed(stack, {}, (), stop_sandbox(project))
        sandbox = start_sandbox(project, sandbox_port()) if stack == LOCAL_STACK else None
        session = open_session(project, stack, narrator, sandbox)
        select_stack(session, narrator)
        recover(session, narrator)
        with narrator.step("Removing") as step:
            operation = operate(session, "destroy", on_progress=step.update)
        if session.is_local and not operation.succeeded:
            require_still_running(project)
        operation.require_success("The removal")
        if sandbox is None:
            return Removed(stack, operation.tally.outcome(), (), sandbox_stopped=False)
        aws = Aws(session.variables)
        forget_job_logs(aws)
        left = leftovers(aws)
        with narrator.step("Stopping the sandbox"):
            stopped = stop_sandbox(project)
        return Removed(stack, operation.tally.outcome(), left, stopped)


def forget_job_logs(aws: Aws) -> None:
    """Deletes the log groups that SageMaker itself makes for an account; no stack declares them."""
    logs = aws.client("logs")
    for group in logs.describe_log_groups(logGroupNamePrefix=_JOB_LOGS)["logGroups"]:
        logs.delete_log_group(logGroupName=group["logGroupName"])


def leftovers(aws: Aws) -> tuple[str, ...]:
    """What is in an account that should be empty, as `service name`."""
    found = []
    for service, call, key, name in _INVENTORY:
        answer = getattr(aws.client(service), call)()
        found += [f"{service} {text}" for text in names(answer, key, name)]
    return tuple(found)


def names(answer: Mapping[str, Any], key: str, name: str | None) -> Sequence[str]:
    """The names in the answer to a listing."""
    return [str(entry if name is None else entry[name]) for entry in answer.get(key, [])]

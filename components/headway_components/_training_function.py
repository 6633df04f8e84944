"""The function in front of a training: its role, its settings, its code."""

from dataclasses import dataclass

import pulumi
from pulumi_aws import lambda_

from headway_components import _defaults
from headway_components._function_code import function_code, runtime_function
from headway_components._grants import (
    READ_MODELS,
    WRITE_LOGS,
    Statement,
    grant,
    read,
    see_serving,
    service_role,
    use_models,
    write,
)
from headway_components._log_group import log_group
from headway_components._monitor_grants import work_prefix
from headway_components._refs import FoundationRef, RegistryRef
from headway_components._text import suffixed
from headway_components.training import TrainingSpec

HANDLER = "headway_runtime.train.control.handler.handle"
CODE = ("__init__.py", "train/__init__.py", "train/control", "monitor/__init__.py", "monitor/control")
"""The function's files."""


@dataclass(frozen=True, kw_only=True)
class PlannerThings:
    """What the function works with."""

    foundation: FoundationRef
    """What it builds on."""
    registry: RegistryRef
    """Where the model that answers is registered."""
    training: TrainingSpec
    """What is declared about the training."""


def planner(name: str, things: PlannerThings, parent: pulumi.Resource) -> lambda_.Function:
    """The function that plans a training.

    Args:
        name: Logical name that its parts begin with.
        things: What it works with.
        parent: The component that it belongs to.
    """
    foundation = things.foundation
    role = service_role(
        f"{name}-role",
        service="lambda.amazonaws.com",
        account_id=foundation.account_id,
        description=f"Assumed for the function that plans trainings of {foundation.prefix}",
        parent=parent,
    )
    logs = log_group(f"{name}-logs", f"/headway/{foundation.prefix}/training", foundation, parent)
    permission = grant(f"{name}-steps", role, _statements(things, logs.arn), parent=parent)
    return runtime_function(
        f"{name}-function",
        description=f"Says which rows train {foundation.prefix} and which model is to be beaten",
        role=role.arn,
        handler=HANDLER,
        code=function_code(*CODE),
        timeout_s=_defaults.MONITOR_TIMEOUT_S,
        key_arn=foundation.key_arn,
        settings={
            "artifacts_bucket": foundation.artifacts.name,
            "monitor_prefix": work_prefix(foundation).removesuffix("/"),
            "endpoint": foundation.prefix,
            "variant": _defaults.VARIANT_NAME,
            "judge_newest_d": str(things.training.judge_newest_d),
        },
        log_group=logs.name,
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[permission]),
    )


def _statements(things: PlannerThings, logs_arn: pulumi.Input[str]) -> list[Statement]:
    """See what serves, what the monitor knows and what has landed; write the plan."""
    foundation = things.foundation
    lands = bool(things.training.landing_tables())
    known = [work_prefix(foundation), *(["evaluations/"] if lands else [])]
    return [
        see_serving(foundation, foundation.prefix),
        use_models(things.registry, *READ_MODELS, sid="Champion"),
        *read(foundation.artifacts, *known, sid="Labels"),
        *(read(foundation.data, f"{foundation.prefix}/executions/", sid="Quality") if lands else ()),
        *write(foundation.artifacts, "evaluations/", sid="Plan"),
        Statement(sid="Logs", actions=WRITE_LOGS, resources=[suffixed(logs_arn, ":*")]),
    ]

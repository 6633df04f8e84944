"""Every name of ministack that the seam touches, and what each must be like: what a test holds it to.

`broken` names what a changed ministack breaks: the file that would fail, the name, and what it expected.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass

CALL, TABLE, VALUE = "a function", "a table", "a value"


@dataclass(frozen=True)
class Name:
    """One name that is touched.

    Attributes:
        module: The module that has it.
        name: The name; a dot leads into a class.
        used_by: Which part of the seam uses it.
        kind: What it must be: a function, a table or a value.
        parameters: What the function takes, in order; None where that does not matter.
    """

    module: str
    name: str
    used_by: str
    kind: str = CALL
    parameters: tuple[str, ...] | None = None


_CW, _EB, _SFN = "services.cloudwatch", "services.eventbridge", "services.stepfunctions"
_IAM, _ACTIONS = "core.iam_evaluator", "core.iam_actions"

NAMES: tuple[Name, ...] = (
    Name("app", "app", "application", parameters=("scope", "receive", "send")),
    Name("app", "SERVICE_HANDLERS", "application", TABLE),
    Name("app", "SERVICE_REGISTRY", "application", TABLE),
    Name("app", "_build_persistence_save_dict", "application", parameters=()),
    Name("app", "_reset_all_state", "application", parameters=()),
    Name("core.router", "SERVICE_PATTERNS", "application", TABLE),
    Name("core.persistence", "_json_default", "application", parameters=("obj",)),
    Name("core.persistence", "_state_format_version", "application", parameters=("service",)),
    Name("core.responses", "set_request_account_id", "application", parameters=("access_key_id",)),
    Name("core.responses", "set_request_region", "application", parameters=("region",)),
    Name("core.responses", "now_iso", "application", parameters=()),
    Name(_EB, "_put_events", "application", parameters=("data", "allow_aws_source")),
    Name(_CW, "_evaluate_all_alarms", "application", parameters=()),
    Name(_CW, "_evaluate_alarm", "alarms", parameters=("alarm",)),
    Name(_CW, "_evaluate_parent_alarms", "alarms"),
    Name(_CW, "_dispatch_alarm_actions", "alarms", parameters=("alarm", "old_state", "new_state", "reason")),
    Name(
        _CW,
        "_record_history",
        "alarms",
        parameters=("alarm_name", "old_state", "new_state", "reason", "alarm_type", "reason_data"),
    ),
    Name(_CW, "_put_metric_alarm", "alarms", parameters=("params", "cbor_data", "is_cbor", "is_json")),
    Name(_CW, "_calc_stats", "alarms"),
    Name(_CW, "_stat_value", "alarms, statistics"),
    Name(_CW, "_dims_key", "alarms, metrics"),
    Name(_CW, "_error", "alarms, statistics"),
    Name(_CW, "_metrics", "alarms", TABLE),
    Name(_CW, "_alarms", "alarms", TABLE),
    Name(_CW, "_composite_alarms", "alarms", TABLE),
    Name(_CW, "_store_datum", "metrics"),
    Name(_CW, "_metric_bucket", "metrics"),
    Name(_CW, "_percentile_samples", "statistics"),
    Name(_CW, "_is_percentile_stat", "statistics"),
    Name("services.ssm", "_parameters", "parameters", TABLE),
    Name("services.ssm", "_put_parameter", "parameters", parameters=("data",)),
    Name("services.ssm", "_delete_parameter", "parameters", parameters=("data",)),
    Name("services.ssm", "_delete_parameters", "parameters", parameters=("data",)),
    Name("services.ssm", "_label_parameter_version", "parameters", parameters=("data",)),
    Name(_EB, "_SUPPORTED_TARGET_SERVICES", "targets", TABLE),
    Name(_EB, "_invoke_target", "targets, schedules", parameters=("target", "event", "rule", "view")),
    Name(_EB, "_tick_scheduled_rules", "schedules", parameters=()),
    Name(_EB, "_now_ts", "schedules", parameters=()),
    Name(_EB, "start_scheduler", "schedules", parameters=()),
    Name(_EB, "_rules", "schedules", TABLE),
    Name(_EB, "_targets", "schedules", TABLE),
    Name(_EB, "_rule_last_fired", "schedules", TABLE),
    Name("services.scheduler", "_tick_schedules", "schedules", parameters=()),
    Name("services.scheduler", "start_scheduler", "schedules", parameters=()),
    Name("services.scheduler", "_schedules", "schedules", TABLE),
    Name("services.scheduler", "_schedule_last_fired", "schedules", TABLE),
    Name(_SFN, "_AWS_SDK_SERVICE_MAP", "application", TABLE),
    Name(_SFN, "_state_machines", "tasks_of_machines, executions", TABLE),
    Name(_SFN, "_executions", "executions", TABLE),
    Name(_SFN, "_run_execution", "executions", parameters=("exec_arn",)),
    Name(_SFN, "_emit_execution_status_event", "executions", parameters=("execution",)),
    Name(_SFN, "_add_event", "executions", parameters=("execution", "event_type", "details")),
    Name(_SFN, "_scaled_sleep", "executions", parameters=("seconds",)),
    Name(_SFN, "_execute_pass", "executions", parameters=("state_def", "raw_input", "ctx")),
    Name(_SFN, "_execute_choice", "executions", parameters=("state_def", "raw_input", "ctx")),
    Name(_SFN, "_execute_wait", "executions", parameters=("state_def", "raw_input", "ctx")),
    *(
        Name(_SFN, name, "executions", parameters=("state_def", "raw_input", "execution", "ctx"))
        for name in ("_execute_parallel", "_execute_map", "_run_parallel_branches", "_run_map_items")
    ),
    Name(_SFN, "_ExecutionError", "tasks_of_machines, targets, executions"),
    Name(
        _SFN,
        "_execute_task",
        "tasks_of_machines, executions",
        parameters=("state_def", "raw_input", "execution", "ctx"),
    ),
    Name(_SFN, "_invoke_resource", "tasks_of_machines, executions", parameters=("resource", "input_data")),
    Name(
        _SFN,
        "_invoke_with_callback",
        "tasks_of_machines, executions",
        parameters=("resource", "input_data", "token", "state_def"),
    ),
    Name(_SFN, "_invoke_aws_sdk_integration", "targets", parameters=("resource", "input_data")),
    Name(
        _IAM,
        "enforce",
        "access",
        parameters=(
            *("access_key_id", "iam_action", "service", "region"),
            *("resource_arn", "service_context"),
        ),
    ),
    Name(_IAM, "evaluate", "access"),
    Name(_IAM, "evaluate_resource_policy", "access"),
    Name(_IAM, "combine_resource_policy", "access"),
    Name(_IAM, "EvalContext", "access"),
    Name(_IAM, "AuthError", "access"),
    Name(_IAM, "pin_signed_request", "access"),
    Name(_IAM, "pin_signed_body", "access", parameters=("body",)),
    Name(_IAM, "_first_match", "access", parameters=("ctx", "stmts", "effect")),
    Name(_IAM, "_resolve_condition_key", "access", parameters=("key", "ctx")),
    Name(_IAM, "_gather_role_policies", "access", parameters=("role_name", "account_id")),
    Name(_IAM, "_permissions_boundary", "access"),
    Name(_IAM, "_resource_policy", "access", parameters=("service", "resource_arn")),
    Name(_IAM, "_POLICY_REQUIRED", "access", TABLE),
    Name(_ACTIONS, "access_denied_response", "access"),
    Name(
        _ACTIONS,
        "request_tag_context",
        "request_keys",
        parameters=("service", "iam_action", "body", "params"),
    ),
    Name(
        _ACTIONS,
        "identity_denial_message",
        "access",
        parameters=("action", "principal_arn", "resource", "explicit_deny"),
    ),
    Name("services.iam", "_roles", "access", TABLE),
    Name("services.sts", "register_session", "access", parameters=("access_key", "session")),
    Name("services.s3", "_bucket_default_sse_headers", "object_keys", parameters=("bucket_name",)),
    Name("services.s3", "_bucket_encryption", "object_keys", TABLE),
    Name("services.cloudtrail", "_events", "gaps", TABLE),
    Name("services.cloudtrail", "_get_event_queue", "gaps", parameters=()),
    Name("services.cloudtrail", "get_state", "gaps", parameters=()),
    Name("services.cloudtrail", "load_persisted_state", "gaps", parameters=("data",)),
    Name("services.cloudwatch_logs", "_log_groups", "gaps", TABLE),
    Name("services.kms", "_resolve_key", "object_keys", parameters=("key_id_or_arn",)),
)


def broken() -> Iterator[str]:
    """What of ministack is no more as the seam expects it, one sentence each."""
    for item in NAMES:
        where = f"ministack.{item.module}.{item.name} (used by ministack_seam/{item.used_by})"
        try:
            found = getattr(importlib.import_module(f"ministack.{item.module}"), item.name)
        except (ImportError, AttributeError) as error:
            yield f"{where} is gone: {error}"
            continue
        if item.kind == TABLE and not hasattr(found, "__contains__"):
            yield f"{where} must be {TABLE}, and is {type(found).__name__}"
        if item.kind == CALL and not callable(found):
            yield f"{where} must be {CALL}, and is {type(found).__name__}"
        elif item.parameters is not None:
            parameters = tuple(inspect.signature(found).parameters)
            if parameters != item.parameters:
                yield f"{where} takes {parameters} instead of {item.parameters}"

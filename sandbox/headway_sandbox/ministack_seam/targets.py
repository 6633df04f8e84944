"""What EventBridge and its Scheduler do at their targets: with which permission, and pipelines among them."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from headway_sandbox.ministack_seam.access import Access, AccessDeniedError
from headway_sandbox.ministack_seam.tasks_of_machines import as_json
from headway_sandbox.permissions import Need

_log = logging.getLogger(__name__)

Document = dict[str, Any]
StartPipeline = Callable[[str, list[Document]], None]

EVENTS, SCHEDULER = "events.amazonaws.com", "scheduler.amazonaws.com"
_PIPELINE = ":pipeline/"
_SDK_TARGET = "arn:aws:scheduler:::aws-sdk:"
_ACTIONS: Mapping[str, str] = {
    "events": "events:PutEvents",
    "lambda": "lambda:InvokeFunction",
    "sagemaker": "sagemaker:StartPipelineExecution",
    "sns": "sns:Publish",
    "sqs": "sqs:SendMessage",
    "states": "states:StartExecution",
}
# What EventBridge's rules reach without a role, if the target's own policy lets them.
_BY_OWN_POLICY = ("lambda", "sns", "sqs")


class Targets:
    """Carries out what ministack does not: permissions of targets, pipelines, SDK calls.

    Args:
        eventbridge: ministack's module; the Scheduler reaches its targets through it as well.
        stepfunctions: ministack's module.
        access: Roles and permissions.
        start_pipeline: Starts a SageMaker pipeline, by its ARN, with parameters; from any thread.
    """

    def __init__(
        self,
        eventbridge: Any,  # noqa: ANN401 - ministack is not typed
        stepfunctions: Any,  # noqa: ANN401
        access: Access,
        start_pipeline: StartPipeline,
    ) -> None:
        self._stepfunctions = stepfunctions
        self._access = access
        self._start_pipeline = start_pipeline
        eventbridge._SUPPORTED_TARGET_SERVICES = frozenset(  # noqa: SLF001
            {*eventbridge._SUPPORTED_TARGET_SERVICES, "sagemaker"}  # noqa: SLF001
        )
        invoke = eventbridge._invoke_target  # noqa: SLF001

        @functools.wraps(invoke)
        def check_and_invoke(target: Document, event: Document, rule: Document, view: Any = None) -> None:  # noqa: ANN401
            if self._may(target, rule) and not self._carried_out(target):
                invoke(target, event, rule, view)

        eventbridge._invoke_target = check_and_invoke  # noqa: SLF001

    def _may(self, target: Document, rule: Document) -> bool:
        if not self._access.enforced:
            return True
        arn, source = str(target.get("Arn", "")), str(rule.get("Arn", ""))
        need = _need(arn)
        try:
            if ":schedule/" in source:
                group = source.rpartition("/")[0].replace(":schedule/", ":schedule-group/")
                self._as_role(target, SCHEDULER, group, need)
            elif target.get("RoleArn"):
                self._as_role(target, EVENTS, source, need)
            elif need.action.partition(":")[0] in _BY_OWN_POLICY:
                self._by_own_policy(need, source)
        except AccessDeniedError as denied:
            _log.warning("%s did not reach its target %s: %s", source, arn, denied.message)
            return False
        return True

    def _as_role(self, target: Document, principal: str, source_arn: str, need: Need) -> None:
        role = str(target.get("RoleArn", ""))
        self._access.require_trust(role, principal, source_arn)
        self._access.authorise_role(role, principal.partition(".")[0], [need])

    def _by_own_policy(self, need: Need, source_arn: str) -> None:
        asked = Need(need.action, need.resource, {"aws:SourceArn": source_arn})
        if not self._access.allows_service(EVENTS, asked):
            raise AccessDeniedError(
                "AccessDeniedException",
                f"{EVENTS} is not authorized to perform: {need.action} on resource: {need.resource} because "
                f"no resource-based policy allows the {need.action} action",
                403,
            )

    def _carried_out(self, target: Document) -> bool:
        arn = str(target.get("Arn", ""))
        if arn.startswith("arn:aws:sagemaker:") and _PIPELINE in arn:
            parameters = target.get("SageMakerPipelineParameters") or {}
            self._start_pipeline(arn, list(parameters.get("PipelineParameterList") or []))
            return True
        if arn.startswith(_SDK_TARGET):
            call = arn.replace("arn:aws:scheduler:::", "arn:aws:states:::")
            threading.Thread(
                target=self._sdk_call, args=(call, as_json(str(target.get("Input", "{}")))), daemon=True
            ).start()
            return True
        return False

    def _sdk_call(self, resource: str, request: Document) -> None:
        try:
            self._stepfunctions._invoke_aws_sdk_integration(resource, request)  # noqa: SLF001
        except self._stepfunctions._ExecutionError as error:  # noqa: SLF001
            _log.warning("The call %s of a schedule failed: %s: %s", resource, error.error, error.cause)


def _need(arn: str) -> Need:
    if arn.startswith(_SDK_TARGET):
        service, _, action = arn.removeprefix(_SDK_TARGET).partition(":")
        prefix = {"sfn": "states"}.get(service, service)
        return Need(f"{prefix}:{action[:1].upper()}{action[1:]}", "*")
    service = arn.split(":")[2] if arn.count(":") >= 5 else ""
    return Need(_ACTIONS.get(service, f"{service}:*"), arn)

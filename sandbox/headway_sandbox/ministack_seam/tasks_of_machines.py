"""What Step Functions does in the name of a state machine's role: permissions and faults of its tasks."""

from __future__ import annotations

import contextvars
import functools
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from headway_sandbox.ministack_seam.access import Access, AccessDeniedError
from headway_sandbox.permissions import Need

Document = dict[str, Any]
Failure = tuple[float, str | None, str]
"""Seconds that a call takes, the error that it fails with or None, and the error's message."""

PRINCIPAL = "states.amazonaws.com"

# Which operation an integration calls, and the member of its input that names the resource.
_INTEGRATIONS: Mapping[str, tuple[str, str, str]] = {
    "lambda:invoke": ("lambda", "Invoke", "FunctionName"),
    "sqs:sendMessage": ("sqs", "SendMessage", "QueueUrl"),
    "sns:publish": ("sns", "Publish", "TopicArn"),
    "events:putEvents": ("events", "PutEvents", "EventBusName"),
    "dynamodb:putItem": ("dynamodb", "PutItem", "TableName"),
    "dynamodb:getItem": ("dynamodb", "GetItem", "TableName"),
    "dynamodb:updateItem": ("dynamodb", "UpdateItem", "TableName"),
    "dynamodb:deleteItem": ("dynamodb", "DeleteItem", "TableName"),
    "states:startExecution": ("stepfunctions", "StartExecution", "StateMachineArn"),
}
_ACTIONS: Mapping[tuple[str, str], str] = {
    ("lambda", "Invoke"): "lambda:InvokeFunction",
    ("stepfunctions", "StartExecution"): "states:StartExecution",
}
_RESOURCES: Mapping[str, str] = {
    "lambda": "arn:aws:lambda:{region}:{account}:function:{name}",
    "sqs": "arn:aws:sqs:{region}:{account}:{name}",
    "dynamodb": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "events": "arn:aws:events:{region}:{account}:event-bus/{name}",
}
_LAMBDA_ARN = "arn:aws:lambda:"
_INTEGRATION = "arn:aws:states:::"


@dataclass(frozen=True)
class _Task:
    """Whose task runs in this thread.

    Attributes:
        role_arn: The state machine's role.
        machine_arn: The state machine.
        execution: Name of the execution.
    """

    role_arn: str
    machine_arn: str
    execution: str


_task: contextvars.ContextVar[_Task | None] = contextvars.ContextVar("task_of_machine", default=None)


class MachineTasks:
    """Holds the tasks of state machines against their roles, and lets them fail on demand.

    Args:
        stepfunctions: ministack's module.
        access: Roles and permissions.
        needs: What an SDK call needs: the service, the operation and the request.
        failure: What a fault does to a call of a service's operation; None if there is none.
        region: Region of ARNs.
        account: Account of ARNs.
    """

    def __init__(
        self,
        stepfunctions: Any,  # noqa: ANN401 - ministack is not typed
        access: Access,
        needs: Callable[[str, str, Document], list[Need]],
        failure: Callable[[str, str], Failure | None],
        *,
        region: str,
        account: str,
    ) -> None:
        self._stepfunctions = stepfunctions
        self._access = access
        self._needs = needs
        self._failure = failure
        self._place = {"region": region, "account": account}
        for name in ("_invoke_resource", "_invoke_with_callback"):
            setattr(stepfunctions, name, self._checked(getattr(stepfunctions, name)))
        execute = stepfunctions._execute_task  # noqa: SLF001

        @functools.wraps(execute)
        def execute_as_role(state: Document, data: Any, execution: Document, context: Document) -> Any:  # noqa: ANN401
            machine = stepfunctions._state_machines.get(execution.get("stateMachineArn", "")) or {}  # noqa: SLF001
            token = _task.set(
                _Task(
                    machine.get("roleArn", ""),
                    execution.get("stateMachineArn", ""),
                    execution.get("name", "execution"),
                )
            )
            try:
                return execute(state, data, execution, context)
            finally:
                _task.reset(token)

        stepfunctions._execute_task = execute_as_role  # noqa: SLF001

    def _checked(self, invoke: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(invoke)
        def check_and_invoke(resource: str, data: Any, *rest: Any) -> Any:  # noqa: ANN401
            call = self._call(resource, data if isinstance(data, dict) else {})
            if call is not None:
                self._require(resource, *call)
            return invoke(resource, data, *rest)

        return check_and_invoke

    def _call(self, resource: str, data: Document) -> tuple[str, str, Document] | None:
        """Service, operation and request of a task; None for what calls no service, such as an activity."""
        if resource.startswith(_LAMBDA_ARN):
            return "lambda", "Invoke", {"FunctionName": resource}
        if not resource.startswith(_INTEGRATION):
            return None
        name = resource.removeprefix(_INTEGRATION).split(".")[0]
        if name.startswith("aws-sdk:"):
            _, service, action = name.split(":", 2)
            return {"sfn": "stepfunctions"}.get(service, service), action[:1].upper() + action[1:], data
        if name not in _INTEGRATIONS:
            return None
        api, operation, member = _INTEGRATIONS[name]
        return api, operation, {member: data.get(member)}

    def _require(self, resource: str, api: str, operation: str, request: Document) -> None:
        error = self._stepfunctions._ExecutionError  # noqa: SLF001
        # SDK calls go through the front door of the service, which looks for faults itself.
        failure = None if "aws-sdk:" in resource else self._failure(api, operation)
        if failure is not None:
            delay_s, code, message = failure
            time.sleep(delay_s)
            if code is not None:
                raise error(f"{_title(api)}.{code}", message)
        task = _task.get()
        if task is None or not self._access.enforced:
            return
        try:
            self._access.require_trust(task.role_arn, PRINCIPAL, task.machine_arn)
            self._access.authorise_role(task.role_arn, task.execution, self._needed(api, operation, request))
        except AccessDeniedError as denied:
            code = "AWSLambdaException" if api == "lambda" else denied.code
            cause = f"{denied.message} (Service: {_title(api)}; Status Code: 403; Error Code: {denied.code})"
            raise error(f"{_title(api)}.{code}", cause) from denied

    def _needed(self, api: str, operation: str, request: Document) -> list[Need]:
        known = self._needs(api, operation, request)
        if known:
            return known
        action = _ACTIONS.get((api, operation), f"{api}:{operation}")
        named = [value for value in request.values() if isinstance(value, str)]
        arns = [value for value in named if value.startswith("arn:")]
        if arns:
            # A version or an alias of a function is authorised as the function that it belongs to.
            return [Need(action, ":".join(arns[0].split(":")[:7]) if api == "lambda" else arns[0])]
        pattern = _RESOURCES.get(api)
        name = (named[0] if named else "default").rpartition("/")[2]
        return [Need(action, "*" if pattern is None else pattern.format(name=name, **self._place))]


def _title(api: str) -> str:
    titles = {"lambda": "Lambda", "dynamodb": "DynamoDB", "stepfunctions": "Sfn", "sagemaker": "SageMaker"}
    return titles.get(api, api[:1].upper() + api[1:])


def as_json(text: str) -> Document:
    """The JSON object that a target was given; empty where it is none."""
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}

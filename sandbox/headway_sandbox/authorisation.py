"""Enforced IAM for what ministack does not see: our own services, and the roles that services are given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headway_sandbox.ministack_seam import Access, AccessDeniedError
from headway_sandbox.permissions import Place, needs_of
from headway_sandbox.sagemaker.protocol import ServiceError
from headway_sandbox.wire import errors, rest_json, routes
from headway_sandbox.wire.identify import Call, Protocol, identify
from headway_sandbox.wire.models import model_of
from headway_sandbox.wire.request import HttpRequest

Document = dict[str, Any]


@dataclass(frozen=True)
class _GivenRole:
    """An operation that takes a role which the service must be able to take on.

    Attributes:
        path: Where in the request the role is.
        principal: The service.
        code: The error that refuses it.
        message: Its message; ``{role}`` stands for the role.
    """

    path: tuple[str, ...]
    principal: str
    code: str
    message: str


_LAMBDA = "The role defined for the function cannot be assumed by Lambda."
_STATES = (
    "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to "
    "assume the provided role."
)
_SCHEDULER = "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
_SAGEMAKER = (
    "Could not assume role {role}. Please ensure that the role exists and allows principal "
    "'sagemaker.amazonaws.com' to assume the role."
)
_GIVEN_ROLES: Mapping[tuple[str, str], _GivenRole] = {
    **{
        ("lambda", name): _GivenRole(
            ("Role",), "lambda.amazonaws.com", "InvalidParameterValueException", _LAMBDA
        )
        for name in ("CreateFunction", "UpdateFunctionConfiguration")
    },
    **{
        ("stepfunctions", name): _GivenRole(
            ("roleArn",), "states.amazonaws.com", "AccessDeniedException", _STATES
        )
        for name in ("CreateStateMachine", "UpdateStateMachine")
    },
    **{
        ("scheduler", name): _GivenRole(
            ("Target", "RoleArn"), "scheduler.amazonaws.com", "ValidationException", _SCHEDULER
        )
        for name in ("CreateSchedule", "UpdateSchedule")
    },
    **{
        ("sagemaker", name): _GivenRole(
            (member,), "sagemaker.amazonaws.com", "ValidationException", _SAGEMAKER
        )
        for name, member in (
            ("CreateTrainingJob", "RoleArn"),
            ("CreateProcessingJob", "RoleArn"),
            ("CreatePipeline", "RoleArn"),
            ("UpdatePipeline", "RoleArn"),
            ("CreateFeatureGroup", "RoleArn"),
            ("CreateModel", "ExecutionRoleArn"),
        )
    },
}
# Source ARN with which a service takes on the roles that it is given, by botocore's name of the service.
_SOURCES: Mapping[str, str] = {
    "lambda": "arn:aws:lambda:{region}:{account}:function:*",
    "stepfunctions": "arn:aws:states:{region}:{account}:stateMachine:*",
    "scheduler": "arn:aws:scheduler:{region}:{account}:schedule-group/*",
    "sagemaker": "arn:aws:sagemaker:{region}:{account}:*",
}


def refused(
    access: Access, place: Place, request: HttpRequest, signing_name: str | None, *, seen: bool
) -> errors.Answer | None:
    """The answer that refuses a request; None lets it through.

    Args:
        access: Roles and permissions; enforced.
        place: Where ARNs are.
        request: The request with its body.
        signing_name: The service that it is for where its signature does not say.
        seen: Whether ministack has checked the request's signature already.
    """
    call = identify(request, signing_name)
    if call is None:
        return None
    document = _document(call, request)
    if document is None:
        return None
    needs = needs_of(call.api, call.operation, document, place)
    try:
        if needs:
            raw = [
                (name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers.items()
            ]
            access.authorise(request, needs, None if seen else raw)
    except AccessDeniedError as denied:
        return errors.answer(call, errors.ApiError(denied.code, denied.message, denied.status))
    return _refused_role(access, place, call, document)


def _refused_role(access: Access, place: Place, call: Call, document: Document) -> errors.Answer | None:
    given = _GIVEN_ROLES.get((call.api, call.operation))
    role: Any = document if given is not None else None
    for member in () if given is None else given.path:
        role = role.get(member) if isinstance(role, dict) else None
    if given is None or not isinstance(role, str):
        return None
    source = _SOURCES[call.api].format(region=place.region, account=place.account)
    try:
        access.require_trust(role, given.principal, source)
    except AccessDeniedError:
        return errors.answer(call, errors.ApiError(given.code, given.message.format(role=role), 400))
    return None


def _document(call: Call, request: HttpRequest) -> Document | None:
    """The request's document; None where it has none that could be read, which its service then says."""
    try:
        if call.protocol is Protocol.REST_JSON:
            match = routes.match(call.api, request)
            labels = {} if match is None else match.labels
            return rest_json.request_document(model_of(call.api).input_shape(call.operation), labels, request)
        if call.protocol is Protocol.JSON:
            found = json.loads(request.body or b"{}")
            return found if isinstance(found, dict) else None
    except (ValueError, ServiceError):
        return None
    return None

"""The credentials of roles: what jobs and model servers run with, and what is done in their name."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from headway_sandbox.ministack_seam import AccessDeniedError, RoleRefusedError
from headway_sandbox.permissions import Place, needs_of
from headway_sandbox.sagemaker.aws import ADMINISTRATOR, LoopbackAws
from headway_sandbox.sagemaker.protocol import Document, SageMaker, ServiceError, validation_error

PRINCIPAL = "sagemaker.amazonaws.com"


async def role_environment(service: SageMaker, role_arn: str | None, session_name: str) -> dict[str, str]:
    """The environment variables with which AWS's SDKs reach this sandbox as a role.

    Without enforced IAM, a role that does not exist will do, and without a role they are the administrator's.

    Args:
        service: The running SageMaker.
        role_arn: The execution role; None leaves out the credentials where IAM is enforced.
        session_name: Whose session it is, for example the job's name; AccessDenied errors and the audit trail
            show it.

    Raises:
        ServiceError: If IAM is enforced and SageMaker cannot take on the role.
    """
    return {
        "AWS_ENDPOINT_URL": service.endpoint_url,
        "AWS_REGION": service.region,
        "AWS_DEFAULT_REGION": service.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        **await asyncio.to_thread(_credentials, service, role_arn, session_name),
    }


async def acting_as(service: SageMaker, role_arn: str | None, session_name: str) -> LoopbackAws:
    """Clients for what SageMaker does in a role's name, such as fetching a job's inputs.

    Without enforced IAM they are the sandbox's own.

    Args:
        service: The running SageMaker.
        role_arn: The execution role; None for the sandbox's own.
        session_name: Whose session it is.

    Raises:
        ServiceError: If IAM is enforced and SageMaker cannot take on the role.
    """
    if role_arn is None or not service.access.enforced:
        return service.aws
    credentials = await asyncio.to_thread(_credentials, service, role_arn, session_name)
    return LoopbackAws(service.endpoint_url, service.region, credentials)


def check_role(service: SageMaker, role_arn: str | None) -> None:
    """Refuses a role that SageMaker cannot take on, as the operations do that are given one.

    Raises:
        ServiceError: If IAM is enforced and the role does not exist or does not trust SageMaker.
    """
    if role_arn is not None and service.access.enforced:
        _credentials(service, role_arn, "SageMaker")


def require_role(
    service: SageMaker, role_arn: str | None, session_name: str, operation: str, request: Document
) -> None:
    """Refuses a call of SageMaker's control plane that it makes in the name of a role without permission.

    Args:
        service: The running SageMaker.
        role_arn: The role.
        session_name: Whose session it is.
        operation: The operation.
        request: Its request.

    Raises:
        ServiceError: If IAM is enforced and the role lacks a permission.
    """
    # What it made itself, SageMaker reads without asking.
    if not service.access.enforced or role_arn is None or operation.startswith("Describe"):
        return
    needs = needs_of("sagemaker", operation, request, Place(service.region, service.account))
    try:
        service.access.authorise_role(role_arn, session_name, needs)
    except AccessDeniedError as denied:
        raise ServiceError(denied.code, denied.message) from denied


def _credentials(service: SageMaker, role_arn: str | None, session_name: str) -> Mapping[str, str]:
    if role_arn is None:
        return {} if service.access.enforced else ADMINISTRATOR
    try:
        credentials = service.access.assume(
            role_arn,
            principal=PRINCIPAL,
            session_name=session_name,
            source_arn=f"arn:aws:sagemaker:{service.region}:{service.account}:*",
        )
    except RoleRefusedError as error:
        raise could_not_assume(role_arn) from error
    return {
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_SESSION_TOKEN": credentials.session_token,
    }


def could_not_assume(role_arn: str) -> ServiceError:
    """The error with which SageMaker refuses a role."""
    return validation_error(
        f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
        f"'{PRINCIPAL}' to assume the role."
    )

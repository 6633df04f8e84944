"""Faults of API calls, carried out before the service sees the call."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from headway_sandbox.fault_rules import ANY, Document, FaultError
from headway_sandbox.faults import ApiFault, Faults
from headway_sandbox.wire import errors
from headway_sandbox.wire.identify import Call, identify
from headway_sandbox.wire.models import is_api, model_of
from headway_sandbox.wire.request import HttpRequest


async def faulted(
    faults: Faults, request: HttpRequest, signing_name: str | None = None
) -> errors.Answer | None:
    """Waits as long as a fault wants, and gives the answer that it wants; None lets the call through.

    Args:
        faults: The faults of this sandbox.
        request: The request with its body.
        signing_name: The service that it is for where its signature does not say.
    """
    if not faults.touches_api:
        return None
    call = identify(request, signing_name)
    fault = None if call is None else faults.api(call.api, call.operation)
    if call is None or fault is None:
        return None
    await asyncio.sleep(fault.delay_s)
    error = error_of(call, fault)
    return None if error is None else errors.answer(call, error)


def error_of(call: Call, fault: ApiFault) -> errors.ApiError | None:
    """The error that a fault puts in the place of an answer; None if it only takes time."""
    if fault.code is None:
        return None
    if fault.throttled:
        usual = errors.throttled(call.api)
        return errors.ApiError(
            usual.code,
            usual.message if fault.message is None else fault.message,
            usual.status if fault.status is None else fault.status,
        )
    return errors.named(call, fault.code, fault.message, fault.status)


def require_operation(request: object) -> None:
    """Refuses a fault of a service or an operation that AWS does not have.

    Args:
        request: A fault as somebody asked for it.

    Raises:
        FaultError: If there is no such service or operation.
    """
    if isinstance(request, dict) and request.get("kind") == "api":
        problems = list(_unknown(request))
        if problems:
            raise FaultError(" ".join(problems))


def _unknown(request: Document) -> Iterator[str]:
    api, operation = request.get("service"), request.get("operation", ANY)
    if not isinstance(api, str) or not isinstance(operation, str):
        return
    if not is_api(api):
        yield f"service is {api!r}; it must be a service as AWS's SDKs name it, for example sagemaker or s3."
    elif operation != ANY and operation not in model_of(api).operation_names:
        alike = [name for name in sorted(model_of(api).operation_names) if name.lower() == operation.lower()]
        hint = f" Did you mean {alike[0]}?" if alike else ""
        yield f"operation is {operation!r}; {api} has no such operation.{hint}"

"""What every SageMaker operation is written against: the service handle, the error, the registry.

An operation is a coroutine registered under its API name::

    @operation("DescribeModel")
    async def describe_model(service: SageMaker, request: dict[str, Any]) -> dict[str, Any]: ...

The request has been validated against the published service model, and the answer is checked against it
before it leaves, so an operation only decides what is true. Timestamps are seconds since the epoch (floats),
in requests, answers and the store alike.

Operations of other services that ministack lacks are written in the same way, registered with
`service_operation` under botocore's name of the service (see `headway_sandbox.own_services`).
"""

from __future__ import annotations

import asyncio
import enum
import json
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headway_sandbox.faults import Faults
from headway_sandbox.ministack_seam import Access
from headway_sandbox.processes import ProcessGroups
from headway_sandbox.sagemaker.aws import LoopbackAws
from headway_sandbox.sagemaker.conformance import ServiceModel
from headway_sandbox.sagemaker.events import EventSink
from headway_sandbox.sagemaker.images import ImageTable
from headway_sandbox.sagemaker.store import Store
from headway_sandbox.tasks import TaskRegistry

Document = dict[str, Any]
Operation = Callable[["SageMaker", Document], Awaitable[Document]]

CONTENT_TYPE = "application/x-amz-json-1.1"
CONCURRENT_JOBS = 2

SAGEMAKER = "sagemaker"


class Coverage(enum.Enum):
    """How far an operation is emulated; what has no implementation is refused."""

    BEHAVES = "behaves"
    """It does what AWS's does, as far as anybody outside can see."""
    KEEPS_STATE = "keeps state"
    """It remembers and answers what it was told, and nothing else happens."""


@dataclass(frozen=True)
class Implementation:
    """One emulated operation.

    Attributes:
        function: Carries it out.
        coverage: How far.
    """

    function: Operation
    coverage: Coverage


_OPERATIONS: dict[tuple[str, str], Implementation] = {}


class ServiceError(Exception):
    """An error the API answers with.

    Args:
        code: The error's name on the wire, for example ``ValidationException`` or ``ResourceInUse``.
        message: What is wrong, in AWS's words where they are known.
        status: HTTP status, 400 for everything a caller can repair.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def validation_error(message: str) -> ServiceError:
    """The ``ValidationException`` that SageMaker answers to a request it cannot carry out."""
    return ServiceError("ValidationException", message)


@dataclass
class SageMaker:
    """One running SageMaker, handed to every operation.

    Attributes:
        store: Durable documents by kind and name.
        clock: Seconds since the epoch; injected so that tests can hold time.
        events: Puts ``aws.sagemaker`` events on the default event bus.
        put_metrics: Publishes metrics in the name of a service: a namespace, and data as PutMetricData takes
            them.
        aws: Clients for the other services of this sandbox, never called on the event loop's thread.
        region: Region of every ARN.
        account: Account of every ARN, twelve digits.
        endpoint_url: Base URL of this sandbox, as jobs and model servers see it.
        work_dir: Directory for the files of jobs and model servers.
        images: Which command stands for which container image.
        tasks: Background coroutines; cancelled when the sandbox stops or is reset.
        processes: Child processes; all of them end with the sandbox, however it ends.
        faults: What is to fail on demand.
        access: Roles and permissions.
        schedule_time: The time that schedules go by, seconds since the epoch; may pass faster than the clock.
        job_slots: How many jobs run at once; the others wait.
        creating: One creation of a kind at a time, by service and operation.
        stop_requests: The event that asks a running job or pipeline execution to stop, by its ARN.
        model: The published service model.
    """

    store: Store
    clock: Callable[[], float]
    events: EventSink
    put_metrics: Callable[[str, list[Document]], None]
    aws: LoopbackAws
    region: str
    account: str
    endpoint_url: str
    work_dir: Path
    images: ImageTable
    tasks: TaskRegistry
    processes: ProcessGroups
    faults: Faults
    access: Access
    schedule_time: Callable[[], float]
    job_slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONCURRENT_JOBS))
    creating: defaultdict[tuple[str, str], asyncio.Lock] = field(
        default_factory=lambda: defaultdict(asyncio.Lock)
    )
    stop_requests: dict[str, asyncio.Event] = field(default_factory=dict)
    model: ServiceModel = field(default_factory=ServiceModel)

    def arn(self, kind: str, name: str) -> str:
        """The ARN of a resource, for example of ``("training-job", "churn-1")``; lower-case, as on AWS."""
        return f"arn:aws:sagemaker:{self.region}:{self.account}:{kind}/{name.lower()}"


def operation(name: str, coverage: Coverage = Coverage.BEHAVES) -> Callable[[Operation], Operation]:
    """Registers a coroutine as the implementation of an operation of SageMaker's control plane.

    Args:
        name: Name of the operation in the service model, for example ``CreateModel``.
        coverage: How far it is emulated.

    Raises:
        ValueError: If the operation already has an implementation.
    """
    return service_operation(SAGEMAKER, name, coverage)


def service_operation(
    api: str, name: str, coverage: Coverage = Coverage.BEHAVES
) -> Callable[[Operation], Operation]:
    """Registers a coroutine as the implementation of an operation of any service.

    Args:
        api: botocore's name of the service, for example ``application-autoscaling``.
        name: Name of the operation in the service model, for example ``RegisterScalableTarget``.
        coverage: How far it is emulated.

    Raises:
        ValueError: If the operation already has an implementation.
    """

    def register(function: Operation) -> Operation:
        known = _OPERATIONS.get((api, name))
        if known is not None and known.function.__module__ != function.__module__:
            where = f"{known.function.__module__} and {function.__module__}"
            raise ValueError(f"The operation {name} of {api} is implemented twice: {where}")
        _OPERATIONS[api, name] = Implementation(function, coverage)
        return function

    return register


def operations(api: str = SAGEMAKER) -> Mapping[str, Implementation]:
    """All registered operations of a service by name."""
    return {name: found for (service, name), found in _OPERATIONS.items() if service == api}


async def call(service: SageMaker, model: ServiceModel, name: str, request: Document) -> Document:
    """Validates a request, runs the operation and checks its answer.

    Args:
        service: The running SageMaker.
        model: The published model of the service that is called.
        name: API operation, for example ``CreateTrainingJob``.
        request: The parsed JSON body.

    Returns:
        The answer's JSON document.

    Raises:
        ServiceError: What the API answers instead.
    """
    implementation = _OPERATIONS.get((model.service, name))
    if implementation is None:
        raise not_emulated(model, name)
    # Every AWS SDK fills in the tokens that make a request idempotent; what comes without them is not an SDK.
    request = {**{token: str(uuid.uuid4()) for token in model.idempotency_tokens(name)}, **request}
    problems = model.request_problems(name, request)
    if problems:
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected: "
        raise ServiceError(model.validation_code(name), count + "; ".join(problems))
    if name.startswith("Create"):
        # Between looking for a name and taking it, others must wait: of two creations of one name, one wins.
        async with service.creating[model.service, name]:
            answer = await implementation.function(service, request)
    else:
        answer = await implementation.function(service, request)
    wrong = model.response_problems(name, answer)
    if wrong:
        raise ServiceError(
            "InternalFailure",
            f"The sandbox's answer to {name} breaks the service model: {'; '.join(wrong)}",
            500,
        )
    return answer


def not_emulated(model: ServiceModel, name: str) -> ServiceError:
    """The error of an operation that has no implementation here, or that no such service has."""
    known = (
        f"is part of {model.title} but not emulated by this sandbox"
        if name in model.operation_names
        else f"does not exist in {model.title}"
    )
    return ServiceError("UnknownOperationException", f"The operation {name} {known}.")


def error_body(error: ServiceError) -> bytes:
    """An error in the JSON 1.1 protocol."""
    return json.dumps({"__type": error.code, "message": error.message}).encode()

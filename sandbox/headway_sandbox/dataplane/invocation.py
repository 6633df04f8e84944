"""One request to a model, from its arrival to what is told about it; shared by all ways of invoking."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from headway_sandbox.dataplane.capture import CaptureEvent, CaptureRule, Payload, event_of
from headway_sandbox.dataplane.errors import ConcurrencyError, NoWorkerError
from headway_sandbox.dataplane.fleet import Fleet, Replica, Variant
from headway_sandbox.dataplane.http_client import HttpResponse
from headway_sandbox.dataplane.http_stream import HttpStream
from headway_sandbox.dataplane.metrics import Invocation
from headway_sandbox.dataplane.model_call import ModelFailureError, ModelRequest, UnknownContainerError
from headway_sandbox.dataplane.refusals import RefusalError, invalid, throttled, unavailable

if TYPE_CHECKING:
    from headway_sandbox.dataplane.plane import DataPlane
    from headway_sandbox.sagemaker.protocol import SageMaker

MAX_BODY_BYTES = 25 * 2**20
"""The longest payload of a real-time endpoint: 25 MB ("Amazon SageMaker Model Hosting FAQs").

botocore's model still says 6 MB, the limit until 2025, and does not check it.
"""
MAX_SERVERLESS_BODY_BYTES = 4 * 2**20
"""The longest payload of a serverless variant ("Invoke a serverless endpoint")."""

Captured = tuple[CaptureRule, CaptureEvent] | None
"""How an invocation is captured, or None."""

INVOKED_VARIANT = "x-Amzn-Invoked-Production-Variant"
CUSTOM_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"

_TARGET_VARIANT = "x-amzn-sagemaker-target-variant"
_TARGET_CONTAINER = "x-amzn-sagemaker-target-container-hostname"
# Of a caller's headers, SageMaker passes on those that its API defines and strips the others.
_TO_MODEL = {
    "content-type": "Content-Type",
    "accept": "Accept",
    "x-amzn-sagemaker-accept": "Accept",
    "x-amzn-sagemaker-custom-attributes": CUSTOM_ATTRIBUTES,
    "x-amzn-sagemaker-inference-id": "X-Amzn-SageMaker-Inference-Id",
}
_REFUSED = {
    "x-amzn-sagemaker-target-model": (
        "TargetModel",
        "is for multi-model endpoints, which this sandbox does not emulate; give each model a variant",
    ),
    "x-amzn-sagemaker-enable-explanations": (
        "EnableExplanations",
        "is for endpoints with an ExplainerConfig, which this sandbox does not emulate; leave it out",
    ),
    "x-amzn-sagemaker-inference-component": (
        "InferenceComponentName",
        "is for inference components, which this sandbox does not emulate; invoke a variant instead",
    ),
    "x-amzn-sagemaker-session-id": (
        "SessionId",
        "is for stateful sessions, which this sandbox does not emulate; leave it out",
    ),
}
_LONGEST = {
    "content-type": ("ContentType", 1024),
    "accept": ("Accept", 1024),
    "x-amzn-sagemaker-accept": ("Accept", 1024),
    "x-amzn-sagemaker-custom-attributes": ("CustomAttributes", 1024),
    "x-amzn-sagemaker-inference-id": ("InferenceId", 64),
    "x-amzn-sagemaker-target-variant": ("TargetVariant", 63),
    "x-amzn-sagemaker-target-container-hostname": ("TargetContainerHostname", 63),
}


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it arrived.

    Attributes:
        service: The running SageMaker.
        plane: Its data plane.
        endpoint: Name of the endpoint.
        headers: Headers by lower-cased name.
        body: The payload.
        request_id: Unique for each request.
        arrived: When it arrived, by `time.perf_counter`.
    """

    service: SageMaker
    plane: DataPlane
    endpoint: str
    headers: Mapping[str, str]
    body: bytes
    request_id: str
    arrived: float


class Work:
    """A request at one copy of one variant.

    Args:
        call: The request.
        fleet: The fleet that answers it.
        variant: The variant.
        replica: The copy.
        request: What the copy is asked.
    """

    def __init__(
        self, call: Call, fleet: Fleet, variant: Variant, replica: Replica, request: ModelRequest
    ) -> None:
        self.fleet = fleet
        self.variant = variant
        self.replica = replica
        self.request = request
        self._call = call
        self._asked = self._answered = call.arrived

    async def ask(self) -> HttpResponse:
        """Asks the model and waits for its answer.

        Raises:
            ModelFailureError: The model failed.
            UnknownContainerError: The request names no container of the model.
            RefusalError: No model server can answer.
        """
        self._asked = perf_counter()
        try:
            return await self._call.plane.models.ask(
                self._call.endpoint, self.variant.plan.name, self.replica, self.request
            )
        except NoWorkerError as error:
            self.observe(503)
            raise _no_worker(error) from error
        finally:
            self.answered()

    async def stream(self) -> HttpStream:
        """Asks the model and waits for the begin of its answer; otherwise as `ask`."""
        self._asked = perf_counter()
        try:
            return await self._call.plane.models.stream(
                self._call.endpoint, self.variant.plan.name, self.replica, self.request
            )
        except NoWorkerError as error:
            self.observe(503)
            raise _no_worker(error) from error
        finally:
            self.answered()

    def answered(self) -> None:
        """Says that the answer has ended now."""
        self._answered = perf_counter()

    def observe(self, status: int) -> None:
        """Tells the metrics about it.

        Args:
            status: HTTP status that the model answered; 0 for none.
        """
        model_latency_s = self._answered - self._asked
        self._call.plane.metrics.record(
            Invocation(
                endpoint=self._call.endpoint,
                variant=self.variant.plan.name,
                shadow=False,
                instance_count=self.variant.plan.instance_count,
                model_status=status,
                model_latency_s=model_latency_s,
                overhead_s=perf_counter() - self._call.arrived - model_latency_s,
            )
        )


def _no_worker(error: NoWorkerError) -> RefusalError:
    message = "A transient exception occurred while retrieving variant instances. Please try again later."
    return unavailable("NO_HEALTHY_INSTANCE", f"{message} ({error}.)")


def check(call: Call) -> None:
    """Holds a request against what SageMaker Runtime publishes and what this sandbox emulates.

    Raises:
        RefusalError: It breaks a limit, or asks for something that is not emulated.
    """
    for name in call.headers.keys() & _REFUSED.keys():
        member, why = _REFUSED[name]
        raise invalid("NOT_EMULATED", f"{member} {why}.")
    check_lengths(call.headers, _LONGEST)
    check_size(call.body, MAX_BODY_BYTES)


def check_lengths(headers: Mapping[str, str], longest: Mapping[str, tuple[str, int]]) -> None:
    """Holds headers against the lengths that the service's model publishes.

    Args:
        headers: Headers by lower-cased name.
        longest: Name of the member and most characters, by header.

    Raises:
        RefusalError: One is too long.
    """
    for name in headers.keys() & longest.keys():
        member, most = longest[name]
        if len(headers[name]) > most:
            message = (
                f"Value at '{member}' failed to satisfy constraint: Member must have length less than or "
                f"equal to {most}, but it has {len(headers[name])}."
            )
            raise invalid("VALIDATION", message)


def check_size(body: bytes, limit: int) -> None:
    """Holds a payload against a limit in bytes.

    Raises:
        RefusalError: It is longer.
    """
    if len(body) > limit:
        message = f"HTTP content length exceeded {limit} bytes."
        raise RefusalError(413, "", "PAYLOAD_TOO_LARGE", message)


async def begin(call: Call) -> Work:
    """Chooses the fleet, the variant and the copy that answer a request.

    Between this and counting the request as in flight nothing may be awaited.

    Raises:
        RefusalError: The endpoint, the variant or a copy that can answer does not exist.
    """
    fleet = await serving(call)
    if fleet.plan.async_inference is not None:
        message = f"Endpoint {call.endpoint} is asynchronous; invoke it with InvokeEndpointAsync."
        raise invalid("ASYNC_ENDPOINT", message)
    variant = choose(fleet, call.headers)
    if "ServerlessConfig" in variant.plan.extras:
        check_size(call.body, MAX_SERVERLESS_BODY_BYTES)
    passed = {_TO_MODEL[name]: value for name, value in call.headers.items() if name in _TO_MODEL}
    request = ModelRequest(passed, call.body, call.headers.get(_TARGET_CONTAINER))
    return Work(call, fleet, variant, copy_of(variant), request)


async def serving(call: Call) -> Fleet:
    """The fleet that answers a request.

    Raises:
        RefusalError: The endpoint does not serve.
    """
    fleet = await call.plane.next_fleet(call.endpoint)
    if fleet is None:
        message = f"Endpoint {call.endpoint} of account {call.service.account} not found."
        raise invalid("NO_SUCH_ENDPOINT", message)
    return fleet


def choose(fleet: Fleet, headers: Mapping[str, str]) -> Variant:
    """The variant that answers: the one that the caller names, or the one whose turn it is.

    Raises:
        RefusalError: There is none.
    """
    target = headers.get(_TARGET_VARIANT)
    if target is None:
        try:
            return fleet.variants[fleet.choice.next()]
        except LookupError as error:
            message = (
                f"Endpoint {fleet.endpoint} has no production variant with a weight greater than 0; raise a "
                "weight with UpdateEndpointWeightsAndCapacities, or name a variant in TargetVariant."
            )
            raise invalid("NO_WEIGHTED_VARIANT", message) from error
    if target not in fleet.variants:
        names = ", ".join(fleet.variants)
        message = f"Endpoint {fleet.endpoint} has no production variant {target}; it has: {names}."
        raise invalid("NO_SUCH_VARIANT", message)
    return fleet.variants[target]


def copy_of(variant: Variant) -> Replica:
    """The copy of a variant that takes the next request.

    Raises:
        RefusalError: None can.
    """
    try:
        return variant.next_replica()
    except NoWorkerError as error:
        message = (
            f"Variant {variant.plan.name} has no instance that can answer; raise its DesiredInstanceCount."
        )
        raise unavailable("NO_INSTANCES", message) from error
    except ConcurrencyError as error:
        raise throttled(f"{error}; try again later.") from error


def captured(call: Call, work: Work) -> Captured:
    """The rule by which this request is captured and what identifies it; None if it is not captured."""
    rule = call.plane.capture(work.fleet)
    if rule is None or not rule.samples():
        return None
    return rule, event_of(call.request_id, call.headers)


def keep(
    call: Call,
    variant: Variant,
    request: ModelRequest,
    response: HttpResponse,
    captured_by: Captured,
    *,
    shadow: bool = False,
) -> None:
    """Captures an answered request, if it is one that is captured."""
    if captured_by is None:
        return
    rule, event = captured_by
    line = rule.line(
        event,
        Payload(request.headers.get("Content-Type"), request.body),
        Payload(response.headers.get("content-type"), response.body),
        now=call.service.clock(),
        shadow=shadow,
    )
    call.plane.spool.add(rule, call.endpoint, variant.plan.name, line)


def mirror(call: Call, work: Work, captured_by: Captured) -> None:
    """Sends copies of a request to the shadow variants without waiting for them."""
    fleet = work.fleet
    for name, shadow in fleet.shadows.items():
        if fleet.sampling[name].next():
            call.plane.shadows.start(
                call.endpoint,
                len(call.body),
                functools.partial(_ask_shadow, call, fleet, shadow, work.request, captured_by),
            )


async def _ask_shadow(
    call: Call,
    fleet: Fleet,
    shadow: Variant,
    request: ModelRequest,
    captured_by: Captured,
) -> None:
    asked = perf_counter()
    with fleet.mirrored():
        try:
            response = await call.plane.models.ask(
                call.endpoint, shadow.plan.name, shadow.next_replica(), request
            )
            status = response.status
            keep(call, shadow, request, response, captured_by, shadow=True)
        except ModelFailureError as failure:
            status = failure.status
        except NoWorkerError:
            status = 503
        except (UnknownContainerError, ConcurrencyError):
            return
    if fleet.closed and not 200 <= status < 300:
        return  # it was cut off, which is not the model's fault
    call.plane.metrics.record(
        Invocation(
            endpoint=call.endpoint,
            variant=shadow.plan.name,
            shadow=True,
            instance_count=shadow.plan.instance_count,
            model_status=status,
            model_latency_s=perf_counter() - asked,
            overhead_s=0.0,
        )
    )

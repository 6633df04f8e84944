"""InvokeEndpointAsync: requests wait in a durable queue, answers go to S3, notices to SNS.

A request is in the store before its call is answered and leaves it when its answer is in S3 and its notice is
sent. A sandbox that is killed in between does that request again, to the same place: as on SageMaker, an
invocation is carried out at least once.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter, defaultdict, deque
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from headway_sandbox.dataplane.async_request import AsyncRequest, completed_notice, failed_notice
from headway_sandbox.dataplane.errors import ConcurrencyError, NoWorkerError
from headway_sandbox.dataplane.http_client import HttpResponse
from headway_sandbox.dataplane.invocation import Call, choose, serving
from headway_sandbox.dataplane.metrics import NAMESPACE, Invocation
from headway_sandbox.dataplane.model_call import ModelFailureError, ModelRequest, UnknownContainerError
from headway_sandbox.dataplane.plane import DataPlane, plane_of
from headway_sandbox.dataplane.refusals import Answer, RefusalError, failure_text, invalid
from headway_sandbox.sagemaker.credentials import acting_as
from headway_sandbox.sagemaker.protocol import ServiceError
from headway_sandbox.sagemaker.s3_files import S3FileError, S3Location, encryption_arguments

if TYPE_CHECKING:
    from headway_sandbox.dataplane.fleet import Fleet, Variant
    from headway_sandbox.sagemaker.aws import LoopbackAws
    from headway_sandbox.sagemaker.protocol import SageMaker

KIND = "async-invocation"
INTERVAL_S = 1.0
DEFAULT_CONCURRENCY = 4
"""Requests that an instance gets at once where MaxConcurrentInvocationsPerInstance does not say."""

MAX_PAYLOAD_BYTES = 2**30
"""The longest payload in S3: 1 GB ("Asynchronous inference" in the Developer Guide)."""

_AWS_ERRORS = (ClientError, BotoCoreError, ServiceError, S3FileError)

_log = logging.getLogger(__name__)

_queues: dict[int, AsyncQueue] = {}


class _FailedError(Exception):
    """An invocation that gives no answer; `answer` is what the model said, if it said anything."""

    def __init__(self, reason: str, answer: bytes = b"") -> None:
        super().__init__(reason)
        self.answer = answer


async def invoke_async(call: Call) -> Answer:
    """InvokeEndpointAsync."""
    fleet = await serving(call)
    if fleet.plan.async_inference is None:
        message = f"Endpoint {call.endpoint} has no AsyncInferenceConfig; invoke it with InvokeEndpoint."
        raise invalid("NOT_ASYNC", message)
    request = AsyncRequest.read(
        call.endpoint,
        call.headers,
        call.body,
        fleet.plan.async_inference,
        now=call.service.clock(),
        role_arn=fleet.plan.variants[0].role_arn,
    )
    queue_of(call.service).add(request, call.body)
    headers = {
        "Content-Type": "application/json",
        "X-Amzn-SageMaker-OutputLocation": request.output,
        **({} if request.failure is None else {"X-Amzn-SageMaker-FailureLocation": request.failure}),
    }
    return 202, headers, json.dumps({"InferenceId": request.inference_id}).encode()


def queue_of(service: SageMaker) -> AsyncQueue:
    """The asynchronous invocations of a running SageMaker; those that were left go on."""
    queue = _queues.get(id(service))
    if queue is None:
        queue = _queues[id(service)] = AsyncQueue(service, plane_of(service))
        service.tasks.start("data-plane-async", queue.run())
    return queue


def close(service: SageMaker) -> None:
    """Forgets the queue of a SageMaker that stops or is reset; what is stored goes on at the next start."""
    _queues.pop(id(service), None)


class AsyncQueue:
    """The asynchronous invocations of one sandbox.

    Args:
        service: The running SageMaker.
        plane: Its data plane.
    """

    def __init__(self, service: SageMaker, plane: DataPlane) -> None:
        self._service = service
        self._plane = plane
        self._directory = service.work_dir / "async"
        self._something = asyncio.Event()
        self._waiting: dict[str, deque[AsyncRequest]] = defaultdict(deque)
        self._running: Counter[str] = Counter()
        self._ended: dict[str, Counter[str]] = defaultdict(Counter)
        for document in service.store.list(KIND):
            request = AsyncRequest.from_document(document)
            self._waiting[request.endpoint].append(request)
        if self._waiting:
            self._something.set()

    def add(self, request: AsyncRequest, body: bytes) -> None:
        """Takes in a request; it is durable when this returns.

        Args:
            request: The request.
            body: Its payload, where that is not in S3.
        """
        if request.input is None:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._payload_file(request).write_bytes(body)
        self._service.store.put(KIND, request.id, request.document())
        self._waiting[request.endpoint].append(request)
        self._something.set()
        self._start_more(request.endpoint)

    async def run(self) -> None:
        """Keeps the queue moving and its metrics published until it is cancelled."""
        while True:
            await self._something.wait()
            for endpoint in list(self._waiting):
                # An endpoint that is being brought back after a restart will take its requests.
                if await self._plane.serving(endpoint) is None:
                    await self._give_up(endpoint)
                self._start_more(endpoint)
            self._publish()
            busy = any(self._waiting.values()) or any(self._running.values())
            if not busy:
                self._something.clear()
            await asyncio.sleep(INTERVAL_S)

    def _start_more(self, endpoint: str) -> None:
        fleet = self._plane.fleet(endpoint)
        waiting = self._waiting[endpoint]
        while fleet is not None and waiting and self._running[endpoint] < _capacity(fleet):
            request = waiting.popleft()
            self._running[endpoint] += 1
            self._service.tasks.start(f"{KIND}/{request.id}", self._process(request))

    async def _give_up(self, endpoint: str) -> None:
        """Fails what waits for an endpoint that does not exist any more."""
        while self._waiting[endpoint]:
            request = self._waiting[endpoint].popleft()
            await self._fail(request, _FailedError(_gone(endpoint)))
        del self._waiting[endpoint]

    async def _process(self, request: AsyncRequest) -> None:
        try:
            try:
                response = await self._answered(request)
                await self._write(
                    request, request.output, response.body, response.headers.get("content-type")
                )
            except _FailedError as error:
                await self._fail(request, error)
            else:
                notice = completed_notice(request, response, self._service.region, self._service.clock())
                await self._finish(request, "SuccessTopic", notice, "InvocationsProcessed")
        finally:
            self._running[request.endpoint] -= 1
        self._start_more(request.endpoint)

    async def _answered(self, request: AsyncRequest) -> HttpResponse:
        """What the model answers.

        Raises:
            _FailedError: Nothing usable, or not in time.
        """
        if self._service.clock() - request.received > request.ttl_s:
            raise _FailedError(
                f"ClientError: The request expired after {request.ttl_s} seconds in the queue."
            )
        body = await self._payload(request)
        fleet = self._plane.fleet(request.endpoint)
        if fleet is None:
            raise _FailedError(_gone(request.endpoint))
        with fleet.request():
            try:
                variant = choose(fleet, {})
                return await self._ask(request, body, variant)
            except ModelFailureError as failure:
                reason = f"ClientError: {failure_text(self._service, request.endpoint, failure)}"
                raise _FailedError(reason, failure.message.encode()) from failure
            except (NoWorkerError, ConcurrencyError, UnknownContainerError, RefusalError) as error:
                raise _FailedError(f"InternalServerError: {error}") from error

    async def _ask(self, request: AsyncRequest, body: bytes, variant: Variant) -> HttpResponse:
        asked = perf_counter()
        status = 0
        try:
            response = await self._plane.models.ask(
                request.endpoint,
                variant.plan.name,
                variant.next_replica(),
                ModelRequest(request.headers, body),
                float(request.timeout_s),
            )
            status = response.status
        except ModelFailureError as failure:
            status = failure.status
            raise
        finally:
            self._plane.metrics.record(
                Invocation(
                    endpoint=request.endpoint,
                    variant=variant.plan.name,
                    shadow=False,
                    instance_count=variant.plan.instance_count,
                    model_status=status,
                    model_latency_s=perf_counter() - asked,
                    overhead_s=0.0,
                )
            )
        return response

    async def _payload(self, request: AsyncRequest) -> bytes:
        if request.input is None:
            return await asyncio.to_thread(self._payload_file(request).read_bytes)
        location = S3Location.parse(request.input)

        def read(aws: LoopbackAws) -> bytes:
            found = aws.client("s3").get_object(Bucket=location.bucket, Key=location.key)
            if found["ContentLength"] > MAX_PAYLOAD_BYTES:
                size = found["ContentLength"]
                reason = f"has {size} bytes; an asynchronous payload may have {MAX_PAYLOAD_BYTES}"
                raise _FailedError(f"ClientError: The input {request.input} {reason}.")
            body: bytes = found["Body"].read()
            return body

        try:
            return await asyncio.to_thread(read, await self._aws(request))
        except _AWS_ERRORS as error:
            reason = f"ClientError: Failed to download the input {request.input}: {error}"
            raise _FailedError(reason) from error

    async def _write(self, request: AsyncRequest, uri: str, body: bytes, content_type: str | None) -> None:
        arguments: dict[str, Any] = encryption_arguments(request.kms_key_id)
        if content_type is not None:
            arguments["ContentType"] = content_type
        try:
            location = S3Location.parse(uri)
            aws = await self._aws(request)
            await aws.call(
                "s3", "put_object", Bucket=location.bucket, Key=location.key, Body=body, **arguments
            )
        except _AWS_ERRORS as error:
            raise _FailedError(f"ClientError: Failed to upload the output to {uri}: {error}") from error

    async def _fail(self, request: AsyncRequest, error: _FailedError) -> None:
        if request.failure is not None:
            try:
                await self._write(request, request.failure, error.answer or str(error).encode(), None)
            except _FailedError as unwritten:
                _log.error("async invocation %s: %s", request.id, unwritten)
        notice = failed_notice(request, str(error), error.answer, self._service.region, self._service.clock())
        await self._finish(request, "ErrorTopic", notice, "InvocationFailures")

    async def _finish(self, request: AsyncRequest, topic: str, notice: dict[str, Any], metric: str) -> None:
        arn = request.topic(topic)
        if arn is not None:
            try:
                aws = await self._aws(request)
                await aws.call("sns", "publish", TopicArn=arn, Message=json.dumps(notice))
            except _AWS_ERRORS as error:
                _log.error("async invocation %s: no notice could be sent to %s: %s", request.id, arn, error)
        self._service.store.delete(KIND, request.id)
        await asyncio.to_thread(self._payload_file(request).unlink, missing_ok=True)
        self._ended[request.endpoint][metric] += 1

    async def _aws(self, request: AsyncRequest) -> LoopbackAws:
        return await acting_as(self._service, request.role_arn, KIND)

    def _payload_file(self, request: AsyncRequest) -> Path:
        return self._directory / f"{request.id}.in"

    def _publish(self) -> None:
        """The metrics by which asynchronous endpoints are scaled, and what has ended since the last time."""
        data = []
        ended, self._ended = self._ended, defaultdict(Counter)
        for endpoint in {*self._waiting, *ended}:
            backlog = float(len(self._waiting[endpoint]) + self._running[endpoint])
            fleet = self._plane.fleet(endpoint)
            instances = 0 if fleet is None else sum(item.instance_count for item in fleet.plan.variants)
            values = {
                "ApproximateBacklogSize": backlog,
                "ApproximateBacklogSizePerInstance": backlog / max(instances, 1),
                "HasBacklogWithoutCapacity": float(backlog > 0 and instances == 0),
                **{metric: float(count) for metric, count in ended.get(endpoint, {}).items()},
            }
            data += [_datum(name, endpoint, value, self._service.clock()) for name, value in values.items()]
        if data:
            self._service.put_metrics(NAMESPACE, data)


def _gone(endpoint: str) -> str:
    return f"ClientError: Endpoint {endpoint} does not serve any more."


def _capacity(fleet: Fleet) -> int:
    """Requests that a fleet may be working on at once."""
    config = fleet.plan.async_inference or {}
    limit = config.get("ClientConfig", {}).get("MaxConcurrentInvocationsPerInstance", DEFAULT_CONCURRENCY)
    return int(limit) * sum(len(variant.replicas) for variant in fleet.variants.values())


def _datum(name: str, endpoint: str, value: float, now: float) -> dict[str, Any]:
    return {
        "MetricName": name,
        "Dimensions": [{"Name": "EndpointName", "Value": endpoint}],
        "Timestamp": now,
        "Unit": "Count",
        "Values": [value],
        "Counts": [1.0],
    }

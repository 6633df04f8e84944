"""Faults on demand: what may be asked for, whom they meet, and how each protocol says it."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway_sandbox import lifecycle
from headway_sandbox.fault_rules import checked
from headway_sandbox.faults import FaultError, Faults, WorkerFault
from headway_sandbox.sagemaker.store import Store
from support.control import Cloud, refused, unique

PATH = "/_headway/faults"


@pytest.fixture
def faults(tmp_path: Path) -> Iterator[Faults]:
    store = Store(tmp_path / "state.sqlite")
    yield Faults(store)
    store.close()


def test_a_fault_outlives_a_restart_with_its_count(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.sqlite")
    before = Faults(store)
    before.add({"kind": "api", "service": "sagemaker", "operation": "CreateModel", "error": "x", "times": 2})
    before.add({"kind": "capacity", "instance_type": "ml.g5.xlarge"})
    assert before.api("sagemaker", "CreateModel") is not None

    after = Faults(store)

    assert after.api("sagemaker", "CreateModel") is not None
    assert after.api("sagemaker", "CreateModel") is None
    assert not after.touches_api
    assert not after.capacity("ml.g5.xlarge")
    assert after.capacity("ml.m5.large")
    assert after.add({"kind": "capacity"})["id"] == "fault-3"
    assert (after.clear("fault-1"), after.clear("fault-1"), after.clear()) == (1, 0, 2)
    assert after.capacity("ml.g5.xlarge")
    store.close()


def test_the_newest_fault_of_a_worker_counts(faults: Faults) -> None:
    faults.add({"kind": "worker", "delay_s": 1})
    faults.add({"kind": "worker", "endpoint": "a", "variant": "new", "error_rate": 0.5})

    assert faults.worker("a", "new") == WorkerFault(0.0, 0.5, 0.0, 0.0, 0.0)
    assert faults.worker("a", "old") == WorkerFault(1.0, 0.0, 0.0, 0.0, 0.0)


def test_a_fault_ends_when_its_time_is_over_also_over_a_restart(tmp_path: Path) -> None:
    store, now = Store(tmp_path / "state.sqlite"), [1_000.0]
    worker = {"kind": "worker", "endpoint": "e", "variant": "v", "silent_rate": 1}
    before = Faults(store, lambda: now[0])
    before.add({"kind": "api", "service": "s3", "error": "throttle", "for_s": 5})
    before.add({**worker, "for_s": 60})
    assert before.touches_api

    now[0] += 5
    after = Faults(store, lambda: now[0])
    met = [after.api("s3", "GetObject"), after.worker("e", "v")]
    now[0] += 55

    assert (met[0], met[1] is not None, after.touches_api) == (None, True, False)
    assert (after.worker("e", "v"), after.list()) == (None, [])
    assert Faults(store).list() == []
    store.close()


@settings(deadline=None, max_examples=30)
@given(rate=st.floats(0, 1), seed=st.integers(0, 2**32))
def test_a_rate_meets_its_share_and_the_same_calls_again(
    tmp_path_factory: pytest.TempPathFactory, rate: float, seed: int
) -> None:
    store = Store(tmp_path_factory.mktemp("rate") / "state.sqlite")
    faults = Faults(store)
    fault = {"kind": "api", "service": "s3", "error": "throttle", "rate": rate, "seed": seed}

    def run() -> list[bool]:
        faults.clear()
        faults.add(fault)
        return [faults.api("s3", "GetObject") is not None for _ in range(60)]

    first = run()
    assert first == run()
    chances = [math.comb(60, hits) * rate**hits * (1 - rate) ** (60 - hits) for hits in range(61)]
    at_most, at_least = sum(chances[: sum(first) + 1]), sum(chances[sum(first) :])
    assert min(at_most, at_least) > 1e-9, "so many hits are too rare to be chance"
    store.close()


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ([], "must be a JSON object, not list"),
        ({"kind": "weather"}, "kind is 'weather'; it must be one of api, worker, capacity"),
        ({"kind": "api", "error": "throttle"}, "service is missing"),
        ({"kind": "api", "service": "s3"}, "does nothing; give at least one of error, delay_s"),
        (
            {"kind": "api", "service": "s3", "error": "x", "rate": 1.5},
            "rate is 1.5; it must be a number from 0 to 1",
        ),
        ({"kind": "api", "service": "s3", "error": "x", "times": 0}, "times is 0"),
        ({"kind": "api", "service": "s3", "error": "x\r\ny: z"}, "it must be throttle, or an error's code"),
        ({"kind": "api", "service": "s3", "error": "x", "times": True}, "times is True"),
        ({"kind": "worker", "delay_s": -1}, "delay_s is -1; it must be seconds from 0 to 3600"),
        ({"kind": "worker"}, "does nothing"),
        ({"kind": "capacity", "endpoint": "a"}, "endpoint is no member of a fault of kind capacity"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_with_the_reason(request_: Any, says: str) -> None:
    with pytest.raises(FaultError) as caught:
        checked(request_)

    assert says in str(caught.value)


@pytest.fixture
def add(cloud: Cloud) -> Iterator[Any]:
    def post(**fault: Any) -> dict[str, Any]:
        return dict(lifecycle.control(cloud.record, "POST", PATH, fault)["fault"])

    yield post
    lifecycle.control(cloud.record, "DELETE", PATH)


@pytest.mark.parametrize(
    ("service", "operation", "method", "arguments", "code"),
    [
        ("sagemaker", "ListModels", "list_models", {}, "ThrottlingException"),
        ("dynamodb", "ListTables", "list_tables", {}, "ProvisionedThroughputExceededException"),
        ("sqs", "ListQueues", "list_queues", {}, "RequestThrottled"),
        ("sns", "ListTopics", "list_topics", {}, "Throttled"),
        ("iam", "ListRoles", "list_roles", {}, "Throttling"),
        ("ec2", "DescribeVpcs", "describe_vpcs", {}, "RequestLimitExceeded"),
        ("s3", "ListBuckets", "list_buckets", {}, "SlowDown"),
        ("lambda", "ListFunctions", "list_functions", {}, "TooManyRequestsException"),
        ("scheduler", "ListSchedules", "list_schedules", {}, "ThrottlingException"),
        ("cloudwatch", "ListMetrics", "list_metrics", {}, "Throttling"),
        ("stepfunctions", "ListStateMachines", "list_state_machines", {}, "ThrottlingException"),
        ("appconfig", "ListApplications", "list_applications", {}, "ThrottlingException"),
    ],
)
def test_every_protocol_throttles_in_its_own_words_and_once(
    cloud: Cloud, add: Any, service: str, operation: str, method: str, arguments: dict[str, Any], code: str
) -> None:
    add(kind="api", service=service, operation=operation, error="throttle", times=1)
    call = getattr(cloud.client(service), method)

    assert refused(call, **arguments)[0] == code
    call(**arguments)


def test_a_named_error_carries_the_code_and_status_that_the_service_publishes(cloud: Cloud, add: Any) -> None:
    add(
        kind="api", service="iam", operation="GetRole", error="NoSuchEntityException", message="gone", times=1
    )
    add(kind="api", service="sagemaker", operation="CreateModel", error="ResourceLimitExceeded", times=1)
    add(
        kind="api",
        service="sagemaker-runtime",
        operation="InvokeEndpoint",
        error="ServiceUnavailable",
        times=1,
    )

    with pytest.raises(cloud.client("iam").exceptions.NoSuchEntityException) as gone:
        cloud.client("iam").get_role(RoleName="x")
    with pytest.raises(cloud.sagemaker.exceptions.ResourceLimitExceeded):
        cloud.sagemaker.create_model(ModelName="m", ExecutionRoleArn="arn:aws:iam::000000000000:role/x")
    with pytest.raises(cloud.client("sagemaker-runtime").exceptions.ServiceUnavailable) as unavailable:
        cloud.client("sagemaker-runtime").invoke_endpoint(EndpointName="x", Body=b"")

    assert gone.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    assert gone.value.response["Error"]["Message"] == "gone"
    assert unavailable.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503


def test_a_delay_takes_its_time_and_then_the_call_is_carried_out(cloud: Cloud, add: Any) -> None:
    add(kind="api", service="s3", operation="CreateBucket", delay_s=0.3)
    name = unique("slow")
    began = time.monotonic()

    cloud.client("s3").create_bucket(Bucket=name)

    assert time.monotonic() - began >= 0.3
    cloud.client("s3").head_bucket(Bucket=name)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"service": "sagmaker", "error": "throttle"}, "service is 'sagmaker'"),
        ({"service": "s3", "operation": "getobject", "error": "throttle"}, "Did you mean GetObject?"),
    ],
)
def test_a_fault_of_what_aws_does_not_have_is_refused(cloud: Cloud, fault: dict[str, Any], says: str) -> None:
    with pytest.raises(lifecycle.SandboxError) as caught:
        lifecycle.control(cloud.record, "POST", PATH, {"kind": "api", **fault})

    assert says in str(caught.value)


def test_a_page_that_is_not_there_and_a_fault_that_is_not_there_are_said(cloud: Cloud) -> None:
    for method, path, says in (
        ("GET", "/_headway/nowhere", "has no page"),
        ("DELETE", f"{PATH}/fault-99", "no fault"),
    ):
        with pytest.raises(lifecycle.SandboxError) as caught:
            lifecycle.control(cloud.record, method, path)
        assert says in str(caught.value)

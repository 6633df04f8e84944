"""What tests do with the endpoints of a running sandbox, in a user's words."""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from headway_sandbox import lifecycle
from support.sandboxes import client

ROLE = "arn:aws:iam::000000000000:role/serving"
TIMEOUT_S = 60.0

T = TypeVar("T")


@contextlib.contextmanager
def refused(code: str, *words: str) -> Iterator[None]:
    """Expects an error of the API that says all of the given words."""
    with pytest.raises(ClientError) as caught:
        yield
    error = caught.value.response["Error"]
    assert error["Code"] == code, error
    missing = [word for word in words if word not in error["Message"]]
    assert not missing, (missing, error["Message"])


class Serving:
    """A sandbox and the things one does with it.

    Args:
        state_dir: State directory; its images.toml must have the row ``tiny-server``.
    """

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.record = lifecycle.start(state_dir, 0)
        self._numbers = iter(range(10_000))
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._buckets: set[str] = set()

    def client(self, service: str) -> Any:
        with self._lock:
            if service not in self._clients:
                self._clients[service] = client(
                    self.record.endpoint_url,
                    service,
                    Config(retries={"max_attempts": 0}, read_timeout=70, max_pool_connections=20),
                )
            return self._clients[service]

    def restart(self) -> None:
        lifecycle.stop(self.state_dir)
        self.record = lifecycle.start(self.state_dir, self.record.port)

    def name(self, prefix: str) -> str:
        with self._lock:
            return f"{prefix}-{next(self._numbers)}"

    def model(self, environment: dict[str, str] | None = None, **container: Any) -> str:
        name = self.name("model")
        primary = {"Image": "registry/tiny-server:1", "Environment": environment or {}, **container}
        self.client("sagemaker").create_model(ModelName=name, PrimaryContainer=primary, ExecutionRoleArn=ROLE)
        return name

    def config(self, *variants: dict[str, Any], **more: Any) -> str:
        name = self.name("config")
        self.client("sagemaker").create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=[variant_of(**item) for item in variants], **more
        )
        return name

    def config_of(self, environment: dict[str, str] | None = None, **variant: Any) -> str:
        return self.config({"ModelName": self.model(environment), **variant})

    def endpoint(self, config: str) -> str:
        name = self.name("endpoint")
        sagemaker = self.client("sagemaker")
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
        settled = self.settled(name)
        assert settled["EndpointStatus"] == "InService", settled
        return name

    def describe(self, name: str) -> dict[str, Any]:
        endpoint: dict[str, Any] = self.client("sagemaker").describe_endpoint(EndpointName=name)
        return endpoint

    def settled(self, name: str) -> dict[str, Any]:
        """Waits until no change of the endpoint is in progress."""
        in_progress = ("Creating", "Updating", "RollingBack", "Deleting")
        return until(lambda: self.describe(name), lambda found: found["EndpointStatus"] not in in_progress)

    def weigh(self, name: str, **weights: float) -> dict[str, Any]:
        desired = [{"VariantName": key, "DesiredWeight": value} for key, value in weights.items()]
        self.client("sagemaker").update_endpoint_weights_and_capacities(
            EndpointName=name, DesiredWeightsAndCapacities=desired
        )
        return self.settled(name)

    def update(self, name: str, config: str, **more: Any) -> dict[str, Any]:
        self.client("sagemaker").update_endpoint(EndpointName=name, EndpointConfigName=config, **more)
        return self.settled(name)

    def invoke(self, name: str, body: bytes = b"1,2", **more: Any) -> dict[str, Any]:
        arguments = {"ContentType": "text/csv", "Accept": "application/json", **more}
        answer = self.client("sagemaker-runtime").invoke_endpoint(EndpointName=name, Body=body, **arguments)
        return {**answer, "Body": json.loads(answer["Body"].read())}

    def fault(self, **members: Any) -> str:
        """Makes something fail on demand, and returns the fault's id."""
        answer = lifecycle.control(self.record, "POST", "/_headway/faults", members)
        identifier: str = answer["fault"]["id"]
        return identifier

    def clear_fault(self, fault: str) -> None:
        lifecycle.control(self.record, "DELETE", f"/_headway/faults/{fault}")

    def pace(self, speed: float) -> None:
        """Lets the time that schedules go by pass faster."""
        lifecycle.control(self.record, "POST", "/_headway/clock/speed", {"speed": speed})

    def upload(self, files: dict[str, str]) -> str:
        s3 = self.client("s3")
        if self._buckets.isdisjoint({"models"}):
            s3.create_bucket(Bucket="models")
            self._buckets.add("models")
        key = f"{self.name('artifact')}/model.tar.gz"
        s3.put_object(Bucket="models", Key=key, Body=archive(files))
        return f"s3://models/{key}"


def variant_of(**item: Any) -> dict[str, Any]:
    return {"VariantName": "main", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1, **item}


def archive(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


def until(read: Callable[[], T], accept: Callable[[T], bool], timeout_s: float = TIMEOUT_S) -> T:
    """Reads until the value is accepted."""
    deadline = time.monotonic() + timeout_s
    while not accept(value := read()):
        assert time.monotonic() < deadline, f"not accepted within {timeout_s} s: {value}"
        time.sleep(0.02)
    return value

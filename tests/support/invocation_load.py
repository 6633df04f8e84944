"""The trained LightGBM baseline behind endpoints, and callers that keep it busy, for benchmarks."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from headway_sandbox import lifecycle
from support.sandboxes import client
from support.signed import SIGNED

CALLERS = 16
FEATURES = 8
ROLE = "arn:aws:iam::000000000000:role/benchmark"
ROW = ",".join(["0.5"] * FEATURES).encode()
CONTRACT = {
    "name": "benchmark",
    "version": 1,
    "task": "binary-classification",
    "inputs": [{"name": f"x{number}", "type": "number", "nullable": False} for number in range(FEATURES)],
    "output": {"name": "probability", "type": "number", "minimum": 0.0, "maximum": 1.0},
}


@dataclass(frozen=True)
class Load:
    """What callers measured.

    Attributes:
        latencies_ms: Milliseconds of each call, ascending.
        calls_per_s: Calls a second, all callers together.
    """

    latencies_ms: list[float]
    calls_per_s: float

    def percentile(self, percent: float) -> float:
        """Milliseconds below which a share of the calls stayed."""
        return self.latencies_ms[min(int(len(self.latencies_ms) * percent / 100), len(self.latencies_ms) - 1)]


class Caller(asyncio.Protocol):
    """One caller: sends the same request again and again and measures each answer.

    Args:
        request: The request.
        due: When each call is due, in seconds of the performance counter. A call that comes later, since the
            answer before it was awaited, is measured from when it was due.
    """

    def __init__(self, request: bytes, due: Iterator[float]) -> None:
        self.latencies_ms: list[float] = []
        self._loop = asyncio.get_running_loop()
        self.done: asyncio.Future[None] = self._loop.create_future()
        self._request = request
        self._due = due
        self._buffer = b""
        self._began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Sends the first request when it is due."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        """Takes in an answer, and sends the next request once it is whole."""
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found or len(body) < int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]):
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self.done.set_exception(RuntimeError(self._buffer.decode()))
            return
        self.latencies_ms.append((time.perf_counter() - self._began) * 1000)
        self._buffer = b""
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        """Complains about a connection that ended early."""
        if not self.done.done():
            self.done.set_exception(error or RuntimeError("the server closed the connection"))

    def _next(self) -> None:
        due = next(self._due, None)
        if due is None:
            self._transport.close()
            self.done.set_result(None)
            return
        early_s = due - time.perf_counter()
        if early_s > 0:
            self._loop.call_later(early_s, lambda: self._send(time.perf_counter()))
        else:
            self._send(due)

    def _send(self, began: float) -> None:
        self._began = began
        self._transport.write(self._request)


async def load(port: int, request: bytes, calls: int, calls_per_s: float | None = None) -> Load:
    """Asks one port with all callers at once.

    Args:
        port: The port on this machine.
        request: The request that each call sends.
        calls: How many calls are made in all.
        calls_per_s: How many calls are due a second, evenly spaced over all callers; without it each caller
            asks again as soon as it has its answer.
    """
    began = time.perf_counter()
    left = iter(range(calls))

    def due(caller: int) -> Iterator[float]:
        if calls_per_s is None:
            yield from (time.perf_counter() for _ in left)
        else:
            yield from (began + call / calls_per_s for call in range(caller, calls, CALLERS))

    loop = asyncio.get_running_loop()
    callers = [Caller(request, due(number)) for number in range(CALLERS)]
    callers_left = list(callers)
    for _ in callers:
        await loop.create_connection(callers_left.pop, "127.0.0.1", port)
    await asyncio.gather(*(caller.done for caller in callers))
    latencies_ms = sorted(value for caller in callers for value in caller.latencies_ms)
    return Load(latencies_ms, len(latencies_ms) / (time.perf_counter() - began))


def request_bytes(path: str, headers: dict[str, str]) -> bytes:
    """A whole request with one row."""
    fields = {"Host": "127.0.0.1", "Content-Type": "text/csv", "Content-Length": str(len(ROW)), **headers}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + ROW


def signed_headers() -> dict[str, str]:
    """What an AWS SDK sends along; the sandbox reads it, and checks it only where it enforces IAM."""
    return {
        "User-Agent": "Boto3/1.43 md/Botocore#1.43 ua/2.1 os/linux md/arch#x86_64 lang/python#3.11",
        "Accept": "application/json",
        "amz-sdk-invocation-id": "4c0f2f0e-31e5-4f5e-9f0e-6a6a4f4ac0de",
        "amz-sdk-request": "attempt=1",
        **SIGNED,
    }


def trained_model(folder: Path) -> bytes:
    """The artifact of the LightGBM baseline, trained as a job would train it."""
    random = np.random.default_rng(1)
    values = random.normal(size=(20_000, FEATURES))
    label = (values.sum(axis=1) + random.normal(size=len(values)) > 0).astype(np.int8)
    columns: dict[str, Any] = {f"x{number}": values[:, number] for number in range(FEATURES)}
    times = pa.array(range(len(values)), pa.timestamp("us", "UTC"))
    for path in ("train", "contract", "dataset"):
        (folder / "input/data" / path).mkdir(parents=True)
    (folder / "input/config").mkdir()
    pq.write_table(
        pa.table({**columns, "label": label, "event_time": times}), folder / "input/data/train/train.parquet"
    )
    (folder / "input/data/contract/contract.json").write_text(json.dumps(CONTRACT))
    report = {"dataset_version": "sha256:d", "feature_digest": "sha256:f"}
    (folder / "input/data/dataset/dataset.json").write_text(json.dumps(report))
    (folder / "input/config/hyperparameters.json").write_text(json.dumps({"num_boost_round": "300"}))
    subprocess.run(
        [sys.executable, "-m", "headway_runtime", "train"],
        env={**os.environ, "SAGEMAKER_BASE_DIR": str(folder)},
        check=True,
        capture_output=True,
    )
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        tar.add(folder / "model", arcname=".")
    return archive.getvalue()


def deploy(
    record: lifecycle.SandboxRecord, artifact: bytes, folder: str, endpoints: Mapping[str, bool]
) -> None:
    """Creates endpoints, each with whether its calls are captured, and waits until they serve."""
    sagemaker, s3 = (client(record.endpoint_url, service) for service in ("sagemaker", "s3"))
    s3.create_bucket(Bucket="benchmark")
    s3.put_object(Bucket="benchmark", Key="model.tar.gz", Body=artifact)
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://benchmark/capture",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {
            "CsvContentTypes": ["text/csv"],
            "JsonContentTypes": ["application/json"],
        },
    }
    for name, captured in endpoints.items():
        container = {
            "Image": "headway-runtime",
            "ModelDataUrl": "s3://benchmark/model.tar.gz",
            "Environment": {"BENCHMARK_RUN": folder, "BENCHMARK_ENDPOINT": name},
        }
        sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=ROLE)
        variant = {
            "VariantName": "main",
            "ModelName": name,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
        }
        more = {"DataCaptureConfig": capture} if captured else {}
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], **more)
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        waiter = sagemaker.get_waiter("endpoint_in_service")
        waiter.wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})

"""InvokeEndpoint: what the sandbox itself costs a call, over calling the same model server directly.

Run: `.venv/bin/python benchmarks/invoke_overhead.py`. Sixteen callers on connections of their own ask the
trained LightGBM baseline, each as soon as it has its answer: first its server directly, then through the
sandbox, then with all calls captured, in turns, in one run. The cost at a percentile is the difference of the
medians over the turns. Finding the server's port needs Linux.
"""

import asyncio
import io
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from headway_sandbox import lifecycle

CALLERS = 16
CALLS = 4000
TURNS = 5
LIMIT_P50_MS, LIMIT_P99_MS, LIMIT_CALLS_PER_S = 1.0, 5.0, 1500.0
ROLE = "arn:aws:iam::000000000000:role/benchmark"
FEATURES = 8
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
    """One caller: sends the same request again and again and measures each answer."""

    def __init__(self, request: bytes, wanted: Callable[[], bool]) -> None:
        self.latencies_ms: list[float] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._request = request
        self._wanted = wanted
        self._buffer = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Sends the first request."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """Takes in an answer, and sends the next request once it is whole."""
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found or len(body) < int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]):
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self.done.set_exception(RuntimeError(self._buffer.decode()))
            return
        self.latencies_ms.append((time.perf_counter() - self._sent) * 1000)
        self._buffer = b""
        if self._wanted():
            self._send()
        else:
            self._transport.close()
            self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        """Complains about a connection that ended early."""
        if not self.done.done():
            self.done.set_exception(error or RuntimeError("the server closed the connection"))

    def _send(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(self._request)


async def load(port: int, request: bytes, calls: int) -> Load:
    """Asks one port with all callers at once."""
    left = iter(range(calls))
    began = time.perf_counter()
    loop = asyncio.get_running_loop()
    pairs = [
        await loop.create_connection(
            lambda: Caller(request, lambda: next(left, None) is not None), "127.0.0.1", port
        )
        for _ in range(CALLERS)
    ]
    callers = [caller for _, caller in pairs]
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
    scope = "test/20260101/us-east-1/sagemaker/aws4_request"
    return {
        "X-Amz-Date": "20260101T000000Z",
        "User-Agent": "Boto3/1.43 md/Botocore#1.43 ua/2.1 os/linux md/arch#x86_64 lang/python#3.11",
        "Accept": "application/json",
        "amz-sdk-invocation-id": "4c0f2f0e-31e5-4f5e-9f0e-6a6a4f4ac0de",
        "amz-sdk-request": "attempt=1",
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature={'0' * 64}",
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


def deploy(record: lifecycle.SandboxRecord, artifact: bytes, folder: str) -> None:
    """Creates the endpoints ``plain`` and ``captured`` and waits until they serve."""
    sagemaker, s3 = (
        boto3.client(
            service,
            endpoint_url=record.endpoint_url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        for service in ("sagemaker", "s3")
    )
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
    for name, more in {"plain": {}, "captured": {"DataCaptureConfig": capture}}.items():
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
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], **more)
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        waiter = sagemaker.get_waiter("endpoint_in_service")
        waiter.wait(EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def server_port(folder: str, endpoint: str) -> int:
    """The port of an endpoint's model server, from the environment of its process."""
    marks = {b"BENCHMARK_RUN": folder.encode(), b"BENCHMARK_ENDPOINT": endpoint.encode()}
    for process in Path("/proc").iterdir():
        try:
            pairs = (process / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # no process, somebody else's, or gone
        variables = dict(pair.split(b"=", 1) for pair in pairs if b"=" in pair)
        if marks.items() <= variables.items():
            return int(variables[b"SAGEMAKER_BIND_TO_PORT"])
    raise RuntimeError(f"no model server of {endpoint} was found")


def main() -> int:
    """Prints all figures beside the limits; 1 where one is broken."""
    with tempfile.TemporaryDirectory(prefix="headway-benchmark-") as folder:
        state_dir = Path(folder) / "state"
        artifact = trained_model(Path(folder) / "job")
        record = lifecycle.start(state_dir, 0)
        try:
            deploy(record, artifact, folder)
            direct = server_port(folder, "plain")
            ways = {
                "the model server directly": (direct, request_bytes("/invocations", {})),
                "through the sandbox": (
                    record.port,
                    request_bytes("/endpoints/plain/invocations", signed_headers()),
                ),
                "through the sandbox, all captured": (
                    record.port,
                    request_bytes("/endpoints/captured/invocations", signed_headers()),
                ),
            }
            loads: dict[str, list[Load]] = {name: [] for name in ways}
            for turn in range(TURNS + 1):
                for name, (port, request) in ways.items():
                    measured = asyncio.run(load(port, request, CALLS))
                    if turn > 0:  # the first is to warm up
                        loads[name].append(measured)
        finally:
            lifecycle.stop(state_dir)
    return report(loads)


def report(loads: dict[str, list[Load]]) -> int:
    """Prints the table and says whether the limits hold."""
    print(
        f"{f'{CALLERS} callers, {CALLS} calls, {TURNS} turns':<36}"
        f"{'p50':>10}{'p99':>10}{'calls/s':>10}{'ratio':>8}"
    )
    rows = {
        name: tuple(
            statistics.median(values)
            for values in zip(
                *((item.percentile(50), item.percentile(99), item.calls_per_s) for item in found), strict=True
            )
        )
        for name, found in loads.items()
    }
    direct, through, _ = rows.values()
    for name, (p50, p99, calls) in rows.items():
        print(f"{name:<36}{p50:>7.2f} ms{p99:>7.2f} ms{calls:>10.0f}{calls / direct[2]:>8.2f}")
    cost = through[0] - direct[0], through[1] - direct[1]
    print(f"{'cost of the sandbox':<36}{cost[0]:>7.2f} ms{cost[1]:>7.2f} ms")
    print(f"{'limit':<36}{LIMIT_P50_MS:>7.2f} ms{LIMIT_P99_MS:>7.2f} ms{LIMIT_CALLS_PER_S:>10.0f}")
    return 0 if cost[0] <= LIMIT_P50_MS and cost[1] <= LIMIT_P99_MS and through[2] >= LIMIT_CALLS_PER_S else 1


if __name__ == "__main__":
    raise SystemExit(main())

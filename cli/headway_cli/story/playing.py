"""Plays a period at the live endpoint, delivers its labels afterwards, and lets the monitor look."""

import json
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from headway_cli.aws import Aws
from headway_cli.errors import HeadwayError
from headway_cli.invoking import serving_client, switches
from headway_cli.monitoring import Look, look, watched
from headway_cli.story.rows import Batch, batches
from headway_cli.systems import System

CALLERS = 4
CAPTURED_WITHIN_S = 120.0
_POLL_S = 0.5


@dataclass(frozen=True)
class Window:
    """What the monitor made of a period.

    Args:
        look: What came of the look.
        result: The window as the monitor remembers it.
    """

    look: Look
    result: dict[str, Any]


def play_period(aws: Aws, system: System, table: pa.Table) -> Window:
    """Asks about every row of a period, waits for the capture, delivers the labels, and looks.

    Args:
        aws: Clients of the sandbox.
        system: The system.
        table: The rows with their labels and times.

    Raises:
        HeadwayError: A request fails, nothing is captured in time, or the look fails.
    """
    asked = list(batches(table, [item["name"] for item in system.contract["inputs"]]))
    ids = [str(uuid.uuid4()) for _ in asked]
    before = captured_requests(aws, system)
    shared = switches(aws, system)

    def ask(pair: tuple[str, Batch]) -> None:
        name, batch = pair
        client = serving_client(aws, system, shared)
        client.ask(batch.body, "text/csv", "text/csv", inference_id=name)

    with ThreadPoolExecutor(CALLERS) as callers:
        list(callers.map(ask, zip(ids, asked, strict=True)))
    _await_capture(aws, system, before + len(asked))
    _deliver(aws, system, ids, asked)
    return look_now(aws, system)


def look_now(aws: Aws, system: System) -> Window:
    """Lets the monitor look at what came since the last window.

    Raises:
        HeadwayError: The look fails.
    """
    found = look(aws, system)
    if found.status != "Succeeded":
        raise HeadwayError(f"the monitor of {system.name} ended as {found.status}: {found.says}")
    windows = watched(aws, system).windows
    return Window(found, dict(windows[-1]) if "Record" in found.outputs else {})


def captured_requests(aws: Aws, system: System) -> int:
    """Number of requests in the capture of the endpoint."""
    sagemaker, s3 = aws.client("sagemaker"), aws.client("s3")
    endpoint = sagemaker.describe_endpoint(EndpointName=system.endpoint_name)
    place = urlsplit(endpoint["DataCaptureConfig"]["DestinationS3Uri"])
    prefix = f"{place.path.strip('/')}/{system.endpoint_name}/"
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=place.netloc, Prefix=prefix)
    keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
    bodies = (s3.get_object(Bucket=place.netloc, Key=key)["Body"].read() for key in keys)
    return sum(body.count(b"\n") for body in bodies)


def _await_capture(aws: Aws, system: System, expected: int) -> None:
    deadline = time.monotonic() + CAPTURED_WITHIN_S
    while (found := captured_requests(aws, system)) < expected:
        if time.monotonic() > deadline:
            raise HeadwayError(
                f"{expected - found} requests were not captured within {CAPTURED_WITHIN_S:g} s; "
                "see `headway sandbox logs`"
            )
        time.sleep(_POLL_S)


def _deliver(aws: Aws, system: System, ids: Sequence[str], asked: Sequence[Batch]) -> None:
    """The outcomes, when all of them have happened: one line a request, in SageMaker's form."""
    place = urlsplit(str(system.labels_uri))
    lines = [
        {
            "groundTruthData": {"data": "\n".join(map(str, batch.labels)), "encoding": "CSV"},
            "eventMetadata": {"eventId": name, "eventTime": batch.until.isoformat()},
            "eventVersion": "0",
        }
        for name, batch in zip(ids, asked, strict=True)
    ]
    now = datetime.now(UTC)
    aws.client("s3").put_object(
        Bucket=place.netloc,
        Key=f"{place.path.strip('/')}/{now:%Y/%m/%d/%H}/{uuid.uuid4()}.jsonl",
        Body="".join(f"{json.dumps(line)}\n" for line in lines).encode(),
    )

"""Metrics that a monitoring job's container leaves in files: read, and published to CloudWatch.

Place and form: "CloudWatch Metrics for Bring Your Own Containers" in the Amazon SageMaker AI Developer Guide.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from headway_sandbox.sagemaker.aws import LoopbackAws
from headway_sandbox.sagemaker.monitoring.definitions import KINDS
from headway_sandbox.sagemaker.monitoring.job_request import PUBLISH
from headway_sandbox.sagemaker.protocol import Document

FOLDER = "output/metrics/cloudwatch"
BATCH_NAMESPACE = "/aws/sagemaker/ModelMonitoring/data-metrics"
BATCH_SIZE = 500
LIMIT_BYTES = 10 * 1024 * 1024

_MEMBERS = ("MetricName", "Timestamp", "Dimensions", "Value", "StatisticValues", "Unit")

_log = logging.getLogger(__name__)


async def publish_metrics(aws: LoopbackAws, environment: Mapping[str, str], base: Path) -> None:
    """Publishes what the container of a processing job left, if a monitoring schedule started it.

    Args:
        aws: Clients of the sandbox.
        environment: The job's environment.
        base: The directory that stands for /opt/ml.
    """
    namespace = namespace_of(environment)
    if namespace is None:
        return
    data = await asyncio.to_thread(metric_data, base)
    for start in range(0, len(data), BATCH_SIZE):
        batch = data[start : start + BATCH_SIZE]
        await aws.call("cloudwatch", "put_metric_data", Namespace=namespace, MetricData=batch)


def namespace_of(environment: Mapping[str, str]) -> str | None:
    """Where the metrics of a job go; None if it publishes none.

    Args:
        environment: The processing job's environment, as a schedule sets it.
    """
    if environment.get(PUBLISH) != "Enabled" or "sagemaker_monitoring_schedule_name" not in environment:
        return None
    if "sagemaker_endpoint_name" not in environment:
        return BATCH_NAMESPACE
    analysis = environment.get("analysis_type")
    return next(kind.namespace for kind in KINDS if kind.analysis == analysis)


def metric_data(base: Path) -> list[Document]:
    """What the files below a container's ``/opt/ml`` say, as PutMetricData takes it. Blocks.

    A line that is no metric is left out and complained about in the log.

    Args:
        base: The directory that stands for /opt/ml.
    """
    files = sorted(path for path in (base / FOLDER).glob("*") if path.is_file() and not path.is_symlink())
    return [datum for path in files for datum in _read(path)]


def _read(path: Path) -> Iterator[Document]:
    if path.stat().st_size > LIMIT_BYTES:
        _log.warning("the metrics in %s are left out: it has more than %s bytes", path.name, LIMIT_BYTES)
        return
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        if line.strip():
            try:
                yield _datum(json.loads(line))
            except (ValueError, TypeError, KeyError) as error:
                _log.warning("line %s of %s is no metric: %r", number, path.name, error)


def _datum(document: Any) -> Document:  # noqa: ANN401 - any JSON value
    name, time = document["MetricName"], document["Timestamp"]
    if not isinstance(name, str) or not isinstance(document.get("Dimensions", []), list):
        raise TypeError(f"{name!r} is no metric")
    if ("Value" in document) == ("StatisticValues" in document):
        raise ValueError("exactly one of Value and StatisticValues must be given")
    datum = {member: document[member] for member in _MEMBERS if member in document}
    if "Value" in datum:
        datum["Value"] = float(datum["Value"])
    return {**datum, "Timestamp": datetime.fromisoformat(time)}

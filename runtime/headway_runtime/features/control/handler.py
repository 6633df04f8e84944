"""The function on AWS Lambda: one step of the pipeline that measures skew for each call."""

import functools
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

import boto3

from headway_runtime.features.control.settings import Settings
from headway_runtime.features.control.steps import SkewWatch
from headway_runtime.monitor.control.cloud import Cloud

_SERVICES = ("s3", "sagemaker", "cloudwatch")


def handle(event: Mapping[str, Any], context: object) -> dict[str, str]:  # noqa: ARG001 - Lambda's signature
    """Take one step.

    Args:
        event: `action`, plan or record, `run`, the id of the pipeline's execution, and for plan `endpoint`.
        context: Not needed.

    Returns:
        What the next step of the pipeline needs.

    Raises:
        ValueError: The action is unknown.
    """
    action = str(event.get("action"))
    if action not in _ACTIONS:
        raise ValueError(f"action is {action!r}; it must be one of {', '.join(_ACTIONS)}")
    return _ACTIONS[action](_watch(), event)


_ACTIONS: Mapping[str, Callable[[SkewWatch, Mapping[str, Any]], dict[str, str]]] = {
    "plan": lambda watch, event: watch.plan(str(event["run"]), str(event["endpoint"])),
    "record": lambda watch, event: watch.record(str(event["run"])),
}


@functools.cache
def _watch() -> SkewWatch:
    clients = {service: boto3.client(service) for service in _SERVICES}
    return SkewWatch(Settings.read(os.environ), Cloud(clients), time.time)

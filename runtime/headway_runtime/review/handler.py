"""The function on AWS Lambda: one turn of the review queue for each call."""

import functools
import os
import time
from collections.abc import Mapping
from typing import Any

import boto3

from headway_runtime.review.collecting import Collector, Settings

_SERVICES = ("s3", "dynamodb", "cloudwatch")


def handle(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Take one turn.

    Args:
        event: Not needed.
        context: Not needed.

    Returns:
        What happened, in numbers and as a sentence.
    """
    return _collector().turn()


@functools.cache
def _collector() -> Collector:
    clients = {service: boto3.client(service) for service in _SERVICES}
    return Collector(Settings.read(os.environ), clients, time.time)

"""The function on AWS Lambda: one look at the landing place for each call."""

import functools
import hashlib
import os
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import boto3

from headway_runtime.arrival.decide import START, WAIT, Limits, Next, decide
from headway_runtime.monitor.control.cloud import Cloud
from headway_runtime.monitor.control.retraining import DATA, TRIGGER_PARAMETER

_SERVICES = ("s3", "sagemaker", "cloudwatch")


def handle(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Look what follows when something has landed, and start the training where one does.

    Args:
        event: `key`, of the object that landed; empty or left out where a person asks.
        context: Not needed.

    Returns:
        `next`, `wait`, `done` or `give up`; `why`; `wait_s`; and `name` of the execution.
    """
    return look(_cloud(), os.environ, str(event.get("key", "")), time.time())


def look(cloud: Cloud, settings: Mapping[str, str], own_key: str, now: float) -> dict[str, Any]:
    """Look what follows.

    Args:
        cloud: AWS.
        settings: What the stack said, `HEADWAY_` and a name in capitals.
        own_key: Key of the object that landed; empty where a person asks.
        now: Seconds since the epoch.
    """
    bucket, landing = settings["HEADWAY_DATA_BUCKET"], settings["HEADWAY_LANDING_PREFIX"]
    pipeline = settings["HEADWAY_TRAINING_PIPELINE"]
    tables = settings["HEADWAY_TABLES"].split(",")
    files = [
        file
        for table in tables
        for file in cloud.listed(bucket, f"{landing}/{table}/")
        if not file.key.rpartition("/")[2].startswith(".") and not file.key.endswith("/")
    ]
    limits = Limits(
        settle_s=float(settings["HEADWAY_SETTLE_S"]),
        poll_s=float(settings["HEADWAY_POLL_S"]),
        cool_down_s=float(settings["HEADWAY_COOL_DOWN_S"]),
        maximum=int(settings["HEADWAY_MAXIMUM_RETRAININGS"]),
    )
    found = decide(own_key, files, cloud.trainings(pipeline, now), now=now, limits=limits)
    if found.action == START:
        # Whoever asks at the same moment gives the same token, and starts nothing.
        token = hashlib.sha256(found.name.encode()).hexdigest()
        cloud.start(pipeline, found.name, found.why, {TRIGGER_PARAMETER: DATA}, token)
        found = Next(action=WAIT, why=found.why, wait_s=int(limits.poll_s) + 1, name=found.name)
    plain = asdict(found)
    return {"next": plain.pop("action"), **plain}


@functools.cache
def _cloud() -> Cloud:
    return Cloud({service: boto3.client(service) for service in _SERVICES})

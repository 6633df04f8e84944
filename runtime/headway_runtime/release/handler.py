"""The function on AWS Lambda: one entry, one step for each call."""

import functools
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import boto3

from headway_runtime.release.catalogue import Catalogue
from headway_runtime.release.collector import Collector
from headway_runtime.release.machine import DONE, Progress, ReleaseMachine
from headway_runtime.release.records import Base, Records
from headway_runtime.release.settings import Settings


@dataclass(frozen=True)
class Parts:
    """What the steps work with."""

    machine: ReleaseMachine
    collector: Collector
    start: Callable[[str, str], None]
    """Starts the state machine with an input."""


def handle(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Take one step.

    Args:
        event: `action` and what it needs. The state machine sends begin, observe and abandon; the stack sends
            declare, with the lifecycle of the resource that sends it under `tf`.
        context: Not needed.

    Returns:
        Where the release stands, or what was done for the stack.

    Raises:
        ValueError: The action is unknown.
    """
    action = str(event.get("action"))
    if action not in _ACTIONS:
        raise ValueError(f"action is {action!r}; it must be one of {', '.join(_ACTIONS)}")
    return _ACTIONS[action](_parts(), event)


def _begin(parts: Parts, event: Mapping[str, Any]) -> dict[str, Any]:
    return _over(parts, parts.machine.begin(**_times(event)))


def _observe(parts: Parts, event: Mapping[str, Any]) -> dict[str, Any]:
    return _over(parts, parts.machine.observe(**_times(event)))


def _abandon(parts: Parts, event: Mapping[str, Any]) -> dict[str, Any]:
    return _over(parts, parts.machine.abandon(**_times(event), cause=_cause(event.get("error"))))


def _declare(parts: Parts, event: Mapping[str, Any]) -> dict[str, Any]:
    if event.get("tf", {}).get("action") == "delete":
        return {"deleted": parts.collector.when_stack_goes()}
    base = Base(config=event["base_endpoint_config_name"], contract_digest=event["contract_digest"])
    package = parts.machine.declare(base)
    if package is not None:
        parts.start(event["state_machine_arn"], json.dumps({"detail": {"ModelPackageArn": package}}))
    return {"declared": base.config, "released": package}


_ACTIONS: Mapping[str, Callable[[Parts, Mapping[str, Any]], dict[str, Any]]] = {
    "begin": _begin,
    "observe": _observe,
    "abandon": _abandon,
    "declare": _declare,
}


def _over(parts: Parts, progress: Progress) -> dict[str, Any]:
    if progress.next == DONE:
        parts.collector.after_release()
    return asdict(progress)


def _times(event: Mapping[str, Any]) -> dict[str, str]:
    return {key: event[key] for key in ("model_package_arn", "started_at", "now")}


def _cause(error: object) -> str:
    """The sentence in what Step Functions says about a failed task."""
    cause = error.get("Cause", error.get("Error", "")) if isinstance(error, Mapping) else error
    try:
        return str(json.loads(str(cause))["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return str(cause)


@functools.cache
def _parts() -> Parts:
    settings = Settings.read(os.environ)
    catalogue = Catalogue(boto3.client("sagemaker"))
    records = Records(boto3.client("dynamodb"), settings.table, settings.system)
    states = boto3.client("stepfunctions")
    return Parts(
        machine=ReleaseMachine(settings, catalogue, records),
        collector=Collector(settings, catalogue, records),
        start=lambda arn, text: states.start_execution(stateMachineArn=arn, input=text),
    )

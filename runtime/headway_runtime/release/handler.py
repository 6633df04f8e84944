"""The function on AWS Lambda: one entry, one step for each call."""

import functools
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import boto3

from headway_runtime.release.captured import Form
from headway_runtime.release.catalogue import Catalogue
from headway_runtime.release.collector import Collector
from headway_runtime.release.herald import Herald
from headway_runtime.release.machine import DONE, Progress, ReleaseMachine
from headway_runtime.release.measure import Meter
from headway_runtime.release.observer import Observer
from headway_runtime.release.plan import read_plan
from headway_runtime.release.reading import Reader
from headway_runtime.release.records import Base, Records
from headway_runtime.release.settings import Settings
from headway_runtime.release.watch import ABANDONED, abandoned


@dataclass(frozen=True)
class Parts:
    """What the steps work with."""

    machine: ReleaseMachine
    collector: Collector
    start: Callable[[str, str], None]
    """Starts the state machine with an input."""
    watch: Callable[[], list[dict[str, str]]]
    """Finds the releases that nothing moves any more."""


def handle(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001 - Lambda's signature
    """Take one step.

    Args:
        event: `action` and what it needs. The state machine sends advance and abandon; the stack sends
            declare, with the lifecycle of the resource that sends it under `tf`; EventBridge sends watch.
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


def _advance(parts: Parts, event: Mapping[str, Any]) -> dict[str, Any]:
    detail = event["detail"]
    if ABANDONED in detail:
        return _over(parts, parts.machine.abandon(**_times(event), cause=str(detail[ABANDONED])))
    return _over(parts, parts.machine.advance(**_times(event), override=str(detail.get("Override", ""))))


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


def _watch(parts: Parts, event: Mapping[str, Any]) -> dict[str, Any]:
    machine_arn = event["state_machine_arn"]
    taken_over = parts.watch()
    for detail in taken_over:
        parts.start(machine_arn, json.dumps({"detail": detail}))
    return {"taken_over": taken_over}


_ACTIONS: Mapping[str, Callable[[Parts, Mapping[str, Any]], dict[str, Any]]] = {
    "advance": _advance,
    "abandon": _abandon,
    "declare": _declare,
    "watch": _watch,
}


def _over(parts: Parts, progress: Progress) -> dict[str, Any]:
    if progress.next == DONE:
        parts.collector.after_release()
    # What the state machine decides on; the record has the rest, and its input has a limit.
    release = asdict(progress.release)
    said = {name: release[name] for name in ("release_id", "status", "why", "desired", "serving")}
    return {"release": said, "next": progress.next}


def _times(event: Mapping[str, Any]) -> dict[str, str]:
    return {
        "model_package_arn": event["detail"]["ModelPackageArn"],
        # Whoever takes over a release whose execution ended names the time at which that began.
        "started_at": str(event["detail"].get("StartedAt", event["started_at"])),
        # Not when the state was entered: a step that is taken again comes later, and what it finds to have
        # arrived did not arrive before.
        "now": datetime.now(UTC).isoformat(timespec="milliseconds"),
        # An execution that an older definition started does not say which one it is.
        "execution": str(event.get("execution", "")),
    }


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
    s3, ssm, states = boto3.client("s3"), boto3.client("ssm"), boto3.client("stepfunctions")
    herald = Herald(settings, boto3.client("events"), boto3.client("sns"), s3)

    # A configuration never changes.
    @functools.cache
    def captures(config_name: str) -> str | None:
        config = catalogue.config(config_name)
        captured = {} if config is None else config.get("DataCaptureConfig", {})
        if not captured.get("EnableCapture", False):
            return None
        return f"{captured['DestinationS3Uri'].rstrip('/')}/{settings.endpoint}"

    observer = Observer(
        meter=Meter(boto3.client("cloudwatch"), settings.endpoint),
        captures=captures,
        reader=Reader(s3, Form(**json.loads(settings.form))),
        labels=f"s3://{settings.data_bucket}/{settings.prefix}",
        period_s=int(settings.metrics_period_s),
        keep=herald.keep,
    )
    machine = ReleaseMachine(
        settings,
        plan=lambda: read_plan(ssm, settings.release_plan_parameter),
        catalogue=catalogue,
        records=records,
        observer=observer,
        tell=herald.tell,
        has_ended=lambda release: bool(abandoned([release], states)),
    )
    return Parts(
        machine=machine,
        collector=Collector(settings, catalogue, records, boto3.client("appconfig")),
        start=lambda arn, text: states.start_execution(stateMachineArn=arn, input=text),
        watch=lambda: abandoned(records.all(), states),
    )

"""Follows the release machine until what is approved is what serves, or the machine says why not."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from headway_cli.aws import Aws
from headway_cli.narration import Narrator
from headway_cli.systems import System

POLL_S = 0.5
PROMOTED = "promoted"
_OVER = (PROMOTED, "rolled_back", "failed", "refused")
EVENT_S = 10.0
"""An approval's event has started the machine by then."""

TIMEOUT_S = 3600.0
"""A release on AWS starts instances; on the sandbox it takes seconds."""


@dataclass(frozen=True)
class Release:
    """What the release machine last recorded.

    Args:
        release_id: The release.
        status: running, waiting, promoted, rolled_back, failed or refused.
        model_package_arn: What is released; empty for the model that the stack itself declares.
        desired: The endpoint configuration that should serve.
        serving: The one that does.
        why: The reason, for a person.
        at: When it was recorded.
    """

    release_id: str
    status: str
    model_package_arn: str
    desired: str
    serving: str
    why: str
    at: str

    @property
    def is_over(self) -> bool:
        """Whether the machine is done with it."""
        return self.status in _OVER


def read_release(aws: Aws, system: System) -> Release | None:
    """The system's current release; None where there was none."""
    item = (
        aws.client("dynamodb")
        .get_item(
            TableName=system.release_table_name,
            Key={"system": {"S": system.name}, "release_id": {"S": "current"}},
            ConsistentRead=True,
        )
        .get("Item")
    )
    return None if item is None else parse_release(item)


def parse_release(item: Mapping[str, Any]) -> Release:
    """A release from the attributes of its record."""
    plain = {name: TypeDeserializer().deserialize(value) for name, value in item.items()}
    plain["release_id"] = plain.get("id", plain.get("release_id"))
    texts = {
        name: str(plain[name]) if plain.get(name) is not None else "" for name in Release.__dataclass_fields__
    }
    return Release(**texts)


def wait_for_release(
    aws: Aws,
    system: System,
    model_package_arn: str,
    narrator: Narrator,
    *,
    timeout_s: float = TIMEOUT_S,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Release | None:
    """Waits until the release of an approved model package is over; sees to it that it begins.

    Args:
        aws: Clients of the stack's account.
        system: The system.
        model_package_arn: The package that was approved.
        narrator: Told how far it is.
        timeout_s: How long to wait, in seconds.
        clock: Seconds from any start.
        sleep: Waits between two looks.

    Returns:
        What was recorded last; None where nothing was recorded in time.
    """
    found = read_release(aws, system)
    if is_settled(found, model_package_arn):
        return found
    began = clock()
    started = False
    with narrator.step(f"Releasing {system.name}") as line:
        while not is_settled(found, model_package_arn) and clock() < began + timeout_s:
            if not started and clock() >= began + EVENT_S and not _is_running(aws, system):
                # The event that starts the machine is sent once; whoever was killed just then has lost it.
                _start(aws, system, model_package_arn)
                started = True
            line.update(
                "waiting for the release machine" if found is None else f"{found.status}: {found.why}"
            )
            sleep(POLL_S)
            found = read_release(aws, system)
    return found


def is_settled(found: Release | None, model_package_arn: str) -> bool:
    """Whether the newest release is the one of a model package, and over."""
    return found is not None and found.model_package_arn == model_package_arn and found.is_over


def _is_running(aws: Aws, system: System) -> bool:
    listed = aws.client("stepfunctions").list_executions(
        stateMachineArn=system.release_state_machine_arn, statusFilter="RUNNING", maxResults=1
    )
    return bool(listed["executions"])


def _start(aws: Aws, system: System, model_package_arn: str) -> None:
    aws.client("stepfunctions").start_execution(
        stateMachineArn=system.release_state_machine_arn,
        input=json.dumps({"detail": {"ModelPackageArn": model_package_arn}}),
    )

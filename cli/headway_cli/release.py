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
from headway_runtime.release.course import REJECTING

POLL_S = 0.5
PROMOTED = "promoted"
_OVER = (PROMOTED, "rolled_back", "failed", "refused")
_WITHOUT_MODEL = ("rolled_back", "failed")
_AGAINST_MODEL = frozenset(cause.value for cause in REJECTING)
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
        cause: What turned it back; empty where nothing did.
        at: When it was recorded.
    """

    release_id: str
    status: str
    model_package_arn: str
    desired: str
    serving: str
    why: str
    cause: str
    at: str

    @property
    def is_over(self) -> bool:
        """Whether the machine is done with it."""
        return self.status in _OVER

    @property
    def is_open(self) -> bool:
        """Whether it ended without a word against the model, which may as well be tried again."""
        return self.status in _WITHOUT_MODEL and self.cause not in _AGAINST_MODEL


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

    One that ended without a word against the model (its machine was stopped, say) is begun again, once.

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
    # What is over and not settled is begun again; an event has begun any other release, or is about to.
    before = found.release_id if found is not None and _is_over(found, model_package_arn) else ""
    began, started = clock(), before != ""
    with narrator.step(f"Releasing {system.name}") as line:
        if started:
            _start(aws, system, model_package_arn)
        while not _is_over(found, model_package_arn, after=before) and clock() < began + timeout_s:
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
    """Whether the newest release is the one of a model package, over, and nothing to be tried again."""
    return found is not None and _is_over(found, model_package_arn) and not found.is_open


def _is_over(found: Release | None, model_package_arn: str, after: str = "") -> bool:
    """Whether the newest release is a later one of a model package than another, and over."""
    if found is None or found.release_id == after:
        return False
    return found.model_package_arn == model_package_arn and found.is_over


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

"""State machines over ends of the sandbox: they go on where they were, and what has ended stays so."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from headway_sandbox import lifecycle
from support.control import ROLE, Cloud, unique, until

WAIT_S = 3
FUNCTION = unique("journal")
RETRY = [{"ErrorEquals": ["Lambda.ServiceException"], "IntervalSeconds": 1, "MaxAttempts": 1}]
CODE = """
import time
def handle(event, context):
    with open(event["journal"], "a") as journal:
        print(event["name"], file=journal)
    while event["long"] and len(open(event["journal"]).read().splitlines()) < 4:
        time.sleep(0.05)
    return event["name"]
"""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Cloud]:
    """A sandbox of its own, since it is killed."""
    yield Cloud(tmp_path / "state")
    lifecycle.stop(tmp_path / "state")


def function(cloud: Cloud) -> str:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("handler.py", CODE)
    made = cloud.client("lambda").create_function(
        FunctionName=FUNCTION,
        Runtime="python3.11",
        Role=ROLE,
        Handler="handler.handle",
        Timeout=30,
        Code={"ZipFile": code.getvalue()},
    )
    return str(made["FunctionArn"])


def machine(cloud: Cloud, name: str, states: dict[str, Any]) -> str:
    definition = json.dumps({"StartAt": next(iter(states)), "States": states})
    made = cloud.client("stepfunctions").create_state_machine(name=name, definition=definition, roleArn=ROLE)
    return str(made["stateMachineArn"])


def start(cloud: Cloud, name: str, states: dict[str, Any]) -> str:
    given = {"stateMachineArn": machine(cloud, name, states), "input": json.dumps({"name": name})}
    return str(cloud.client("stepfunctions").start_execution(**given)["executionArn"])


def ended(cloud: Cloud, execution: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = cloud.client("stepfunctions").describe_execution(executionArn=execution)
        return None if found["status"] == "RUNNING" else found

    result: dict[str, Any] = until(look, "the end of the execution")
    return result


def test_machines_go_on_after_a_kill_and_a_stop_as_if_their_calls_had_failed(
    own: Cloud, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    journal.touch()
    payload = {"name.$": "$.name", "journal": str(journal), "long": True}
    call = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": function(own), "Payload": payload},
        "OutputPath": "$.Payload",
        "End": True,
    }
    branch = {"StartAt": "Call", "States": {"Call": call}}
    short = machine(own, "short", {"Set": {"Type": "Pass", "Result": "set", "End": True}})
    over = own.client("stepfunctions").start_execution(stateMachineArn=short)["executionArn"]
    before = ended(own, over)
    retried = start(own, "retried", {"Call": {**call, "Retry": RETRY}})
    failing = start(own, "failing", {"Call": call})
    branches = start(own, "branches", {"Both": {"Type": "Parallel", "Branches": [branch], "End": True}})
    waiting = start(
        own,
        "waiting",
        {
            "Set": {"Type": "Pass", "Result": {"kept": 1}, "Next": "Wait"},
            "Wait": {"Type": "Wait", "Seconds": WAIT_S, "Next": "Done"},
            "Done": {"Type": "Succeed"},
        },
    )
    until(lambda: len(journal.read_text().splitlines()) == 3, "three calls under way")
    fresh = own.client("stepfunctions").start_execution(stateMachineArn=short)["executionArn"]

    for end in (lifecycle.kill, lifecycle.stop):
        end(own.state_dir)
        own.record = lifecycle.start(own.state_dir, own.record.port)
    restarted = datetime.now(UTC)

    assert ended(own, over) | {"ResponseMetadata": None} == before | {"ResponseMetadata": None}
    assert ended(own, fresh)["output"] == '"set"'
    assert json.loads(ended(own, waiting)["output"]) == {"kept": 1}
    over_s = [(ended(own, waiting)[name] - restarted).total_seconds() for name in ("startDate", "stopDate")]
    assert over_s[1] < max(0, WAIT_S + over_s[0]) + WAIT_S / 2  # the rest of the wait, not all of it again
    assert json.loads(ended(own, retried)["output"]) == "retried"
    assert ended(own, failing)["error"] == "Lambda.ServiceException"
    assert ended(own, branches)["status"] == "FAILED"
    assert journal.read_text().split().count("retried") == 2
    assert journal.read_text().split().count("failing") == 1
    assert list(Path(tempfile.gettempdir()).glob(f"*{FUNCTION}*")) == []


def test_a_reset_ends_what_runs_for_good(own: Cloud) -> None:
    start(own, "waiting", {"Wait": {"Type": "Wait", "Seconds": 1, "End": True}})
    lifecycle.reset(own.state_dir)
    lifecycle.kill(own.state_dir)
    own.record = lifecycle.start(own.state_dir, own.record.port)

    assert own.client("stepfunctions").list_state_machines()["stateMachines"] == []

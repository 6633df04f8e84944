"""Releases whose execution ended before they were over are found, and no others."""

import json
from typing import Any

import boto3

from headway_runtime.release.records import Release
from headway_runtime.release.watch import ABANDONED, abandoned

WAITING = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}


def _release(name: str, execution: str, status: str = "running") -> Release:
    return Release(
        system="s",
        release_id=name,
        status=status,
        model_package_arn=name,
        execution=execution,
        started_at=f"begin of {name}",
    )


def test_a_release_is_abandoned_once_its_execution_has_ended(endpoint_url: str) -> None:
    states: Any = boto3.client(
        "stepfunctions",
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    arn = states.create_state_machine(
        name="watched", definition=json.dumps(WAITING), roleArn="arn:aws:iam::000000000000:role/machine"
    )["stateMachineArn"]
    running, stopped = (states.start_execution(stateMachineArn=arn)["executionArn"] for _ in range(2))
    states.stop_execution(executionArn=stopped, cause="somebody wanted it")

    found = abandoned(
        [
            _release("goes-on", running),
            _release("stopped", stopped),
            _release("waits", stopped, "waiting"),
            _release("gone", f"{running}x"),
            _release("over", stopped, "promoted"),
            _release("of-an-older-machine", ""),
        ],
        states,
    )
    states.stop_execution(executionArn=running)

    assert {item["ModelPackageArn"]: item[ABANDONED] for item in found} == {
        "stopped": "its execution ended: ABORTED, somebody wanted it",
        "waits": "its execution ended: ABORTED, somebody wanted it",
        "gone": "its execution is gone",
    }
    assert {item["StartedAt"] for item in found} == {"begin of stopped", "begin of waits", "begin of gone"}

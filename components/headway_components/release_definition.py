"""The state machine of a release in Amazon States Language. Nothing here knows Pulumi.

Source: Amazon States Language specification, https://states-language.net.
"""

from typing import Any

from headway_components._machines import LAMBDA_HICCUPS

GRACE_S = 600
"""The machine itself gives up after the plan's time; the state machine only ends what hangs."""


def release_definition(*, function_arn: str, poll_s: int, maximum_duration_s: int) -> dict[str, Any]:
    """Takes step after step of a release until it is over, and ends as it ended.

    Args:
        function_arn: The function that takes the steps.
        poll_s: Time between two looks, in seconds.
        maximum_duration_s: Time after which an unfinished release counts as failed, in seconds.

    Returns:
        The definition. The input is an event with `detail.ModelPackageArn`, empty for the declared base.
    """
    return {
        "Comment": "Brings a model to users stage by stage, or back, and records what really serves",
        "StartAt": "Advance",
        "TimeoutSeconds": maximum_duration_s + GRACE_S,
        "States": {
            "Advance": _step(function_arn, "advance", following="What is next?"),
            "What is next?": {
                "Type": "Choice",
                "Choices": [_when("$.progress.next", "wait", "Wait")],
                "Default": "How did it end?",
            },
            "Wait": {"Type": "Wait", "Seconds": poll_s, "Next": "Advance"},
            "Abandon": _step(function_arn, "abandon", following="Is it back?", error="$.error"),
            "Is it back?": {
                "Type": "Choice",
                "Choices": [_when("$.progress.next", "wait", "Wait for the way back")],
                "Default": "How did it end?",
            },
            "Wait for the way back": {"Type": "Wait", "Seconds": poll_s, "Next": "Abandon"},
            "How did it end?": {
                "Type": "Choice",
                "Choices": [_when("$.progress.release.status", "promoted", "Serving")],
                "Default": "Not serving",
            },
            "Serving": {"Type": "Succeed"},
            "Not serving": {
                "Type": "Fail",
                "ErrorPath": "$.progress.release.status",
                "CausePath": "$.progress.release.why",
            },
        },
    }


def _when(variable: str, value: str, state: str) -> dict[str, Any]:
    return {"Variable": variable, "StringEquals": value, "Next": state}


def _step(function_arn: str, action: str, *, following: str, error: str | None = None) -> dict[str, Any]:
    payload = {
        "action": action,
        "detail.$": "$.detail",
        "started_at.$": "$$.Execution.StartTime",
        "execution.$": "$$.Execution.Id",
    }
    task: dict[str, Any] = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": function_arn, "Payload": payload},
        "ResultSelector": {"release.$": "$.Payload.release", "next.$": "$.Payload.next"},
        "ResultPath": "$.progress",
        "Retry": [
            {"ErrorEquals": list(LAMBDA_HICCUPS), "IntervalSeconds": 2, "MaxAttempts": 5, "BackoffRate": 2},
            {"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 5, "MaxAttempts": 3, "BackoffRate": 2},
        ],
        "Next": following,
    }
    if error is not None:
        return task | {"Parameters": {"FunctionName": function_arn, "Payload": payload | {"error.$": error}}}
    return task | {"Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Abandon"}]}

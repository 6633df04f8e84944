"""The state machine of a release in Amazon States Language. Nothing here knows Pulumi.

Source: Amazon States Language specification, https://states-language.net.
"""

from typing import Any

GRACE_S = 600
"""The machine itself gives up after the plan's time; the state machine only ends what hangs."""

_LAMBDA_HICCUPS = (
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
)


def release_definition(*, function_arn: str, poll_s: int, maximum_duration_s: int) -> dict[str, Any]:
    """Begins a release, looks at it until it is over, and ends as it ended.

    Args:
        function_arn: The function that takes the steps.
        poll_s: Time between two looks, in seconds.
        maximum_duration_s: Time after which an unfinished release counts as failed, in seconds.

    Returns:
        The definition. The input is an event with `detail.ModelPackageArn`, empty for the declared base.
    """
    return {
        "Comment": "Moves an endpoint to an approved model and records what really serves",
        "StartAt": "Begin",
        "TimeoutSeconds": maximum_duration_s + GRACE_S,
        "States": {
            "Begin": _step(function_arn, "begin", following="What is next?"),
            "What is next?": {
                "Type": "Choice",
                "Choices": [
                    _when("$.progress.next", "begin", "Wait for the endpoint"),
                    _when("$.progress.next", "observe", "Wait for the move"),
                ],
                "Default": "How did it end?",
            },
            "Wait for the endpoint": {"Type": "Wait", "Seconds": poll_s, "Next": "Begin"},
            "Wait for the move": {"Type": "Wait", "Seconds": poll_s, "Next": "Observe"},
            "Observe": _step(function_arn, "observe", following="What is next?"),
            "Abandon": _step(function_arn, "abandon", following="How did it end?", error="$.error"),
            "How did it end?": {
                "Type": "Choice",
                "Choices": [_when("$.progress.release.status", "succeeded", "Serving")],
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
        "model_package_arn.$": "$.detail.ModelPackageArn",
        "started_at.$": "$$.Execution.StartTime",
        "now.$": "$$.State.EnteredTime",
    }
    task: dict[str, Any] = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": function_arn, "Payload": payload},
        "ResultSelector": {"release.$": "$.Payload.release", "next.$": "$.Payload.next"},
        "ResultPath": "$.progress",
        "Retry": [
            {"ErrorEquals": list(_LAMBDA_HICCUPS), "IntervalSeconds": 2, "MaxAttempts": 5, "BackoffRate": 2},
            {"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 5, "MaxAttempts": 3, "BackoffRate": 2},
        ],
        "Next": following,
    }
    if error is not None:
        return task | {"Parameters": {"FunctionName": function_arn, "Payload": payload | {"error.$": error}}}
    return task | {"Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Abandon"}]}

"""The state machine behind each file that lands, in Amazon States Language. Nothing here knows Pulumi.

Source: Amazon States Language specification, https://states-language.net.
"""

from collections.abc import Sequence
from typing import Any

from headway_components._machines import LAMBDA_HICCUPS

MAXIMUM_DURATION_S = 40 * 86_400
"""Longer than the thirty days over which trainings are counted, so that nobody waits in vain."""


def landed_pattern(bucket: object, landing: str, tables: Sequence[str]) -> dict[str, Any]:
    """Fits the event of a file that lands, and no other.

    Source: Amazon S3 user guide, EventBridge event message structure.

    Args:
        bucket: Name of the bucket, known or not yet.
        landing: Beginning of the keys of what lands, without a slash at its end.
        tables: Tables whose batches land.
    """
    return {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {
            "bucket": {"name": [bucket]},
            "object": {"key": [{"prefix": f"{landing}/{table}/"} for table in tables]},
        },
    }


def arrival_definition(*, function_arn: str, settle_s: int) -> dict[str, Any]:
    """Waits until no more files come, then looks until what landed has been taken in.

    Args:
        function_arn: The function that looks.
        settle_s: Time before the first look, in seconds.

    Returns:
        The definition. The input is S3's event of an object that was created.
    """
    return {
        "Comment": "Starts one training for all files that landed together",
        "StartAt": "Settle",
        "TimeoutSeconds": MAXIMUM_DURATION_S,
        "States": {
            "Settle": {"Type": "Wait", "Seconds": settle_s, "Next": "Look"},
            "Look": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": function_arn, "Payload": {"key.$": "$.detail.object.key"}},
                "ResultSelector": {
                    name: f"$.Payload.{name.removesuffix('.$')}"
                    for name in ("next.$", "why.$", "wait_s.$", "name.$")
                },
                "ResultPath": "$.look",
                "Retry": [
                    {
                        "ErrorEquals": list(LAMBDA_HICCUPS),
                        "IntervalSeconds": 2,
                        "MaxAttempts": 5,
                        "BackoffRate": 2,
                    },
                    {
                        "ErrorEquals": ["States.TaskFailed"],
                        "IntervalSeconds": 5,
                        "MaxAttempts": 6,
                        "BackoffRate": 2,
                    },
                ],
                "Next": "What is next?",
            },
            "What is next?": {
                "Type": "Choice",
                "Choices": [
                    {"Variable": "$.look.next", "StringEquals": "wait", "Next": "Wait"},
                    {"Variable": "$.look.next", "StringEquals": "done", "Next": "Settled"},
                ],
                "Default": "Broke off",
            },
            "Wait": {"Type": "Wait", "SecondsPath": "$.look.wait_s", "Next": "Look"},
            "Settled": {"Type": "Succeed"},
            "Broke off": {"Type": "Fail", "ErrorPath": "$.look.next", "CausePath": "$.look.why"},
        },
    }

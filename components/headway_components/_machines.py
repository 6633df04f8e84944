"""What every state machine of a system needs."""

from headway_components._grants import Statement

LAMBDA_HICCUPS = (
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
)
"""What Lambda answers when it is not the function that failed."""
DELIVER_LOGS = Statement(
    sid="DeliverLogs",
    # Vended log delivery is set up for the whole account, so these actions have no resource.
    actions=(
        *("logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery"),
        *("logs:DeleteLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy"),
        *("logs:DescribeResourcePolicies", "logs:DescribeLogGroups"),
    ),
    resources=["*"],
)
"""Writing the log of a state machine."""

"""Answers of SageMaker Runtime that are not the model's."""

from __future__ import annotations

import json

from headway_sandbox.dataplane.log_stream import group_name
from headway_sandbox.dataplane.model_call import ModelFailureError
from headway_sandbox.sagemaker.protocol import SageMaker

Answer = tuple[int, dict[str, str], bytes]
"""HTTP status, headers and body."""


class RefusalError(Exception):
    """A request that is not answered by a model.

    Args:
        status: HTTP status.
        code: Name of the error on the wire; empty where AWS sends none.
        reason: ``ErrorCode`` in the body.
        message: What is wrong.
    """

    def __init__(self, status: int, code: str, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.reason = reason
        self.message = message

    @property
    def answer(self) -> Answer:
        """The error as the caller gets it."""
        document = {"ErrorCode": self.reason, "Message": self.message}
        return self.status, _headers(self.code), json.dumps(document).encode()


def invalid(reason: str, message: str) -> RefusalError:
    """The ``ValidationError`` of SageMaker Runtime."""
    return RefusalError(400, "ValidationError", reason, message)


def unavailable(reason: str, message: str) -> RefusalError:
    """The ``ServiceUnavailable`` of SageMaker Runtime."""
    return RefusalError(503, "ServiceUnavailable", reason, message)


def throttled(message: str) -> RefusalError:
    """What a serverless variant answers beyond its MaxConcurrency."""
    return RefusalError(400, "ThrottlingException", "MAX_CONCURRENCY", message)


def failure_text(service: SageMaker, endpoint: str, failure: ModelFailureError) -> str:
    """What SageMaker says about an error of a model."""
    return (
        f"Received {_side(failure)} error ({failure.status}) from {failure.container} with message "
        f'"{failure.message}". See the log group {group_name(endpoint)} in account {service.account} for '
        "more information."
    )


def model_error(service: SageMaker, endpoint: str, failure: ModelFailureError) -> Answer:
    """The ``ModelError`` of InvokeEndpoint."""
    document = {
        "ErrorCode": f"{_side(failure).upper()}_ERROR_FROM_MODEL",
        "Message": failure_text(service, endpoint, failure),
        "OriginalStatusCode": failure.status,
        "OriginalMessage": failure.message,
        "LogStreamArn": f"arn:aws:logs:{service.region}:{service.account}:log-group:{group_name(endpoint)}",
    }
    return 424, _headers("ModelError"), json.dumps(document).encode()


def _side(failure: ModelFailureError) -> str:
    return "client" if 400 <= failure.status < 500 else "server"


def _headers(code: str) -> dict[str, str]:
    headers = {"Content-Type": "application/json"}
    return {**headers, "x-amzn-ErrorType": code} if code else headers

"""Asks an endpoint."""

import json
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from headway_cli.aws import Aws, error_code
from headway_cli.errors import HeadwayError
from headway_cli.rows import Payload
from headway_cli.systems import System


@dataclass(frozen=True)
class Answer:
    """What an endpoint answered.

    Args:
        predictions: One for each row.
        variant: The variant that answered.
    """

    predictions: list[Any]
    variant: str


def invoke(aws: Aws, system: System, payload: Payload) -> Answer:
    """Sends rows to a system's endpoint.

    Raises:
        HeadwayError: The endpoint refuses them or cannot answer; the message is the endpoint's own.
    """
    try:
        answer = aws.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=system.endpoint_name,
            ContentType=payload.content_type,
            Accept="application/json",
            Body=payload.body,
        )
    except ClientError as error:
        raise HeadwayError(_refusal(system, error)) from error
    document = json.loads(answer["Body"].read())
    found = document["predictions"] if isinstance(document, dict) and "predictions" in document else document
    return Answer(found if isinstance(found, list) else [found], answer.get("InvokedProductionVariant", ""))


def _refusal(system: System, error: ClientError) -> str:
    if error_code(error) != "ModelError":
        return f"{system.endpoint_name} cannot be asked: {error.response['Error']['Message']}"
    said = error.response.get("OriginalMessage", error.response["Error"]["Message"])
    try:
        document = json.loads(said)
    except ValueError:
        return f"{system.endpoint_name} refused the rows: {said}"
    if not isinstance(document, dict) or "error" not in document:
        return f"{system.endpoint_name} refused the rows: {said}"
    return "\n".join(
        [
            f"{system.endpoint_name} refused the rows: {document['error']}",
            *map(str, document.get("problems", [])),
        ]
    )

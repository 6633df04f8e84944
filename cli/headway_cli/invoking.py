"""Asks an endpoint."""

import json
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from headway_cli.aws import Aws, error_code
from headway_cli.errors import HeadwayError
from headway_cli.rows import Payload
from headway_cli.systems import System
from headway_runtime.contract import Contract
from headway_runtime.serve.refusal import Refusal
from headway_runtime.serving_client import ServingClient, Switches, SwitchPlace


@dataclass(frozen=True)
class Answer:
    """What an endpoint answered.

    Args:
        predictions: One for each row.
        variant: The variant that answered, or `fallback`.
    """

    predictions: list[Any]
    variant: str


def switches(aws: Aws, system: System) -> Switches:
    """The switches of a system."""
    found = system.switch
    place = (
        None
        if found is None
        else SwitchPlace(
            application=found["application_id"],
            environment=found["environment_id"],
            profile=found["profile_id"],
        )
    )
    return Switches(aws.client("appconfigdata"), place)


def serving_client(
    aws: Aws, system: System, switched: Switches | None = None, *, is_tester: bool = False
) -> ServingClient:
    """The client through which a system is asked.

    Args:
        aws: Clients of the stack's account.
        system: The system.
        switched: Its switches, shared with other clients; read by this one alone when left out.
        is_tester: Whether the challenger answers, where there is one.
    """
    return ServingClient(
        aws.client("sagemaker-runtime"),
        switches(aws, system) if switched is None else switched,
        system.endpoint_name,
        Contract.from_document(system.contract),
        is_tester=is_tester,
    )


def invoke(aws: Aws, system: System, payload: Payload, *, is_tester: bool = False) -> Answer:
    """Sends rows to a system's endpoint.

    Raises:
        HeadwayError: The endpoint refuses them or cannot answer; the message is the endpoint's own.
    """
    client = serving_client(aws, system, is_tester=is_tester)
    try:
        answer = client.ask(payload.body, payload.content_type, "application/json")
    except ClientError as error:
        raise HeadwayError(_refusal(system, error)) from error
    except Refusal as error:
        raise HeadwayError(f"{system.endpoint_name} refused the rows: {error}") from error
    document = json.loads(answer.body)
    found = document["predictions"] if isinstance(document, dict) and "predictions" in document else document
    return Answer(found if isinstance(found, list) else [found], answer.by)


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

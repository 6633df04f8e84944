"""Asks a live endpoint as its switches say: the model, the champion alone, or the declared fallback answer.

Sources: AWS AppConfig user guide, "Retrieving configuration data"; SageMaker Runtime InvokeEndpoint.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from headway_runtime.contract import Contract, placeholder_value
from headway_runtime.release.shapes import CHALLENGER, CHAMPION
from headway_runtime.serve.payload import read_batch, write_answers

POLL_S = 15.0
"""AppConfig lets nobody ask for the switches more often."""
MODEL = "model"
FALLBACK = "fallback"
"""Who answered, where no variant did."""


@dataclass(frozen=True, kw_only=True)
class SwitchPlace:
    """Where the switches of a system are in AppConfig, by ids or names.

    Attributes:
        application: The application.
        environment: The environment.
        profile: The configuration profile.
    """

    application: str
    environment: str
    profile: str


class Switches:
    """The switches of a system, read again when they may have changed; safe to share between threads.

    What was read last holds while AppConfig does not answer. Before anything was read, all are on.

    Args:
        appconfigdata: A boto3 client.
        place: Where they are; None for a system without switches, whose every switch is on.
        clock: Seconds from any start.
    """

    def __init__(
        self,
        appconfigdata: Any,  # noqa: ANN401 - boto3 has no types
        place: SwitchPlace | None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._appconfigdata = appconfigdata
        self._place = place
        self._clock = clock
        self._lock = threading.Lock()
        self._token: str | None = None
        self._next_read: float | None = None
        self._values: Mapping[str, Any] = {}

    def is_on(self, name: str) -> bool:
        """Whether a switch is on; one that nobody has declared is."""
        if self._place is None:
            return True
        with self._lock:
            if self._next_read is None or self._clock() >= self._next_read:
                self._read(self._place)
            values = self._values
        return bool(values.get(name, {}).get("enabled", True))

    def _read(self, place: SwitchPlace) -> None:
        self._next_read = self._clock() + POLL_S
        try:
            if self._token is None:
                self._token = self._appconfigdata.start_configuration_session(
                    ApplicationIdentifier=place.application,
                    EnvironmentIdentifier=place.environment,
                    ConfigurationProfileIdentifier=place.profile,
                    RequiredMinimumPollIntervalInSeconds=int(POLL_S),
                )["InitialConfigurationToken"]
            answer = self._appconfigdata.get_latest_configuration(ConfigurationToken=self._token)
            self._token = answer["NextPollConfigurationToken"]
            content = answer["Configuration"].read()
            # No content means that nothing has changed.
            self._values = json.loads(content) if content else self._values
        except (ClientError, BotoCoreError, ValueError):
            # A token is good for one call and one day; the next read begins a session of its own.
            self._token = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer.

    Attributes:
        body: The answer, in the media type that was asked for.
        content_type: That media type.
        by: The variant that answered, or `fallback`.
    """

    body: bytes
    content_type: str
    by: str


class ServingClient:
    """Asks one system.

    Args:
        runtime: A boto3 client of SageMaker Runtime.
        switches: The system's switches.
        endpoint: Name of the endpoint.
        contract: What requests and answers look like.
        is_tester: Whether this is an internal tester, who is answered by the challenger where there is one.
    """

    def __init__(
        self,
        runtime: Any,  # noqa: ANN401 - boto3 has no types
        switches: Switches,
        endpoint: str,
        contract: Contract,
        *,
        is_tester: bool = False,
    ) -> None:
        self._runtime = runtime
        self._switches = switches
        self._endpoint = endpoint
        self._contract = contract
        self._is_tester = is_tester

    def ask(self, body: bytes, content_type: str, accept: str, *, inference_id: str | None = None) -> Answer:
        """Asks about rows.

        Args:
            body: The rows.
            content_type: Their media type.
            accept: Media type of the answer.
            inference_id: What tells this request from others in what is captured.

        Raises:
            ClientError: The endpoint refuses the rows or cannot answer.
            Refusal: The rows break the contract, and no model is there to say so.
        """
        if not self._switches.is_on(MODEL):
            rows = read_batch(body, content_type, self._contract).rows
            answers = [placeholder_value(self._contract)] * rows
            answered = write_answers(answers, accept, self._contract)
            return Answer(body=answered, content_type=accept, by=FALLBACK)
        request = {
            "EndpointName": self._endpoint,
            "ContentType": content_type,
            "Accept": accept,
            "Body": body,
            **({} if inference_id is None else {"InferenceId": inference_id}),
        }
        if not self._switches.is_on(CHALLENGER):
            return self._invoke({**request, "TargetVariant": CHAMPION})
        if not self._is_tester:
            return self._invoke(request)
        try:
            return self._invoke({**request, "TargetVariant": CHALLENGER})
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            # There is no challenger, or it only gets copies.
            return self._invoke(request)

    def _invoke(self, request: Mapping[str, Any]) -> Answer:
        answer = self._runtime.invoke_endpoint(**request)
        return Answer(
            body=answer["Body"].read(),
            content_type=answer.get("ContentType", request["Accept"]),
            by=answer.get("InvokedProductionVariant", ""),
        )

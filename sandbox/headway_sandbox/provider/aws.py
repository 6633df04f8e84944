"""Calls to the sandbox through botocore, and the one rule about where they may go: to this machine only."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from botocore.client import BaseClient
    from botocore.model import OperationModel, ServiceModel
    from botocore.session import Session as BotocoreSession

_CONNECT_TIMEOUT_S = 5
_READ_TIMEOUT_S = 300
_POOL_CONNECTIONS = 32


class AwsError(Exception):
    """A service refused a call, or could not be reached.

    Attributes:
        code: the service's error code; empty when no answer came.
        message: the service's own words.
    """

    def __init__(self, operation: str, code: str, message: str) -> None:
        self.operation = operation
        self.code = code
        self.message = message
        super().__init__(f"{operation}: {code}: {message}" if code else f"{operation}: {message}")


class EndpointError(ValueError):
    """The endpoint is not on this machine, or none is known."""


def loopback_endpoint(url: str) -> str:
    """The URL, when it names this machine.

    Args:
        url: where AWS calls would go.

    Raises:
        EndpointError: the host is not a loopback address.
    """
    host = urlsplit(url).hostname or ""
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = host == "localhost"
    if not is_loopback:
        message = (
            f"the sandbox's stand-in for the AWS provider never touches AWS: the endpoint {url!r} is not on "
            "this machine. Allowed are http://127.0.0.1:PORT and http://localhost:PORT; "
            "to deploy to AWS use the official aws provider."
        )
        raise EndpointError(message)
    return url


@dataclass(frozen=True)
class Target:
    """Where calls go and as whom.

    Attributes:
        endpoint_url: the sandbox, or None where there is none (previews need none).
        region: region of the calls and of the names that are made; None where it is not configured.
        access_key: access key id that the sandbox is called with.
        secret_key: its secret.
        account: account number when the configuration allows exactly one.
    """

    endpoint_url: str | None = None
    region: str | None = None
    access_key: str = "test"
    secret_key: str = "test"  # noqa: S105 - the sandbox's documented credentials
    account: str | None = None


DEFAULT_REGION = "us-east-1"


class Aws:
    """The sandbox's services; clients are made when they are first used. Safe to use from several threads.

    Args:
        target: where calls go.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self._lock = threading.Lock()
        self._clients: dict[str, BaseClient] = {}
        self._operations: dict[tuple[str, str], OperationModel] = {}
        self._session: BotocoreSession | None = None
        self._account: str | None = None

    @property
    def region(self) -> str:
        """Region of the calls."""
        return self.target.region if self.target.region is not None else DEFAULT_REGION

    @property
    def account(self) -> str:
        """Account number that the sandbox answers with."""
        if self._account is None:
            self._account = str(self.call("sts", "GetCallerIdentity", {})["Account"])
        return self._account

    def _botocore(self) -> BotocoreSession:
        from botocore.session import Session as NewSession  # noqa: PLC0415 - start-up time

        if self._session is None:
            self._session = NewSession()
            self._session.set_credentials(self.target.access_key, self.target.secret_key)
        return self._session

    def operation(self, service: str, operation: str) -> OperationModel:
        """The model of an operation; needs no sandbox."""
        with self._lock:
            found = self._operations.get((service, operation))
            if found is None:
                found = _service_model(service).operation_model(operation)
                self._operations[service, operation] = found
        return found

    def _client(self, service: str) -> BaseClient:
        from botocore.config import Config  # noqa: PLC0415

        if self.target.endpoint_url is None:
            message = (
                "no sandbox to talk to: AWS_ENDPOINT_URL is not set. Start it with `headway sandbox start` "
                "and set what `headway sandbox env` prints."
            )
            raise EndpointError(message)
        with self._lock:
            client = self._clients.get(service)
            if client is None:
                client = self._botocore().create_client(
                    service,
                    region_name=self.region,
                    endpoint_url=self.target.endpoint_url,
                    config=Config(
                        connect_timeout=_CONNECT_TIMEOUT_S,
                        read_timeout=_READ_TIMEOUT_S,
                        max_pool_connections=_POOL_CONNECTIONS,
                        retries={"total_max_attempts": 2, "mode": "standard"},
                        s3={"addressing_style": "path"},
                        ignore_configured_endpoint_urls=True,
                    ),
                )
                self._clients[service] = client
        return client

    def call(self, service: str, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Calls an operation and returns its answer without the transport's metadata.

        Args:
            service: botocore service name.
            operation: operation name of the service's model.
            request: members of the request.

        Raises:
            AwsError: the service refused the call, the request is not valid, or nothing answered.
            EndpointError: no sandbox is configured.
        """
        from botocore import xform_name  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError  # noqa: PLC0415
        from botocore.response import StreamingBody  # noqa: PLC0415

        client = self._client(service)
        try:
            answer: dict[str, Any] = getattr(client, xform_name(operation))(**request)
        except ClientError as error:
            detail = error.response.get("Error", {})
            raise AwsError(operation, str(detail.get("Code", "")), str(detail.get("Message", ""))) from None
        except ParamValidationError as error:
            raise AwsError(operation, "ValidationException", str(error)) from None
        except BotoCoreError as error:
            raise AwsError(operation, "", f"no answer from the sandbox ({error})") from None
        answer.pop("ResponseMetadata", None)
        # A payload comes as a stream, though none of what the stand-in reads is large.
        return {
            name: value.read() if isinstance(value, StreamingBody) else value
            for name, value in answer.items()
        }

    def pages(self, service: str, operation: str, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """All pages of an operation's answer; one page where the operation has no pages."""
        client = self._client(service)
        from botocore import xform_name  # noqa: PLC0415

        if not client.can_paginate(xform_name(operation)):
            yield self.call(service, operation, request)
            return
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        try:
            yield from client.get_paginator(xform_name(operation)).paginate(**request)
        except ClientError as error:
            detail = error.response.get("Error", {})
            raise AwsError(operation, str(detail.get("Code", "")), str(detail.get("Message", ""))) from None
        except BotoCoreError as error:
            raise AwsError(operation, "", f"no answer from the sandbox ({error})") from None


@cache
def _service_model(service: str) -> ServiceModel:
    """Parsing a service's model costs up to 50 ms, so it is done once a process."""
    from botocore.session import Session as NewSession  # noqa: PLC0415 - start-up time

    return NewSession().get_service_model(service)


@cache
def partition_of(region: str) -> str:
    """The partition that a region belongs to.

    Args:
        region: region name, such as ``eu-west-1``.
    """
    from botocore.session import Session as NewSession  # noqa: PLC0415

    return str(NewSession().get_partition_for_region(region))

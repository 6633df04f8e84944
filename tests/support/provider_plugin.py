"""Talks to the provider stand-in as the engine does: its process, its protocol, no engine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from headway_sandbox.provider import wire

MESSAGES = [("grpc.max_receive_message_length", 64 << 20)]


@dataclass
class CallError(Exception):
    """What the engine would see of a failed call.

    Attributes:
        code: gRPC status.
        text: message.
        left: what exists nevertheless: id and properties, or None.
    """

    code: grpc.StatusCode
    text: str
    left: tuple[str, dict[str, Any]] | None


@dataclass
class Plugin:
    """A running plugin process and a client of it.

    Attributes:
        environment: its environment variables.
    """

    environment: Mapping[str, str]
    process: subprocess.Popen[str] = field(init=False)
    stub: Any = field(init=False)

    def __post_init__(self) -> None:
        command = [sys.executable, "-u", "-m", "headway_sandbox.provider", "127.0.0.1:1"]
        self.process = subprocess.Popen(
            command, env=dict(self.environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        port = int(self.process.stdout.readline())
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=MESSAGES)
        self.stub = provider_pb2_grpc.ResourceProviderStub(self._channel)

    def close(self) -> None:
        """Goes away as an engine that dies: its end of the pipe closes."""
        self._channel.close()
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=10)

    def configure(self, **arguments: Any) -> None:
        """Configures the provider; values that are no text become JSON text, as pulumi-aws sends them."""
        texts = {
            name: value if isinstance(value, str) else json.dumps(value) for name, value in arguments.items()
        }
        self._call("Configure", provider_pb2.ConfigureRequest(args=wire.encode(texts), acceptSecrets=True))

    def check(
        self, token: str, news: Mapping[str, Any], olds: Mapping[str, Any] | None = None, **naming: Any
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Checked inputs, and property to problem."""
        request = provider_pb2.CheckRequest(
            urn=urn(token, naming.pop("name", "thing")),
            news=wire.encode(news),
            olds=wire.encode(olds or {}),
            randomSeed=naming.pop("seed", b"seed"),
            autonaming=naming.pop("autonaming", None),
        )
        response = self._call("Check", request)
        return wire.decode(response.inputs), {item.property: item.reason for item in response.failures}

    def diff(
        self,
        token: str,
        olds: Mapping[str, Any],
        news: Mapping[str, Any],
        state: Mapping[str, Any] | None = None,
        ignored: Sequence[str] = (),
    ) -> Any:
        """The protocol's answer to a diff."""
        return self._call(
            "Diff",
            provider_pb2.DiffRequest(
                urn=urn(token),
                id="id",
                old_inputs=wire.encode(olds),
                news=wire.encode(news),
                olds=wire.encode(state if state is not None else olds),
                ignoreChanges=ignored,
            ),
        )

    def create(
        self, token: str, inputs: Mapping[str, Any], *, preview: bool = False
    ) -> tuple[str, dict[str, Any]]:
        """Id and outputs."""
        request = provider_pb2.CreateRequest(urn=urn(token), properties=wire.encode(inputs), preview=preview)
        response = self._call("Create", request)
        return response.id, wire.decode(response.properties)

    def read(
        self,
        token: str,
        resource_id: str,
        inputs: Mapping[str, Any] | None = None,
        state: Mapping[str, Any] | None = None,
    ) -> tuple[str, dict[str, Any], dict[str, Any]]:
        """Id, inputs and outputs."""
        request = provider_pb2.ReadRequest(
            urn=urn(token),
            id=resource_id,
            inputs=wire.encode(inputs or {}),
            properties=wire.encode(state or {}),
        )
        response = self._call("Read", request)
        return response.id, wire.decode(response.inputs), wire.decode(response.properties)

    def update(
        self,
        token: str,
        resource_id: str,
        *,
        state: Mapping[str, Any],
        olds: Mapping[str, Any],
        news: Mapping[str, Any],
        preview: bool = False,
    ) -> dict[str, Any]:
        """Outputs after an update."""
        request = provider_pb2.UpdateRequest(
            urn=urn(token),
            id=resource_id,
            olds=wire.encode(state),
            old_inputs=wire.encode(olds),
            news=wire.encode(news),
            preview=preview,
        )
        return wire.decode(self._call("Update", request).properties)

    def delete(self, token: str, resource_id: str, state: Mapping[str, Any]) -> None:
        """Deletes a resource."""
        self._call(
            "Delete",
            provider_pb2.DeleteRequest(urn=urn(token), id=resource_id, properties=wire.encode(state)),
        )

    def invoke(self, token: str, **arguments: Any) -> dict[str, Any]:
        """Calls a function."""
        response = self._call("Invoke", provider_pb2.InvokeRequest(tok=token, args=wire.encode(arguments)))
        return wire.decode(getattr(response, "return"))

    def _call(self, method: str, request: Any) -> Any:
        try:
            return getattr(self.stub, method)(request, timeout=60)
        except grpc.RpcError as error:
            raise CallError(error.code(), error.details(), _left(error)) from error


def urn(token: str, name: str = "thing") -> str:
    """The URN of a resource in a stack."""
    return f"urn:pulumi:dev::tests::{token}::{name}"


def _left(error: Any) -> tuple[str, dict[str, Any]] | None:
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            detail = provider_pb2.ErrorResourceInitFailed()
            status_pb2.Status.FromString(value).details[0].Unpack(detail)
            return detail.id, wire.decode(detail.properties)
    return None

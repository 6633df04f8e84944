"""Pulumi's ResourceProvider service: packs and unpacks, and turns errors into what the engine understands."""

# ruff: noqa: ARG002, N802 - names and parameters of the methods are the protocol's

from __future__ import annotations

import functools
import importlib.metadata
import json
import os
import threading
from collections.abc import Callable
from concurrent import futures
from typing import Any, NoReturn, TypeVar

import grpc
from google.protobuf import any_pb2, empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from headway_sandbox.provider import checks, diffs, invokes, package_schema, wire
from headway_sandbox.provider.assets import AssetError
from headway_sandbox.provider.aws import AwsError, EndpointError
from headway_sandbox.provider.configuration import Configuration, configure, endpoint_of
from headway_sandbox.provider.lifecycle import Clock, PartialFailureError, WaitError
from headway_sandbox.provider.mapping import UntranslatableError
from headway_sandbox.provider.paths import top_of
from headway_sandbox.provider.registry import UnknownTypeError
from headway_sandbox.provider.resources import Difference, Resources
from headway_sandbox.provider.values import Value

_MESSAGE_BYTES = 400 << 20
_WORKERS = 32
_USER_ERRORS = (
    AssetError,
    AwsError,
    EndpointError,
    UnknownTypeError,
    UntranslatableError,
    WaitError,
    invokes.InvokeError,
)
Request = TypeVar("Request")
Response = TypeVar("Response")


def version() -> str:
    """The version of pulumi-aws that the stand-in answers for: the installed one."""
    return importlib.metadata.version("pulumi_aws")


def _logical_name(urn: str) -> str:
    return urn.rsplit("::", 1)[-1]


def _token(request: Value) -> str:
    if request.type:
        return str(request.type)
    return str(request.urn.split("::")[2].split("$")[-1])


def _answers(
    attempt: str,
) -> Callable[[Callable[[Any, Request, Any], Response]], Callable[[Any, Request, Any], Response]]:
    """Turns the errors of a call into clean failures with a message that says what was attempted."""

    def decorate(method: Callable[[Any, Request, Any], Response]) -> Callable[[Any, Request, Any], Response]:
        @functools.wraps(method)
        def answer(self: Value, request: Value, context: Value) -> Response:
            try:
                return method(self, request, context)
            except PartialFailureError as error:
                _fail_partially(context, f"{_attempted(attempt, request)}: {error.reason}", error)
            except _USER_ERRORS as error:
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{_attempted(attempt, request)}: {error}")
            raise AssertionError  # both branches above end the call

        return answer

    return decorate


def _attempted(attempt: str, request: Value) -> str:
    urn = getattr(request, "urn", "")
    if not urn:
        return f"{attempt} {getattr(request, 'tok', '')}".strip()
    known_id = getattr(request, "id", "")
    return f"{attempt} {_token(request)} {_logical_name(urn)!r}" + (f" [{known_id}]" if known_id else "")


def _fail_partially(context: Value, message: str, error: PartialFailureError) -> NoReturn:
    detail = any_pb2.Any()
    detail.Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=error.id, properties=wire.encode(error.outputs), reasons=[message]
        )
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=message, details=[detail])
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, message)
    raise AssertionError  # abort does not return


def _kind(change: diffs.Change) -> Value:
    kinds = provider_pb2.PropertyDiff
    plain = {"add": kinds.ADD, "delete": kinds.DELETE, "update": kinds.UPDATE}
    replacing = {"add": kinds.ADD_REPLACE, "delete": kinds.DELETE_REPLACE, "update": kinds.UPDATE_REPLACE}
    return (replacing if change.replaces else plain)[change.kind]


def _diff_response(found: Difference) -> provider_pb2.DiffResponse:
    replaces = sorted({top_of(change.path) for change in found.changes if change.replaces})
    changes = provider_pb2.DiffResponse.DIFF_SOME if found.changes else provider_pb2.DiffResponse.DIFF_NONE
    return provider_pb2.DiffResponse(
        changes=changes,
        diffs=sorted({top_of(change.path) for change in found.changes}),
        replaces=replaces,
        deleteBeforeReplace=found.delete_before_replace,
        hasDetailedDiff=True,
        detailedDiff={
            change.path: provider_pb2.PropertyDiff(kind=_kind(change), inputDiff=change.path != "tagsAll")
            for change in found.changes
        },
    )


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """One provider instance of the engine."""

    def __init__(self) -> None:
        self._cancelled = threading.Event()
        self._clock = Clock(sleep=self._sleep)
        self._resources = Resources(Configuration(), self._clock)

    def _sleep(self, seconds: float) -> None:
        if self._cancelled.wait(seconds):
            message = "the operation was cancelled before the resource was ready"
            raise WaitError(message)

    def cancel(self) -> None:
        """Ends all waiting: what exists by then is reported as it is, so that the state stays right."""
        self._cancelled.set()

    def Handshake(
        self, request: provider_pb2.ProviderHandshakeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ProviderHandshakeResponse:
        """Says what the stand-in understands."""
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=True,
            accept_resources=False,
            accept_outputs=False,
            supports_autonaming_configuration=True,
        )

    def Attach(self, request: plugin_pb2.PluginAttach, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Accepts an engine that found this server by its port."""
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """The version of pulumi-aws that the stand-in answers for."""
        return plugin_pb2.PluginInfo(version=version())

    def GetSchema(
        self, request: provider_pb2.GetSchemaRequest, context: grpc.ServicerContext
    ) -> provider_pb2.GetSchemaResponse:
        """The types that the stand-in has; programs use the SDK that is installed."""
        return provider_pb2.GetSchemaResponse(schema=json.dumps(package_schema.document(version())))

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Refuses an endpoint that is not on this machine."""
        news = wire.reveal(wire.decode(request.news))
        failures = []
        try:
            endpoint_of(news, os.environ)
        except EndpointError as error:
            failures.append(provider_pb2.CheckFailure(property="endpoints", reason=str(error)))
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def DiffConfig(
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        """A changed configuration never replaces resources by itself; the engine compares the values."""
        return provider_pb2.DiffResponse()

    @_answers("configuring the provider")
    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        """Takes the configuration over; makes no call."""
        arguments = wire.decode(request.args) if request.HasField("args") else dict(request.variables)
        arguments = {key.removeprefix("aws:config:"): value for key, value in arguments.items()}
        self._resources = Resources(configure(wire.reveal(arguments), os.environ), self._clock)
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True,
            supportsPreview=True,
            acceptResources=False,
            acceptOutputs=False,
            supports_autonaming_configuration=True,
        )

    @_answers("checking")
    def Check(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Completes and checks a program's inputs."""
        try:
            inputs, problems = self._resources.check(
                _token(request), wire.decode(request.olds), wire.decode(request.news), _naming(request)
            )
        except UnknownTypeError as error:
            inputs, problems = {}, [checks.Problem("", str(error))]
        failures = [
            provider_pb2.CheckFailure(property=item.property, reason=item.reason) for item in problems
        ]
        return provider_pb2.CheckResponse(inputs=wire.encode(inputs), failures=failures)

    @_answers("comparing")
    def Diff(
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        """Compares old with new inputs; what the program ignores is no change."""
        olds = request.old_inputs if request.HasField("old_inputs") else request.olds
        found = self._resources.diff(
            _token(request),
            _logical_name(request.urn),
            olds=wire.decode(olds),
            news=wire.decode(request.news),
            state=wire.decode(request.olds),
            ignored=request.ignoreChanges,
        )
        return _diff_response(found)

    @_answers("creating")
    def Create(
        self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CreateResponse:
        """Creates a resource, or says what it would look like."""
        token, inputs = _token(request), wire.decode(request.properties)
        if request.preview:
            resource_id, outputs = self._resources.preview_create(token, _logical_name(request.urn), inputs)
        else:
            resource_id, outputs = self._resources.create(token, inputs)
        return provider_pb2.CreateResponse(id=resource_id, properties=wire.encode(outputs))

    @_answers("reading")
    def Read(
        self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ReadResponse:
        """Reads the live resource; an empty answer says that it is gone."""
        found = self._resources.read(
            _token(request), request.id, wire.decode(request.inputs), wire.decode(request.properties)
        )
        if found is None:
            return provider_pb2.ReadResponse()
        inputs, outputs = found
        return provider_pb2.ReadResponse(
            id=request.id, inputs=wire.encode(inputs), properties=wire.encode(outputs)
        )

    @_answers("updating")
    def Update(
        self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.UpdateResponse:
        """Changes a resource in place, or says what it would look like."""
        token, state, news = _token(request), wire.decode(request.olds), wire.decode(request.news)
        olds = wire.decode(request.old_inputs)
        if request.preview:
            outputs = self._resources.preview_update(token, state, olds, news)
        else:
            outputs = self._resources.update(token, request.id, state, olds, news)
        return provider_pb2.UpdateResponse(properties=wire.encode(outputs))

    @_answers("deleting")
    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Deletes a resource."""
        self._resources.delete(
            _token(request), request.id, wire.decode(request.properties), wire.decode(request.old_inputs)
        )
        return empty_pb2.Empty()

    @_answers("invoking")
    def Invoke(
        self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.InvokeResponse:
        """Answers a data source."""
        found = invokes.invoke(request.tok, wire.reveal(wire.decode(request.args)), self._resources.aws)
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(wire.encode(found))
        return response

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """The engine is about to end."""
        self.cancel()
        return empty_pb2.Empty()


def _naming(request: Value) -> checks.Naming:
    modes = provider_pb2.CheckRequest.AutonamingOptions
    options = request.autonaming if request.HasField("autonaming") else None
    return checks.Naming(
        logical_name=_logical_name(request.urn),
        seed=request.randomSeed,
        proposed=options.proposed_name if options is not None and options.mode != modes.DISABLE else None,
        enforced=options is not None and options.mode == modes.ENFORCE,
        disabled=options is not None and options.mode == modes.DISABLE,
    )


def serve(provider: Provider) -> tuple[grpc.Server, int]:
    """Starts a server on a free port of 127.0.0.1; returns it and the port.

    Args:
        provider: what it serves.
    """
    server = grpc.server(
        futures.ThreadPoolExecutor(_WORKERS),
        options=[
            ("grpc.max_receive_message_length", _MESSAGE_BYTES),
            ("grpc.max_send_message_length", _MESSAGE_BYTES),
        ],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port

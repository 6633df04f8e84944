"""Listens to the engine as a policy pack does, and keeps what it is shown.

The engine asks policy packs about every resource and about the whole stack: the one complete account of a
plan, with inputs, unknown values and edges. A pack in another language is started by a program named
`pulumi-analyzer-policy-LANGUAGE`; the one written here only says where this process listens.
"""

# ruff: noqa: ARG002, N802 - names and parameters of the methods are the protocol's

import os
import shlex
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc, plugin_pb2

from headway_policies.engine_view import EngineView

_LANGUAGE: Final = "headway-gate"
_VERSION: Final = "0.1.0"
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", 400 * 1024**2),
    ("grpc.max_send_message_length", 400 * 1024**2),
)


class Recorder(analyzer_pb2_grpc.AnalyzerServicer):
    """A policy pack without policies.

    Attributes:
        view: What was shown.
        shown: The resources of the whole stack; None before the engine has shown them.
    """

    def __init__(self) -> None:
        self.view = EngineView()
        self.shown: analyzer_pb2.AnalyzeStackRequest | None = None

    def Handshake(
        self, request: analyzer_pb2.AnalyzerHandshakeRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzerHandshakeResponse:
        """Says that it is there."""
        return analyzer_pb2.AnalyzerHandshakeResponse()

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """Says its version."""
        return plugin_pb2.PluginInfo(version=_VERSION)

    def GetAnalyzerInfo(
        self, request: empty_pb2.Empty, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzerInfo:
        """Says that it holds no policies."""
        return analyzer_pb2.AnalyzerInfo(name=_LANGUAGE, version=_VERSION)

    def Configure(
        self, request: analyzer_pb2.ConfigureAnalyzerRequest, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Has nothing to configure."""
        return empty_pb2.Empty()

    def ConfigureStack(
        self, request: analyzer_pb2.AnalyzerStackConfigureRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzerStackConfigureResponse:
        """Keeps which stack it is."""
        self.view.configure(request)
        return analyzer_pb2.AnalyzerStackConfigureResponse()

    def Remediate(
        self, request: analyzer_pb2.AnalyzeRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.RemediateResponse:
        """Changes nothing."""
        return analyzer_pb2.RemediateResponse()

    def Analyze(
        self, request: analyzer_pb2.AnalyzeRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzeResponse:
        """Keeps the inputs of a resource."""
        self.view.resource(request)
        return analyzer_pb2.AnalyzeResponse()

    def AnalyzeStack(
        self, request: analyzer_pb2.AnalyzeStackRequest, context: grpc.ServicerContext
    ) -> analyzer_pb2.AnalyzeResponse:
        """Keeps all resources."""
        self.shown = request
        return analyzer_pb2.AnalyzeResponse()

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Has nothing to cancel."""
        return empty_pb2.Empty()


@dataclass(frozen=True, kw_only=True)
class Listening:
    """A recorder that the engine can reach.

    Args:
        recorder: What it has kept.
        pack: The folder to pass as `--policy-pack`.
        programs: The folder to put on the engine's PATH.
    """

    recorder: Recorder
    pack: Path
    programs: Path


@contextmanager
def listen(folder: Path) -> Iterator[Listening]:
    """Listens for one run of the engine.

    Args:
        folder: An empty folder for what the engine has to find.
    """
    recorder = Recorder()
    server = grpc.server(ThreadPoolExecutor(max_workers=8), options=_OPTIONS)
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(recorder, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield Listening(recorder=recorder, pack=_pack(folder), programs=_programs(folder, port))
    finally:
        server.stop(grace=None).wait()


def _pack(folder: Path) -> Path:
    pack = folder / "pack"
    pack.mkdir()
    text = f"description: Keeps what is planned, for the gate\nversion: {_VERSION}\nruntime: {_LANGUAGE}\n"
    (pack / "PulumiPolicy.yaml").write_text(text, "utf-8")
    return pack


def _programs(folder: Path, port: int) -> Path:
    programs = folder / "programs"
    programs.mkdir()
    launcher = programs / f"pulumi-analyzer-policy-{_LANGUAGE}"
    # It lives as long as the engine, or as this process, whichever ends first.
    alive = f"kill -0 $PPID 2>/dev/null && kill -0 {shlex.quote(str(os.getpid()))} 2>/dev/null"
    launcher.write_text(f"#!/bin/sh\necho {port}\nwhile {alive}; do sleep 0.2; done\n", "utf-8")
    launcher.chmod(0o755)
    return programs

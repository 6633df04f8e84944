"""What stands in for `pulumi-language-python`: `python -m headway_sandbox.engine.language_host ADDRESS`.

The engine starts it, reads its port from the first line of its output, and talks gRPC to it. It ends when the
engine interrupts it and when the engine is gone, and takes its children with it.
"""

import os
import signal
import sys
import threading
from concurrent import futures
from types import FrameType

import grpc
from pulumi.runtime.proto import language_pb2_grpc

from headway_sandbox.engine.host import PythonLanguageHost
from headway_sandbox.engine.processes import Children, when_parent_dies

_MAX_MESSAGE_BYTES = 400 << 20
"""The engine's own limit for messages."""

_REQUESTS_AT_ONCE = 32


def main() -> None:
    """Serve until interrupted or until the engine is gone."""
    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    when_parent_dies(stopped.set)
    children = Children()
    engine_address = next((argument for argument in sys.argv[1:] if not argument.startswith("-")), "")
    server = grpc.server(
        futures.ThreadPoolExecutor(_REQUESTS_AT_ONCE),
        options=[("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES)],
    )
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(
        PythonLanguageHost(engine_address, children, os.environ), server
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    stopped.wait()
    children.stop()
    server.stop(grace=None).wait()


if __name__ == "__main__":
    main()

"""Receives what the engine says while it works.

Over a connection and not through a file: the engine empties the file between preview and update, and it goes
on with its work when nobody listens at the other end of a connection any more.
"""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import events_pb2, events_pb2_grpc

# An event holds a resource before and after a change, code archives included.
_OPTIONS = (("grpc.max_receive_message_length", 400 * 1024**2),)

OnEvent = Callable[[dict[str, Any]], None]


class _Events(events_pb2_grpc.EventsServicer):
    def __init__(self, on_event: OnEvent) -> None:
        self._on_event = on_event

    def StreamEvents(  # noqa: N802 - the protocol's name
        self,
        request_iterator: Iterator[events_pb2.EventRequest],
        context: grpc.ServicerContext,  # noqa: ARG002 - the protocol's signature
    ) -> empty_pb2.Empty:
        for request in request_iterator:
            self._on_event(json.loads(request.event))
        return empty_pb2.Empty()


@contextmanager
def receive_events(on_event: OnEvent) -> Iterator[str]:
    """Calls a function with every event of the engine, one after the other.

    Args:
        on_event: Called from another thread.

    Yields:
        What to pass to the engine as `--event-log`.
    """
    # One stream at a time: the engine ends the preview's before it begins the update's.
    server = grpc.server(ThreadPoolExecutor(max_workers=1), options=_OPTIONS)
    events_pb2_grpc.add_EventsServicer_to_server(_Events(on_event), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"tcp://127.0.0.1:{port}"
    finally:
        server.stop(grace=1).wait()

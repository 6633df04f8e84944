"""A free port for a model server, kept from everybody else until the server listens on it."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Iterator

HOST = "127.0.0.1"


@contextlib.contextmanager
def reserved_port(*, hold: bool = True) -> Iterator[int]:
    """Chooses a free port.

    Between choosing a port and a server's listening on it, another server could take it, and would then
    answer in the first one's name. So the port stays bound meanwhile. Linux lets a server that sets
    SO_REUSEADDR, as most do, bind it too, as long as nobody listens, but gives it to nobody who asks for any
    free port.

    Args:
        hold: Whether to keep the port bound; False for servers that do not set SO_REUSEADDR. Without effect
            where the system is not Linux.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        if not (hold and sys.platform == "linux"):
            probe.close()
        yield port

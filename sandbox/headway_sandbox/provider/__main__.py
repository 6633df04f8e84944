"""Serves the provider protocol for the engine: ``python -u -m headway_sandbox.provider [engine address]``."""

from __future__ import annotations

import signal
import sys
import threading

from headway_sandbox.engine.processes import when_parent_dies
from headway_sandbox.provider.server import Provider, serve

_GRACE_S = 2.0


def main() -> None:
    """Prints the port for the engine and serves until the engine ends this process or is gone itself."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stopped.set())
    when_parent_dies(stopped.set)
    provider = Provider()
    server, port = serve(provider)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    stopped.wait()
    provider.cancel()
    server.stop(grace=_GRACE_S).wait()


if __name__ == "__main__":
    main()

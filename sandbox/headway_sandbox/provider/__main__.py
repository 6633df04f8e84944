"""Serves the provider protocol for the engine: ``python -u -m headway_sandbox.provider [engine address]``."""

from __future__ import annotations

import signal
import sys
import threading

from headway_sandbox.engine.processes import when_parent_dies
from headway_sandbox.provider.server import serve


def main() -> None:
    """Prints the port for the engine and serves until the engine ends this process, or is gone itself."""
    stopped = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stopped.set())
    when_parent_dies(stopped.set)
    server, port = serve()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    stopped.wait()
    server.stop(grace=None).wait()


if __name__ == "__main__":
    main()

"""The server's side of a start: port, lock, record, and the word that it answers."""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from headway_sandbox import server
from headway_sandbox.record import (
    HOST,
    LOG,
    PORT_VARIABLE,
    RECORD,
    SERVER_LOCK,
    SandboxError,
    SandboxRecord,
    acquire,
    write_record,
)
from headway_sandbox.sagemaker.images import ImageError

LOCK_TIMEOUT_S = 1.0

_HELD: list[IO[str]] = []
"""Locks that this process holds until it ends."""


def run(state_dir: Path, port: int, ready_fd: int | None = None, *, enforce_iam: bool = False) -> None:
    """Runs the server in this process until it is told to stop.

    Args:
        state_dir: Directory that holds all of its state.
        port: Port on 127.0.0.1; 0 chooses a free one.
        ready_fd: File descriptor that gets one line of JSON: the record once it answers, or the error. The
            server then goes on as a daemon.
        enforce_iam: Whether every call is authorised against the policies of its caller.

    Raises:
        SandboxError: If it cannot start.
    """
    if ready_fd is None:
        _serve(state_dir, port, enforce_iam, lambda _record: None)
        return
    # The starter waits for this process; the server is its orphan, so that nobody has to reap it.
    if os.fork() != 0:
        os._exit(0)
    with os.fdopen(ready_fd, "w", encoding="utf-8") as ready:

        def report(document: dict[str, object]) -> None:
            if not ready.closed:
                ready.write(json.dumps(document))
                ready.close()

        try:
            _serve(state_dir, port, enforce_iam, lambda record: report({"record": asdict(record)}))
        except SandboxError as error:
            report({"error": str(error)})
            raise
        except Exception as error:
            cause = f"{type(error).__name__}: {error}"
            report({"error": f"The sandbox did not start ({cause}); see {state_dir / LOG}."})
            raise


def _serve(
    state_dir: Path, port: int, enforce_iam: bool, on_listening: Callable[[SandboxRecord], None]
) -> None:
    state_dir.mkdir(parents=True, exist_ok=True)
    # Never closed: the kernel does it when the process is gone, which is what the lock says.
    lock = (state_dir / SERVER_LOCK).open("w")
    _HELD.append(lock)
    with _listen(port) as listener:
        if not acquire(lock, LOCK_TIMEOUT_S):
            raise SandboxError(f"A sandbox runs on {state_dir} already; stop it with `headway sandbox stop`.")
        started_at = datetime.now(UTC).isoformat(timespec="seconds")
        record = SandboxRecord(os.getpid(), listener.getsockname()[1], started_at, enforce_iam)
        write_record(state_dir, record)
        try:
            server.serve(state_dir, listener, lambda: on_listening(record), enforce_iam=enforce_iam)
        except ImageError as error:
            raise SandboxError(str(error)) from error
        finally:
            (state_dir / RECORD).unlink(missing_ok=True)


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        reason = {
            errno.EADDRINUSE: "is taken by another program",
            errno.EACCES: "is reserved by the operating system",
        }.get(error.errno or 0, f"cannot be opened ({error.strerror})")
        raise SandboxError(
            f"Port {port} on {HOST} {reason}; end that program, or choose another port with {PORT_VARIABLE}."
        ) from error
    listener.setblocking(False)
    return listener

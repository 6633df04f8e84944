"""Starting, finding, stopping and resetting the sandbox of a state directory.

The server holds a lock on ``server.lock`` for as long as it lives, so the kernel itself says whether one
runs: a record that a killed server left behind is never mistaken for a running one. The record
``sandbox.json`` only says where to find it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import http.client
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

DEFAULT_PORT = 4566
PORT_VARIABLE = "HEADWAY_SANDBOX_PORT"
HOST = "127.0.0.1"
REGION = "us-east-1"

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 5.0
LOCK_TIMEOUT_S = 1.0

_RECORD = "sandbox.json"
_LOG = "sandbox.log"
_SERVER_LOCK = "server.lock"
_CHANGE_LOCK = "change.lock"
_STATE = ("ministack", "sagemaker")


_HELD: list[IO[str]] = []
"""Locks that this process holds until it ends."""


class SandboxError(Exception):
    """Something about the sandbox that a person can repair; the message is one sentence that says how."""


@dataclass(frozen=True)
class SandboxRecord:
    """Where a running sandbox is.

    Attributes:
        pid: Process id of the server.
        port: Port on 127.0.0.1.
        started_at: Time of the start, ISO 8601 in UTC.
    """

    pid: int
    port: int
    started_at: str

    @property
    def endpoint_url(self) -> str:
        """Base URL for every AWS client."""
        return f"http://{HOST}:{self.port}"


def configured_port() -> int:
    """The port that HEADWAY_SANDBOX_PORT asks for, else the default.

    Raises:
        SandboxError: If the variable holds no port number.
    """
    text = os.environ.get(PORT_VARIABLE)
    if text is None:
        return DEFAULT_PORT
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise SandboxError(
            f"{PORT_VARIABLE} is {text!r}; it must be a port number from 0 to 65535, where 0 "
            "chooses a free port."
        )
    return int(text)


def aws_environment(record: SandboxRecord) -> dict[str, str]:
    """Environment variables with which unmodified AWS clients talk to the sandbox."""
    return {
        "AWS_ENDPOINT_URL": record.endpoint_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def find(state_dir: Path) -> SandboxRecord | None:
    """The sandbox that runs on a state directory and answers, or None."""
    if not _locked(state_dir / _SERVER_LOCK):
        return None
    record = _read_record(state_dir)
    return record if record is not None and _answers(record) else None


def start(state_dir: Path, port: int = DEFAULT_PORT) -> SandboxRecord:
    """Starts the sandbox in the background, unless it runs already.

    Args:
        state_dir: Directory that holds all of its state; created if missing.
        port: Port on 127.0.0.1; 0 chooses a free one. A sandbox that runs already keeps its port.

    Returns:
        Where it is, after it has answered its first call.

    Raises:
        SandboxError: If it cannot start, for example because another program has the port.
    """
    state_dir = state_dir.resolve()
    with _changing(state_dir):
        running = find(state_dir)
        if running is not None:
            return running
        _end_server(state_dir)
        return _spawn(state_dir, port)


def stop(state_dir: Path) -> bool:
    """Stops the sandbox with all of its jobs and model servers; its state stays.

    Returns:
        False if none was running.

    Raises:
        SandboxError: If the server could not be ended.
    """
    if not state_dir.exists():
        return False
    with _changing(state_dir.resolve()):
        was_running = _end_server(state_dir)
        (state_dir / _RECORD).unlink(missing_ok=True)
        return was_running


def reset(state_dir: Path) -> None:
    """Empties the sandbox: every resource of every service is gone; a running one keeps running.

    Raises:
        SandboxError: If a running sandbox does not carry out the reset.
    """
    if not state_dir.exists():
        return
    with _changing(state_dir.resolve()):
        running = find(state_dir)
        if running is None:
            _end_server(state_dir)
            for name in _STATE:
                with contextlib.suppress(FileNotFoundError):
                    shutil.rmtree(state_dir / name)
            return
        status, body = _request(running.port, "POST", "/_headway/reset", START_TIMEOUT_S)
        if status != 200:
            raise SandboxError(
                f"The sandbox on port {running.port} refused to reset: "
                f"{body.decode(errors='replace')}; see {state_dir / _LOG}."
            )


def run(state_dir: Path, port: int, ready_fd: int | None = None) -> None:
    """Runs the server in this process until it is told to stop.

    Args:
        state_dir: Directory that holds all of its state.
        port: Port on 127.0.0.1; 0 chooses a free one.
        ready_fd: File descriptor that gets one line of JSON: the record once it answers, or the error. The
            server then goes on as a daemon.

    Raises:
        SandboxError: If it cannot start.
    """
    if ready_fd is None:
        _serve(state_dir, port, lambda _record: None)
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
            _serve(state_dir, port, lambda record: report({"record": asdict(record)}))
        except SandboxError as error:
            report({"error": str(error)})
            raise
        except Exception as error:
            cause = f"{type(error).__name__}: {error}"
            report({"error": f"The sandbox did not start ({cause}); see {state_dir / _LOG}."})
            raise


def _serve(state_dir: Path, port: int, on_listening: Callable[[SandboxRecord], None]) -> None:
    # Imported here: finding and stopping a sandbox must not pay for it.
    from headway_sandbox import server  # noqa: PLC0415
    from headway_sandbox.sagemaker.images import ImageError  # noqa: PLC0415

    state_dir.mkdir(parents=True, exist_ok=True)
    # Never closed: the kernel does it when the process is gone, which is what the lock says.
    lock = (state_dir / _SERVER_LOCK).open("w")
    _HELD.append(lock)
    with _listen(port) as listener:
        if not _acquire(lock, LOCK_TIMEOUT_S):
            raise SandboxError(f"A sandbox runs on {state_dir} already; stop it with `headway sandbox stop`.")
        started_at = datetime.now(UTC).isoformat(timespec="seconds")
        record = SandboxRecord(pid=os.getpid(), port=listener.getsockname()[1], started_at=started_at)
        _write_record(state_dir, record)
        try:
            server.serve(state_dir, listener, lambda: on_listening(record))
        except ImageError as error:
            raise SandboxError(str(error)) from error
        finally:
            (state_dir / _RECORD).unlink(missing_ok=True)


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


def _spawn(state_dir: Path, port: int) -> SandboxRecord:
    read_fd, write_fd = os.pipe()
    command = [
        sys.executable,
        "-m",
        "headway_sandbox",
        "--state-dir",
        str(state_dir),
        "--port",
        str(port),
        "--ready-fd",
        str(write_fd),
    ]
    with os.fdopen(read_fd, "rb") as ready:
        try:
            with (state_dir / _LOG).open("ab") as log:
                starter = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=state_dir,
                    start_new_session=True,
                    pass_fds=(write_fd,),
                )
        finally:
            os.close(write_fd)
        starter.wait()
        answer = _read_until_closed(ready, START_TIMEOUT_S)
    report = json.loads(answer) if answer else {}
    if "record" not in report:
        _end_server(state_dir)
        raise SandboxError(report.get("error", f"The sandbox did not start; see {state_dir / _LOG}."))
    record = SandboxRecord(**report["record"])
    if not _answers(record):
        _end_server(state_dir)
        raise SandboxError(
            f"The sandbox started on port {record.port} but does not answer; see {state_dir / _LOG}."
        )
    return record


def _read_until_closed(stream: IO[bytes], timeout_s: float) -> bytes:
    """What a pipe carries until its other end is closed; empty if that takes too long."""
    deadline = time.monotonic() + timeout_s
    received = b""
    while select.select([stream], [], [], max(0.0, deadline - time.monotonic()))[0]:
        part = os.read(stream.fileno(), 65536)
        if not part:
            return received
        received += part
    return b""


def _end_server(state_dir: Path) -> bool:
    """Ends the server of a state directory, in order, else by force; False if there is none."""
    lock = state_dir / _SERVER_LOCK
    if not _locked(lock):
        return False
    record = _read_record(state_dir)
    for number in (signal.SIGTERM, signal.SIGKILL):
        if record is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(record.pid, number)
        if _wait_unlocked(lock, STOP_TIMEOUT_S):
            return True
    raise SandboxError(f"The sandbox on {state_dir} does not end; end the process that holds {lock}.")


def _acquire(lock: IO[str], timeout_s: float) -> bool:
    """Takes the server's lock; whoever looks whether it is taken holds it for a moment."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        else:
            return True


def _locked(path: Path) -> bool:
    """Whether another process holds the lock file."""
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _wait_unlocked(path: Path, timeout_s: float) -> bool:
    """Waits until no process holds the lock file; the kernel has no wait with a time limit for that."""
    deadline = time.monotonic() + timeout_s
    while _locked(path):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@contextlib.contextmanager
def _changing(state_dir: Path) -> Iterator[None]:
    """One start, stop or reset at a time."""
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        lock = (state_dir / _CHANGE_LOCK).open("w")
    except OSError as error:
        raise SandboxError(
            f"The sandbox's directory {state_dir} cannot be written ({error.strerror}); make it writable, "
            "or free space on its disk."
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write_record(state_dir: Path, record: SandboxRecord) -> None:
    temporary = state_dir / f"{_RECORD}.tmp"
    temporary.write_text(json.dumps(asdict(record)), encoding="utf-8")
    temporary.replace(state_dir / _RECORD)


def _read_record(state_dir: Path) -> SandboxRecord | None:
    try:
        return SandboxRecord(**json.loads((state_dir / _RECORD).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise SandboxError(f"{state_dir / _RECORD} is damaged ({error}); remove it.") from error


def _answers(record: SandboxRecord) -> bool:
    try:
        status, body = _request(record.port, "GET", "/_headway/health", ANSWER_TIMEOUT_S)
        return status == 200 and json.loads(body).get("pid") == record.pid
    except (OSError, http.client.HTTPException, ValueError):
        return False


def _request(port: int, method: str, path: str, timeout_s: float) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout_s)
    with contextlib.closing(connection):
        connection.request(method, path, headers={"Connection": "close"})
        response = connection.getresponse()
        return response.status, response.read()

"""Starting, finding, stopping and resetting the sandbox of a state directory.

The server holds a lock on ``server.lock`` for as long as it lives, so the kernel itself says whether one
runs: a record that a killed server left behind is never mistaken for a running one. The record
``sandbox.json`` only says where to find it.
"""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from headway_sandbox.record import (
    ENFORCE_IAM_VARIABLE,
    HOST,
    LOG,
    PORT_VARIABLE,
    RECORD,
    SERVER_LOCK,
    SandboxError,
    SandboxRecord,
    locked,
    read_record,
    wait_unlocked,
)

__all__ = [
    "DEFAULT_PORT",
    "SandboxError",
    "SandboxRecord",
    "aws_environment",
    "configured_port",
    "control",
    "find",
    "kill",
    "reset",
    "start",
    "stop",
]

DEFAULT_PORT = 4566
REGION = "us-east-1"

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
ANSWER_TIMEOUT_S = 5.0

_CHANGE_LOCK = "change.lock"
_STATE = ("ministack", "sagemaker")


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
    if not locked(state_dir / SERVER_LOCK):
        return None
    record = read_record(state_dir)
    return record if record is not None and _answers(record) else None


def configured_enforcement() -> bool:
    """Whether HEADWAY_SANDBOX_ENFORCE_IAM asks for enforced IAM.

    Raises:
        SandboxError: If the variable is neither 0 nor 1.
    """
    text = os.environ.get(ENFORCE_IAM_VARIABLE, "0")
    if text not in ("0", "1"):
        raise SandboxError(
            f"{ENFORCE_IAM_VARIABLE} is {text!r}; it must be 1 to enforce IAM, or 0 not to do so."
        )
    return text == "1"


def start(state_dir: Path, port: int = DEFAULT_PORT, *, enforce_iam: bool | None = None) -> SandboxRecord:
    """Starts the sandbox in the background, unless it runs already.

    Args:
        state_dir: Directory that holds all of its state; created if missing.
        port: Port on 127.0.0.1; 0 chooses a free one. A sandbox that runs already keeps its port.
        enforce_iam: Whether every call is authorised against the policies of its caller; None leaves a
            sandbox that runs as it is, and asks HEADWAY_SANDBOX_ENFORCE_IAM otherwise.

    Returns:
        Where it is, after it has answered its first call.

    Raises:
        SandboxError: If it cannot start, for example because another program has the port.
    """
    state_dir = state_dir.resolve()
    with _changing(state_dir):
        running = find(state_dir)
        if running is not None:
            if enforce_iam is not None and running.enforce_iam != enforce_iam:
                how = "with" if running.enforce_iam else "without"
                raise SandboxError(
                    f"The sandbox runs already, {how} enforced IAM; stop it first: `headway sandbox stop`."
                )
            return running
        _end_server(state_dir)
        return _spawn(state_dir, port, configured_enforcement() if enforce_iam is None else enforce_iam)


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
        (state_dir / RECORD).unlink(missing_ok=True)
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
                f"{body.decode(errors='replace')}; see {state_dir / LOG}."
            )


def control(
    record: SandboxRecord, method: str, path: str, document: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Calls one of the sandbox's own pages, such as ``/_headway/faults``.

    Args:
        record: Where the sandbox is.
        method: HTTP method.
        path: The page.
        document: What to send as JSON.

    Returns:
        The page's JSON object.

    Raises:
        SandboxError: If the sandbox refuses; the message is its own.
    """
    body = b"" if document is None else json.dumps(document).encode()
    try:
        status, answer = _request(record.port, method, path, START_TIMEOUT_S, body)
        found: dict[str, Any] = json.loads(answer)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise SandboxError(
            f"The sandbox on port {record.port} did not answer ({error}); see `headway sandbox status`."
        ) from error
    if status != 200:
        raise SandboxError(str(found.get("message", found)))
    return found


def kill(state_dir: Path) -> bool:
    """Kills the sandbox on the spot, as a power cut would: for rehearsals.

    Returns:
        False if none was running.

    Raises:
        SandboxError: If it goes on.
    """
    record = find(state_dir)
    if record is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(record.pid, signal.SIGKILL)
    if not wait_unlocked(state_dir / SERVER_LOCK, STOP_TIMEOUT_S):
        raise SandboxError(f"The sandbox (process {record.pid}) goes on after SIGKILL.")
    return True


def _spawn(state_dir: Path, port: int, enforce_iam: bool) -> SandboxRecord:
    read_fd, write_fd = os.pipe()
    command = [
        sys.executable,
        "-P",  # or a file in the state directory could stand in for a module
        "-m",
        "headway_sandbox",
        "--state-dir",
        str(state_dir),
        "--port",
        str(port),
        "--ready-fd",
        str(write_fd),
        *(["--enforce-iam"] if enforce_iam else []),
    ]
    with os.fdopen(read_fd, "rb") as ready:
        try:
            with (state_dir / LOG).open("ab") as log:
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
        raise SandboxError(report.get("error", f"The sandbox did not start; see {state_dir / LOG}."))
    record = SandboxRecord(**report["record"])
    # The first answer comes after those to callers who waited for the start.
    if not _answers(record, START_TIMEOUT_S):
        _end_server(state_dir)
        raise SandboxError(
            f"The sandbox started on port {record.port} but does not answer; see {state_dir / LOG}."
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
    lock = state_dir / SERVER_LOCK
    if not locked(lock):
        return False
    record = read_record(state_dir)
    for number in (signal.SIGTERM, signal.SIGKILL):
        if record is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(record.pid, number)
        if wait_unlocked(lock, STOP_TIMEOUT_S):
            return True
    raise SandboxError(f"The sandbox on {state_dir} does not end; end the process that holds {lock}.")


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


def _answers(record: SandboxRecord, timeout_s: float = ANSWER_TIMEOUT_S) -> bool:
    try:
        status, body = _request(record.port, "GET", "/_headway/health", timeout_s)
        return status == 200 and json.loads(body).get("pid") == record.pid
    except (OSError, http.client.HTTPException, ValueError):
        return False


def _request(port: int, method: str, path: str, timeout_s: float, body: bytes = b"") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout_s)
    with contextlib.closing(connection):
        connection.request(method, path, body=body, headers={"Connection": "close"})
        response = connection.getresponse()
        return response.status, response.read()

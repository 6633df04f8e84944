"""What is on disk about a running sandbox: its record, its lock, and the errors that a person can repair."""

from __future__ import annotations

import fcntl
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

HOST = "127.0.0.1"
PORT_VARIABLE = "HEADWAY_SANDBOX_PORT"
ENFORCE_IAM_VARIABLE = "HEADWAY_SANDBOX_ENFORCE_IAM"
SERVER_LOCK = "server.lock"
LOG = "sandbox.log"
RECORD = "sandbox.json"


class SandboxError(Exception):
    """Something about the sandbox that a person can repair; the message is one sentence that says how."""


@dataclass(frozen=True)
class SandboxRecord:
    """Where a running sandbox is.

    Attributes:
        pid: Process id of the server.
        port: Port on 127.0.0.1.
        started_at: Time of the start, ISO 8601 in UTC.
        enforce_iam: Whether it holds every call against the policies of its caller.
    """

    pid: int
    port: int
    started_at: str
    enforce_iam: bool = False

    @property
    def endpoint_url(self) -> str:
        """Base URL for every AWS client."""
        return f"http://{HOST}:{self.port}"


def write_record(state_dir: Path, record: SandboxRecord) -> None:
    """Writes the record; whoever reads it sees a whole one."""
    temporary = state_dir / f"{RECORD}.tmp"
    temporary.write_text(json.dumps(asdict(record)), encoding="utf-8")
    temporary.replace(state_dir / RECORD)


def read_record(state_dir: Path) -> SandboxRecord | None:
    """The record of a state directory; None if there is none.

    Raises:
        SandboxError: If it is damaged.
    """
    try:
        return SandboxRecord(**json.loads((state_dir / RECORD).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise SandboxError(f"{state_dir / RECORD} is damaged ({error}); remove it.") from error


def acquire(lock: IO[str], timeout_s: float) -> bool:
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


def locked(path: Path) -> bool:
    """Whether another process holds the lock file."""
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def wait_unlocked(path: Path, timeout_s: float) -> bool:
    """Waits until no process holds the lock file; the kernel has no wait with a time limit for that."""
    deadline = time.monotonic() + timeout_s
    while locked(path):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True

"""Running one step of a build: output to a log and line by line to the caller, nothing left running."""

import os
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_KEPT_LINES = 40


@dataclass(frozen=True)
class CommandResult:
    """How a command ended: its exit status and its last lines of output."""

    status: int
    last_lines: tuple[str, ...]


def run_logged(
    command: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    log: IO[str],
    on_line: Callable[[str], None],
) -> CommandResult:
    """Run a command in a process group of its own; kill the group when the caller is interrupted.

    Args:
        command: Program and arguments.
        cwd: Working directory.
        environment: The whole environment.
        log: Gets every line of output.
        on_line: Called with each line of output, without its end.

    Returns:
        How it ended.

    Raises:
        OSError: When the program cannot be started.
    """
    log.write(f"$ {' '.join(command)}\n")
    log.flush()
    kept: deque[str] = deque(maxlen=_KEPT_LINES)
    with subprocess.Popen(
        list(command),
        cwd=cwd,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            for raw in process.stdout:
                log.write(raw)
                line = raw.rstrip("\n")
                kept.append(line)
                on_line(line)
            status = process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            log.flush()
    return CommandResult(status, tuple(kept))

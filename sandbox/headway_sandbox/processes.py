"""Child processes that never outlive the sandbox, also when it is killed without a chance to clean up.

Every child leads a process group of its own. A guardian, a tiny process holding the other end of a pipe,
knows the groups; when the pipe breaks because the sandbox is gone, it kills them. This needs nothing from
the operating system but process groups, and it reaches grandchildren, which a parent-death signal would
not.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

_GUARDIAN = """
import os, signal, sys
for name in ("SIGINT", "SIGTERM", "SIGHUP"):
    signal.signal(getattr(signal, name), signal.SIG_IGN)
groups = set()
for line in sys.stdin:
    sign, group = line[0], int(line[1:])
    (groups.add if sign == "+" else groups.discard)(group)
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        continue
"""

Output = int | IO[bytes]


class ProcessGroups:
    """Starts and ends the child processes of one sandbox."""

    def __init__(self) -> None:
        self._guardian: subprocess.Popen[bytes] | None = None
        self._running: dict[int, asyncio.subprocess.Process] = {}

    async def start(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        cwd: Path,
        stdout: Output = asyncio.subprocess.PIPE,
        stderr: Output = asyncio.subprocess.STDOUT,
        pass_fds: Sequence[int] = (),
    ) -> asyncio.subprocess.Process:
        """Starts a program as the leader of its own session and process group.

        Args:
            command: Program and arguments.
            environment: The whole environment; nothing is inherited.
            cwd: Working directory.
            stdout: Where standard output goes.
            stderr: Where standard error goes.
            pass_fds: File descriptors to hand over.

        Raises:
            OSError: If the program cannot be started.
        """
        process = await asyncio.create_subprocess_exec(
            *command,
            env=dict(environment),
            cwd=cwd,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            pass_fds=tuple(pass_fds),
            limit=2**20,
        )
        self._tell("+", process.pid)
        self._running[process.pid] = process
        return process

    async def ended(self, process: asyncio.subprocess.Process) -> int:
        """Waits until a process has ended, ends what it left in its group, and returns its exit code."""
        code = await process.wait()
        self.forget(process)
        return code

    def forget(self, process: asyncio.subprocess.Process) -> None:
        """Ends what an ended process left behind in its group, and stops watching the group."""
        _signal_group(process.pid, signal.SIGKILL)
        if self._running.pop(process.pid, None) is not None:
            self._tell("-", process.pid)

    async def stop(self, process: asyncio.subprocess.Process, grace_s: float) -> int:
        """Asks a process group to end (SIGTERM), insists after a while (SIGKILL), and waits.

        Args:
            process: A process that `start` returned; may have ended already.
            grace_s: Seconds between the two signals.
        """
        if process.returncode is None:
            _signal_group(process.pid, signal.SIGTERM)
            with contextlib.suppress(asyncio.TimeoutError):
                return await asyncio.wait_for(self.ended(process), grace_s)
            _signal_group(process.pid, signal.SIGKILL)
        return await self.ended(process)

    async def close(self, grace_s: float = 0.5) -> None:
        """Ends every child and the guardian."""
        await asyncio.gather(*(self.stop(process, grace_s) for process in list(self._running.values())))
        if self._guardian is not None:
            guardian, self._guardian = self._guardian, None
            assert guardian.stdin is not None
            guardian.stdin.close()
            guardian.wait()

    def _tell(self, sign: str, group: int) -> None:
        if self._guardian is None:
            self._guardian = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _GUARDIAN],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
            )
        assert self._guardian.stdin is not None
        self._guardian.stdin.write(f"{sign}{group}\n".encode())
        self._guardian.stdin.flush()


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)

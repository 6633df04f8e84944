"""Children of the language host: each in a group of its own, none left when the host or the engine goes."""

import contextlib
import os
import queue
import select
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Literal

Stream = Literal["stdout", "stderr"]
_CHUNK_BYTES = 65536
_INIT = 1


class HostStoppingError(Exception):
    """No process is started any more: the host is being stopped."""


def wait_for_exit(pid: int) -> None:
    """Block until a process that is not our child is gone.

    Args:
        pid: Its process id.
    """
    if sys.platform == "linux":
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        try:
            select.select([handle], [], [])
        finally:
            os.close(handle)
    else:
        kqueue = select.kqueue()
        exits = select.kevent(
            pid, filter=select.KQ_FILTER_PROC, flags=select.KQ_EV_ADD, fflags=select.KQ_NOTE_EXIT
        )
        with contextlib.closing(kqueue), contextlib.suppress(ProcessLookupError):
            kqueue.control([exits], 1, None)


def when_parent_dies(action: Callable[[], None]) -> None:
    """Call an action, from a thread of its own, when the process that started this one is gone.

    The engine gives its plugins a pipe as standard input, which ends with the engine, also when that happened
    before this call; where there is none, the parent's process is watched.

    Args:
        action: What to do; it may be called more than once.
    """
    parent = os.getppid()

    def watch_parent() -> None:
        wait_for_exit(parent)
        action()

    def watch_input() -> None:
        while os.read(0, _CHUNK_BYTES):
            continue
        action()

    watchers = []
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        watchers.append(watch_input)
    if parent != _INIT:
        watchers.append(watch_parent)
    for watch in watchers:
        threading.Thread(target=watch, name=watch.__name__, daemon=True).start()


class Children:
    """The running child processes.

    Each child inherits the reading end of a pipe; the writing end closes with this process, however it ends,
    and a child that watches it (see `executor.py`) then kills its own group.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopping = False
        self.pipe, self._pipe_writer = os.pipe()

    def start(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        cwd: Path | None = None,
        captured: bool,
    ) -> subprocess.Popen[bytes]:
        """Start a child in a session and process group of its own.

        Args:
            command: Program and arguments.
            environment: The whole environment.
            cwd: Working directory; by default that of this process.
            captured: Whether its output is read by the host; otherwise it goes where the host's output goes.

        Returns:
            The process.

        Raises:
            HostStoppingError: When `stop` was called.
            OSError: When the program cannot be started.
        """
        output = subprocess.PIPE if captured else None
        with self._lock:
            if self._stopping:
                raise HostStoppingError
            child = subprocess.Popen(
                list(command),
                cwd=cwd,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                bufsize=0,
                start_new_session=True,
                pass_fds=(self.pipe,),
            )
            self._running.add(child)
        return child

    def wait(self, child: subprocess.Popen[bytes]) -> int:
        """Wait for a child; what it left running in its group is killed.

        Args:
            child: The process.

        Returns:
            Its exit status, negative for a signal.
        """
        if sys.platform == "linux":
            # Not reaped yet, so its process id still names its group and nothing else.
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        else:
            child.wait()
        with self._lock:
            _kill_group(child)
            self._running.discard(child)
        return child.wait()

    def kill(self, child: subprocess.Popen[bytes]) -> None:
        """Kill a child and its group, unless it has ended.

        Args:
            child: The process.
        """
        with self._lock:
            if child in self._running:
                _kill_group(child)

    def stop(self) -> None:
        """Kill all children and start no more."""
        with self._lock:
            self._stopping = True
            for child in self._running:
                _kill_group(child)

    def output_of(self, child: subprocess.Popen[bytes]) -> Iterator[tuple[Stream, bytes]]:
        """Read a captured child's output as it comes, until it has ended.

        Args:
            child: The process; its `returncode` is set afterwards.

        Yields:
            The stream's name and some bytes.
        """
        assert child.stdout is not None
        assert child.stderr is not None
        chunks: queue.SimpleQueue[tuple[Stream, bytes]] = queue.SimpleQueue()
        streams: tuple[tuple[Stream, IO[bytes]], ...] = (("stdout", child.stdout), ("stderr", child.stderr))
        for name, stream in streams:
            threading.Thread(target=_pump, args=(name, stream, chunks), daemon=True).start()
        # Processes that the child left behind would hold the streams open for ever.
        waiting = threading.Thread(target=self.wait, args=(child,), daemon=True)
        waiting.start()
        still_open = len(streams)
        while still_open:
            name, chunk = chunks.get()
            if chunk:
                yield name, chunk
            else:
                still_open -= 1
        waiting.join()


def _pump(name: Stream, stream: IO[bytes], chunks: "queue.SimpleQueue[tuple[Stream, bytes]]") -> None:
    with stream:
        while chunk := stream.read(_CHUNK_BYTES):
            chunks.put((name, chunk))
    chunks.put((name, b""))


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)

"""A run that is interrupted or killed leaves no process behind and does not block the next one."""

import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from headway_sandbox.engine import clear_stale_locks, ensure_stack

WAITING = """
import os, pathlib, subprocess, time
child = subprocess.Popen(["sleep", "300"])
pathlib.Path("pids.new").write_text(f"{os.getppid()} {os.getpid()} {child.pid}")
pathlib.Path("pids.new").rename("pids")
time.sleep(300)
"""


def until(condition: Callable[[], bool], what: str, timeout_s: float = 120.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {timeout_s} s"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


class WaitingRun:
    """`pulumi up` of a program that waits, and the processes below it."""

    def __init__(self, directory: Path, env: Mapping[str, str]) -> None:
        (directory / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
        (directory / "__main__.py").write_text(WAITING)
        ensure_stack(env, directory, "local")
        self.cli = subprocess.Popen(
            ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive"],
            cwd=directory,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        pids = directory / "pids"
        until(lambda: pids.exists() or self.cli.poll() is not None, "start of the program")
        self.host, self.program, self.grandchild = map(int, pids.read_text().split())

    def finish(self) -> str:
        output, _ = self.cli.communicate(timeout=120)
        assert isinstance(output, str)
        return output

    def leaves_nothing(self) -> None:
        for name in ("host", "program", "grandchild"):
            until(functools.partial(self._is_gone, name), f"end of the {name}")

    def _is_gone(self, name: str) -> bool:
        return not is_running(getattr(self, name))


pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="reads process states from /proc")


@pytest.mark.parametrize("victim", ["cli", "host", "program"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
def test_no_process_is_left(
    pulumi_home: Path, pulumi_env: dict[str, str], victim: str, number: signal.Signals
) -> None:
    run = WaitingRun(pulumi_home.parent, pulumi_env)
    target = run.cli.pid if victim == "cli" else getattr(run, victim)

    os.kill(target, number)

    run.finish()
    assert run.cli.returncode != 0
    run.leaves_nothing()


def test_the_lock_of_a_killed_run_goes_and_that_of_a_living_one_stays(
    pulumi_home: Path, pulumi_env: dict[str, str]
) -> None:
    directory = pulumi_home.parent
    run = WaitingRun(directory, pulumi_env)
    assert clear_stale_locks(pulumi_env, directory, "local") == []

    run.cli.kill()
    run.finish()
    run.leaves_nothing()
    (directory / "__main__.py").write_text("")
    blocked = refresh(directory, pulumi_env)
    ensure_stack(pulumi_env, directory, "local")
    free = refresh(directory, pulumi_env)

    assert blocked.returncode != 0
    assert "locked by 1 lock" in blocked.stdout
    assert free.returncode == 0, free.stdout


def refresh(directory: Path, env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive"],
        cwd=directory,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


WATCHER = """
import pathlib, threading
from headway_sandbox.engine.processes import when_parent_dies
gone = threading.Event()
when_parent_dies(gone.set)
pathlib.Path("watching").touch()
gone.wait()
pathlib.Path("noticed").touch()
"""


def test_a_parent_that_dies_is_noticed(tmp_path: Path) -> None:
    middle = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {WATCHER!r}])"
    parent = subprocess.Popen([sys.executable, "-c", middle], cwd=tmp_path, stdin=subprocess.DEVNULL)
    until((tmp_path / "watching").exists, "start of the watcher")
    parent.kill()
    parent.wait()
    until((tmp_path / "noticed").exists, "notice of the death")


def test_a_parent_that_died_before_is_noticed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WATCHER], cwd=tmp_path, stdin=subprocess.PIPE) as watcher:
        assert watcher.stdin is not None
        watcher.stdin.close()
        assert watcher.wait(timeout=120) == 0
    assert (tmp_path / "noticed").exists()

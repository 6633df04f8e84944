"""Locks that killed runs leave on a stack."""

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from headway_sandbox.engine import EngineError, clear_stale_locks


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
    return tmp_path


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"PULUMI_BACKEND_URL": (tmp_path / "a state").as_uri()}


def lock(project: Path, content: str, stack: str = "local", name: str = "one") -> Path:
    path = project / "a state" / ".pulumi" / "locks" / "organization" / "demo" / stack / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def held_by(pid: int, host: str | None = None) -> str:
    return json.dumps({"pid": pid, "username": "me", "hostname": host or socket.gethostname()})


@pytest.fixture
def dead_pid() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


@pytest.fixture
def other_pid() -> Iterator[int]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process.pid
        process.kill()


@pytest.fixture
def pulumi_pid(tmp_path: Path) -> Iterator[int]:
    sleep = shutil.which("sleep")
    assert sleep is not None
    shutil.copy(sleep, tmp_path / "pulumi")
    with subprocess.Popen([str(tmp_path / "pulumi"), "60"]) as process:
        # The kernel tells of the new program a moment before it gives the process its name.
        named = ["ps", "-o", "comm=", "-p", str(process.pid)]
        while "pulumi" not in subprocess.run(named, capture_output=True, text=True, check=True).stdout:
            continue
        yield process.pid
        process.kill()


def test_only_locks_of_processes_that_are_gone_are_removed(
    project: Path, env: dict[str, str], dead_pid: int, other_pid: int, pulumi_pid: int
) -> None:
    dead = lock(project, held_by(dead_pid), name="dead")
    reused = lock(project, held_by(other_pid), name="reused")
    kept = {
        lock(project, held_by(pulumi_pid), name="living"),
        lock(project, held_by(dead_pid, "elsewhere"), name="elsewhere"),
        lock(project, '{"pid":', name="half-written"),
        lock(project, held_by(dead_pid), stack="prod", name="other-stack"),
    }

    removed = clear_stale_locks(env, project, "local")

    assert {entry.path for entry in removed} == {dead, reused}
    assert set(project.rglob("locks/**/*.json")) == kept


def test_no_locks_are_no_problem(project: Path, env: dict[str, str]) -> None:
    assert clear_stale_locks(env, project, "local") == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, "cannot be read"), ("runtime: python\n", "has no `name`"), ("{", "is not YAML")],
)
def test_a_broken_project_file_is_named(
    project: Path, env: dict[str, str], content: str | None, problem: str
) -> None:
    path = project / "Pulumi.yaml"
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(EngineError, match=problem):
        clear_stale_locks(env, project, "local")

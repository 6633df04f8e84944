"""Stacks on the sandbox's file backend: there and selected, and not blocked by a run that was killed."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml

from headway_sandbox.engine.errors import EngineError

_ORGANIZATION = "organization"
"""The only organization that a file backend has."""


@dataclass(frozen=True)
class StackLock:
    """A lock that a Pulumi process took on a stack."""

    path: Path
    pid: int
    host: str


def ensure_stack(env: Mapping[str, str], project_dir: Path, stack: str) -> None:
    """Create the stack unless it is there, select it, and drop locks that killed processes left on it.

    Args:
        env: What `prepare` returned; it is set over this process's environment.
        project_dir: Directory of Pulumi.yaml.
        stack: Name of the stack.

    Raises:
        EngineError: When Pulumi refuses; says what Pulumi said.
    """
    clear_stale_locks(env, project_dir, stack)
    environment = {**os.environ, **env}
    pulumi = shutil.which("pulumi", path=environment.get("PATH"))
    if pulumi is None:
        raise EngineError("no `pulumi` on the PATH that was prepared; prepare the home again")
    done = subprocess.run(
        [pulumi, "stack", "select", stack, "--create", "--non-interactive", "--color", "never"],
        cwd=project_dir,
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).removeprefix("error: ")
        raise EngineError(f"stack '{stack}' of {project_dir} could not be selected: {said}")


def clear_stale_locks(env: Mapping[str, str], project_dir: Path, stack: str) -> list[StackLock]:
    """Remove locks on a stack whose process is gone; a lock of a living process or another machine stays.

    Args:
        env: What `prepare` returned.
        project_dir: Directory of Pulumi.yaml.
        stack: Name of the stack.

    Returns:
        The locks that were removed.

    Raises:
        EngineError: When Pulumi.yaml cannot be read.
    """
    state = Path(unquote(urlsplit(env["PULUMI_BACKEND_URL"]).path))
    folder = state / ".pulumi" / "locks" / _ORGANIZATION / _project_name(project_dir) / stack
    stale = [lock for path in sorted(folder.glob("*.json")) if (lock := _read_lock(path)) and _is_stale(lock)]
    for lock in stale:
        lock.path.unlink(missing_ok=True)
    return stale


def _project_name(project_dir: Path) -> str:
    path = project_dir / "Pulumi.yaml"
    try:
        project = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise EngineError(f"{path} cannot be read: {error.strerror or error}") from error
    except yaml.YAMLError as error:
        raise EngineError(f"{path} is not YAML: {error}") from error
    name = project.get("name") if isinstance(project, dict) else None
    if not isinstance(name, str):
        raise EngineError(f"{path} has no `name`; add the project's name")
    return name


def _read_lock(path: Path) -> StackLock | None:
    try:
        content = json.loads(path.read_text("utf-8"))
        return StackLock(path, int(content["pid"]), str(content["hostname"]))
    except (OSError, ValueError, KeyError, TypeError):
        # Gone meanwhile, or half written by a process that is still at it: Pulumi decides.
        return None


def _is_stale(lock: StackLock) -> bool:
    return lock.host == socket.gethostname() and not _runs_pulumi(lock.pid)


def _runs_pulumi(pid: int) -> bool:
    # Process ids are used again, most of all after a restart, so being alive is not enough.
    name = Path("/proc") / str(pid) / "comm"
    if name.parent.parent.joinpath("self").exists():
        try:
            return name.read_text("utf-8").strip() == "pulumi"
        except OSError:
            return False
    listed = subprocess.run(
        ["ps", "-o", "comm=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return Path(listed.stdout.strip()).name == "pulumi"

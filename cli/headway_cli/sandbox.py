"""The sandbox of a checkout; what goes wrong with it becomes an error for a person."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from headway_cli.errors import HeadwayError
from headway_cli.project import Project
from headway_sandbox import lifecycle
from headway_sandbox.lifecycle import SandboxError, SandboxRecord
from headway_sandbox.record import read_record


def require_sandbox(project: Project) -> SandboxRecord:
    """The running sandbox.

    Raises:
        HeadwayError: It does not run.
    """
    found = find_sandbox(project)
    if found is None:
        raise HeadwayError(
            "the sandbox is not running; start it with `headway sandbox start`, or all with `headway up`"
        )
    return found


def require_still_running(project: Project) -> None:
    """Goes on only with the sandbox that a command has found or started; it may have been killed since.

    Raises:
        HeadwayError: It does not run any more.
    """
    if find_sandbox(project) is None:
        raise HeadwayError(
            "the sandbox has ended meanwhile; run the same command again, which starts it and goes on from "
            "here; `headway sandbox logs` may say why it ended"
        )


def find_sandbox(project: Project) -> SandboxRecord | None:
    """The running sandbox, or None.

    Raises:
        HeadwayError: Its record cannot be read.
    """
    with _for_people():
        return lifecycle.find(project.sandbox_dir)


def control_sandbox(
    project: Project, method: str, path: str, document: dict[str, Any] | None = None
) -> dict[str, Any]:
    """What one of the running sandbox's own pages answers.

    Raises:
        HeadwayError: It does not run, or refuses.
    """
    record = require_sandbox(project)
    with _for_people():
        return lifecycle.control(record, method, path, document)


def kill_sandbox(project: Project) -> bool:
    """Kills the sandbox on the spot; answers whether one was running.

    Raises:
        HeadwayError: It goes on.
    """
    with _for_people():
        return lifecycle.kill(project.sandbox_dir)


def start_sandbox(project: Project, port: int, *, enforce_iam: bool | None = None) -> SandboxRecord:
    """Starts the sandbox, or finds it running; notes when it may know less than Pulumi remembers.

    That is so after it was not stopped but killed, and when somebody has removed its directory.

    Raises:
        HeadwayError: It cannot be started; the message says why.
    """
    with _for_people():
        # A sandbox that is stopped takes its record away.
        killed = read_record(project.sandbox_dir) is not None and lifecycle.find(project.sandbox_dir) is None
        removed = project.pulumi_state_dir.exists() and not project.sandbox_dir.exists()
        if killed or removed:
            _note(project).touch()
        return lifecycle.start(project.sandbox_dir, port, enforce_iam=enforce_iam)


def was_killed(project: Project) -> bool:
    """Whether the sandbox was killed or removed since the last comparison with it: it may lack changes."""
    return _note(project).exists()


def forget_kill(project: Project) -> None:
    """Says that every stack has been compared with the sandbox since."""
    _note(project).unlink(missing_ok=True)


def stop_sandbox(project: Project) -> bool:
    """Stops the sandbox; answers whether one was running.

    Raises:
        HeadwayError: It does not end.
    """
    with _for_people():
        return lifecycle.stop(project.sandbox_dir)


def reset_sandbox(project: Project) -> None:
    """Empties the sandbox; Pulumi's memory of what was in it goes with it.

    Raises:
        HeadwayError: The sandbox does not carry it out.
    """
    with _for_people():
        lifecycle.reset(project.sandbox_dir)
    forget_kill(project)
    if project.pulumi_state_dir.exists():
        shutil.rmtree(project.pulumi_state_dir)


def _note(project: Project) -> Path:
    return project.home / "killed"


@contextmanager
def _for_people() -> Iterator[None]:
    try:
        yield
    except SandboxError as error:
        raise HeadwayError(str(error)) from error

"""The sandbox of a checkout; what goes wrong with it becomes an error for a person."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from headway_cli.errors import HeadwayError
from headway_cli.project import Project
from headway_sandbox import lifecycle
from headway_sandbox.lifecycle import SandboxError, SandboxRecord


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


def find_sandbox(project: Project) -> SandboxRecord | None:
    """The running sandbox, or None.

    Raises:
        HeadwayError: Its record cannot be read.
    """
    with _for_people():
        return lifecycle.find(project.sandbox_dir)


def start_sandbox(project: Project, port: int) -> SandboxRecord:
    """Starts the sandbox, or finds it running.

    Raises:
        HeadwayError: It cannot be started; the message says why.
    """
    with _for_people():
        return lifecycle.start(project.sandbox_dir, port)


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
    if project.pulumi_state_dir.exists():
        shutil.rmtree(project.pulumi_state_dir)


@contextmanager
def _for_people() -> Iterator[None]:
    try:
        yield
    except SandboxError as error:
        raise HeadwayError(str(error)) from error

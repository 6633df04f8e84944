"""One container's run without Docker: its directories, its environment, its process."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import tarfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

from headway_sandbox.container_root import BASE_DIRECTORY_VARIABLE, ROOT, ContainerRoot
from headway_sandbox.sagemaker.credentials import role_environment
from headway_sandbox.sagemaker.protocol import SageMaker

CONTAINER_ROOT = PurePosixPath(ROOT)
STOP_GRACE_S = 120.0
"""How long SageMaker waits between SIGTERM and SIGKILL."""

_CANCEL_GRACE_S = 0.5

FAILURE_LIMIT = 1024
"""SageMaker keeps this many characters of a failure file or exit message."""

LINE_LIMIT = 200_000
"""A longer line is cut: CloudWatch Logs takes no event over 256 KiB."""

# What a program needs of its surroundings to run at all; everything else is given by the job.
_INHERITED = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "TZ",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
)
# Where packages come from on this machine, for what a container installs.
_INHERITED_PREFIX = "PIP_"


@dataclass(frozen=True)
class Outcome:
    """How a container ended.

    Attributes:
        exit_code: As a shell gives it: 128 + the signal's number when a signal ended it.
        stopped: Whether it was asked to stop.
        timed_out: Whether it was ended because its time was over.
        last_line: The last line it printed that is not blank.
    """

    exit_code: int
    stopped: bool
    timed_out: bool
    last_line: str

    @property
    def succeeded(self) -> bool:
        """Whether it ended by itself, with exit code 0."""
        return self.exit_code == 0 and not (self.stopped or self.timed_out)


def local_path(base: Path, container_path: str) -> Path:
    """Where a path below /opt/ml is on this machine.

    Raises:
        ValueError: If the path is not below /opt/ml.
    """
    path = PurePosixPath(container_path)
    if ".." in path.parts or not path.is_relative_to(CONTAINER_ROOT):
        raise ValueError(f"{container_path!r} is not below {CONTAINER_ROOT}")
    return base / path.relative_to(CONTAINER_ROOT)


async def base_environment(
    service: SageMaker, root: ContainerRoot, programs: Path, role_arn: str | None, session_name: str
) -> dict[str, str]:
    """What every container of this sandbox finds in its environment.

    Args:
        service: The running SageMaker.
        root: The container's files.
        programs: Directory of its own ``python`` and ``pip``, first in PATH.
        role_arn: The role whose credentials it gets; None for no access to AWS.
        session_name: Whose session that is.

    Raises:
        ServiceError: If IAM is enforced and SageMaker cannot take on the role.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name in _INHERITED or name.startswith(_INHERITED_PREFIX)
    }
    return {
        **inherited,
        "PATH": os.pathsep.join([str(programs), inherited.get("PATH", os.defpath)]),
        "VIRTUAL_ENV": str(programs.parent),
        BASE_DIRECTORY_VARIABLE: root.path,
        "PYTHONUNBUFFERED": "1",
        **({} if role_arn is None else await role_environment(service, role_arn, session_name)),
    }


async def run_container(
    service: SageMaker,
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    root: ContainerRoot,
    on_line: Callable[[str], None],
    stop: asyncio.Event,
    timeout_s: float,
    stop_grace_s: float = STOP_GRACE_S,
) -> Outcome:
    """Runs a command to its end.

    Args:
        service: The running SageMaker.
        command: Program and arguments.
        environment: Its whole environment.
        root: Its files; /opt/ml is also the working directory.
        on_line: Gets each line of standard output and standard error.
        stop: Asks the container to stop.
        timeout_s: Longest run, seconds.
        stop_grace_s: Seconds between SIGTERM and SIGKILL.

    Raises:
        OSError: If the program cannot be started.
    """
    process = await service.processes.start(
        root.command(command, environment), environment=environment, cwd=root.directory
    )
    assert process.stdout is not None
    last_line = ""

    async def read(stream: asyncio.StreamReader) -> None:
        nonlocal last_line
        async for line in _lines(stream):
            if line.strip():
                last_line = line.strip()
            on_line(line)

    reading = asyncio.ensure_future(read(process.stdout))
    ended = asyncio.ensure_future(service.processes.ended(process))
    asked = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({ended, asked}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        was_running = not ended.done()
        code = await service.processes.stop(process, stop_grace_s) if was_running else await ended
        await reading
    except asyncio.CancelledError:
        await service.processes.stop(process, _CANCEL_GRACE_S)
        raise
    finally:
        for task in (asked, reading, ended):
            task.cancel()
        await asyncio.gather(asked, reading, ended, return_exceptions=True)
    stopped = was_running and stop.is_set()
    return Outcome(
        exit_code=code if code >= 0 else 128 - code,
        stopped=stopped,
        timed_out=was_running and not stopped,
        last_line=last_line,
    )


def failure_reason(base: Path, outcome: Outcome) -> str:
    """A failed job's reason as SageMaker gives it: what the container wrote, and its exit code.

    Args:
        base: The directory that stood for /opt/ml.
        outcome: How the container ended; its last line stands in for a missing failure file.
    """
    written = read_message(base / "output" / "failure")
    reason = written if written is not None else outcome.last_line[:FAILURE_LIMIT]
    return f"AlgorithmError: {reason}, exit code: {outcome.exit_code}"


def read_message(path: Path) -> str | None:
    """The text of a message file, shortened as SageMaker does it; None if there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()[:FAILURE_LIMIT]
    except (FileNotFoundError, IsADirectoryError):
        return None


def write_json(path: Path, document: object) -> None:
    """Writes a configuration file of the container."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")


def pack(directories: Sequence[Path], archive: Path) -> None:
    """Packs the content of directories as tar.gz; the same content gives the same bytes.

    Args:
        directories: What is packed; of files with the same path the first directory's is taken.
        archive: The file that is written.
    """

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.mtime = entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        return entry

    with (
        archive.open("wb") as file,
        gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=cast("IO[bytes]", packed), mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name, path in merged(directories):
            tar.add(path, arcname=name, recursive=False, filter=plain)


def merged(directories: Sequence[Path]) -> list[tuple[str, Path]]:
    """Everything below several directories by relative path; the first directory's entries win."""
    found: dict[str, Path] = {}
    for directory in directories:
        for path in directory.rglob("*"):
            found.setdefault(path.relative_to(directory).as_posix(), path)
    return sorted(found.items())


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    """Lines of a stream, however long; the last one need not end with a newline."""
    rest = b""
    while part := await stream.read(65536):
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            yield line.decode(errors="replace").rstrip("\r")
        if len(rest) > LINE_LIMIT:
            yield rest.decode(errors="replace")
            rest = b""
    if rest:
        yield rest.decode(errors="replace")

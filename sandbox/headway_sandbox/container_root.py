"""Where a container's /opt/ml is on this machine: at its real path where the system allows it.

With mounts, a container sees its own directory at /opt/ml and its own names in /etc/hosts, in a namespace
that nobody else sees. Without them it finds the directory through SAGEMAKER_BASE_DIR, and paths below
/opt/ml in its command and its declared environment are replaced.
"""

from __future__ import annotations

import errno
import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from headway_sandbox import enter_root

ROOT = enter_root.ROOT
BASE_DIRECTORY_VARIABLE = "SAGEMAKER_BASE_DIR"
SETTING = "HEADWAY_SANDBOX_MOUNTS"
"""Environment variable of the sandbox: ``never`` keeps containers from having /opt/ml at its real path."""

_PROBE_TIMEOUT_S = 10.0
_ROOT_IN_TEXT = re.compile(rf"(?<![\w/.-]){re.escape(ROOT)}(?=/|$)")


@functools.cache
def mounts_allowed() -> bool:
    """Whether a container can have /opt/ml at its real path; tried once, in a process. Blocks."""
    if os.environ.get(SETTING) == "never" or not sys.platform.startswith("linux"):
        return False
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "hosts").touch()
        root = ContainerRoot(Path(directory), mounted=True, hosts=Path(directory) / "hosts", isolated=True)
        probe = [*root.entry, "test", "-e", f"{ROOT}/hosts"]
        try:
            done = subprocess.run(probe, check=False, capture_output=True, timeout=_PROBE_TIMEOUT_S)
        except (OSError, subprocess.TimeoutExpired):
            return False
    return done.returncode == 0


@dataclass(frozen=True)
class ContainerRoot:
    """One container's files.

    Attributes:
        directory: What stands for /opt/ml on this machine.
        mounted: Whether the container sees it at /opt/ml.
        hosts: File that stands for /etc/hosts in the container, if it is mounted; None for the machine's.
        isolated: Whether the container, if it is mounted, has a network of its own that leads nowhere.
    """

    directory: Path
    mounted: bool
    hosts: Path | None = None
    isolated: bool = False

    @property
    def path(self) -> str:
        """What /opt/ml is called inside the container."""
        return ROOT if self.mounted else str(self.directory)

    def variables(self, declared: Mapping[str, str]) -> dict[str, str]:
        """Declared environment variables as the container gets them.

        Args:
            declared: What a job or model gives.
        """
        return {name: self._inside(value) for name, value in declared.items()}

    def command(self, command: Sequence[str], environment: Mapping[str, str]) -> list[str]:
        """The command that starts a container's program.

        Args:
            command: Program and arguments, as an image or a request gives them.
            environment: The program's whole environment; PATH is where it is looked for.

        Raises:
            OSError: If there is no such program.
        """
        if not self.mounted:
            words = [self._inside(word) for word in command]
            self._require(words[0], environment)
            return words
        self._require(command[0], environment)
        return [*self.entry, *command]

    @property
    def entry(self) -> list[str]:
        """What makes the program that follows it see all of this, where it is mounted."""
        script = [sys.executable, "-I", "-S", enter_root.__file__, str(self.directory)]
        hosts = "" if self.hosts is None else str(self.hosts)
        return [*script, hosts, enter_root.NO_NETWORK if self.isolated else ""]

    def _inside(self, text: str) -> str:
        return text if self.mounted else _ROOT_IN_TEXT.sub(lambda _: self.path, text)

    def _require(self, program: str, environment: Mapping[str, str]) -> None:
        place = program
        if program == ROOT or program.startswith(f"{ROOT}/"):
            place = str(self.directory / program[len(ROOT) + 1 :])
        elif "/" in program:
            place = str(self.directory / program)
        if shutil.which(place, path=environment.get("PATH")) is None:
            code = errno.EACCES if "/" in place and Path(place).is_file() else errno.ENOENT
            raise OSError(code, os.strerror(code), program)

"""The Python packages that a script needs: those of its image, and those of its requirements.txt."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

from headway_sandbox.toolkits.errors import ToolkitError
from headway_sandbox.toolkits.python_environment import MARKER, make_environment

REQUIREMENTS = "requirements.txt"
_PIP = ("-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet", "--retries", "1")
_TAIL = 5
_NOT_FOUND = re.compile(r"No module named '([\w.]+)'")


def missing_package(said: str, needs: Mapping[str, str]) -> str | None:
    """What to do about a package that a program did not find though its image has it.

    Args:
        said: What the program said at its end.
        needs: Names of the image's packages for pip, by the name they are imported under.

    Returns:
        A sentence, or None if nothing of the image's is missing.
    """
    found = _NOT_FOUND.search(said)
    top = None if found is None else found[1].split(".", 1)[0]
    for module, package in needs.items():
        if module.split(".", 1)[0] == top:
            return (
                f"The container image that this stands for has the Python package {package}, which is not "
                f"installed here. Install it beside the sandbox with `python -m pip install {package}`, or "
                f"name it in the {REQUIREMENTS} of your source directory."
            )
    return None


def in_own_environment() -> bool:
    """Whether this interpreter's environment belongs to this container alone."""
    return (Path(sysconfig.get_path("purelib")) / MARKER).exists()


def install_requirements(directory: Path) -> None:
    """Installs what a source directory asks for into this container's own environment.

    Args:
        directory: Where ``requirements.txt`` may be.

    Raises:
        ToolkitError: If something cannot be installed.
    """
    if not (directory / REQUIREMENTS).is_file():
        return
    command = [sys.executable, *_PIP, "--requirement", REQUIREMENTS]
    done = subprocess.run(command, cwd=directory, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("ERROR")]
        raise ToolkitError(
            f"`pip install --requirement {REQUIREMENTS}` failed with exit code {done.returncode}: "
            f"{' '.join((errors or lines)[-_TAIL:])}"
        )
    importlib.invalidate_caches()


def restart_in_own_environment(place: Path, arguments: Sequence[str]) -> None:
    """Becomes the same program in an environment of its own, unless it runs in one; else returns.

    Args:
        place: Where the environment is made.
        arguments: Arguments of the interpreter.
    """
    if in_own_environment():
        return
    programs = make_environment(place)
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)]),
        "VIRTUAL_ENV": str(place),
    }
    python = str(programs / "python")
    os.execve(python, [python, *arguments], environment)  # noqa: S606 - no shell is what is wanted

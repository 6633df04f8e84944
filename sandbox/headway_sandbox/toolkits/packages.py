"""The Python packages that a script needs: those of its image, and those of its requirements.txt."""

from __future__ import annotations

import importlib.util
import os
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


def missing_packages(needs: Mapping[str, str]) -> list[str]:
    """The packages that are not installed.

    Args:
        needs: Name of a package for pip, by the name it is imported under.
    """
    return [package for module, package in needs.items() if importlib.util.find_spec(module) is None]


def require_packages(needs: Mapping[str, str]) -> None:
    """Refuses to go on without the packages that an image has.

    Args:
        needs: Name of a package for pip, by the name it is imported under.

    Raises:
        ToolkitError: If one is missing.
    """
    missing = missing_packages(needs)
    if missing:
        names = " ".join(missing)
        raise ToolkitError(
            f"The container image that this stands for has the Python packages {', '.join(missing)}, which "
            f"are not installed here. Install them beside the sandbox with `python -m pip install {names}`, "
            f"or name them in the {REQUIREMENTS} of your source directory."
        )


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

"""Which interpreter runs a program: the `runtime` options of Pulumi.yaml, resolved as the official host does.

Paths in options are relative to the directory of Pulumi.yaml (PulumiPolicy.yaml for a policy pack), not to
`main`.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

PLUGIN_VIRTUALENV = "venv"
"""Plugins never run in the ambient environment; this is the official host's default for them."""

_OFFICIAL = "install the official Pulumi CLI, whose Python host has it (https://www.pulumi.com/docs/install/)"
_LOCK_FILES = {"uv.lock": "uv", "poetry.lock": "poetry"}
_KNOWN = ("toolchain", "virtualenv", "typechecker")


class OptionsError(Exception):
    """The runtime options of a project cannot be followed; all problems in one message."""


@dataclass(frozen=True)
class RuntimeOptions:
    """Where a program's interpreter comes from.

    Attributes:
        root: Directory of the project file.
        program: Directory of the program.
        virtualenv: The option as it was written, or None for the interpreter on PATH.
        typechecker: Checker to run before the program.
    """

    root: Path
    program: Path
    virtualenv: str | None = None
    typechecker: Literal["mypy", "pyright"] | None = None

    @property
    def virtualenv_path(self) -> Path | None:
        """The virtual environment's directory, or None where the interpreter on PATH is used."""
        if self.virtualenv is None:
            return None
        return Path(os.path.normpath(self.root / self.virtualenv))


def parse_options(
    options: Mapping[str, object], *, root: Path, program: Path, lock_files: frozenset[str] = frozenset()
) -> RuntimeOptions:
    """Read the options under `runtime:`.

    Args:
        options: The options as the engine passes them.
        root: Directory of the project file.
        program: Directory of the program.
        lock_files: Names of lock files found in the program's directory or above it.

    Returns:
        The options.

    Raises:
        OptionsError: When an option has a wrong type or value, or names a toolchain that this host lacks.
    """
    problems = [
        f"runtime option `{name}` is {value!r}, but must be a string"
        for name, value in options.items()
        if name in _KNOWN and not isinstance(value, str)
    ]
    toolchain, typechecker = options.get("toolchain"), options.get("typechecker")
    if isinstance(toolchain, str) and toolchain != "pip":
        problems.append(_toolchain_problem(toolchain))
    if toolchain is None:
        problems.extend(_lock_file_problem(name) for name in _LOCK_FILES if name in lock_files)
    if isinstance(typechecker, str) and typechecker not in {"mypy", "pyright"}:
        problems.append(f"runtime option `typechecker` is '{typechecker}'; allowed are mypy and pyright")
    if problems:
        raise OptionsError("; ".join(problems))
    virtualenv = options.get("virtualenv")
    return RuntimeOptions(
        root=root,
        program=program,
        virtualenv=virtualenv if isinstance(virtualenv, str) and virtualenv else None,
        typechecker="mypy" if typechecker == "mypy" else "pyright" if typechecker == "pyright" else None,
    )


def find_lock_files(directory: Path) -> frozenset[str]:
    """Look for lock files of other toolchains, upwards from a directory.

    Args:
        directory: The program's directory.

    Returns:
        Names of those found.
    """
    places = [directory, *directory.parents]
    return frozenset(name for name in _LOCK_FILES if any((place / name).exists() for place in places))


def virtualenv_python(virtualenv: Path) -> Path:
    """The interpreter of a virtual environment, whether or not it is there."""
    return virtualenv / "bin" / "python"


def virtualenv_problem(options: RuntimeOptions) -> str | None:
    """Say what is wrong with the virtual environment that a project names.

    Args:
        options: The project's options.

    Returns:
        The problem with the commands that solve it, or None.
    """
    path = options.virtualenv_path
    if path is None or virtualenv_python(path).is_file():
        return None
    what = "doesn't appear to be a virtual environment" if path.exists() else "doesn't exist"
    python = virtualenv_python(path)
    return (
        f'The runtime option `virtualenv` is "{options.virtualenv}", but "{path}" {what}; '
        "run the following commands to create the virtual environment and install dependencies into it:\n\n"
        f"    1. python3 -m venv {path}\n"
        f"    2. {python} -m pip install -r requirements.txt\n"
    )


def activated(environment: Mapping[str, str], virtualenv: Path | None) -> dict[str, str]:
    """The environment of a process that runs in a virtual environment, as its `activate` script would set it.

    Args:
        environment: The environment to start from.
        virtualenv: The virtual environment, or None.

    Returns:
        A new environment.
    """
    if virtualenv is None:
        return dict(environment)
    kept = {name: value for name, value in environment.items() if name != "PYTHONHOME"}
    path = kept.get("PATH")
    binaries = str(virtualenv / "bin")
    return {**kept, "VIRTUAL_ENV": str(virtualenv), "PATH": f"{binaries}:{path}" if path else binaries}


def _toolchain_problem(toolchain: str) -> str:
    if toolchain in _LOCK_FILES.values():
        return (
            f"runtime option `toolchain` is '{toolchain}', which this language host does not have; set "
            f"`toolchain: pip` and `virtualenv` to the environment that {toolchain} makes, or {_OFFICIAL}"
        )
    return f"runtime option `toolchain` is '{toolchain}'; allowed are pip, poetry and uv"


def _lock_file_problem(name: str) -> str:
    tool = _LOCK_FILES[name]
    return (
        f"no runtime option `toolchain` is set and there is a {name}, which means {tool}, which this "
        f"language host does not have; set `toolchain: pip` and `virtualenv`, or {_OFFICIAL}"
    )

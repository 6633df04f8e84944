"""The steps of `pulumi install` for a Python program. Pure but for looking at files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from headway_sandbox.engine.toolchain import RuntimeOptions, virtualenv_python


@dataclass(frozen=True)
class InstallStep:
    """One command, run in the program's directory, and what it does in a few words."""

    title: str
    command: tuple[str, ...]


def install_steps(options: RuntimeOptions, python: Path) -> list[InstallStep]:
    """What must be run so that a program's dependencies are there.

    Requirements come from the program's directory, else from the project's: `requirements.txt`, or else the
    dependencies that `pyproject.toml` declares.

    Args:
        options: The project's options.
        python: Interpreter that makes the virtual environment, or that gets the packages when none is set.

    Returns:
        The steps in order; none when there is nothing to install.
    """
    return list(_steps(options, python))


def _steps(options: RuntimeOptions, python: Path) -> Iterator[InstallStep]:
    target = options.virtualenv_path
    installer = python if target is None else virtualenv_python(target)
    if target is not None and not installer.is_file():
        yield InstallStep("Creating virtual environment", (str(python), "-m", "venv", str(target)))
    requirements = _requirements(options)
    if requirements:
        command = (str(installer), "-m", "pip", "install", "--disable-pip-version-check", *requirements)
        yield InstallStep(
            "Installing dependencies in virtual environment" if target else "Installing dependencies", command
        )


def _requirements(options: RuntimeOptions) -> tuple[str, ...]:
    for directory in dict.fromkeys((options.program, options.root)):
        if (directory / "requirements.txt").is_file():
            return "-r", str(directory / "requirements.txt")
        if (directory / "pyproject.toml").is_file():
            return "-e", str(directory)
    return ()

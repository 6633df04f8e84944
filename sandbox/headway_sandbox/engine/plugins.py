"""How a directory that the engine names is started: program, policy pack or plugin."""

import tomllib
from pathlib import Path
from typing import Any

from headway_sandbox.engine.toolchain import OptionsError

POLICY_PACK = "analyzer"
"""The engine's kind of plugin for policy packs."""


def program_path(program_directory: Path, entry_point: str) -> Path:
    """The file or directory that is run as the program.

    Args:
        program_directory: The directory that `main` names.
        entry_point: File in it, or `.` for the directory itself.

    Returns:
        Absolute path.
    """
    return program_directory if entry_point in {"", "."} else program_directory / entry_point


def plugin_mode(kind: str, directory: Path) -> tuple[str, dict[str, Any]]:
    """Choose how `executor.py` runs a plugin.

    Args:
        kind: The engine's kind of plugin.
        directory: Directory with PulumiPolicy.yaml or PulumiPlugin.yaml.

    Returns:
        The executor's mode and its settings.

    Raises:
        OptionsError: When the directory holds nothing that can be run.
    """
    if kind == POLICY_PACK:
        return "policy-pack", {"directory": str(directory)}
    if (directory / "__main__.py").exists():
        return "plugin-directory", {"directory": str(directory)}
    pyproject = directory / "pyproject.toml"
    project = tomllib.loads(pyproject.read_text("utf-8")).get("project", {}) if pyproject.exists() else {}
    if "name" not in project:
        raise OptionsError(
            f"the plugin in {directory} cannot be run: it has neither a __main__.py nor a pyproject.toml "
            "with a [project] name"
        )
    return "plugin-package", {"distribution": project["name"]}

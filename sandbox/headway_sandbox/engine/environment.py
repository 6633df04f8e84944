"""What is installed in a Python environment; a standalone script for the interpreter that is asked about.

Prints one JSON object: `executable`, `version`, and `distributions`, each with `name` (normalised),
`version`, `required` (some other distribution needs it) and, for a Pulumi SDK, `plugin` (its
`pulumi-plugin.json`).
"""

import json
import re
import sys
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional, Set  # noqa: UP035  (old interpreters run this file too)


def normalise(name: str) -> str:
    """Spell a distribution's name the one way that makes equal names equal (PyPA name normalisation)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def required_names(requirements: Iterable[str]) -> Set[str]:  # noqa: UP006
    """Names of the distributions that are required whatever extras are chosen.

    Args:
        requirements: Requirement lines of a distribution's metadata.

    Returns:
        Normalised names.
    """
    names = set()
    for requirement in requirements:
        text, _, marker = requirement.partition(";")
        name = re.match(r"\s*([A-Za-z0-9._-]+)", text)
        if name and "extra" not in marker:
            names.add(normalise(name.group(1)))
    return names


def read_plugin(location: str, name: str) -> Optional[Dict[str, Any]]:  # noqa: UP006, UP045
    """Read a Pulumi SDK's `pulumi-plugin.json`.

    Args:
        location: Directory of the installed packages.
        name: Name of the distribution, whose package has the same name with underscores.

    Returns:
        Its content; an empty object for a first-party SDK without the file; None for anything else.
    """
    path = Path(location) / name.replace("-", "_") / "pulumi-plugin.json"
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {} if name.startswith("pulumi-") else None
    return content if isinstance(content, dict) else None


def describe() -> Dict[str, Any]:  # noqa: UP006
    """Describe the running interpreter's environment.

    Returns:
        The object that the script prints.
    """
    import importlib.metadata  # noqa: PLC0415

    found: Dict[str, Dict[str, Any]] = {}  # noqa: UP006
    required: Set[str] = set()  # noqa: UP006
    for distribution in importlib.metadata.distributions():
        raw_name = distribution.metadata["Name"]
        if not raw_name:
            continue
        name = normalise(raw_name)
        # The first one on sys.path is the one that is imported.
        if name in found:
            continue
        entry: Dict[str, Any] = {"name": name, "version": distribution.version}  # noqa: UP006
        plugin = read_plugin(str(distribution.locate_file("")), name)
        if plugin is not None:
            entry["plugin"] = plugin
        found[name] = entry
        required |= required_names(distribution.requires or [])
    distributions: List[Dict[str, Any]] = [  # noqa: UP006
        {**entry, "required": name in required} for name, entry in sorted(found.items())
    ]
    return {
        "executable": sys.executable,
        "version": ".".join(map(str, sys.version_info[:3])),
        "distributions": distributions,
    }


if __name__ == "__main__":
    # This file's directory holds modules of ours, which are not part of the environment.
    sys.path.pop(0)
    sys.stdout.write(json.dumps(describe()))

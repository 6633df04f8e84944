"""The record that says what a model was made of: code, data, environment, seed, parameters, contract."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from headway_runtime.contract import digest, files_digest, source_files

PACKAGES = ("headway", "duckdb", "lightgbm", "numpy", "pyarrow", "scipy")
"""Packages whose version can change a number."""


def environment() -> dict[str, Any]:
    """Interpreter, platform and package versions; a package that is not installed is None."""
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()}-{platform.machine()}",
        "packages": {name: _version(name) for name in PACKAGES},
    }


def runtime_digest() -> str:
    """Digest of this package's own source."""
    return files_digest(source_files(Path(__file__).parent))


def code_record(system_code_digest: str | None) -> dict[str, Any]:
    """Digests of the code that made a model.

    Args:
        system_code_digest: Digest of the system's own code, which computed the features; None when unknown.

    Returns:
        `code_digest` over both parts, and the parts.
    """
    parts = {"runtime": runtime_digest(), "system": system_code_digest}
    return {"code_digest": digest(parts), "code": parts}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None

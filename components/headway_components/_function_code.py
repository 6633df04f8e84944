"""The code of functions: parts of the runtime, read without importing them."""

import importlib.util
from pathlib import Path

import pulumi

RUNTIME_PACKAGE = "headway_runtime"


def function_code(*paths: str) -> pulumi.AssetArchive:
    """An archive of files of the runtime: what a stack ships it does not run.

    Args:
        paths: Files below the runtime's package, or directories, of which all modules are taken.
    """
    spec = importlib.util.find_spec(RUNTIME_PACKAGE)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    root = Path(spec.submodule_search_locations[0])
    files = [
        file
        for path in paths
        for file in (sorted((root / path).glob("*.py")) if (root / path).is_dir() else [root / path])
    ]
    assets: dict[str, pulumi.Asset | pulumi.Archive] = {
        f"{RUNTIME_PACKAGE}/{path.relative_to(root).as_posix()}": pulumi.StringAsset(path.read_text("utf-8"))
        for path in files
    }
    return pulumi.AssetArchive(assets)

"""Finding a Pulumi CLI: the one on PATH when its version is supported, else the one built into the cache."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from headway_sandbox.engine.errors import EngineError
from headway_sandbox.engine.versions import PINNED_VERSION, SUPPORTED, Version, parse_version

_VERSION_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Engine:
    """A Pulumi CLI that can be used.

    Attributes:
        pulumi: Real path of the executable.
        version: Its version, such as `3.259.0`.
        origin: Where it comes from: installed (`path`), built before (`cache`) or built just now (`built`).
    """

    pulumi: Path
    version: str
    origin: Literal["path", "cache", "built"]


@dataclass(frozen=True)
class UnusableEngine:
    """A `pulumi` on PATH that cannot be used, and why in one phrase."""

    pulumi: Path
    reason: str


def built_engine_path(cache: Path) -> Path:
    """Where the built CLI of the pinned version lies.

    Args:
        cache: The user's Headway cache directory.

    Returns:
        Path of the executable, whether or not it is there.
    """
    return cache / "engine" / f"pulumi-v{PINNED_VERSION}" / "pulumi"


def read_version(pulumi: Path) -> Version:
    """Ask an executable for its version.

    Args:
        pulumi: The executable.

    Returns:
        What `pulumi version` printed.

    Raises:
        EngineError: When it cannot be run or prints no version.
    """
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        done = subprocess.run(
            [str(pulumi), "version"],
            capture_output=True,
            text=True,
            timeout=_VERSION_TIMEOUT_S,
            env=environment,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineError(f"`{pulumi} version` could not be run: {error}") from error
    version = parse_version(done.stdout) if done.returncode == 0 else None
    if version is None:
        said = (done.stderr or done.stdout).strip().splitlines()
        last = said[-1] if said else "it printed nothing"
        raise EngineError(f"`{pulumi} version` gave no version (exit status {done.returncode}): {last}")
    return version


def find_on_path() -> Engine | UnusableEngine | None:
    """Look for `pulumi` on PATH.

    Returns:
        The engine, or why the one found cannot be used, or None when there is none.
    """
    found = shutil.which("pulumi")
    if found is None:
        return None
    pulumi = Path(found).resolve()
    try:
        version = read_version(pulumi)
    except EngineError as error:
        return UnusableEngine(pulumi, str(error))
    if version not in SUPPORTED:
        return UnusableEngine(pulumi, f"version {version} is outside the supported range {SUPPORTED}")
    return Engine(pulumi, str(version), "path")


def find_in_cache(cache: Path) -> Engine | None:
    """Look for the CLI that was built before.

    A build is renamed into place only after its version was checked, so being there is enough.

    Args:
        cache: The user's Headway cache directory.

    Returns:
        The engine, or None when it was not built yet.
    """
    pulumi = built_engine_path(cache)
    if not os.access(pulumi, os.X_OK):
        return None
    return Engine(pulumi.resolve(), PINNED_VERSION, "cache")


def locate(cache: Path) -> Engine | None:
    """Find a usable Pulumi CLI without building one.

    Args:
        cache: The user's Headway cache directory.

    Returns:
        The one on PATH when its version is supported, else the built one, else None.
    """
    on_path = find_on_path()
    if isinstance(on_path, Engine):
        return _named_by_origin(on_path, cache)
    return find_in_cache(cache)


def _named_by_origin(engine: Engine, cache: Path) -> Engine:
    # A shell that has `headway sandbox env` loaded finds the built CLI on PATH through a link.
    if engine.pulumi == built_engine_path(cache).resolve():
        return Engine(engine.pulumi, engine.version, "cache")
    return engine

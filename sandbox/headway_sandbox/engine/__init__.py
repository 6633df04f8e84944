"""The Pulumi engine: found, or built once, and made ready for the sandbox."""

from collections.abc import Callable
from pathlib import Path

from headway_sandbox.engine.build import build
from headway_sandbox.engine.errors import EngineError
from headway_sandbox.engine.locate import Engine, UnusableEngine, find_on_path, locate
from headway_sandbox.engine.prepare import prepare
from headway_sandbox.engine.stacks import clear_stale_locks, ensure_stack
from headway_sandbox.engine.versions import PINNED_VERSION, SUPPORTED

__all__ = [
    "PINNED_VERSION",
    "SUPPORTED",
    "Engine",
    "EngineError",
    "clear_stale_locks",
    "ensure",
    "ensure_stack",
    "locate",
    "prepare",
]


def ensure(cache: Path, progress: Callable[[str], None]) -> Engine:
    """Find a usable Pulumi CLI, or build the pinned one into the cache.

    Args:
        cache: The user's Headway cache directory.
        progress: Called with lines that say what happens; not at all when there is nothing to build.

    Returns:
        The engine.

    Raises:
        EngineError: When there is none and none can be built; says what to install and how.
    """
    located = locate(cache)
    if located is not None:
        return located
    unusable = find_on_path()
    if isinstance(unusable, UnusableEngine):
        progress(f"{unusable.pulumi} is not used: {unusable.reason}")
    return build(cache, progress)

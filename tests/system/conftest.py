"""What the tests through the real Pulumi CLI share."""

import os
import sys
from pathlib import Path

import pytest

from headway_sandbox.engine import Engine, ensure, prepare


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The Pulumi CLI; built into the user's cache when this machine has none."""
    cache_home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    cache = Path(os.environ.get("HEADWAY_CACHE") or Path(cache_home) / "headway")
    return ensure(cache, lambda line: print(line, file=sys.stderr))


@pytest.fixture
def pulumi_home(tmp_path: Path) -> Path:
    """A project's home that nothing else uses; its path has a space, as people's paths have."""
    return tmp_path / "a project" / ".headway"


@pytest.fixture
def pulumi_env(engine: Engine, pulumi_home: Path) -> dict[str, str]:
    """The whole environment for plain `pulumi` commands on that home."""
    return {**os.environ, **prepare(engine, pulumi_home, Path(sys.executable))}

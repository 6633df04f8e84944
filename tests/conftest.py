"""What holds for all tests: the order in which workers take files, no test of speed, and no leftovers."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from support.leftovers import end_with_this_process

LONG = ("system", "runtime_release", "stacks", "runtime_monitor")
"""Folders of tests whose files take longest."""

settings.register_profile(
    "any-machine",
    settings.get_profile("default"),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("any-machine")


def pytest_configure() -> None:
    """Lets sandboxes and whatever else tests start end with this process, also when it is killed."""
    end_with_this_process()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Lets workers begin with the longest files, so that they end at the same time."""
    if not hasattr(config, "workerinput"):
        return
    here = Path(__file__).parent
    ranks = {name: rank for rank, name in enumerate(LONG)}
    items.sort(key=lambda item: ranks.get(item.path.relative_to(here).parts[0], len(LONG)))

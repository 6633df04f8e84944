"""The order in which workers take the files of tests."""

from pathlib import Path

import pytest

LONG = ("system", "runtime_release", "stacks", "runtime_monitor")
"""Folders of tests whose files take longest."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Lets workers begin with the longest files, so that they end at the same time."""
    if not hasattr(config, "workerinput"):
        return
    here = Path(__file__).parent
    ranks = {name: rank for rank, name in enumerate(LONG)}
    items.sort(key=lambda item: ranks.get(item.path.relative_to(here).parts[0], len(LONG)))

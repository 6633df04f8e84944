"""A sandbox and a plugin process that the tests of this directory share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from headway_sandbox import lifecycle
from support.provider_plugin import Plugin


@pytest.fixture(scope="session")
def sandbox_variables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    state_dir = tmp_path_factory.mktemp("provider-sandbox")
    record = lifecycle.start(state_dir, 0)
    yield lifecycle.aws_environment(record)
    lifecycle.stop(state_dir)


@pytest.fixture(scope="session")
def plugin(sandbox_variables: dict[str, str]) -> Iterator[Plugin]:
    running = Plugin({**os.environ, **sandbox_variables})
    running.configure(region="us-east-1", defaultTags={"tags": {"team": "tests"}})
    yield running
    running.close()


@pytest.fixture
def offline() -> Iterator[Plugin]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    running = Plugin(bare)
    yield running
    running.close()

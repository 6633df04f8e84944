"""One sandbox for the tests of the feature store, of monitoring and of the services beside SageMaker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headway_sandbox import lifecycle
from support.control import BUCKET, Cloud, Jobs


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    state_dir = tmp_path_factory.mktemp("stores")
    cloud = Cloud(state_dir)
    cloud.client("s3").create_bucket(Bucket=BUCKET)
    yield cloud
    lifecycle.stop(state_dir)
    log = (state_dir / "sandbox.log").read_text()
    assert "Traceback" not in log, log


@pytest.fixture
def jobs(cloud: Cloud, tmp_path: Path) -> Jobs:
    return Jobs(cloud, tmp_path)

"""A sandbox of its own for the tests of this directory, with a tiny model server as its image."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headway_sandbox import lifecycle
from support.serving import Serving

MODEL_SERVER = Path(__file__).with_name("model_server.py")


@pytest.fixture(scope="session")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    state_dir = tmp_path_factory.mktemp("serving")
    command = [sys.executable, "-S", "-u", str(MODEL_SERVER)]
    (state_dir / "images.toml").write_text(f"[images]\ntiny-server = {json.dumps(command)}\n")
    yield Serving(state_dir)
    lifecycle.stop(state_dir)

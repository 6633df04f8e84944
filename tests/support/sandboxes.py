"""A sandbox of a test's own, and the clients that reach it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from headway_sandbox import lifecycle


@contextmanager
def sandbox(state_dir: Path) -> Iterator[lifecycle.SandboxRecord]:
    """A sandbox that is stopped in the end.

    Args:
        state_dir: Where it keeps its state.
    """
    try:
        yield lifecycle.start(state_dir, 0)
    finally:
        lifecycle.stop(state_dir)


def client(endpoint_url: str, service: str, config: Config | None = None) -> Any:
    """An unmodified boto3 client of a sandbox.

    Args:
        endpoint_url: Where the sandbox answers.
        service: Name of the service, as boto3 has it.
        config: What the client does otherwise than usual.
    """
    return boto3.client(
        service,
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=config,
    )

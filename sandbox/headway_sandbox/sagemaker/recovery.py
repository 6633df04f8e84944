"""What a start does about work that the sandbox was killed in the middle of."""

from __future__ import annotations

from headway_sandbox.sagemaker.protocol import SageMaker


def fail_interrupted_work(service: SageMaker) -> None:
    """Marks jobs and pipeline executions as failed that were running when the sandbox ended."""

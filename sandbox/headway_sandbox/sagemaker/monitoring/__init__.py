"""Model Monitor: job definitions, schedules, and their executions as processing jobs."""

from __future__ import annotations

from headway_sandbox.sagemaker.protocol import SageMaker

__all__ = ["close", "restore"]


async def restore(service: SageMaker) -> None:
    """Ends executions that a stop or a kill interrupted, and goes on with the schedules."""
    # Imported here: the operations import this package's modules.
    from headway_sandbox.sagemaker.monitoring.executions import fail_interrupted  # noqa: PLC0415
    from headway_sandbox.sagemaker.monitoring.schedules import watch  # noqa: PLC0415
    from headway_sandbox.sagemaker.recovery import INTERRUPTED  # noqa: PLC0415

    fail_interrupted(service, INTERRUPTED)
    watch(service)


async def close(_service: SageMaker) -> None:
    """Nothing outlives the background tasks."""

"""Application Auto Scaling: targets, policies, and the loop that scales the variants of endpoints."""

from __future__ import annotations

from headway_sandbox.sagemaker.protocol import SageMaker

__all__ = ["close", "restore"]


async def restore(service: SageMaker) -> None:
    """Goes on scaling what was scaled when the sandbox ended."""
    # Imported here: starting the sandbox does not wait for it.
    from headway_sandbox.services.application_autoscaling.loop import watch  # noqa: PLC0415

    watch(service)


async def close(_service: SageMaker) -> None:
    """Nothing outlives the background tasks."""

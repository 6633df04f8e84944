"""What answers InvokeEndpoint: choice of the variant, fleets of model servers, logs and metrics."""

from __future__ import annotations

from headway_sandbox.dataplane import async_inference, plane
from headway_sandbox.dataplane.plane import flush
from headway_sandbox.sagemaker.protocol import SageMaker

__all__ = ["close", "flush", "restore"]


async def restore(service: SageMaker) -> None:
    """Brings back the endpoints that served when the sandbox ended; their requests wait until they do."""
    # Imported here: the control plane builds on this package.
    from headway_sandbox.sagemaker.endpoint_deployment import resume  # noqa: PLC0415

    # What was left is taken up: captured data, asynchronous invocations.
    plane.plane_of(service)
    async_inference.queue_of(service)
    resume(service)


async def close(service: SageMaker) -> None:
    """Ends the data plane of a SageMaker that stops or is reset."""
    async_inference.close(service)
    await plane.close(service)

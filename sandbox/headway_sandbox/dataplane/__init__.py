"""What answers InvokeEndpoint: choice of the variant, fleets of model servers, logs and metrics."""

from __future__ import annotations

from headway_sandbox.dataplane.plane import close, flush, plane_of
from headway_sandbox.sagemaker.protocol import SageMaker

__all__ = ["close", "flush", "restore"]


async def restore(service: SageMaker) -> None:
    """Brings back the endpoints that served when the sandbox ended; their requests wait until they do."""
    # Imported here: the control plane builds on this package.
    from headway_sandbox.sagemaker.endpoint_deployment import resume  # noqa: PLC0415

    plane_of(service)  # takes up captured data and asynchronous invocations that were left
    resume(service)

"""Feature Store: feature groups, their records online, and their history in the bucket."""

from __future__ import annotations

from headway_sandbox.sagemaker.feature_store.stores import close, feature_store
from headway_sandbox.sagemaker.protocol import SageMaker

__all__ = ["close", "restore"]


async def restore(service: SageMaker) -> None:
    """Goes on with what a stop or a kill interrupted: groups in the making, records on their way."""
    # Imported here: the operations build on this package.
    from headway_sandbox.sagemaker.feature_store.groups import resume  # noqa: PLC0415

    resume(service)
    feature_store(service).written()

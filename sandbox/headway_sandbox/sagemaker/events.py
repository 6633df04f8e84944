"""The events that SageMaker puts on EventBridge when something changes its state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

SOURCE = "aws.sagemaker"

Publish = Callable[[str, str, dict[str, Any], Sequence[str]], None]


@dataclass(frozen=True)
class EventSink:
    """Where SageMaker's events go.

    Attributes:
        publish: Puts one event on the default bus: source, detail type, detail, resource ARNs.
    """

    publish: Publish

    def put(self, detail_type: str, detail: dict[str, Any], resources: Sequence[str]) -> None:
        """Puts one ``aws.sagemaker`` event.

        Args:
            detail_type: As documented by AWS, for example ``SageMaker Training Job State Change``.
            detail: The event's detail; members that are None are left out.
            resources: ARNs of what changed.
        """
        self.publish(
            SOURCE, detail_type, {key: value for key, value in detail.items() if value is not None}, resources
        )


def milliseconds(seconds: float | None) -> int | None:
    """A point in time as SageMaker's events carry it: milliseconds since the epoch."""
    return None if seconds is None else round(seconds * 1000)

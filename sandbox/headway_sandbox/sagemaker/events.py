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


def event_detail(document: dict[str, Any], tags: Sequence[dict[str, str]]) -> dict[str, Any]:
    """The detail of a state change event: what Describe answers, times in milliseconds, tags as a map.

    Args:
        document: The resource as Describe answers it.
        tags: Its tags.
    """
    detail = {name: _in_milliseconds(name, value) for name, value in document.items()}
    return {**detail, "Tags": {tag["Key"]: tag["Value"] for tag in tags}}


def _in_milliseconds(name: str, value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, list):
        return [_in_milliseconds("", item) for item in value]
    if isinstance(value, dict):
        return {key: _in_milliseconds(key, item) for key, item in value.items()}
    if name.endswith(("Time", "Timestamp")) and isinstance(value, int | float):
        return milliseconds(value)
    return value

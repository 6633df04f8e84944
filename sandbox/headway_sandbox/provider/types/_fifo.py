"""What topics and queues that keep an order have in common."""

from __future__ import annotations

from collections.abc import Callable

from headway_sandbox.provider.table import Fold
from headway_sandbox.provider.values import Properties

_SUFFIX = ".fifo"
_DEDUPLICATION = "contentBasedDeduplication"


def without_order(switch: str) -> Fold:
    """A fold that leaves out what is an error for topics and queues without an order, even when it is false.

    Args:
        switch: property that gives an order, such as ``fifoQueue``.
    """

    def fold(inputs: Properties) -> Properties:
        return {
            name: value
            for name, value in inputs.items()
            if name not in {switch, _DEDUPLICATION} or value is True
        }

    return fold


def suffix(switch: str) -> Callable[[Properties], str]:
    """What the name of a topic or queue has to end with.

    Args:
        switch: property that gives an order, such as ``fifoQueue``.
    """
    return lambda inputs: _SUFFIX if inputs.get(switch) is True else ""

"""Copies of requests for shadow variants: beside the production traffic, never in its way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

MAX_COPIES = 64
"""How many copies may wait for a shadow variant."""
MAX_BYTES = 64 * 2**20
"""How many bytes their payloads may hold."""

_log = logging.getLogger(__name__)
_LOG_EVERY = 1000


class ShadowCopies:
    """The copies that are with shadow variants now; what would exceed the limits is dropped and counted."""

    def __init__(self) -> None:
        self.dropped = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._bytes = 0

    def start(self, endpoint: str, size: int, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Runs one copy in the background, or drops it.

        Args:
            endpoint: Name of the endpoint, for the log.
            size: Bytes of its payload.
            work: Asks the shadow variant.
        """
        if len(self._tasks) >= MAX_COPIES or self._bytes + size > MAX_BYTES:
            if self.dropped % _LOG_EVERY == 0:
                _log.warning(
                    "the shadow variant of endpoint %s is too slow for its share of the traffic: %d copies "
                    "of requests dropped so far",
                    endpoint,
                    self.dropped + 1,
                )
            self.dropped += 1
            return
        self._bytes += size
        task = asyncio.create_task(work())
        self._tasks.add(task)
        task.add_done_callback(lambda ended: self._ended(ended, size))

    async def close(self) -> None:
        """Ends all copies."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None], size: int) -> None:
        self._tasks.discard(task)
        self._bytes -= size
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a copy for a shadow variant failed", exc_info=error)

"""Hands on what the data plane reports about once a second, in batches, off the event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

INTERVAL_S = 1.0

Flush = Callable[[], None]

_log = logging.getLogger(__name__)


class Publisher:
    """Calls registered functions in a worker thread when there is something to publish.

    Once `run` has been cancelled, nothing is published any more: the sandbox is ending and would not answer.

    Args:
        interval_s: Seconds over which reports are gathered.
    """

    def __init__(self, interval_s: float = INTERVAL_S) -> None:
        self._interval_s = interval_s
        self._flushes: dict[Flush, None] = {}
        self._something = asyncio.Event()
        self._closed = False

    def add(self, flush: Flush) -> None:
        """Registers a function that publishes what it has gathered; it runs in a worker thread."""
        self._flushes[flush] = None

    async def remove(self, flush: Flush) -> None:
        """Publishes what is left and forgets the function."""
        if flush in self._flushes:
            del self._flushes[flush]
            await self._run(flush)

    def notify(self) -> None:
        """Says that there is something to publish."""
        self._something.set()

    async def run(self) -> None:
        """Publishes until it is cancelled."""
        try:
            while True:
                await self._something.wait()
                await asyncio.sleep(self._interval_s)  # gathers more
                self._something.clear()
                await self.flush()
        finally:
            self._closed = True

    async def flush(self) -> None:
        """Publishes everything now."""
        for flush in list(self._flushes):
            await self._run(flush)

    async def _run(self, flush: Flush) -> None:
        if self._closed:
            return
        try:
            await asyncio.to_thread(flush)
        except (BotoCoreError, ClientError) as error:  # a lost batch of reports must not end the serving
            _log.warning("the data plane could not publish a batch: %s", error)

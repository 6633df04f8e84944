"""Keeps the general services' state on disk while they run.

ministack itself writes its state only when it shuts down in order, so a killed process would lose
everything but the objects in S3. Here, each service's state is written soon after a change: copied in a
worker thread, compared with what was written last, and replaced atomically when it differs.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

DELAY_S = 0.2
"""How long changes are collected before a save."""
IDLE_S = 15.0
"""Longest time between saves, for changes that no request announces (schedules, running state machines)."""
SHARE = 20
"""A service whose save takes t seconds is saved again t * SHARE seconds later at the earliest."""


class Services(Protocol):
    """What is saved; see `headway_sandbox.ministack_seam.Ministack`."""

    def state_of_services(self) -> dict[str, Callable[[], object]]:
        """The copying function of each service's state."""

    def encode_state(self, service: str, state: object) -> str:
        """A state as text."""


class StateWriter:
    """Writes changed states to ``<directory>/<service>.json``.

    Args:
        services: Where the states come from.
        directory: Where they go.
    """

    def __init__(self, services: Services, directory: Path) -> None:
        self._services = services
        self._directory = directory
        self._changed = asyncio.Event()
        self._written: dict[str, bytes] = {}
        self._not_before: dict[str, float] = {}
        self._saving = asyncio.Lock()

    def changed(self) -> None:
        """Says that something may have changed; cheap, and may be called for every request."""
        self._changed.set()

    async def run(self) -> None:
        """Saves after changes, and once in a while without any, until cancelled."""
        wait_s = IDLE_S
        while True:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._changed.wait(), wait_s)
            await asyncio.sleep(DELAY_S)
            self._changed.clear()
            wait_s = await self.save()

    async def save(self, *, now: bool = False) -> float:
        """Writes every state that differs from what was written last.

        Args:
            now: Also the services that were saved a moment ago.

        Returns:
            Seconds after which to save again even if nothing changes: services that were left out come then.
        """
        async with self._saving:
            return await asyncio.to_thread(self._save, asyncio.get_running_loop(), now)

    async def forget(self, erase: Callable[[], None]) -> None:
        """Runs a function that empties the services, with no save under way, and starts over."""
        async with self._saving:
            await asyncio.to_thread(erase)
            self._written.clear()
            self._not_before.clear()

    def _save(self, loop: asyncio.AbstractEventLoop, now: bool) -> float:
        self._directory.mkdir(parents=True, exist_ok=True)
        next_s = IDLE_S
        for service, copy_state in self._services.state_of_services().items():
            begun = time.monotonic()
            due_s = self._not_before.get(service, 0.0) - begun
            if due_s > 0 and not now:
                next_s = min(next_s, due_s)
                continue
            text = self._encoded(service, copy_state, loop)
            if text is not None:
                digest = hashlib.sha256(text.encode()).digest()
                if digest != self._written.get(service):
                    _replace(self._directory / f"{service}.json", text)
                    self._written[service] = digest
            self._not_before[service] = begun + SHARE * (time.monotonic() - begun)
        return next_s

    def _encoded(
        self, service: str, copy_state: Callable[[], object], loop: asyncio.AbstractEventLoop
    ) -> str | None:
        def encoded() -> str | None:
            state = copy_state()
            return None if state is None else self._services.encode_state(service, state)

        async def encoded_on_loop() -> str | None:
            return encoded()

        try:
            return encoded()
        except RuntimeError:
            # A dictionary changed its size while it was copied. On the event loop, where requests are
            # answered, nothing changes meanwhile; that costs a pause, so it comes second.
            return asyncio.run_coroutine_threadsafe(encoded_on_loop(), loop).result()


def _replace(path: Path, text: str) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)

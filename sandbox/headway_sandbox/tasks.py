"""Background coroutines with names, so that they can be found, cancelled and awaited."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

_log = logging.getLogger(__name__)


class TaskRegistry:
    """Named background tasks of one sandbox; a failed one is logged with its traceback, never lost."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Runs a coroutine in the background under a name.

        Args:
            name: Unique among running tasks, for example ``training-job/churn-1``.
            work: The coroutine.

        Raises:
            ValueError: If a task of that name is still running.
        """
        if name in self._tasks:
            work.close()
            raise ValueError(f"a task named {name} is still running")
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks[name] = task
        task.add_done_callback(self._ended)
        return task

    def running(self, name: str) -> bool:
        """Whether a task of that name has not ended yet."""
        return name in self._tasks

    async def wait(self, name: str) -> None:
        """Waits until no task of that name runs; what it ends with is of no matter."""
        task = self._tasks.get(name)
        if task is not None:
            await asyncio.wait([task])

    async def cancel(self, name: str) -> None:
        """Cancels a task if it runs, and waits until it has ended."""
        task = self._tasks.get(name)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def close(self) -> None:
        """Cancels all tasks, also those that others start while they end, and waits for them."""
        current = asyncio.current_task()
        while remaining := [task for task in self._tasks.values() if task is not current]:
            for task in remaining:
                task.cancel()
            await asyncio.gather(*remaining, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task.get_name(), None)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("background task %s failed", task.get_name(), exc_info=error)

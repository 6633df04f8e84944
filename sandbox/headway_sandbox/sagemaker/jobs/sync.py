"""Directories that SageMaker copies to S3 while a job runs: checkpoints, and outputs in mode Continuous."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from headway_sandbox.sagemaker.s3_files import S3FileError, S3Location, upload_file

INTERVAL_S = 1.0
_log = logging.getLogger(__name__)


class DirectorySync:
    """Copies what has changed in a directory since the last time.

    Args:
        s3: Client for S3.
        directory: What is copied.
        target: Key prefix.
        encryption: Further arguments of PutObject.
    """

    def __init__(self, s3: Any, directory: Path, target: S3Location, encryption: dict[str, str]) -> None:  # noqa: ANN401
        self._s3 = s3
        self._directory = directory
        self._target = target
        self._encryption = encryption
        self._seen: dict[Path, tuple[int, int]] = {}

    def remember(self) -> None:
        """Takes everything that is there for copied."""
        self._seen = dict(self._states())

    def copy(self) -> None:
        """Copies what is new or has changed. Blocks.

        Raises:
            S3FileError: If S3 refuses.
        """
        for path, state in self._states():
            if self._seen.get(path) != state:
                target = self._target.child(*path.relative_to(self._directory).parts)
                # The container may take a file away again at any time.
                with contextlib.suppress(FileNotFoundError):
                    upload_file(self._s3, path, target, self._encryption)
                    self._seen[path] = state

    def _states(self) -> list[tuple[Path, tuple[int, int]]]:
        found = []
        for path in sorted(self._directory.rglob("*")):
            with contextlib.suppress(FileNotFoundError):
                if path.is_file():
                    status = path.stat()
                    found.append((path, (status.st_mtime_ns, status.st_size)))
        return found


@contextlib.asynccontextmanager
async def syncing(syncs: Sequence[DirectorySync]) -> AsyncIterator[None]:
    """Copies again and again while the body runs; what S3 refuses meanwhile is tried again."""
    if not syncs:
        yield
        return

    ended = asyncio.Event()

    async def repeat() -> None:
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), INTERVAL_S)
                return
            for sync in syncs:
                try:
                    await asyncio.to_thread(sync.copy)
                except S3FileError:
                    _log.warning("a directory of a job could not be copied", exc_info=True)

    task = asyncio.ensure_future(repeat())
    try:
        yield
    finally:
        ended.set()
        await task

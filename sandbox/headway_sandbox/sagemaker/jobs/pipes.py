"""Channels in Pipe mode: one named pipe an epoch, filled from S3 while the container reads it."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

_log = logging.getLogger(__name__)


class ChannelPipe:
    """Feeds the pipes ``NAME_0``, ``NAME_1``, ... of one channel, each when the container opens it.

    Args:
        directory: Where the pipes are.
        name: The channel.
        stream: The content of an epoch, given its number.
    """

    def __init__(self, directory: Path, name: str, stream: Callable[[int], Iterable[bytes]]) -> None:
        self._directory = directory
        self._name = name
        self._stream = stream
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._feed, name=f"channel {name}", daemon=True)

    def start(self) -> None:
        """Makes the first pipe and begins to wait for its reader."""
        os.mkfifo(self._path(0))
        self._thread.start()

    def close(self) -> None:
        """Ends feeding, whatever it waits for."""
        self._ended.set()
        while self._thread.is_alive():
            for path in self._directory.glob(f"{self._name}_*"):
                # A reader that comes and goes lets a thread go on that waits for one.
                with contextlib.suppress(OSError):
                    os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
            self._thread.join(0.05)

    def _feed(self) -> None:
        epoch = 0
        while not self._ended.is_set():
            try:
                with self._path(epoch).open("wb", buffering=0) as pipe:
                    # Before the reader sees this epoch's end: it may open the next one at once.
                    os.mkfifo(self._path(epoch + 1))
                    for part in () if self._ended.is_set() else self._stream(epoch):
                        pipe.write(part)
            except BrokenPipeError:
                _log.debug("the reader of %s left epoch %d", self._name, epoch)
            except Exception:  # noqa: BLE001 - the container sees a short channel, the log says why
                _log.exception("epoch %d of the channel %s ended early", epoch, self._name)
                return
            epoch += 1

    def _path(self, epoch: int) -> Path:
        return self._directory / f"{self._name}_{epoch}"

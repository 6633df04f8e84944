"""Brings captured lines to S3 within seconds, through files, so that a killed sandbox loses none.

A line is in a file of the state directory before its request is answered. Every few seconds the files are
closed, uploaded and removed. What could not be uploaded stays, is tried again, also after a restart, and is
complained about in the log. The files live in `<root>/<destination>/<key below the destination>`.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import logging
import os
import threading
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from botocore.exceptions import BotoCoreError, ClientError

from headway_sandbox.dataplane.capture import CaptureRule
from headway_sandbox.sagemaker.aws import LoopbackAws
from headway_sandbox.sagemaker.protocol import ServiceError
from headway_sandbox.sagemaker.s3_files import S3FileError, S3Location, encryption_arguments, upload_file

INTERVAL_S = 2.0
RETRY_S = 2.0
MAX_SPOOLED_BYTES = 256 * 2**20
"""What may wait for its upload; beyond it nothing is captured, as on SageMaker when the disk fills up."""

ActingAs = Callable[[str | None, str], Awaitable[LoopbackAws]]

_DESTINATION = "destination.json"
_DESCRIBED = ("uri", "kms_key_id", "role_arn")
_SESSION = "DataCapture"

_log = logging.getLogger(__name__)


@dataclass
class _Destination:
    """Where lines of one capture configuration go.

    Attributes:
        uri: ``DestinationS3Uri``.
        kms_key_id: Key that the objects are encrypted under, or None for the bucket's default.
        role_arn: The role in whose name they are written, or None for the sandbox's own.
        directory: Where its files wait.
        open_files: The file that is written to, by key prefix.
        failed: Why the last upload failed, or None.
    """

    uri: str
    kms_key_id: str | None
    role_arn: str | None
    directory: Path
    open_files: dict[str, IO[bytes]] = field(default_factory=dict)
    failed: str | None = None


class CaptureSpool:
    """The captured lines of one sandbox on their way to S3.

    Args:
        acting_as: Gives clients that act as a role, by the role's ARN and the session's name.
        root: Directory of its own; what a former run left there is taken up.
        clock: Seconds since the epoch.
    """

    def __init__(self, acting_as: ActingAs, root: Path, clock: Callable[[], float]) -> None:
        self._acting_as = acting_as
        self._root = root
        self._clock = clock
        self._lock = threading.Lock()  # of the files, which are written on the loop and uploaded in a thread
        self._uploading = asyncio.Lock()
        self._something = asyncio.Event()
        self._destinations = {item.directory.name: item for item in _left_behind(root)}
        self._spooled_bytes = sum(path.stat().st_size for path in _files(root))
        self._refused = 0
        self._closed = False
        if self._destinations:
            self._something.set()

    def add(self, rule: CaptureRule, endpoint: str, variant: str, line: bytes) -> None:
        """Takes in one line.

        Args:
            rule: Says where it goes.
            endpoint: Name of the endpoint.
            variant: Name of the variant.
            line: The line with its end.
        """
        if self._closed:
            return  # the endpoint is gone with everything else: a reset
        self._something.set()
        if self._spooled_bytes + len(line) > MAX_SPOOLED_BYTES:
            self._refused += 1
            return
        try:
            with self._lock:
                _append(self._file(self._destination(rule), endpoint, variant), line)
                self._spooled_bytes += len(line)
        except OSError as error:  # a full disk must not fail the caller
            _log.error("an invocation of endpoint %s could not be captured: %s", endpoint, error)
            self._refused += 1

    def working(self, rule: CaptureRule) -> bool:
        """Whether what this rule captures reaches its destination, as far as is known."""
        known = self._destinations.get(_name(rule.destination, rule.kms_key_id, rule.role_arn))
        return self._spooled_bytes < MAX_SPOOLED_BYTES and (known is None or known.failed is None)

    async def run(self) -> None:
        """Uploads until it is cancelled."""
        while True:
            await self._something.wait()
            await asyncio.sleep(INTERVAL_S)  # gathers more
            self._something.clear()
            if not await self.flush():
                await asyncio.sleep(RETRY_S)
                self._something.set()

    async def flush(self) -> bool:
        """Uploads everything now; whether nothing is left."""
        async with self._uploading:
            refused, self._refused = self._refused, 0
            if refused:
                _log.error(
                    "%d invocations were not captured; %d bytes of captured data wait for their upload",
                    refused,
                    self._spooled_bytes,
                )
            done = [await self._upload(item) for item in list(self._destinations.values())]
            return all(done)

    def close(self) -> None:
        """Closes the files; they are taken up when the sandbox starts again."""
        self._closed = True
        with self._lock:
            for destination in self._destinations.values():
                _close_files(destination)

    def _destination(self, rule: CaptureRule) -> _Destination:
        name = _name(rule.destination, rule.kms_key_id, rule.role_arn)
        if name not in self._destinations:
            destination = _Destination(rule.destination, rule.kms_key_id, rule.role_arn, self._root / name)
            description = {key: getattr(destination, key) for key in _DESCRIBED}
            destination.directory.mkdir(parents=True, exist_ok=True)
            temporary = destination.directory / f"{_DESTINATION}.tmp"
            temporary.write_text(json.dumps(description), encoding="utf-8")
            temporary.replace(destination.directory / _DESTINATION)
            self._destinations[name] = destination
        return self._destinations[name]

    def _file(self, destination: _Destination, endpoint: str, variant: str) -> IO[bytes]:
        now = datetime.fromtimestamp(self._clock(), UTC)
        prefix = f"{endpoint}/{variant}/{now:%Y/%m/%d/%H}"
        file = destination.open_files.get(prefix)
        if file is None:
            name = f"{now:%M-%S}-{now.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"
            path = destination.directory / prefix / name
            path.parent.mkdir(parents=True, exist_ok=True)
            # Unbuffered: a line that was taken in survives the end of this process.
            file = destination.open_files[prefix] = path.open("ab", buffering=0)
        return file

    async def _upload(self, destination: _Destination) -> bool:
        try:
            aws = await self._acting_as(destination.role_arn, _SESSION)
            await asyncio.to_thread(self._upload_files, aws, destination)
        except (BotoCoreError, ClientError, S3FileError, ServiceError, OSError) as error:
            if destination.failed != str(error):
                _log.error("captured data cannot be uploaded to %s: %s", destination.uri, error)
            destination.failed = str(error)
            return False
        destination.failed = None
        return True

    def _upload_files(self, aws: LoopbackAws, destination: _Destination) -> None:
        with self._lock:
            _close_files(destination)
            paths = list(_files(destination.directory))
        for path in paths:
            self._upload_file(aws, destination, path)

    def _upload_file(self, aws: LoopbackAws, destination: _Destination, path: Path) -> None:
        key = path.relative_to(destination.directory).parts
        target = S3Location.parse(destination.uri).child(*key)
        size = path.stat().st_size
        upload_file(aws.client("s3"), path, target, encryption_arguments(destination.kms_key_id))
        path.unlink()
        with self._lock:
            self._spooled_bytes -= size


def _append(file: IO[bytes], line: bytes) -> None:
    """Adds a line, or nothing of it.

    Raises:
        OSError: There is no room for it.
    """
    end = file.seek(0, os.SEEK_END)
    if file.write(line) != len(line):
        file.truncate(end)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _name(uri: str, kms_key_id: str | None, role_arn: str | None) -> str:
    return hashlib.sha256(json.dumps([uri, kms_key_id, role_arn]).encode()).hexdigest()[:16]


def _left_behind(root: Path) -> Iterator[_Destination]:
    for path in sorted(root.glob(f"*/{_DESTINATION}")):
        description = json.loads(path.read_text(encoding="utf-8"))
        yield _Destination(**description, directory=path.parent)


def _files(directory: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(directory):
        yield from (Path(folder) / name for name in sorted(names) if name.endswith(".jsonl"))


def _close_files(destination: _Destination) -> None:
    for file in destination.open_files.values():
        file.close()
    destination.open_files.clear()
